//! The average of the weights over the steps of a fit (Polyak & Juditsky 1992), exponentially weighted.

use std::marker::PhantomData;

use burn::{
    module::{AutodiffModule, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Tensor, TensorPrimitive},
};
use kernels::backend::{AutodiffBackend, Backend};

/// Share of the way that the average goes to the weights after step `time`, counted from 1.
///
/// The decay is min(d, (1 + t) / (10 + t)), that of TensorFlow's `ExponentialMovingAverage` with
/// `num_updates`: the average reaches back over a ninth of the steps so far until that is 1 / (1 - d), and
/// initial weights are forgotten with the ninth power of t.
fn share(decay: f64, time: u64) -> f32 {
    let time = time as f64;
    (1.0 - decay.min((1.0 + time) / (10.0 + time))) as f32
}

/// The average after step `time` of a fit, counted from 1, that led to `model`.
pub fn averaged<B: AutodiffBackend, M: AutodiffModule<B>>(
    average: M,
    model: &M,
    decay: f64,
    time: u64,
) -> M {
    let mut weights = Weights { tensors: GradientsParams::new(), backend: PhantomData::<B> };
    model.visit(&mut weights);
    average.map(&mut Approach { weights, share: share(decay, time) })
}

/// The weights of a model by their ids.
struct Weights<B> {
    tensors: GradientsParams,
    backend: PhantomData<B>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Weights<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.tensors.register::<B::InnerBackend, D>(param.id, param.val().inner());
    }
}

struct Approach<B> {
    weights: Weights<B>,
    share: f32,
}

impl<B: AutodiffBackend> ModuleMapper<B> for Approach<B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, average, mapper) = param.consume();
        let Some(weight) = self.weights.tensors.remove::<B::InnerBackend, D>(id) else {
            return Param::from_mapped_value(id, average, mapper);
        };
        let learns = average.is_require_grad();
        let after = B::InnerBackend::approach(
            average.inner().into_primitive().tensor(),
            weight.into_primitive().tensor(),
            self.share,
        );
        let after = Tensor::from_inner(Tensor::from_primitive(TensorPrimitive::Float(after)));
        Param::from_mapped_value(id, after.set_require_grad(learns), mapper)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::{backend::Autodiff, module::Module};
    use kernels::{
        backend::Flex,
        nn::{Activation, Dense, Init, Initialiser},
        noise::Noise,
    };
    use weights::weights_of;

    use super::*;

    type B = Autodiff<Flex>;

    fn layer(seed: u64) -> Dense<B> {
        let device = Default::default();
        let mut init = Initialiser::new(Init::Glorot, Noise::new(seed), &device);
        Dense::new(3, 2, Activation::Linear, &mut init)
    }

    fn values(layer: &Dense<B>) -> Vec<f32> {
        weights_of(layer).into_iter().flat_map(|tensor| tensor.values).collect()
    }

    #[test]
    fn the_average_of_constant_weights_is_those_weights() {
        let model = layer(1);
        let mut average = model.clone();
        for time in 1..=100 {
            average = averaged(average, &model, 0.99, time);
        }
        assert_eq!(values(&average), values(&model));
    }

    #[test]
    fn the_average_is_the_recursion_and_forgets_where_it_began() {
        let (decay, mut average) = (0.9, layer(1));
        let mut wanted: Vec<f64> = values(&average).into_iter().map(f64::from).collect();
        for time in 1..=200 {
            let model = layer(2 + time % 2);
            average = averaged(average, &model, decay, time);
            let now = f64::min(decay, (1 + time) as f64 / (10 + time) as f64);
            for (wanted, value) in wanted.iter_mut().zip(values(&model)) {
                *wanted = now * *wanted + (1.0 - now) * f64::from(value);
            }
        }
        // In the long run the two models count half, but for the last step.
        let (older, newer) = (values(&layer(3)), values(&layer(2)));
        for (((found, wanted), older), newer) in
            values(&average).into_iter().zip(wanted).zip(older).zip(newer)
        {
            assert!((f64::from(found) - wanted).abs() < 1e-6);
            let limit = (f64::from(newer) + 0.9 * f64::from(older)) / 1.9;
            assert!((wanted - limit).abs() < 1e-6, "{wanted} {limit}");
        }
    }

    #[test]
    fn an_averaged_weight_learns_if_it_did_and_the_model_is_left_alone() {
        let (first, model) = (layer(1), layer(2));
        let average = averaged(first.clone(), &model, 0.9, 1);
        assert!(average.weight.val().is_require_grad());
        assert!(!averaged(first.no_grad(), &model, 0.9, 1).weight.val().is_require_grad());
        assert_eq!(values(&model), values(&layer(2)));
    }
}
