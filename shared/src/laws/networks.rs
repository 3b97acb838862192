//! A law of a paper's model, for its tests to state: its description as layers is the model.

use ndarray::Array2;

use crate::{
    autoencoder::Autoencoder,
    backend::Backend,
    explore::{Differences, differences, differences_of_steps},
    noise::{Noise, Stream},
    trained::{OnDevice, Trained as _},
};

/// How far [`Autoencoder::network`] is from `encode`, `decode`, the prior and the likelihood of a model, on
/// random black and white images of `classes` classes.
///
/// # Errors
/// If the model cannot be written as layers.
pub fn network_apart<B: Backend, M: Autoencoder<B> + Sync>(
    model: M,
    classes: u8,
) -> Result<Differences, String>
where
    B::Device: Sync,
{
    const IMAGES: u64 = 30;
    let network = model.network()?;
    let model = OnDevice::<B, M>::new(model, B::Device::default());
    let keys: Vec<u64> = (0..IMAGES).collect();
    let normal = |width: usize| {
        let values = Noise::new(11).normal(Stream::Generate, width as u64, &keys, width);
        Array2::from_shape_fn((keys.len(), width), |(row, column)| values[row * width + column])
    };
    let x = normal(model.input_dim()).mapv(|v| f32::from(u8::from(v > 0.0)));
    let labels: Vec<u8> = (0..IMAGES as u8).map(|image| image % classes.max(1)).collect();
    Ok(differences(&model, &network, x.view(), &labels, normal(model.latent_dim()).view()))
}

/// How far [`Autoencoder::steps`] is from the bound of a model of sequences, on sequences x `[sequences, steps *
/// width]`: the largest difference of a posterior, of -log p(x_t | z_t, before) or of a KL, as a share of the model's
/// number where that is above 1.
///
/// # Errors
/// If the model cannot be written as layers.
pub fn steps_apart<B: Backend, M: Autoencoder<B> + Sync>(
    model: M,
    x: &Array2<f32>,
) -> Result<f64, String>
where
    B::Device: Sync,
{
    let network = model.steps()?;
    let model = OnDevice::<B, M>::new(model, B::Device::default());
    Ok(differences_of_steps(&model, &network, x))
}
