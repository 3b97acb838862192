//! Higgins et al. 2017, "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
//! Framework", with the objectives of Burgess et al. 2018, Chen et al. 2018 and Kim & Mnih 2018.
//!
//! [`objectives`] has one file per loss, [`objective`] the training step; [`model`] the networks,
//! [`baselines`] the baselines, [`config`] the configuration, [`commands`] the paper's own commands.
//! The disentanglement metrics are in `factors`.

pub mod baselines;
pub mod commands;
pub mod config;
pub mod model;
pub mod objective;
pub mod objectives;
#[cfg(test)]
mod tiny;

use std::time::Instant;

use anyhow::Result;
use factors::Factors;
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Splits},
    kind,
    memory::Needs,
    noise::Noise,
    paper::{self, ESTIMATE, unused_because},
    principal::{PrincipalComponents, too_many_components},
    train::{self, FitReport, Session},
};

pub use config::{Config, Kind};
pub use model::{Model, Vae};
pub use objective::Objective;

use baselines::LinearCode;
use objectives::ObjectiveConfig;

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "beta-vae";
    const ABOUT: &'static str =
        "beta-VAE: a higher weight on the KL, and latents that each mean one thing";
    const CITATION: &'static str = "I. Higgins et al.: beta-VAE: Learning Basic Visual Concepts with a Constrained \
         Variational Framework. ICLR 2017.\n\
         C. P. Burgess et al.: Understanding disentangling in beta-VAE. arXiv:1804.03599, 2018.\n\
         R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud: Isolating Sources of Disentanglement in \
         Variational Autoencoders. NeurIPS 2018.\n\
         H. Kim, A. Mnih: Disentangling by Factorising. ICML 2018.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("convolutional", include_str!("../configs/convolutional.toml")),
        ("paper", include_str!("../configs/paper.toml")),
        ("colour", include_str!("../configs/colour.toml")),
    ];

    const KIND: &'static dyn kind::Kind = &Factors;

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn needs(config: &Config, shape: PixelShape, examples: usize) -> Needs {
        let numbers = match (config.model.kind, &config.objective) {
            (Kind::Pca, _) => PrincipalComponents::numbers(shape.pixels()),
            // Of each pair of examples in a batch the density of every latent: with its parts and gradients it is held
            // several times.
            (Kind::Vae, ObjectiveConfig::Tc(_)) => {
                let batch = config.train.batch_size.min(examples) as u64;
                batch.saturating_mul(batch).saturating_mul(4 * config.model.latent as u64)
            }
            _ => 0,
        };
        Needs { passes: 1, numbers }
    }

    fn problem(config: &Config, shape: PixelShape) -> Option<String> {
        let input = shape.pixels();
        let (kind, latent) = (config.model.kind, config.model.latent);
        match kind {
            Kind::Vae | Kind::Untrained => model::image_problem(&config.model, shape),
            Kind::Pca if latent > input => Some(format!(
                "[model] latent = {latent}: inputs of width {input} have no more components"
            )),
            Kind::Pca | Kind::Pixels => None,
        }
    }

    fn problem_with(config: &Config, data: &Splits) -> Option<String> {
        let is_pca = config.model.kind == Kind::Pca;
        let latent = is_pca.then_some(config.model.latent)?;
        too_many_components("[model] latent", latent, &data.train)
    }

    fn unused(config: &Config) -> Vec<(&'static str, String)> {
        const NETWORKS: &[&str] = &[
            "model.network",
            "model.channels",
            "model.encoder",
            "model.decoder",
            "model.encoder_activation",
            "model.decoder_activation",
            "model.init",
            "model.likelihood",
        ];
        let kind = config.model.kind;
        let because = |keys: &[&'static str], what: &str| {
            unused_because(keys, &format!("model.kind = \"{}\" {what}", kind.name()))
        };
        let mut unused = Vec::new();
        if kind != Kind::Vae {
            unused.extend(because(&["train", "objective"], "is not trained"));
        }
        if !kind.has_networks() {
            unused.extend(because(NETWORKS, "has no networks"));
            unused.extend(because(ESTIMATE, "has no p(x)"));
        }
        if kind == Kind::Pixels {
            unused.extend(because(&["model.latent"], "has the pixels for a code"));
        }
        unused
    }

    fn cannot(command: &str, config: &Config) -> Option<String> {
        match (config.model.kind, command) {
            (Kind::Pca | Kind::Pixels, "sample") => {
                Some("this code has no prior to draw from".into())
            }
            (Kind::Pca, "traverse") => Some(
                "this code has no prior whose deviations could be walked along; the program pca has"
                    .into(),
            ),
            (Kind::Pixels, "traverse" | "interpolate" | "latent-map" | "explore") => {
                Some("the code is the pixels themselves: there is nothing to vary".into())
            }
            (Kind::Pca | Kind::Pixels | Kind::Untrained, "snapshots") => {
                Some("nothing is trained, there are no epochs to take them after".into())
            }
            _ => None,
        }
    }

    fn against_collapse(config: &Config) -> Option<String> {
        (config.model.kind == Kind::Vae).then(|| config.objective.against_collapse())
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        match config.model.kind {
            Kind::Vae | Kind::Untrained => {
                Model::Variational(Vae::new(config, shape, noise, device))
            }
            Kind::Pca => {
                Model::Linear(LinearCode::zeros(config.model.latent, shape.pixels(), device))
            }
            Kind::Pixels => Model::Linear(LinearCode::pixels(shape.pixels(), device)),
        }
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let (train, binarise) = (&data.train, config.data.binarise);
        let (noise, device) = (session.noise, &session.device);
        let started = Instant::now();
        let model = match config.model.kind {
            Kind::Vae => {
                let model = Vae::<B>::new(config, train.shape(), noise, device);
                let (model, report) =
                    train::fit(model, &Objective, data, binarise, &config.train, session)?;
                return Ok((Model::Variational(model), report));
            }
            Kind::Pca => {
                let found = PrincipalComponents::of_split(train, binarise, noise)?;
                Model::Linear(LinearCode::components(config.model.latent, &found, device))
            }
            Kind::Untrained | Kind::Pixels => Self::build(config, train.shape(), noise, device),
        };
        let report = FitReport { seconds: started.elapsed().as_secs_f64(), ..FitReport::default() };
        Ok((model, report))
    }
}
