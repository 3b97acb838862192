//! A small model and a few images for laws, those of the crate and those in tests/.

use burn::tensor::{Tensor, TensorData};
use shared::{
    Backend,
    backend::Flex,
    data::{Batch, BatchMaker, Binarise, ExampleSet, PixelShape},
    nn::Activation,
    noise::{Noise, Stream},
    paper::{Paper as _, RunConfig},
    train::{Moment, Objective as _, Terms},
};

use crate::{Config, Objective, Paper, Vae, config::Network, objectives::ObjectiveConfig};

const SIDE: usize = 8;
pub(crate) const LATENT: usize = 3;

/// Networks without kinks, for finite differences.
pub(crate) fn config(objective: impl Into<ObjectiveConfig>, network: Network) -> Config {
    let (_, text) = Paper::PRESETS[0];
    let mut config: Config = toml::from_str(text).unwrap();
    config.model.latent = LATENT;
    config.model.network = network;
    (config.model.encoder, config.model.decoder) = (vec![9], vec![7, 8]);
    config.model.channels = match network {
        Network::Dense => Vec::new(),
        Network::Convolutional => vec![2, 4],
    };
    config.model.encoder_activation = Activation::Tanh;
    config.model.decoder_activation = Activation::Tanh;
    config.objective = objective.into();
    assert_eq!(config.problem(), None);
    config
}

pub(crate) fn model<B: Backend>(objective: impl Into<ObjectiveConfig>, network: Network) -> Vae<B> {
    let config = config(objective, network);
    Vae::new(&config, PixelShape::grey(SIDE, SIDE), Noise::new(3), &B::Device::default())
}

/// Some binary images.
pub(crate) fn batch<B: Backend>(count: usize) -> Batch<B> {
    let shape = PixelShape::grey(SIDE, SIDE);
    let noise = Noise::new(8).normal(Stream::Generate, 0, &[0], count * SIDE * SIDE);
    let pixels = noise.iter().map(|&v| if v > 0.3 { 255 } else { 0 }).collect();
    let images = ExampleSet::images(shape, pixels, vec![0; count], false);
    BatchMaker::new(images.into(), Binarise::Threshold, Noise::new(1), B::Device::default())
        .batch(&(0..count).collect::<Vec<_>>(), 1)
}

/// The terms of a batch after this many epochs.
pub(crate) fn terms<B: Backend>(model: &Vae<B>, batch: &Batch<B>, epochs: f64) -> Terms<B> {
    Objective.terms(model, batch, Moment { epochs })
}

pub(crate) fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Standard normal numbers.
pub(crate) fn matrix(rows: usize, columns: usize, key: u64) -> Tensor<Flex, 2> {
    let values = Noise::new(5).normal(Stream::Posterior, key, &[0], rows * columns);
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Default::default())
}
