//! Zemel, Wu, Swersky, Pitassi & Dwork 2013, "Learning Fair Representations", and Louizos, Swersky,
//! Li, Welling & Zemel 2016, "The Variational Fair Autoencoder".
//!
//! [`lfr`] is the objective of the former with its gradient, [`prototypes`] its model; [`vfae`] has
//! the networks of the latter, [`objective`] and [`discrepancy`] its loss. [`linear`] and [`logistic`]
//! are the baselines, [`reduction`] and [`randomised`] that of Agarwal et al. 2018; [`model`] puts all behind one type, [`config`] is the configuration,
//! [`commands`] the papers' own commands.

pub mod commands;
pub mod config;
pub mod discrepancy;
pub mod lfr;
pub mod linear;
pub mod logistic;
pub mod model;
pub mod objective;
pub mod prototypes;
pub mod randomised;
pub mod reduction;
mod row;
mod sparse;
pub mod vfae;

use std::time::Instant;

use anyhow::Result;
use ndarray::{Array2, s};
use shared::{
    AutodiffBackend, Backend,
    data::{PixelShape, Split, Splits},
    kind,
    memory::Needs,
    metrics::{LinearProbe, encode_split},
    noise::Noise,
    paper::{self, ESTIMATE, unused_because},
    principal::PrincipalComponents,
    progress,
    train::{self, FitReport, Session},
    trained::OnDevice,
};
use tables::{People, Tables, groups};

pub use config::{Config, Kind};
pub use model::Model;

use discrepancy::too_small_batches;
use lfr::Lfr;
use linear::{LinearModel, LinearParts};
use objective::Objective;
use prototypes::Prototypes;
use randomised::RandomisedClassifier;
use reduction::Reduction;
use vfae::FairVae;

