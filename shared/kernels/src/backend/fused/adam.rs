use burn::tensor::{Tensor, TensorPrimitive, ops::FloatTensor};
#[cfg(feature = "flex")]
use burn_flex::FlexTensor;
#[cfg(feature = "flex")]
use rayon::prelude::*;

#[cfg(feature = "flex")]
use super::{buffers, flex::dense, kernels};

/// Constants of one step of Adam (Kingma & Ba 2015, algorithm 1), the bias corrections among them. Where the second
/// moment is not finite, the weight becomes NaN.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    pub(super) beta1: f32,
    pub(super) beta2: f32,
    /// Learning rate over the first moment's bias correction.
    pub(super) rate: f32,
    /// One over the root of the second moment's bias correction.
    pub(super) root: f32,
    pub(super) epsilon: f32,
}

impl AdamStep {
    /// Constants of step `time`, counted from 1.
    pub fn new(rate: f64, beta1: f32, beta2: f32, epsilon: f32, time: usize) -> Self {
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(time.min(i32::MAX as usize) as i32);
        Self {
            beta1,
            beta2,
            rate: (rate / correction(beta1)) as f32,
            root: (1.0 / correction(beta2).sqrt()) as f32,
            epsilon,
        }
    }
}

/// Adam as a composition of tensor operations.
pub(crate) fn adam_composed<B: burn::prelude::Backend>(
    step: AdamStep,
    weight: FloatTensor<B>,
    gradient: FloatTensor<B>,
    first: FloatTensor<B>,
    second: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    // The rank does not matter to element-wise operations.
    let shape = burn::tensor::TensorMetadata::shape(&weight);
    let count = shape.num_elements();
    let flat = |primitive| {
        Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(B::float_reshape(
            primitive,
            [count].into(),
        )))
    };
    let (weight, gradient, first, second) =
        (flat(weight), flat(gradient), flat(first), flat(second));
    let first = first.mul_scalar(step.beta1) + gradient.clone().mul_scalar(1.0 - step.beta1);
    let second = second.mul_scalar(step.beta2) + gradient.square().mul_scalar(1.0 - step.beta2);
    // NaN where the second moment is infinite, as in the kernel.
    let epsilon = second.clone().mul_scalar(0.0).add_scalar(step.epsilon);
    let scale = second.clone().sqrt().mul_scalar(step.root) + epsilon;
    let weight = weight - first.clone().div(scale).mul_scalar(step.rate);
    let shaped =
        |tensor: Tensor<B, 1>| B::float_reshape(tensor.into_primitive().tensor(), shape.clone());
    (shaped(weight), shaped(first), shaped(second))
}

/// Numbers one task works on.
#[cfg(feature = "flex")]
pub(super) const CHUNK: usize = 1 << 14;

/// Adam in place, in one pass; the gradient's memory is kept for the next one.
#[cfg(feature = "flex")]
pub(crate) fn adam_flex(
    step: AdamStep,
    weight: FlexTensor,
    gradient: FlexTensor,
    first: FlexTensor,
    second: FlexTensor,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let gradient = dense(gradient);
    let (mut weight, mut first, mut second) = (dense(weight), dense(first), dense(second));
    let g: &[f32] = gradient.storage();
    let (w, m, v): (&mut [f32], &mut [f32], &mut [f32]) =
        (weight.storage_mut(), first.storage_mut(), second.storage_mut());
    w.par_chunks_mut(CHUNK)
        .zip(g.par_chunks(CHUNK))
        .zip(m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK)))
        .for_each(|((weight, gradient), (first, second))| {
            kernels::run(kernels::Adam { step, weight, gradient, first, second });
        });
    buffers::give_back(gradient);
    (weight, first, second)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use burn_flex::Flex;

    #[test]
    fn in_place_equals_the_composition_and_the_paper() {
        let values = |scale: f32| -> Vec<f32> {
            (0..1003).map(|i| ((i * 37 % 101) as f32 - 50.0) * scale).collect()
        };
        let tensor = |v: &[f32]| FlexTensor::from_data(TensorData::new(v.to_vec(), [v.len()]));
        let (mut w, mut m, mut v) = (values(0.1), vec![0.0; 1003], vec![0.0; 1003]);
        let mut reference: Vec<[f64; 3]> = w.iter().map(|&w| [f64::from(w), 0.0, 0.0]).collect();
        for time in 1..=5 {
            let g = values(0.01 * time as f32);
            let step = AdamStep::new(1e-2, 0.9, 0.999, 1e-8, time);
            let fused = adam_flex(step, tensor(&w), tensor(&g), tensor(&m), tensor(&v));
            let composed =
                adam_composed::<Flex>(step, tensor(&w), tensor(&g), tensor(&m), tensor(&v));
            let read = |t: FlexTensor| t.into_data().to_vec::<f32>().unwrap();
            for (a, b, least) in [
                (fused.0.clone(), composed.0, 1.0),
                (fused.1.clone(), composed.1, 1.0),
                // Squares are small, and no terms of theirs cancel.
                (fused.2.clone(), composed.2, 0.0),
            ] {
                for (a, b) in read(a).iter().zip(read(b)) {
                    assert!((a - b).abs() <= 1e-6 * b.abs().max(least), "{a} {b}");
                }
            }
            (w, m, v) = (read(fused.0), read(fused.1), read(fused.2));
            for ([w, m, v], &g) in reference.iter_mut().zip(&g) {
                let g = f64::from(g);
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let (mh, vh) = (
                    *m / (1.0 - 0.9f64.powi(time as i32)),
                    *v / (1.0 - 0.999f64.powi(time as i32)),
                );
                *w -= 1e-2 * mh / (vh.sqrt() + 1e-8);
            }
        }
        for (w, reference) in w.iter().zip(&reference) {
            assert!((f64::from(*w) - reference[0]).abs() < 1e-5);
        }
    }

    #[test]
    fn a_weight_whose_second_moment_overflows_is_nan_and_does_not_stand_still() {
        let step = AdamStep::new(1e-2, 0.9, 0.999, 1e-8, 1);
        let arguments = || {
            [[1.0f32, -0.0, 0.5], [1e20, 0.0, -2.0], [0.0; 3], [0.0; 3]]
                .map(|values| FlexTensor::from_data(TensorData::new(values.to_vec(), [3])))
        };
        let ([w, g, m, v], [w2, g2, m2, v2]) = (arguments(), arguments());
        let fused = adam_flex(step, w, g, m, v).0;
        for weight in [fused, adam_composed::<Flex>(step, w2, g2, m2, v2).0] {
            let weight = weight.into_data().to_vec::<f32>().unwrap();
            assert!(weight[0].is_nan() && weight[2] > 0.5, "{weight:?}");
            // One without a gradient keeps its bits.
            assert_eq!(weight[1].to_bits(), (-0.0f32).to_bits());
        }
    }
}
