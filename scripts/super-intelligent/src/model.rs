//! The autoencoder.

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    nn::parameter,
    posterior::Posterior,
};

use crate::{
    config::{Kind, ModelConfig},
    packing::{PIXELS, pack, unpack},
};

/// z = x, or as many pixels of x from its middle as fit into z.
#[derive(Module, Debug)]
pub struct CopyModel<B: Backend> {
    /// What a pixel is where nothing is known of it, `[pixels]`: black.
    black: Param<Tensor<B, 1>>,
    #[module(skip)]
    latent: usize,
    #[module(skip)]
    is_packed: bool,
}

impl<B: Backend> CopyModel<B> {
    /// For images of so many pixels.
    pub fn new(config: &ModelConfig, pixels: usize, device: &B::Device) -> Self {
        Self {
            black: parameter(1, vec![0.0; pixels], [pixels], device),
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

impl<B: Backend> Autoencoder<B> for CopyModel<B> {
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
        let ([examples, _], device) = (x.dims(), x.device());
        let spare = Tensor::zeros([examples, self.latent * PIXELS - held], &device);
        Posterior::Point(pack(Tensor::cat(vec![x.narrow(1, before, held), spare], 1)))
    }

    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let mean = if self.is_packed {
            let (held, before, after) = self.places();
            let ([examples, _], device) = (z.dims(), z.device());
            let black = |width| {
                let row = self.black.val().narrow(0, 0, width).unsqueeze::<2>();
                row.expand([examples, width]).to_device(&device)
            };
            let middle = unpack(z).narrow(1, 0, held);
            Tensor::cat(vec![black(before), middle, black(after)], 1)
        } else {
            z
        };
        let log_var = Tensor::zeros([1, 1], &mean.device());
        Likelihood::Gaussian { mean, log_var }
    }
}