/// The papers.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "fair-repr";
    const ABOUT: &'static str = "Fair representations: codes that keep what a decision needs and lose \
                                 who a person is";
    const CITATION: &'static str = "R. Zemel, Y. Wu, K. Swersky, T. Pitassi, C. Dwork: Learning Fair Representations. \
         ICML 2013.\n\
         C. Louizos, K. Swersky, Y. Li, M. Welling, R. Zemel: The Variational Fair Autoencoder. \
         ICLR 2016.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("vfae", include_str!("../configs/vfae.toml")),
        ("paper", include_str!("../configs/paper.toml")),
    ];
    const KIND: &'static dyn kind::Kind = &Tables;
    const EPOCHS: &'static str = "of vfae and vae; the other models are not fitted in epochs";

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn unused(config: &Config) -> Vec<(&'static str, String)> {
        const OF_VFAE: &[&str] = &[
            "vfae.upper",
            "vfae.prediction",
            "vfae.mmd",
            "vfae.estimate",
            "vfae.features",
            "vfae.bandwidth",
            "vfae.labelled",
        ];
        let kind = config.model.kind;
        let because = |keys: &[&'static str], what: &str| {
            unused_because(keys, &format!("model.kind = \"{}\" {what}", kind.name()))
        };
        let mut unused = match kind {
            Kind::Vfae => Vec::new(),
            Kind::Vae => because(OF_VFAE, "has of [vfae] the hidden layers alone"),
            _ => because(&["vfae"], "does not use [vfae]"),
        };
        if !kind.is_variational() {
            unused.extend(because(&["train"], "is not fitted in epochs"));
            unused.extend(because(ESTIMATE, "has no p(x)"));
        }
        if kind != Kind::Lfr {
            unused.extend(because(&["lfr"], "does not use [lfr]"));
        }
        match kind {
            Kind::Lfr | Kind::Vfae => {
                unused.extend(because(&["logistic"], "has a classifier of its own"));
            }
            Kind::Regularised => {}
            kind if kind.is_reduction() => {
                unused.extend(because(&["logistic.fairness"], "bounds discrimination instead"));
            }
            _ => unused.extend(because(&["logistic.fairness"], "has no penalty on discrimination")),
        }
        if !kind.is_reduction() {
            unused.extend(because(&["reduction"], "does not use [reduction]"));
        }
        if kind.is_reduction() || matches!(kind, Kind::Raw | Kind::WithoutS | Kind::Regularised) {
            unused.extend(because(&["model.latent"], "has the features for a code"));
        }
        unused
    }

    fn cannot(command: &str, _: &Config) -> Option<String> {
        match command {
            "reconstruct" | "sample" | "interpolate" | "traverse" => Some(
                "rows of a table are not images; evaluate has the error of the reconstruction, and \
                 latent-map and frontier draw what there is to see"
                    .into(),
            ),
            "explore" => Some("rows of a table are not images; latent-map shows their codes".into()),
            "snapshots" => Some("rows of a table are not images".into()),
            _ => None,
        }
    }

    fn against_collapse(config: &Config) -> Option<String> {
        match config.model.kind {
            Kind::Vfae => Some(format!(
                "a smaller weight of the discrepancy than vfae.mmd = {}, or a larger one of the \
                 prediction than vfae.prediction = {}",
                config.vfae.mmd, config.vfae.prediction
            )),
            Kind::Vae => Some("more epochs (train.epochs), or a wider vfae.hidden".into()),
            _ => None,
        }
    }

    fn needs(config: &Config, shape: PixelShape, examples: usize) -> Needs {
        let latent = config.model.latent as u64;
        let wide = |numbers: u64| latent.saturating_mul(numbers);
        let numbers = match config.model.kind {
            // L-BFGS remembers twenty steps and gradients in double precision; codes of all people are too.
            Kind::Lfr => wide(48 * shape.pixels() as u64 + 4 * examples as u64),
            // Random features of the kernel, and of a batch.
            Kind::Vfae => (config.vfae.features as u64)
                .saturating_mul(latent.saturating_add(8 * config.train.batch_size as u64)),
            // Components in double precision, and codes of all people.
            Kind::Pca => PrincipalComponents::numbers(shape.pixels())
                .saturating_add(wide(2 * shape.pixels() as u64 + 4 * examples as u64)),
            _ => 0,
        };
        Needs { passes: 1, numbers }
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        let (latent, input) = (config.model.latent, shape.pixels());
        match config.model.kind {
            Kind::Lfr => Model::Prototypes(Prototypes::zeros(latent, input - 1, device)),
            Kind::Vfae | Kind::Vae => {
                Model::Variational(FairVae::new(config, input, noise, device))
            }
            Kind::Reduction | Kind::ReductionWithoutS => {
                let columns = linear_width(config, input);
                Model::Randomised(RandomisedClassifier::zeros(columns, input, device))
            }
            Kind::Raw | Kind::WithoutS | Kind::Regularised | Kind::Pca => {
                let latent = linear_width(config, input);
                Model::Linear(LinearModel::zeros(latent, input, device))
            }
        }
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        if config.model.kind.is_variational() {
            return fit_variational(config, data, session);
        }
        let started = Instant::now();
        let device = &session.device;
        let model = match config.model.kind {
            Kind::Lfr => {
                let rows = data.train.all_grey();
                let features = rows.slice(s![.., ..rows.ncols() - 1]);
                let (targets, groups) = (data.train.labels(), groups(&data.train));
                let problem =
                    Lfr::new(features, &targets, &groups, config.model.latent, config.lfr);
                let (parameters, _) = problem.fit(session.noise)?;
                Model::Prototypes(Prototypes::new(&parameters, device))
            }
            kind if kind.is_reduction() => {
                let rows = data.train.all_grey();
                let (targets, groups) = (data.train.labels(), groups(&data.train));
                let columns = linear_width(config, rows.ncols());
                let (section, penalty) = (config.reduction, config.logistic.penalty);
                let seen = rows.slice(s![.., ..columns]);
                let found = Reduction::new(seen, &targets, &groups, section, penalty).fit()?;
                Model::Randomised(RandomisedClassifier::new(&found, rows.ncols(), device))
            }
            _ => Model::Linear(LinearModel::new(&linear_parts(config, data)?, device)),
        };
        let report = FitReport { seconds: started.elapsed().as_secs_f64(), ..FitReport::default() };
        Ok((model, report))
    }
}

/// Width of the code of a linear model.
fn linear_width(config: &Config, input: usize) -> usize {
    match config.model.kind {
        Kind::Pca => config.model.latent,
        Kind::Raw | Kind::Reduction => input,
        _ => input - 1,
    }
}

