//! A plain autoencoder.
//!
//! [`model`] has the encoder and the decoder, [`objective`] the loss, [`config`] the configuration.

pub mod config;
pub mod model;
pub mod objective;

use anyhow::Result;
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Splits},
    noise::Noise,
    paper,
    train::{self, FitReport, Session},
};

pub use config::Config;
pub use model::Model;
pub use objective::Objective;

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "blank";
    const ABOUT: &'static str = "What the model is";
    const CITATION: &'static str = "Authors: Title. Venue, year.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("paper", include_str!("../configs/paper.toml")),
    ];

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::new(&config.model, shape.pixels(), noise, device)
    }

    fn cannot(command: &str, _: &Config) -> Option<String> {
        let why = "a plain autoencoder has no prior to draw codes from; try interpolate";
        (command == "sample").then(|| why.into())
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let shape = data.train.shape();
        let model = Self::build::<B>(config, shape, session.noise, &session.device);
        train::fit(model, &Objective, data, config.data.binarise, &config.train, session)
    }
}
