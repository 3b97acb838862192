use burn::tensor::ops::FloatTensor;
#[cfg(feature = "flex")]
use burn_flex::FlexTensor;
#[cfg(feature = "flex")]
use rayon::prelude::*;

#[cfg(feature = "flex")]
use super::{adam::CHUNK, buffers, flex::dense, kernels};

/// Constants of one step of Adagrad (Duchi et al. 2011, figure 1, diagonal matrices). Where the sum of squares is not
/// finite, the weight becomes NaN.
#[derive(Clone, Copy, Debug)]
pub struct AdagradStep {
    /// Learning rate.
    pub rate: f32,
    /// Added to the root of the sum of squares.
    pub epsilon: f32,
    /// L2 penalty: this times the weight is added to the gradient.
    pub weight_decay: f32,
}

/// Adagrad as a composition of tensor operations.
pub(crate) fn adagrad_composed<B: burn::prelude::Backend>(
    step: AdagradStep,
    weight: FloatTensor<B>,
    gradient: FloatTensor<B>,
    sum: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let times = |tensor, factor: f32| B::float_mul_scalar(tensor, factor.into());
    let gradient = B::float_add(gradient, times(weight.clone(), step.weight_decay));
    let sum = B::float_add(sum, B::float_mul(gradient.clone(), gradient.clone()));
    // NaN where the sum is infinite, as in the kernel.
    let epsilon = B::float_add_scalar(times(sum.clone(), 0.0), step.epsilon.into());
    let scale = B::float_add(B::float_sqrt(sum.clone()), epsilon);
    (B::float_sub(weight, times(B::float_div(gradient, scale), step.rate)), sum)
}

/// Adagrad in place, in one pass; the gradient's memory is kept for the next one.
#[cfg(feature = "flex")]
pub(crate) fn adagrad_flex(
    step: AdagradStep,
    weight: FlexTensor,
    gradient: FlexTensor,
    sum: FlexTensor,
) -> (FlexTensor, FlexTensor) {
    let (mut weight, gradient, mut sum) = (dense(weight), dense(gradient), dense(sum));
    let g: &[f32] = gradient.storage();
    let (w, s): (&mut [f32], &mut [f32]) = (weight.storage_mut(), sum.storage_mut());
    w.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK)).zip(s.par_chunks_mut(CHUNK)).for_each(
        |((weight, gradient), sum)| {
            kernels::run(kernels::Adagrad { step, weight, gradient, sum });
        },
    );
    buffers::give_back(gradient);
    (weight, sum)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::TensorData;
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn in_place_equals_the_composition_to_the_bit_and_the_paper() {
        // More than one chunk, and not a multiple of anything.
        const COUNT: usize = CHUNK + 1003;
        let values = |scale: f32| -> Vec<f32> {
            (0..COUNT).map(|i| ((i * 37 % 101) as f32 - 50.0) * scale).collect()
        };
        let tensor = |v: &[f32]| FlexTensor::from_data(TensorData::new(v.to_vec(), [v.len()]));
        let read = |t: FlexTensor| t.into_data().to_vec::<f32>().unwrap();
        for weight_decay in [0.0, 0.05] {
            let step = AdagradStep { rate: 1e-2, epsilon: 1e-8, weight_decay };
            let (mut w, mut sum) = (values(0.1), vec![0.0; COUNT]);
            let mut reference: Vec<[f64; 2]> = w.iter().map(|&w| [f64::from(w), 0.0]).collect();
            for time in 1..=5 {
                let g = values(0.01 * time as f32);
                let fused = adagrad_flex(step, tensor(&w), tensor(&g), tensor(&sum));
                let composed = adagrad_composed::<Flex>(step, tensor(&w), tensor(&g), tensor(&sum));
                (w, sum) = (read(fused.0), read(fused.1));
                assert_eq!((&w, &sum), (&read(composed.0), &read(composed.1)));
                for ([w, sum], &g) in reference.iter_mut().zip(&g) {
                    let g = f64::from(g) + f64::from(weight_decay) * *w;
                    *sum += g * g;
                    *w -= 1e-2 * g / (sum.sqrt() + 1e-8);
                }
            }
            for (w, reference) in w.iter().zip(&reference) {
                assert!((f64::from(*w) - reference[0]).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_weight_whose_sum_of_squares_overflows_is_nan_and_does_not_stand_still() {
        let step = AdagradStep { rate: 1e-2, epsilon: 1e-8, weight_decay: 0.0 };
        let arguments = || {
            [[1.0f32, -0.0, 0.5], [1e20, 0.0, -2.0], [0.0; 3]]
                .map(|values| FlexTensor::from_data(TensorData::new(values.to_vec(), [3])))
        };
        let ([w, g, sum], [w2, g2, sum2]) = (arguments(), arguments());
        let fused = adagrad_flex(step, w, g, sum).0;
        for weight in [fused, adagrad_composed::<Flex>(step, w2, g2, sum2).0] {
            let weight = weight.into_data().to_vec::<f32>().unwrap();
            assert!(weight[0].is_nan() && weight[2] > 0.5, "{weight:?}");
            // One without a gradient keeps its bits.
            assert_eq!(weight[1].to_bits(), (-0.0f32).to_bits());
        }
    }
}
