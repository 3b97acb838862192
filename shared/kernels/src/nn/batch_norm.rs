use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorPrimitive},
};

use super::Initialiser;
use crate::{backend::Backend, operation::VARIANCE_FLOOR};

/// Batch normalisation without scale and shift, which belong to what follows (Ioffe & Szegedy 2015).
///
/// In training each column has mean 0 and variance 1 in its batch. In evaluation the stored mean and variance,
/// which are weights of the model but are not learned by gradient descent, take the batch's place: an
/// example's output does not depend on the others.
///
/// ```
/// use burn::tensor::Tensor;
/// use kernels::{
///     backend::Flex,
///     nn::{BatchNorm, Init, Initialiser},
///     noise::Noise,
/// };
///
/// let device = Default::default();
/// let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
/// let norm = BatchNorm::new(1, &mut init);
/// let x = Tensor::from_floats([[1.0], [3.0]], &device); // [examples, units]
/// let z = norm.by_batch(x.clone(), &[2]).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(z, [-1.0, 1.0]);
/// let norm = norm.with_statistics(BatchNorm::statistics(x.clone()));
/// let z = norm.forward(x.narrow(0, 1, 1)).into_data().to_vec::<f32>().unwrap();
/// assert!((z[0] - 1.0).abs() < 1e-6); // alone as in its batch
/// ```
#[derive(Module, Debug)]
pub struct BatchNorm<B: Backend> {
    /// Stored mean, `[units]`.
    mean: Param<Tensor<B, 1>>,
    /// Stored variance, `[units]`.
    variance: Param<Tensor<B, 1>>,
}

/// Mean and variance of each unit over a batch, `[units]`.
#[derive(Clone, Debug)]
pub struct Statistics<B: Backend> {
    /// Mean over the examples, `[units]`.
    pub mean: Tensor<B, 1>,
    /// Mean squared distance from the mean (divided by the examples, not by one less), `[units]`.
    pub variance: Tensor<B, 1>,
}

