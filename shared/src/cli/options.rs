//! Options several commands share.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::{
    asked::{Asked, On, To},
    configuration::ConfigurationArgs,
    demand::LARGEST,
    paper::Paper,
};
use crate::{
    data::{Split, Splits},
    device::Device,
    progress,
    run::{Bundle, RunError, RunFolder},
};

/// The device, and where to find the data.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Device: flex, ndarray, cuda[:N] or wgpu[:N] (default: the best available).
    #[arg(long, value_name = "DEVICE")]
    device: Option<Device>,
    /// Folder with data files, searched before the cache and the network.
    #[arg(long, value_name = "FOLDER")]
    pub(super) data_dir: Option<PathBuf>,
    /// Where relative paths of the configuration start.
    #[arg(skip)]
    pub(super) base: PathBuf,
}

impl Common {
    /// The chosen device, checked.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn device(&self) -> Result<Device> {
        match self.device {
            Some(device) => {
                device.check().map_err(|reason| anyhow!("--device {device}: {reason}"))?;
                Ok(device)
            }
            None => Device::best().map_err(|reason| anyhow!(reason)),
        }
    }

    /// The same, with relative paths in `configuration` starting in the folder of its file.
    #[must_use]
    pub fn relative_to(&self, configuration: &ConfigurationArgs) -> Self {
        self.starting_in(configuration.base())
    }

    /// The same, with relative paths of a configuration starting in `base`.
    pub(super) fn starting_in(&self, base: PathBuf) -> Self {
        Self { base, ..self.clone() }
    }
}

/// A trained run.
#[derive(Args, Clone, Debug)]
pub struct OfRun {
    /// Folder of the run (default: runs/PAPER/quick), or a bundle of one: a file PAPER-NAME.tar.gz or its
    /// https address, with #sha256=HEX appended to have it checked.
    #[arg(long, value_name = "FOLDER|FILE|URL")]
    pub(super) run: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
    /// Use the data even though the run was fitted to others.
    #[arg(long)]
    pub(super) other_data: bool,
}

impl OfRun {
    /// The run, unpacked if it is a bundle.
    pub(super) fn open<P: Paper>(&self) -> Result<RunFolder> {
        let default = || PathBuf::from("runs").join(P::NAME).join(P::PRESETS[0].0);
        let path = self.run.clone().unwrap_or_else(default);
        let Some(bundle) = Bundle::named(&path).map_err(|error| anyhow!("--run {error}"))? else {
            return RunFolder::open(with_names(path)).map_err(|error| match error {
                RunError::Missing(_) => anyhow!("{error} with --run"),
                error => error.into(),
            });
        };
        let run = bundle.open()?;
        let paper = run.path().parent().and_then(|paper| paper.file_name()).unwrap_or_default();
        if paper != P::NAME {
            let paper = paper.to_string_lossy();
            bail!("{bundle} is a run of {paper}, and this program is {}: ask {paper}", P::NAME);
        }
        Ok(run)
    }
}

/// The same folder by a path that says the run's name and its paper's, where this one has parts as `..` at its end.
fn with_names(path: PathBuf) -> PathBuf {
    let is_named = |path: &Path| path.file_name().is_some();
    if is_named(&path) && path.parent().is_some_and(is_named) {
        return path;
    }
    fs::canonicalize(&path).unwrap_or(path)
}

/// A split by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SplitChoice {
    Train,
    Valid,
    Test,
    All,
}

impl SplitChoice {
    /// Those that share out the examples.
    pub(super) const THREE: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    pub(super) fn of(self, data: &Splits) -> Split {
        match self {
            Self::Train => data.train.clone(),
            Self::Valid => data.valid.clone(),
            Self::Test => data.test.clone(),
            Self::All => data.all(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Valid => "validation",
            Self::Test => "test",
            Self::All => "all",
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct EvaluateArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// K of the importance-weighted bound (default: as configured).
    #[arg(long, value_name = "K")]
    pub(super) samples: Option<usize>,
    /// Number of test images for the bound (default: as configured).
    #[arg(long, value_name = "N")]
    pub(super) images: Option<usize>,
    #[command(flatten)]
    pub(super) on: On,
}

#[derive(Args, Debug)]
pub(super) struct ReconstructArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Images by index (default: one per class among the first 36, at least ten).
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    pub(super) indices: Option<Vec<usize>>,
    #[command(flatten)]
    pub(super) asked: Asked,
    /// Also decode N draws from the posterior, beside the decoded mean.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) draws: usize,
    /// Add noise to the images first: its standard deviation, or the share of pixels it hits.
    #[arg(long, value_name = "LEVEL")]
    pub(super) noise: Option<f64>,
    /// Kind of that noise.
    #[arg(long, value_name = "KIND", default_value = "gaussian", requires = "noise")]
    pub(super) noise_kind: NoiseKind,
    #[command(flatten)]
    pub(super) to: To,
}

/// What `reconstruct --noise` does to a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum NoiseKind {
    /// Adds a normal number of this standard deviation, then clips to [0, 1].
    Gaussian,
    /// Sets it to 0 with this probability.
    Masking,
    /// Sets it to 0 or 1, with equal chances, with this probability.
    SaltAndPepper,
}

#[derive(Args, Debug)]
pub(super) struct SampleArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Number of samples (default: 100, of sequences 20).
    #[arg(long)]
    pub(super) count: Option<usize>,
    /// Seed of the samples (default: the run's).
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Draw this class only, by name or number, from a model conditional on classes.
    #[arg(long, value_name = "CLASS")]
    pub(super) class: Option<String>,
    /// What a pixel shows of p(x|z).
    #[arg(long, value_enum, default_value_t)]
    pub(super) pixels: Pixels,
    #[command(flatten)]
    pub(super) to: To,
}

