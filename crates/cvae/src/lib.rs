//! Sohn, Lee & Yan 2015, "Learning Structured Output Representation using Deep Conditional
//! Generative Models".
//!
//! [`conditioning`] has the condition, [`model`] the networks, [`objective`] the losses, [`config`] the
//! configuration, [`handwriting`] the scores of style, [`commands`] the paper's own commands.

pub mod commands;
mod completion;
pub mod conditioning;
pub mod config;
pub mod handwriting;
pub mod model;
pub mod objective;

use anyhow::Result;
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Splits, foreign_classes, without_classes},
    nn::Initialiser,
    noise::Noise,
    paper::{self, ESTIMATE, unused_because},
    progress,
    train::{self, FitReport, Phase, Session, fit_phase},
};

pub use conditioning::Conditioning;
pub use config::Config;
pub use model::{Model, Predictor};
pub use objective::{BaselineObjective, Objective};

use config::{ObjectiveConfig, Prior};

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "cvae";
    const ABOUT: &'static str = "Conditional variational autoencoders: many completions of one image, one \
                                 handwriting in ten digits";
    const CITATION: &'static str = "K. Sohn, H. Lee, X. Yan: Learning Structured Output Representation using Deep \
         Conditional Generative Models. NIPS 2015.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("quadrants", include_str!("../configs/quadrants.toml")),
        ("paper", include_str!("../configs/paper.toml")),
        ("grey", include_str!("../configs/grey.toml")),
        ("pyro", include_str!("../configs/pyro.toml")),
        ("colour", include_str!("../configs/colour.toml")),
    ];

    const PHASES: &'static [&'static str] = &["predictor", "train"];
    const EPOCHS: &'static str =
        "of the predictor, where there is one, and of the conditional model";

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn problem(config: &Config, shape: PixelShape) -> Option<String> {
        let PixelShape { height, width, channels } = shape;
        let has_quadrants = height == width && height.is_multiple_of(2) && channels == 1;
        (matches!(config.conditioning, Conditioning::Quadrants { .. }) && !has_quadrants).then(|| {
            format!(
                "[conditioning] kind = \"quadrants\" is for grey squares of an even side, not for images of \
                 {height} x {width} pixels with {channels} channels"
            )
        })
    }

    fn problem_of_use(config: &Config, data: &Splits) -> Option<String> {
        let Conditioning::Label { classes } = config.conditioning else { return None };
        foreign_classes("conditioning.classes", classes, data)
    }

    fn problem_with(config: &Config, data: &Splits) -> Option<String> {
        let Conditioning::Label { .. } = config.conditioning else { return None };
        without_classes("[conditioning] kind = \"label\"", data)
            .map(|reason| format!("{reason}; the program vae has no condition"))
    }

    fn against_collapse(config: &Config) -> Option<String> {
        // The posterior of a GSNN is its prior.
        let is_bound = !matches!(config.objective, ObjectiveConfig::Nn | ObjectiveConfig::Gsnn);
        let sees = config.model.generation_sees_condition;
        is_bound.then(|| {
            let blind =
                "a decoder that has all from z (model.generation_sees_condition = false), or ";
            let blind = if sees { blind } else { "" };
            let prior = match config.model.prior {
                Prior::Standard => " and a prior of its own (model.prior)",
                Prior::Conditional => "",
            };
            format!("{blind}more epochs (train.epochs){prior}")
        })
    }

    fn unused(config: &Config) -> Vec<(&'static str, String)> {
        const OF_CODE: &[&str] =
            &["model.latent", "model.prior", "model.generation_sees_condition"];
        if config.objective != ObjectiveConfig::Nn {
            let blind = "model.prior = \"standard\" sees no prediction";
            let is_blind = config.model.prior == Prior::Standard;
            return if is_blind { unused_because(&["predictor"], blind) } else { Vec::new() };
        }
        let mut unused = unused_because(OF_CODE, "objective.kind = \"nn\" has no code");
        unused.extend(unused_because(ESTIMATE, "objective.kind = \"nn\" has p(x) exactly"));
        if config.predictor.is_some() {
            let reason = "objective.kind = \"nn\" is trained as [predictor] says";
            unused.extend(unused_because(&["train"], reason));
        }
        unused
    }

    fn last_phase(config: &Config) -> Option<&'static str> {
        let is_baseline = config.objective == ObjectiveConfig::Nn;
        Some(if is_baseline && config.predictor.is_some() { "predictor" } else { "train" })
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::new(config, shape.pixels(), noise, device)
    }

    fn cannot(command: &str, config: &Config) -> Option<String> {
        let by_label = matches!(config.conditioning, Conditioning::Label { .. });
        match command {
            "sample" | "interpolate" | "traverse" if config.objective == ObjectiveConfig::Nn => {
                Some("the baseline (objective.kind = \"nn\") has no code to draw or vary".into())
            }
            "complete" if by_label => {
                Some("this run is conditioned on classes; complete needs quadrants".into())
            }
            "style" if !by_label => {
                Some("this run is conditioned on quadrants; style needs classes".into())
            }
            "complete" | "style" if config.objective == ObjectiveConfig::Nn => {
                Some("the baseline (objective.kind = \"nn\") has no code to draw or keep".into())
            }
            _ => None,
        }
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let (pixels, binarise) = (data.train.input_dim(), config.data.binarise);
        let init = &mut Initialiser::new(config.model.init, session.noise, &session.device);
        let Some(objective) = Objective::new(config.objective) else {
            let train = config.predictor.as_ref().unwrap_or(&config.train);
            let baseline = Predictor::new(config, pixels, init);
            let (predictor, report) =
                train::fit(baseline, &BaselineObjective, data, binarise, train, session)?;
            return Ok((Model::baseline(predictor), report));
        };
        let (mut predictor, mut report) = (None, FitReport::default());
        if let Some(train) = config.below_prior() {
            progress::line("the predictor");
            let baseline = Predictor::new(config, pixels, init);
            let objective = &BaselineObjective;
            let phase = Phase { name: "predictor", section: "predictor" };
            let fitted;
            (fitted, report) =
                fit_phase(phase, baseline, objective, data, binarise, train, session)?;
            predictor = Some(fitted);
            progress::line("the conditional model");
        }
        let model = Model::above(predictor, config, pixels, init);
        let (model, main) = train::fit(model, &objective, data, binarise, &config.train, session)?;
        Ok((model, report.then(main)))
    }
}
