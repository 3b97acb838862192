//! The trait that a paper's crate implements.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Serialize, de::DeserializeOwned};

use super::{Loaded, Sheet};
use crate::{
    autoencoder::Autoencoder,
    backend::{AutodiffBackend, Backend},
    data::{DataConfig, PixelShape, Preparation, Splits},
    kind::{Images, Kind},
    memory::Needs,
    metrics::EvaluateConfig,
    noise::Noise,
    train::{FitReport, Session},
};

/// Keys of the evaluation that control the estimate of log p(x).
pub const ESTIMATE: &[&str] =
    &["evaluate.nll_samples", "evaluate.nll_images", "evaluate.prior_samples"];

/// These keys with one reason, in the form of [`Paper::unused`].
pub fn unused_because(keys: &[&'static str], reason: &str) -> Vec<(&'static str, String)> {
    keys.iter().map(|key| (*key, reason.to_owned())).collect()
}

/// One paper: how its model is configured, built and fitted. All commands follow from it.
///
/// The smallest paper describes every image by the mean training image:
///
/// ```
/// use burn::{module::{Module, Param}, tensor::Tensor};
/// use serde::{Deserialize, Serialize};
/// use shared::{
///     AutodiffBackend, Backend,
///     autoencoder::{Autoencoder, Given},
///     backend::Flex,
///     data::{Binarise, DataConfig, PixelShape, Preparation, Splits},
///     likelihood::Likelihood,
///     metrics::EvaluateConfig,
///     nn::{parameter, zeros},
///     noise::Noise,
///     paper::{Paper, RunConfig},
///     posterior::Posterior,
///     train::{FitReport, Session},
/// };
///
/// #[derive(Module, Debug)]
/// struct Mean<B: Backend> {
///     image: Param<Tensor<B, 2>>, // [1, pixels]
/// }
///
/// impl<B: Backend> Autoencoder<B> for Mean<B> {
///     fn input_dim(&self) -> usize {
///         self.image.dims()[1]
///     }
///
///     fn latent_dim(&self) -> usize {
///         1
///     }
///
///     fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
///         Posterior::Point(Tensor::zeros([x.dims()[0], 1], &x.device())) // [examples, latent]
///     }
///
///     fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
///         let mean = self.image.val().expand([z.dims()[0], self.input_dim()]); // [examples, pixels]
///         Likelihood::Gaussian { log_var: mean.zeros_like(), mean }
///     }
/// }
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Config {
///     seed: u64,
///     data: DataConfig,
///     #[serde(default)]
///     evaluate: EvaluateConfig,
/// }
/// # impl RunConfig for Config {
/// #     fn seed(&self) -> u64 { self.seed }
/// #     fn data(&self) -> &DataConfig { &self.data }
/// #     fn evaluate(&self) -> &EvaluateConfig { &self.evaluate }
/// #     fn problem(&self) -> Option<String> { None }
/// # }
///
/// struct MeanImage;
///
/// impl Paper for MeanImage {
///     const NAME: &'static str = "mean-image";
///     const ABOUT: &'static str = "Every image is the mean image";
///     const CITATION: &'static str = "Nobody: A Baseline. Nowhere, never.";
///     const PRESETS: &'static [(&'static str, &'static str)] =
///         &[("quick", "seed = 1\n[data]\nname = \"mnist\"\nbinarise = \"none\"")];
///
///     type Config = Config;
///     type Model<B: Backend> = Mean<B>;
///
///     fn build<B: Backend>(_: &Config, shape: PixelShape, _: Noise, device: &B::Device) -> Mean<B> {
///         Mean { image: zeros(1, [1, shape.pixels()], device) } // to load weights into
///     }
///
///     fn fit<B: AutodiffBackend>(
///         _: &Config,
///         data: &Splits,
///         session: &Session<B>,
///     ) -> anyhow::Result<(Mean<B::InnerBackend>, FitReport)> {
///         let mean = data.train.mean(Binarise::None); // [pixels]
///         let shape = [1, mean.len()];
///         let image = parameter(1, mean, shape, &session.device);
///         Ok((Mean { image }, FitReport::default()))
///     }
/// }
///
/// // `shared::cli::run::<MeanImage>()` in `main` would be the whole program.
/// let config: Config = toml::from_str(MeanImage::PRESETS[0].1).unwrap();
/// let shape = PixelShape::grey(28, 28);
/// let model = MeanImage::build::<Flex>(&config, shape, Noise::new(1), &Default::default());
/// assert_eq!((model.input_dim(), model.latent_dim()), (784, 1));
/// ```
pub trait Paper: Sized + 'static {
    /// Name of the crate and the program.
    const NAME: &'static str;
    /// One line for `--help`.
    const ABOUT: &'static str;
    /// Authors, title, venue, year.
    const CITATION: &'static str;
    /// Configurations that come with the program, `(name, TOML)`; the first is the default.
    const PRESETS: &'static [(&'static str, &'static str)];

    /// The kind of data: its examples, their source, and the metrics of a model of them.
    const KIND: &'static dyn Kind = &Images;

    /// Sections of the phases of gradient descent, in order: `--epochs` and `--batch-size` set each of
    /// them that a configuration has. Empty if the fit has a closed form.
    const PHASES: &'static [&'static str] = &["train"];
    /// The phases whose passes `--epochs` counts, for its help text, if the fit has several.
    const EPOCHS: &'static str = "";

    /// The section of the last fit of a run of this configuration, the only one that `--resume` can make longer: what
    /// follows a fit starts from its result. `None` if that section is of several fits, or there is none.
    fn last_phase(config: &Self::Config) -> Option<&'static str> {
        let table = toml::Table::try_from(config).ok()?;
        Self::PHASES.iter().rev().copied().find(|phase| table.contains_key(*phase))
    }

    /// The whole configuration of a run.
    type Config: RunConfig;
    /// The model.
    type Model<B: Backend>: Autoencoder<B> + Sync;

    /// An unfitted model for inputs of this shape.
    fn build<B: Backend>(
        config: &Self::Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Self::Model<B>;

    /// Fits a model to the training split; the fitted model, and how the fit went.
    ///
    /// # Errors
    /// [`Interrupted`](crate::train::Interrupted) after Ctrl-C; if the fit breaks down or files cannot be
    /// written.
    fn fit<B: AutodiffBackend>(
        config: &Self::Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Self::Model<B::InnerBackend>, FitReport)>;

    /// Memory of a training step beyond one pass of an example through all layers.
    ///
    /// Models too large for the machine are refused on this basis before anything is built; `examples`
    /// counts the training split.
    fn needs(_config: &Self::Config, _shape: PixelShape, _examples: usize) -> Needs {
        Needs::default()
    }

    /// The error of a configuration for inputs of this shape, if any.
    fn problem(_config: &Self::Config, _shape: PixelShape) -> Option<String> {
        None
    }

    /// The same for these data, checked before a model is fitted to them or, once fitted, used on others.
    fn problem_of_use(_config: &Self::Config, _data: &Splits) -> Option<String> {
        None
    }

    /// What a fit to these data needs besides, checked before anything is fitted or written.
    fn problem_with(_config: &Self::Config, _data: &Splits) -> Option<String> {
        None
    }

    /// Dotted sections and keys that a run of this configuration does not use, each with the reason; an
    /// option that sets nothing else is reported as without effect.
    fn unused(_config: &Self::Config) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Advice against a collapsed posterior in this configuration, beginning with the option; `None`
    /// if the KL is near zero by design.
    fn against_collapse(_config: &Self::Config) -> Option<String> {
        None
    }

    /// Draws the paper's own pictures of a fresh run and returns their files.
    ///
    /// # Errors
    /// If they cannot be written.
    fn pictures(_run: &Loaded<Self>) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// Ending of the files its examples are drawn into.
    fn ending(_config: &Self::Config) -> &'static str {
        "png"
    }

    /// What a step of its sequences is, for the page of `explore`: a JSON object with its `kind`.
    fn shown_steps(_config: &Self::Config, _preparation: &Preparation) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Draws examples that are no images into a file with this ending and returns the files, this one first;
    /// `None` draws them as images.
    ///
    /// # Errors
    /// If they cannot be written.
    fn draw(_run: &Loaded<Self>, _sheet: &Sheet, _path: &Path) -> Result<Option<Vec<PathBuf>>> {
        Ok(None)
    }

    /// The reason why this model cannot run a shared command, or take "snapshots" in training, if any.
    fn cannot(_command: &str, _config: &Self::Config) -> Option<String> {
        None
    }
}