impl<B: Backend> BatchNorm<B> {
    /// A layer of this many units, with mean 0 and variance 1.
    pub fn new(units: usize, init: &mut Initialiser<'_, B>) -> Self {
        let fixed = |values, init: &mut Initialiser<'_, B>| {
            init.parameter(values, [units]).set_require_grad(false)
        };
        Self { mean: fixed(vec![0.0; units], init), variance: fixed(vec![1.0; units], init) }
    }

    /// x `[examples, units]` normalised within each of these groups of consecutive rows.
    ///
    /// # Panics
    /// If the groups do not add up to the rows of x: a mistake of the model.
    pub fn by_batch(&self, x: Tensor<B, 2>, groups: &[usize]) -> Tensor<B, 2> {
        assert_eq!(groups.iter().sum::<usize>(), x.dims()[0], "rows of all groups");
        let (z, _) = B::normalise(x.into_primitive().tensor(), groups);
        Tensor::from_primitive(TensorPrimitive::Float(z))
    }

    /// x `[examples, units]` normalised by the stored statistics.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        (x - self.mean.val().unsqueeze()) / self.deviation().unsqueeze()
    }

    /// The stored mean, `[units]`.
    pub fn mean(&self) -> Tensor<B, 1> {
        self.mean.val()
    }

    /// What is divided by in evaluation, `[units]`.
    pub fn deviation(&self) -> Tensor<B, 1> {
        self.variance.val().add_scalar(VARIANCE_FLOOR).sqrt()
    }

    /// Statistics of a batch x `[examples, units]`. Differentiable.
    pub fn statistics(x: Tensor<B, 2>) -> Statistics<B> {
        let mean = x.clone().mean_dim(0);
        let variance = (x - mean.clone()).square().mean_dim(0);
        Statistics { mean: mean.squeeze_dim(0), variance: variance.squeeze_dim(0) }
    }

    /// The layer with these statistics stored.
    #[must_use]
    pub fn with_statistics(self, statistics: Statistics<B>) -> Self {
        let stored = |old: Param<Tensor<B, 1>>, new: Tensor<B, 1>| {
            Param::initialized(old.id, new.detach().set_require_grad(false))
        };
        Self {
            mean: stored(self.mean, statistics.mean),
            variance: stored(self.variance, statistics.variance),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::{backend::Autodiff, tensor::TensorData};

    use super::*;
    use crate::{
        backend::Flex,
        nn::Init,
        noise::{Noise, Stream},
    };

    const UNITS: usize = 3;

    fn layer<B: Backend>() -> BatchNorm<B> {
        let device = B::Device::default();
        BatchNorm::new(UNITS, &mut Initialiser::new(Init::Glorot, Noise::new(1), &device))
    }

    fn batch<B: Backend>(rows: usize, key: u64) -> Tensor<B, 2> {
        let values = Noise::new(3).normal(Stream::Generate, key, &[0], rows * UNITS);
        let values: Vec<f32> = values.iter().map(|v| 2.0 * v + 5.0).collect();
        Tensor::from_data(TensorData::new(values, [rows, UNITS]), &B::Device::default())
    }

    fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
        tensor.into_data().iter::<f64>().collect()
    }

    #[test]
    fn in_training_each_group_has_mean_0_and_variance_1() {
        let z = layer::<Flex>().by_batch(batch(12, 1), &[5, 7]);
        for part in [z.clone().narrow(0, 0, 5), z.narrow(0, 5, 7)] {
            let Statistics { mean, variance } = BatchNorm::statistics(part);
            assert!(values(mean).iter().all(|mean| mean.abs() < 1e-5));
            assert!(values(variance).iter().all(|variance| (variance - 1.0).abs() < 1e-4));
        }
    }

    #[test]
    #[should_panic(expected = "rows of all groups")]
    fn groups_of_more_rows_than_there_are_are_refused() {
        layer::<Flex>().by_batch(batch(4, 1), &[8]);
    }

    #[test]
    #[should_panic(expected = "rows of all groups")]
    fn groups_of_fewer_rows_than_there_are_are_refused() {
        layer::<Flex>().by_batch(batch(4, 1), &[2]);
    }

    #[test]
    fn in_evaluation_an_output_does_not_depend_on_the_batch() {
        let x = batch::<Flex>(8, 1);
        let layer = layer().with_statistics(BatchNorm::statistics(batch::<Flex>(50, 2)));
        let together = values(layer.forward(x.clone()));
        let alone = values(layer.forward(x.narrow(0, 3, 1)));
        assert_eq!(together[3 * UNITS..4 * UNITS], alone[..]);
    }

    #[test]
    fn gradients_agree_with_finite_differences_and_statistics_have_none() {
        type B = Autodiff<Flex>;
        let weight = |rows| batch::<Flex>(rows, 9).cos();
        let groups = [4usize, 6];
        let x = batch::<B>(10, 1).require_grad();
        let layer = layer::<B>();
        let loss = (layer.by_batch(x.clone(), &groups) * Tensor::from_inner(weight(10))).sum();
        let gradients = loss.backward();
        let found = values(x.grad(&gradients).unwrap());
        assert!(layer.mean.val().grad(&gradients).is_none());
        let inner = super::tests::layer::<Flex>();
        for entry in 0..10 * UNITS {
            let loss = |by: f32| {
                let mut values: Vec<f32> = batch::<Flex>(10, 1).into_data().iter::<f32>().collect();
                values[entry] += by;
                let x = TensorData::new(values, [10, UNITS]);
                let x = Tensor::from_data(x, &Default::default());
                let sum = (inner.by_batch(x, &groups) * weight(10)).sum();
                f64::from(sum.into_scalar())
            };
            let slope = (loss(0.02) - loss(-0.02)) / 0.04;
            assert!((slope - found[entry]).abs() < 2e-3, "{entry}: {slope} {}", found[entry]);
        }
    }
}