/// The baselines without a learned representation, and principal components.
fn linear_parts(config: &Config, data: &Splits) -> Result<LinearParts> {
    let rows = data.train.all_grey();
    let (targets, input) = (data.train.labels(), rows.ncols());
    let width = linear_width(config, input);
    let mut parts = LinearParts::selecting(width, input);
    if config.model.kind == Kind::Pca {
        let found = PrincipalComponents::of(&rows.slice(s![.., ..input - 1]).to_owned())?;
        // Along the others there is rounding alone, which a classifier that standardises would be fitted to.
        let kept = width.min(found.rank());
        if kept < width {
            progress::line(&format!(
                "pca: {kept} of {width} components: the training rows vary along no more directions; the others are 0"
            ));
        }
        parts.components.fill(0.0);
        parts
            .components
            .slice_mut(s![..kept, ..input - 1])
            .assign(&found.components.slice(s![..kept, ..]));
        parts.mean.slice_mut(s![..input - 1]).assign(&ndarray::ArrayView1::from(&found.mean));
    }
    let codes = parts.codes(&rows);
    (parts.slopes, parts.biases) = if config.model.kind == Kind::Regularised {
        logistic::regularised(&codes, &targets, &groups(&data.train), config.logistic)?
    } else {
        LinearProbe::fit_with(codes.view(), &targets, config.logistic.penalty)?.plain_weights()
    };
    Ok(parts)
}

fn fit_variational<B: AutodiffBackend>(
    config: &Config,
    data: &Splits,
    session: &Session<B>,
) -> Result<(Model<B::InnerBackend>, FitReport)> {
    if let Some(text) = too_small_batches(config, &groups(&data.train)) {
        progress::line(&text);
    }
    let input = data.train.input_dim();
    let mut model = FairVae::<B>::new(config, input, session.noise, &session.device);
    if let Some(people) = data.known::<People>() {
        model = model.with_binary(&people.binary, &session.device);
    }
    let objective = Objective::new(config, session.noise);
    let binarise = config.data.binarise;
    let (mut model, report) =
        train::fit(model, &objective, data, binarise, &config.train, session)?;
    if config.model.kind == Kind::Vae {
        progress::line("logistic regression on the codes");
        let codes = codes_of(&model, &data.train, &session.device);
        let probe =
            LinearProbe::fit_with(codes.view(), &data.train.labels(), config.logistic.penalty)?;
        let (slopes, biases) = probe.plain_weights();
        model = model.with_classifier(&slopes, &biases);
    }
    Ok((Model::Variational(model), report))
}

/// Means of q(z|x) of a split, of which a device is given some rows at a time.
fn codes_of<B: Backend>(model: &FairVae<B>, split: &Split, device: &B::Device) -> Array2<f32> {
    let all: Vec<usize> = (0..split.len()).collect();
    encode_split(&OnDevice::<B, _>::new(model.clone(), device.clone()), split, &all).mean
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Tensor, TensorData};
    use shared::{backend::Flex, data::FetchOptions};

    use super::*;

    #[test]
    fn components_beyond_the_directions_of_the_rows_are_0() {
        let mut config: Config = toml::from_str(<Paper as paper::Paper>::PRESETS[0].1).unwrap();
        config.data.name = "people".into();
        config.model.kind = Kind::Pca;
        let options = FetchOptions::from_env(None);
        let data = kind::load(&Tables, &config.data, &options, None).unwrap();
        let mut parts = |latent: usize| {
            config.model.latent = latent;
            linear_parts(&config, &data).unwrap()
        };
        let (all, padded) = (parts(8), parts(10));
        assert_eq!(padded.components.slice(s![..8, ..]), all.components);
        assert!(padded.components.slice(s![8.., ..]).iter().all(|&number| number == 0.0));
        // Eight features vary along as many directions, and the classifier sees no more.
        assert!(
            all.components.rows().into_iter().all(|row| row.iter().any(|&number| number != 0.0))
        );
        assert_eq!(padded.biases, all.biases);
    }

    #[test]
    fn codes_do_not_depend_on_how_many_rows_are_encoded_at_once() {
        let text = <Paper as paper::Paper>::PRESETS[0].1;
        let mut config: Config = toml::from_str(text).unwrap();
        config.data.name = "people".into();
        config.model.kind = Kind::Vae;
        // More rows than a device is given at once.
        let rows = tables::load(&config.data, &FetchOptions::from_env(None)).unwrap().all();
        let (device, width) = (Default::default(), rows.input_dim());
        let model = FairVae::<Flex>::new(&config, width, Noise::new(3), &device);
        let values: Vec<f32> = rows.all_grey().iter().copied().collect();
        let x = Tensor::from_data(TensorData::new(values, [rows.len(), width]), &device);
        let together: Vec<f32> = model.posterior(x).mean.into_data().iter::<f32>().collect();
        assert_eq!(codes_of(&model, &rows, &device).into_iter().collect::<Vec<f32>>(), together);
    }
}
