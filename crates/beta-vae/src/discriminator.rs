//! The discriminator of FactorVAE, which estimates the total correlation (Kim & Mnih 2018, section 3).

use burn::{
    module::Module,
    tensor::{Int, Tensor, TensorData, activation},
};
use shared::{
    Backend,
    nn::{Activation, Dense, Initialiser, Mlp},
};

/// Says whether a code was drawn from q(z) or from the product of its marginals.
#[derive(Module, Debug)]
pub struct Discriminator<B: Backend> {
    hidden: Mlp<B>,
    /// To the log-odds of q(z).
    output: Dense<B>,
}

impl<B: Backend> Discriminator<B> {
    /// A discriminator of codes of width `latent`, leaky ReLUs in its hidden layers.
    pub fn new(latent: usize, widths: &[usize], init: &mut Initialiser<'_, B>) -> Self {
        let top = widths.last().copied().unwrap_or(latent);
        Self {
            hidden: Mlp::new(latent, widths, Activation::LeakyRelu, init),
            output: Dense::new(top, 1, Activation::Linear, init),
        }
    }

    /// log D(z) - log (1 - D(z)), `[examples]`: log q(z) - log prod_j q(z_j) if D is the best there is.
    pub fn log_ratio(&self, z: Tensor<B, 2>) -> Tensor<B, 1> {
        self.output.forward(self.hidden.forward(z)).squeeze_dim(1)
    }

    /// Cross-entropy in nats of telling codes from shuffled ones, the mean over both, `[examples]`:
    /// log 2 for one that cannot tell.
    pub fn cross_entropy(&self, codes: Tensor<B, 2>, shuffled: Tensor<B, 2>) -> Tensor<B, 1> {
        let [examples, _] = codes.dims();
        let both = self.log_ratio(Tensor::cat(vec![codes, shuffled], 0));
        let real = softplus(both.clone().narrow(0, 0, examples).neg());
        let fake = softplus(both.narrow(0, examples, examples));
        (real + fake).mul_scalar(0.5)
    }
}

/// log(1 + e^a) without overflow.
fn softplus<B: Backend>(a: Tensor<B, 1>) -> Tensor<B, 1> {
    activation::relu(a.clone()) + a.abs().neg().exp().log1p()
}

/// Each latent shuffled over the examples by itself: a draw from the product of the marginals (Kim &
/// Mnih 2018, algorithm 1). The order of latent j is that of the keys' column j, `[examples, latent]`.
pub fn shuffle_latents<B: Backend>(z: Tensor<B, 2>, keys: &Tensor<B, 2>) -> Tensor<B, 2> {
    let [examples, latent] = z.dims();
    let keys: Vec<f32> = keys.to_data().iter::<f32>().collect();
    let mut indices = vec![0i64; examples * latent];
    for column in 0..latent {
        let mut order: Vec<usize> = (0..examples).collect();
        order.sort_by(|&a, &b| keys[a * latent + column].total_cmp(&keys[b * latent + column]));
        for (row, &from) in order.iter().enumerate() {
            indices[row * latent + column] = from as i64;
        }
    }
    let indices = TensorData::new(indices, [examples, latent]);
    let indices = Tensor::<B, 2, Int>::from_data(indices, &z.device());
    z.gather(0, indices)
}
