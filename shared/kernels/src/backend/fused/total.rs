use burn::tensor::{Slice, TensorMetadata, ops::FloatTensor};

/// From as many numbers on burn-flex has several threads for a sum.
const SEVERAL_THREADS: usize = 1 << 22;
/// Numbers that one sum adds up then.
const BLOCK: usize = 1 << 20;

/// The sum of all numbers, `[1]`, block by block: burn-flex adds parts of four million numbers and more in whatever
/// order its threads come.
pub(crate) fn total_in_blocks<B: burn::prelude::Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let count = x.shape().num_elements();
    if count < SEVERAL_THREADS {
        return B::float_sum(x);
    }
    let flat = B::float_reshape(x, [count].into());
    let of_block = |start: usize| {
        let end = count.min(start + BLOCK);
        B::float_sum(B::float_slice(flat.clone(), &[Slice::from(start..end)]))
    };
    let sums = (0..count).step_by(BLOCK).map(of_block).collect();
    B::float_sum(B::float_cat(sums, 0))
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn_flex::{Flex, FlexTensor};

    use super::*;

    #[test]
    fn five_million_numbers_have_the_same_total_at_any_number_of_threads() {
        let count = 5 * BLOCK + 77;
        let values: Vec<f32> = (0..count).map(|i| ((i * 7919 % 10_007) as f32).sqrt()).collect();
        let wanted: f64 = values.iter().map(|&x| f64::from(x)).sum();
        let total = |threads: usize| {
            let x = FlexTensor::from_data(TensorData::new(values.clone(), [count]));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let total = pool.install(|| total_in_blocks::<Flex>(x)).into_data();
            total.iter::<f32>().next().unwrap()
        };
        let alone = total(1);
        assert!((f64::from(alone) - wanted).abs() < 1e-5 * wanted, "{alone} {wanted}");
        for _ in 0..20 {
            assert_eq!(total(3).to_bits(), alone.to_bits());
        }
    }
}
