use burn::tensor::ops::FloatTensor;
#[cfg(feature = "flex")]
use burn_flex::FlexTensor;
#[cfg(feature = "flex")]
use rayon::prelude::*;

#[cfg(feature = "flex")]
use super::{adam::CHUNK, flex::dense, kernels};

/// average + share (value - average).
pub(crate) fn approach_composed<B: burn::prelude::Backend>(
    average: FloatTensor<B>,
    value: FloatTensor<B>,
    share: f32,
) -> FloatTensor<B> {
    let way = B::float_sub(value, average.clone());
    B::float_add(average, B::float_mul_scalar(way, share.into()))
}

/// The same in the average's own memory.
#[cfg(feature = "flex")]
pub(crate) fn approach_flex(average: FlexTensor, value: FlexTensor, share: f32) -> FlexTensor {
    let (mut average, value) = (dense(average), dense(value));
    let averages: &mut [f32] = average.storage_mut();
    averages
        .par_chunks_mut(CHUNK)
        .zip(value.storage::<f32>().par_chunks(CHUNK))
        .for_each(|(average, value)| kernels::run(kernels::Approach { average, value, share }));
    average
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::TensorData;
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn in_place_equals_the_composition_to_the_bit_and_leaves_the_value_alone() {
        let tensor = |scale: f32| {
            let values: Vec<f32> =
                (0..CHUNK + 1003).map(|i| ((i * 37 % 101) as f32 - 50.0) * scale).collect();
            FlexTensor::from_data(TensorData::new(values, [CHUNK + 1003]))
        };
        let (average, value) = (tensor(0.1), tensor(0.3));
        let composed = approach_composed::<Flex>(average.clone(), value.clone(), 0.001);
        let found = approach_flex(average.clone(), value.clone(), 0.001);
        assert_eq!(found.into_data(), composed.into_data());
        assert_eq!(value.into_data(), tensor(0.3).into_data());
        assert_eq!(
            approach_flex(average.clone(), average.clone(), 0.1).into_data(),
            average.into_data()
        );
    }
}
