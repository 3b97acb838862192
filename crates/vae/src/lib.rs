//! Kingma & Welling 2014, "Auto-Encoding Variational Bayes", with the importance-weighted bound of
//! Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders".
//!
//! [`model`] has the encoder and the decoder, [`objective`] the bounds, [`config`] the configuration.

pub mod config;
pub mod model;
pub mod objective;

use anyhow::Result;
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Splits},
    memory::Needs,
    noise::Noise,
    paper,
    train::{self, FitReport, Session},
};

pub use config::{Bound, Config};
pub use model::Model;
pub use objective::Objective;

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "vae";
    const ABOUT: &'static str = "Auto-Encoding Variational Bayes: a decoder with a prior on its code, \
                                 and an encoder trained with it by the reparameterisation trick";
    const CITATION: &'static str = "D. P. Kingma, M. Welling: Auto-Encoding Variational Bayes. ICLR 2014.\n\
         Y. Burda, R. Grosse, R. Salakhutdinov: Importance Weighted Autoencoders. ICLR 2016.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("paper", include_str!("../configs/paper.toml")),
        ("burda", include_str!("../configs/burda.toml")),
        ("burda-long", include_str!("../configs/burda-long.toml")),
        ("burda-stages", include_str!("../configs/burda-stages.toml")),
        ("iwae", include_str!("../configs/iwae.toml")),
        ("colour", include_str!("../configs/colour.toml")),
    ];

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn against_collapse(config: &Config) -> Option<String> {
        Some(match config.objective.bound {
            Bound::Elbo => "a warm-up of the KL (objective.kl_warmup_epochs) or free bits \
                            (objective.free_bits); for a few epochs more of them, train.epochs"
                .into(),
            Bound::Iwae => {
                "more epochs (train.epochs), or objective.bound = \"elbo\", which has a \
                            warm-up of the KL (objective.kl_warmup_epochs) and free bits \
                            (objective.free_bits)"
                    .into()
            }
        })
    }

    fn needs(config: &Config, _: PixelShape, _: usize) -> Needs {
        Needs { passes: config.objective.samples as u64, numbers: 0 }
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::new(&config.model, shape.pixels(), noise, device)
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let shape = data.train.shape();
        let mut model = Self::build::<B>(config, shape, session.noise, &session.device);
        if config.model.output_bias_from_data {
            model = model.with_output_bias(&data.train.mean(config.data.binarise));
        }
        let objective = Objective::new(config.objective);
        train::fit(model, &objective, data, config.data.binarise, &config.train, session)
    }
}