/// A run's configuration: the sections every paper has.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use shared::{data::DataConfig, metrics::EvaluateConfig, paper::RunConfig};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Config {
///     seed: u64,
///     #[serde(deserialize_with = "shared::ranges::at_least_one")]
///     latent: usize,
///     data: DataConfig,
///     #[serde(default)]
///     evaluate: EvaluateConfig,
/// }
///
/// impl RunConfig for Config {
///     fn seed(&self) -> u64 {
///         self.seed
///     }
///
///     fn data(&self) -> &DataConfig {
///         &self.data
///     }
///
///     fn evaluate(&self) -> &EvaluateConfig {
///         &self.evaluate
///     }
///
///     fn problem(&self) -> Option<String> {
///         None
///     }
/// }
///
/// let text = "seed = 1\nlatent = 3\n[data]\nname = \"mnist\"\nbinarise = \"none\"";
/// let config: Config = toml::from_str(text).unwrap();
/// assert_eq!(config.problem(), None);
/// let text = text.replace("latent = 3", "latent = 0");
/// assert!(toml::from_str::<Config>(&text).is_err());
/// ```
pub trait RunConfig: Clone + Serialize + DeserializeOwned {
    /// Seed of all random numbers.
    fn seed(&self) -> u64;
    /// `[data]`.
    fn data(&self) -> &DataConfig;
    /// `[evaluate]`.
    fn evaluate(&self) -> &EvaluateConfig;
    /// What is wrong between the settings, if anything, beginning with the section: a number alone is checked where it
    /// is read ([`ranges`]).
    fn problem(&self) -> Option<String>;
}
