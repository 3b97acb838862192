use burn::{
    optim::SimpleOptimizer,
    record::Record,
    tensor::{Tensor, TensorPrimitive},
};
use kernels::backend::{AdamStep, Backend};

/// Adam (Kingma & Ba 2015, algorithm 1), one pass over each parameter where the backend has it.
#[derive(Clone, Debug)]
pub struct Adam {
    pub(super) beta1: f32,
    pub(super) beta2: f32,
    pub(super) epsilon: f32,
    pub(super) weight_decay: f32,
}

/// First and second moments of one parameter's gradient.
#[derive(Clone, Debug, Record)]
pub struct AdamState<B: burn::prelude::Backend, const D: usize> {
    /// Steps taken.
    pub time: usize,
    /// m.
    pub first: Tensor<B, D>,
    /// v.
    pub second: Tensor<B, D>,
}

impl<B: Backend> SimpleOptimizer<B> for Adam {
    type State<const D: usize> = AdamState<B, D>;

    fn step<const D: usize>(
        &self,
        rate: f64,
        tensor: Tensor<B, D>,
        grad: Tensor<B, D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<B, D>, Option<Self::State<D>>) {
        let grad = match self.weight_decay {
            0.0 => grad,
            decay => grad + tensor.clone().mul_scalar(decay),
        };
        let (time, first, second) = match state {
            Some(state) => (state.time + 1, state.first, state.second),
            None => (1, grad.zeros_like(), grad.zeros_like()),
        };
        let step = AdamStep::new(rate, self.beta1, self.beta2, self.epsilon, time);
        let (weight, first, second) = B::adam(
            step,
            tensor.into_primitive().tensor(),
            grad.into_primitive().tensor(),
            first.into_primitive().tensor(),
            second.into_primitive().tensor(),
        );
        let wrap = |primitive| Tensor::from_primitive(TensorPrimitive::Float(primitive));
        (wrap(weight), Some(AdamState { time, first: wrap(first), second: wrap(second) }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &B::Device) -> Self::State<D> {
        AdamState {
            time: state.time,
            first: state.first.to_device(device),
            second: state.second.to_device(device),
        }
    }
}
