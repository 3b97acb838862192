use burn::{
    optim::SimpleOptimizer,
    record::Record,
    tensor::{Tensor, TensorPrimitive},
};
use kernels::backend::{AdagradStep, Backend};

/// Adagrad (Duchi et al. 2011), one pass over each parameter where the backend has it.
#[derive(Clone, Debug)]
pub struct Adagrad {
    pub(super) epsilon: f32,
    pub(super) weight_decay: f32,
}

/// What Adagrad keeps of one parameter, as Burn's own rule records it.
#[derive(Clone, Debug, Record)]
pub struct AdagradState<B: burn::prelude::Backend, const D: usize> {
    /// The sum, under the name Burn gives it.
    pub lr_decay: SquaredGradients<B, D>,
}

/// Sum of the squared gradients of one parameter.
#[derive(Clone, Debug, Record)]
pub struct SquaredGradients<B: burn::prelude::Backend, const D: usize> {
    /// Steps taken.
    pub time: usize,
    /// The sum over them.
    pub sum: Tensor<B, D>,
}

impl<B: Backend> SimpleOptimizer<B> for Adagrad {
    type State<const D: usize> = AdagradState<B, D>;

    fn step<const D: usize>(
        &self,
        rate: f64,
        tensor: Tensor<B, D>,
        grad: Tensor<B, D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<B, D>, Option<Self::State<D>>) {
        let (time, sum) = match state {
            Some(AdagradState { lr_decay }) => (lr_decay.time + 1, lr_decay.sum),
            None => (1, grad.zeros_like()),
        };
        let Self { epsilon, weight_decay } = *self;
        let (weight, sum) = B::adagrad(
            AdagradStep { rate: rate as f32, epsilon, weight_decay },
            tensor.into_primitive().tensor(),
            grad.into_primitive().tensor(),
            sum.into_primitive().tensor(),
        );
        let wrap = |primitive| Tensor::from_primitive(TensorPrimitive::Float(primitive));
        let lr_decay = SquaredGradients { time, sum: wrap(sum) };
        (wrap(weight), Some(AdagradState { lr_decay }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &B::Device) -> Self::State<D> {
        let SquaredGradients { time, sum } = state.lr_decay;
        AdagradState { lr_decay: SquaredGradients { time, sum: sum.to_device(device) } }
    }
}