/// What a pixel of a sample shows of p(x|z).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Pixels {
    /// Its mean.
    #[default]
    Mean,
    /// A draw.
    Drawn,
}

#[derive(Args, Debug)]
pub(super) struct InterpolateArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// First and last image, by index (default: one of class 2 and one of class 7).
    #[arg(long, value_delimiter = ',', value_name = "I,J", num_args = 1)]
    pub(super) indices: Option<Vec<usize>>,
    /// Images in the row, both ends included.
    #[arg(long, default_value_t = 11)]
    pub(super) steps: usize,
    #[command(flatten)]
    pub(super) asked: Asked,
    #[command(flatten)]
    pub(super) to: To,
}

#[derive(Args, Debug)]
pub(super) struct TraverseArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Image whose code is varied, by index (default: the prior's mean; without a prior, image 0).
    #[arg(long)]
    pub(super) index: Option<usize>,
    /// Range on both sides, in standard deviations of the prior, or of the codes where there is none.
    #[arg(long, default_value_t = 3.0)]
    pub(super) span: f32,
    /// Images per row.
    #[arg(long, default_value_t = 11)]
    pub(super) steps: usize,
    /// Number of latents, the most informative first (default: 12, or all if fewer).
    #[arg(long, value_name = "N")]
    pub(super) latents: Option<usize>,
    #[command(flatten)]
    pub(super) asked: Asked,
    #[command(flatten)]
    pub(super) to: To,
}

#[derive(Args, Debug)]
pub(super) struct LatentMapArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Number of points (default: 5000, or all if fewer).
    #[arg(long, value_name = "N")]
    pub(super) points: Option<usize>,
    #[command(flatten)]
    pub(super) asked: Asked,
    #[command(flatten)]
    pub(super) to: To,
}

#[derive(Args, Debug)]
pub(super) struct ExploreArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Another run beside it, with one control for both but for the map: its folder, its bundle, or a page of it.
    #[arg(long, value_name = "RUN")]
    pub(super) beside: Option<PathBuf>,
    /// Round the weights of large layers to 16 bits: a page half as large, whose numbers are not quite
    /// the program's.
    #[arg(long)]
    pub(super) half: bool,
    #[command(flatten)]
    pub(super) asked: Asked,
    #[command(flatten)]
    pub(super) to: To,
    /// Also write what the program makes of 100 images and 100 codes, as JSON, to test the page.
    #[arg(long, value_name = "FILE")]
    pub(super) expected: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct EncodeArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    #[command(flatten)]
    pub(super) asked: Asked,
    #[command(flatten)]
    pub(super) to: To,
}

#[derive(Args, Debug)]
pub(super) struct ScoreArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Samples of the importance-weighted bound, where log p(x) has no closed form (default: 100).
    #[arg(long, value_name = "K")]
    pub(super) samples: Option<usize>,
    /// Score only the first N examples.
    #[arg(long, value_name = "N")]
    pub(super) examples: Option<usize>,
    #[command(flatten)]
    pub(super) asked: Asked,
    #[command(flatten)]
    pub(super) to: To,
}

#[derive(Args, Debug)]
pub(super) struct BoundsArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Numbers of weights, rising.
    #[arg(long, value_name = "K,...", value_delimiter = ',', default_value = "1,10,100,1000")]
    pub(super) samples: Vec<usize>,
    /// Only the first N examples (default: 500).
    #[arg(long, value_name = "N")]
    pub(super) examples: Option<usize>,
    #[command(flatten)]
    pub(super) asked: Asked,
    #[command(flatten)]
    pub(super) to: To,
}

/// Says that an option asks for more examples than `of` has.
pub(super) fn say_all_are_taken(option: &str, asked: Option<usize>, there: usize, of: &str) {
    if let Some(asked) = asked.filter(|asked| *asked > there) {
        progress::line(&format!("{option} {asked}: {of} has {there}, all are taken"));
    }
}

/// The numbers of a list, as an option has them.
pub(super) fn as_typed(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Refuses a count of nothing that an option asks for.
///
/// # Errors
/// The option.
pub fn refuse_zero(option: &str, number: impl Into<Option<usize>>) -> Result<()> {
    if number.into() == Some(0) {
        bail!("{option} 0: at least 1");
    }
    Ok(())
}

/// Refuses a number of samples that would never be drawn: zero, or more than a configuration may ask for.
pub(super) fn refuse_samples(number: Option<usize>) -> Result<()> {
    refuse_zero("--samples", number)?;
    match number {
        Some(number) if number as u64 > LARGEST as u64 => {
            bail!("--samples {number} is out of proportion: at most {LARGEST}")
        }
        _ => Ok(()),
    }
}

#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) of: OfRun,
    /// Folder to write to, which holds no export yet.
    #[arg(long, value_name = "FOLDER")]
    pub(super) to: PathBuf,
    /// Also write the -ELBO terms of the first N test images with their inputs and noise, to compare
    /// another implementation.
    #[arg(long, value_name = "N")]
    pub(super) terms: Option<usize>,
    /// Also write ONNX models: encoder, decoder, and the prior and the classifier where there is one.
    #[arg(long)]
    pub(super) onnx: bool,
}

#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// The safetensors file.
    #[arg(long, value_name = "FILE")]
    pub(super) weights: PathBuf,
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgs,
    #[command(flatten)]
    pub(super) target: super::train::TargetArgs,
    #[command(flatten)]
    pub(super) common: Common,
}
