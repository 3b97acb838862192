//! Principal component analysis, "just another autoencoder": Pearson 1901 and Hotelling 1933, with
//! the likelihood of Tipping & Bishop 1999, "Probabilistic Principal Component Analysis".
//!
//! [`model`] is the linear encoder and decoder, [`config`] the configuration. The fit has a
//! closed form: [`shared::principal`].

pub mod config;
pub mod model;

use std::time::Instant;

use anyhow::Result;
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Splits},
    memory::Needs,
    noise::Noise,
    paper::{self, ESTIMATE, unused_because},
    principal::{PrincipalComponents, too_many_components},
    progress,
    train::{FitReport, Session},
};

pub use config::Config;
pub use model::Model;

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "pca";
    const ABOUT: &'static str = "Principal component analysis: the best linear autoencoder, in closed \
                                 form, with the likelihood of probabilistic PCA";
    const CITATION: &'static str = "H. Hotelling: Analysis of a complex of statistical variables into principal components. \
         J. Educ. Psychol. 24, 1933.\n\
         M. E. Tipping, C. M. Bishop: Probabilistic Principal Component Analysis. JRSS B 61, 1999.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("paper", include_str!("../configs/paper.toml")),
    ];

    const PHASES: &'static [&'static str] = &[];

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn problem(config: &Config, shape: PixelShape) -> Option<String> {
        let input = shape.pixels();
        let latent = config.model.latent;
        (latent > input).then(|| {
            format!("[model] latent = {latent}: inputs of width {input} have no more components")
        })
    }

    fn problem_with(config: &Config, data: &Splits) -> Option<String> {
        too_many_components("[model] latent", config.model.latent, &data.train)
    }

    fn needs(_: &Config, shape: PixelShape, _: usize) -> Needs {
        Needs { passes: 1, numbers: PrincipalComponents::numbers(shape.pixels()) }
    }

    fn unused(_: &Config) -> Vec<(&'static str, String)> {
        unused_because(ESTIMATE, "p(x) is known exactly, or has no density")
    }

    fn cannot(command: &str, _: &Config) -> Option<String> {
        (command == "snapshots").then(|| "a closed form has no epochs to take them after".into())
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        _noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::zeros(&config.model, shape.pixels(), device)
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let started = Instant::now();
        let train = &data.train;
        let components = PrincipalComponents::of_split(train, config.data.binarise, session.noise)?;
        let model = Model::new(&config.model, &components, &session.device);
        let seconds = started.elapsed().as_secs_f64();
        progress::line(&format!(
            "{} components of {} images in {seconds:.3} s",
            train.input_dim(),
            train.len()
        ));
        if let Some(reason) = model.without_density() {
            progress::line(&reason);
        }
        let report = FitReport { seconds, ..FitReport::default() };
        Ok((model, report))
    }
}
