//! The autoencoder.

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    nn::zeros,
    posterior::Posterior,
};

use crate::{
    config::{Kind, ModelConfig},
    packing::{PIXELS, pack, unpack},
};

/// z = x, or as many pixels of x from its middle as fit into z.
#[derive(Module, Debug)]
pub struct Model<B: Backend> {
    /// Black, `[pixels]`: the only thing it knows of images is how many pixels they have.
    black: Param<Tensor<B, 1>>,
    #[module(skip)]
    latent: usize,
    #[module(skip)]
    is_packed: bool,
}

impl<B: Backend> Model<B> {
    /// For images of this many pixels.
    pub fn new(config: &ModelConfig, pixels: usize, device: &B::Device) -> Self {
        Self {
            black: zeros(1, [pixels], device),
            latent: config.latent,
            is_packed: config.kind == Kind::Packed,
        }
    }

    /// How many pixels a packed code holds, and how many it leaves out before and after them.
    fn places(&self) -> (usize, usize, usize) {
        let (pixels, room) = (self.input_dim(), self.latent * PIXELS);
        let held = room.min(pixels);
        let before = (pixels - held) / 2;
        (held, before, pixels - held - before)
    }
}

/// The columns padded with this many zeros before and after.
fn framed<B: Backend>(before: usize, columns: Tensor<B, 2>, after: usize) -> Tensor<B, 2> {
    let ([examples, _], device) = (columns.dims(), columns.device());
    let zeros = |width| (width > 0).then(|| Tensor::zeros([examples, width], &device));
    Tensor::cat([zeros(before), Some(columns), zeros(after)].into_iter().flatten().collect(), 1)
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        self.black.dims()[0]
    }

    fn latent_dim(&self) -> usize {
        self.latent
    }

    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        if !self.is_packed {
            return Posterior::Point(x);
        }
        let (held, before, _) = self.places();
        let spare = self.latent * PIXELS - held;
        Posterior::Point(pack(framed(0, x.narrow(1, before, held), spare)))
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let mean = if self.is_packed {
            let (held, before, after) = self.places();
            framed(before, unpack(z).narrow(1, 0, held), after)
        } else {
            z
        };
        let log_var = Tensor::zeros([1, 1], &mean.device());
        Likelihood::Gaussian { mean, log_var }
    }
}
