//! The lecture's super-intelligent autoencoder: so capable that it needs to understand nothing. Its code
//! is a copy of the pixels, as they are or packed into the digits of a few numbers, so that it
//! reconstructs unseen images as well as any network. It is no paper's model but a yardstick: what
//! validates autoencoders ought to tell it from one that learned something.
//!
//! [`packing`] is the code, [`model`] what makes an autoencoder of it, [`config`] what a configuration may
//! say.

pub mod config;
pub mod model;
pub mod packing;

use anyhow::Result;
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Splits},
    memory::Needs,
    noise::Noise,
    paper,
    train::{FitReport, Session},
};

pub use config::Config;
pub use model::Model;

use config::Kind;

/// The yardstick.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "super-intelligent";
    const ABOUT: &'static str = "An autoencoder that learns nothing and reconstructs everything: its code is a \
                                 copy of the pixels";
    const CITATION: &'static str =
        "Of no paper: the lecture's question how an autoencoder can be validated.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("packed", include_str!("../configs/packed.toml")),
        ("copied", include_str!("../configs/copied.toml")),
    ];

    const PHASES: &'static [&'static str] = &[];

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn problem(config: &Config, shape: PixelShape) -> Option<String> {
        let (latent, pixels) = (config.model.latent, shape.pixels());
        (config.model.kind == Kind::Copied && latent != pixels)
            .then(|| format!("[model] latent = {latent}: a copy of the image has {pixels} numbers"))
    }

    fn cannot(command: &str, _: &Config) -> Option<String> {
        (command == "snapshots").then(|| "nothing is trained, there are no epochs".into())
    }

    /// Codes are unpacked for a chunk of images at once.
    fn needs(config: &Config, _: PixelShape, _: usize) -> Needs {
        let digits = (config.model.latent as u64).saturating_mul(packing::PIXELS as u64);
        Needs { passes: 1, numbers: digits.saturating_mul(4000) }
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        _: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::new(&config.model, shape.pixels(), device)
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let pixels = data.train.shape().pixels();
        let model = Model::new(&config.model, pixels, &session.device);
        Ok((model, FitReport::default()))
    }
}
