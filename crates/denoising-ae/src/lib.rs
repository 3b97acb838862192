//! Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and Composing Robust Features with
//! Denoising Autoencoders", and Vincent et al. 2010, "Stacked Denoising Autoencoders".
//!
//! [`corruption`] has the noise, [`model`] the stack with its classifier, [`pretraining`] the denoising
//! criterion, [`fine_tuning`] the supervised loss, [`config`] the configuration, [`commands`] the
//! paper's own commands.

pub mod commands;
pub mod config;
pub mod corruption;
pub mod fine_tuning;
pub mod model;
pub mod pretraining;

use std::time::Instant;

use anyhow::{Context, Result};
use burn::module::AutodiffModule;
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Splits, foreign_classes, without_classes},
    memory::Needs,
    noise::Noise,
    paper::{self, ESTIMATE, unused_because},
    principal::{PrincipalComponents, too_many_components},
    progress,
    train::{FitReport, Phase, Session, fit_phase},
};

pub use config::Config;
pub use model::Model;

use config::Pretraining;
use fine_tuning::ClassificationObjective;
use pretraining::Objective;

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "denoising-ae";
    const ABOUT: &'static str = "Stacked denoising autoencoders: layers that learn to restore a corrupted \
                                 input make a good start for a classifier";
    const CITATION: &'static str = "P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol: Extracting and Composing Robust \
         Features with Denoising Autoencoders. ICML 2008.\n\
         P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol: Stacked Denoising \
         Autoencoders. JMLR 11, 2010.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("paper", include_str!("../configs/paper.toml")),
        ("rot", include_str!("../configs/rot.toml")),
        ("filters", include_str!("../configs/filters.toml")),
    ];

    const PHASES: &'static [&'static str] = &["train", "fine_tuning"];
    const EPOCHS: &'static str = "of each layer's pre-training, and of the fine-tuning";

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn problem(config: &Config, shape: PixelShape) -> Option<String> {
        let input = shape.pixels();
        match config.pretraining {
            Pretraining::None if config.fine_tuning.is_none() => Some(
                "[pretraining] kind = \"none\": without [fine_tuning] nothing is trained".into(),
            ),
            Pretraining::Pca { components } if components > input => Some(format!(
                "[pretraining] components = {components}: inputs of width {input} have no more"
            )),
            _ => {
                let widths = [&[input], &config.model.hidden[..]].concat();
                // The last layer is read by the classifier.
                config
                    .pretraining
                    .problem_of_layers(widths.into_iter().take(config.model.hidden.len()))
            }
        }
    }

    fn needs(config: &Config, shape: PixelShape, _: usize) -> Needs {
        let numbers = match config.pretraining {
            Pretraining::Pca { .. } => PrincipalComponents::numbers(shape.pixels()),
            Pretraining::Denoising { .. } | Pretraining::None => 0,
        };
        Needs { passes: 1, numbers }
    }

    fn problem_of_use(config: &Config, data: &Splits) -> Option<String> {
        config.fine_tuning.as_ref()?;
        foreign_classes("model.classes", config.model.classes, data)
    }

    fn problem_with(config: &Config, data: &Splits) -> Option<String> {
        let components = match config.pretraining {
            Pretraining::Pca { components } => Some(components),
            Pretraining::Denoising { .. } | Pretraining::None => None,
        };
        let classes = || {
            config.fine_tuning.as_ref()?;
            without_classes("[fine_tuning]", data)
                .map(|reason| format!("{reason}; --config filters has layers without a classifier"))
        };
        components
            .and_then(|count| too_many_components("[pretraining] components", count, &data.train))
            .or_else(classes)
    }

    fn last_phase(config: &Config) -> Option<&'static str> {
        if config.fine_tuning.is_some() {
            return Some("fine_tuning");
        }
        // Each further layer is another fit by `train`, on what the one below found.
        (config.model.hidden.len() == 1).then_some("train")
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::new(config, shape.pixels(), noise, device)
    }

    fn unused(config: &Config) -> Vec<(&'static str, String)> {
        let mut unused = unused_because(ESTIMATE, "a code that is a point has no p(x)");
        let is_pca = matches!(config.pretraining, Pretraining::Pca { .. });
        if is_pca || config.pretraining == Pretraining::None {
            unused.extend(unused_because(&["train"], "[pretraining] has no layer to train"));
        }
        if config.fine_tuning.is_none() {
            let classifier = "without [fine_tuning] there is no classifier";
            unused.extend(unused_because(&["model.classes"], classifier));
            if is_pca {
                unused.extend(unused_because(&["model.hidden"], classifier));
            }
        }
        unused
    }

    fn cannot(command: &str, config: &Config) -> Option<String> {
        match command {
            "reconstruct" | "interpolate" | "traverse" | "latent-map" | "encode" | "explore"
            | "denoise" | "score"
                if config.pretraining == Pretraining::None =>
            {
                Some(
                    "without pre-training only the classifier is trained, the autoencoder never was; \
                     --config paper pre-trains it"
                        .into(),
                )
            }
            "sample" => Some(
                "a denoising autoencoder has no prior to draw codes from; try reconstruct or \
                 denoise"
                    .into(),
            ),
            "snapshots" => {
                Some("a stack is trained layer by layer and whole only at its end".into())
            }
            _ => None,
        }
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let shape = data.train.shape();
        let binarise = config.data.binarise;
        let started = Instant::now();
        let mut model = Self::build::<B>(config, shape, session.noise, &session.device);
        let mut report = FitReport::default();
        match config.pretraining {
            Pretraining::None => {}
            Pretraining::Pca { .. } => {
                let components =
                    PrincipalComponents::of_split(&data.train, binarise, session.noise)?;
                model = model.with_components(&components, &session.device);
                report.seconds = started.elapsed().as_secs_f64();
            }
            Pretraining::Denoising { corruption, corrupted_weight, clean_weight } => {
                for layer in 0..model.layers.len() {
                    progress::line(&format!("pre-training layer {}", layer + 1));
                    let objective = Objective { layer, corruption, corrupted_weight, clean_weight };
                    let (name, train) = (phase_of_layer(layer), &config.train);
                    let phase = Phase { name: &name, section: "train" };
                    let fitted;
                    (model, fitted) =
                        fit_phase(phase, model, &objective, data, binarise, train, session)?;
                    report = report.then(fitted);
                }
            }
        }
        model = model.with_pretrained_classifier();
        if let Some(train) = &config.fine_tuning {
            progress::line("fine-tuning");
            let objective = ClassificationObjective { classes: config.model.classes };
            let classifier = model.into_classifier().context("[fine_tuning]: no classifier")?;
            let phase = Phase { name: "fine-tuning", section: "fine_tuning" };
            let (fitted, last) =
                fit_phase(phase, classifier, &objective, data, binarise, train, session)?;
            (model, report) = (fitted.into_stack(), report.then(last));
        }
        if report.epochs == 0 {
            report.seconds = started.elapsed().as_secs_f64();
        }
        Ok((model.valid(), report))
    }
}

/// Name of the phase that pre-trains a layer, the lowest is 0.
fn phase_of_layer(layer: usize) -> String {
    format!("layer-{}", layer + 1)
}
