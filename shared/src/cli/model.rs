//! A run's model, loaded for use.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, anyhow, bail};

use super::{
    Stop,
    asked::{Asked, Examples, Other, load_other},
    data_option::DataChoice,
    demand::{self, Purpose, Sizes},
    integrity::refuse_unusable,
    options::{Common, OfRun},
    own_data::{self, IfOther, load_own},
    paper::{Paper, RunConfig},
    shell::quoted,
};
use crate::{
    backend::Backend,
    data::{DataKind, FetchOptions, Identity, PixelShape, Preparation, Splits},
    device::{Device, on_device},
    metrics::EvaluateConfig,
    noise::Noise,
    progress,
    reading::{Places, from_table},
    run::{Metric, RunData, RunFolder},
    train::TrainConfig,
    trained::{OnDevice, Trained},
    weights,
};

/// A run with its model; its data are loaded on demand.
pub struct Loaded<P: Paper> {
    /// The run.
    pub run: RunFolder,
    /// Its configuration.
    pub config: P::Config,
    /// Its description of the data, whether or not they are available.
    pub preparation: Preparation,
    /// Its model.
    pub model: Box<dyn Trained>,
    /// Device of the model.
    pub device: Device,
    data: OnceLock<own_data::LoadedData>,
    other: OnceLock<Other>,
    source: Option<Source>,
}

/// Where the data of a run are loaded from when they are needed.
struct Source {
    common: Common,
    kept: Option<RunData>,
    if_other: IfOther,
    /// Set on first use.
    is_used: AtomicBool,
}

impl Drop for Source {
    fn drop(&mut self) {
        if self.if_other == IfOther::Use && !self.is_used.load(Ordering::Relaxed) {
            progress::line("--other-data: without effect, this command needed no data");
        }
    }
}

impl<P: Paper> Loaded<P> {
    /// Opens the run, unless the model cannot run `command`.
    ///
    /// # Errors
    /// If there is no finished run, or it cannot run the command.
    pub fn open(of: &OfRun, command: &str) -> Result<Self> {
        Self::of_run(of.open::<P>()?, of, command)
    }

    /// The same for a command that writes into the run.
    ///
    /// # Errors
    /// As [`Self::open`], and if another process writes into the run, or no command may.
    pub fn open_to_change(of: &OfRun, command: &str) -> Result<Self> {
        let run = of.open::<P>()?;
        run.lock()?;
        Self::of_run(run, of, command)
    }

    /// The same for a command that adds to the run's record what it prints; that of a bundle stays as it is.
    ///
    /// # Errors
    /// As [`Self::open`], and if another process writes into the run.
    pub fn open_to_add(of: &OfRun, command: &str) -> Result<Self> {
        let run = of.open::<P>()?;
        if !run.is_bundle() {
            run.lock()?;
        }
        Self::of_run(run, of, command)
    }

    fn of_run(run: RunFolder, of: &OfRun, command: &str) -> Result<Self> {
        let device = of.common.device()?;
        let config: P::Config = run.config()?;
        if let Some(reason) = P::cannot(command, &config) {
            return Err(Stop::Cannot(reason).into());
        }
        refuse_unusable::<P>(&run)?;
        // A folder that does not exist is refused even if no data will be needed.
        if let Some(folder) = &of.common.data_dir {
            FetchOptions::named(Some(folder.clone()))?;
        }
        let if_other = IfOther::with_option(of.other_data);
        let kept = RunData::read(&run)?;
        let data = OnceLock::new();
        let preparation = match &kept {
            Some(kept) => kept.preparation.clone(),
            // A run of an older version cannot do without its data.
            None => {
                let own = load_own::<P>(&run, &config, &of.common, None, if_other)?;
                Preparation::of(&data.get_or_init(|| own).splits)
            }
        };
        let places = Places::new(run.file(RunFolder::CONFIG).display().to_string(), "");
        demand::check::<P>(
            &config,
            Sizes::of_shape(preparation.shape),
            device,
            Purpose::Load,
            &places,
        )?;
        let model = load::<P>(&config, preparation.shape, device, &run.file(weights::WEIGHTS))
            .with_context(|| format!("cannot load {}", run.path().display()))?;
        // A run of an older version has asked for them already.
        let is_used = AtomicBool::new(data.get().is_some());
        let source = Some(Source { common: of.common.clone(), kept, if_other, is_used });
        let other = OnceLock::new();
        Ok(Self { run, config, preparation, model, device, data, other, source })
    }

    /// A run with its data.
    pub(super) fn with_data(
        run: RunFolder,
        config: P::Config,
        splits: Splits,
        model: Box<dyn Trained>,
        device: Device,
    ) -> Self {
        let preparation = Preparation::of(&splits);
        let data = OnceLock::from(own_data::LoadedData { splits, trained_on: None });
        let other = OnceLock::new();
        Self { run, config, preparation, model, device, data, other, source: None }
    }

    /// Its data, loaded on first use.
    ///
    /// # Errors
    /// If they are not available, or differ from the run's own without `--other-data`.
    pub fn data(&self) -> Result<&Splits> {
        if self.data.get().is_none() {
            let Some(Source { common, kept, if_other, is_used }) = &self.source else {
                bail!("{} has no data", self.run.path().display());
            };
            is_used.store(true, Ordering::Relaxed);
            let own = load_own::<P>(&self.run, &self.config, common, kept.as_ref(), *if_other)?;
            // One thread opens a run; were there two, both loaded the same.
            let _ = self.data.set(own);
        }
        match self.data.get() {
            Some(own) => Ok(&own.splits),
            None => bail!("{} has no data", self.run.path().display()),
        }
    }

    /// The examples that a command asks about: of the run's data, or other data.
    ///
    /// # Errors
    /// As [`Self::data`]; if other data cannot be read, or are none for this model.
    pub fn examples(&self, asked: &Asked) -> Result<Examples> {
        Examples::of(self, asked)
    }

    /// The same for a command that says how likely they are: each must have a class of a model conditional on it.
    ///
    /// # Errors
    /// As [`Self::examples`], and a class that the model does not know.
    pub(super) fn scored_examples(&self, asked: &Asked) -> Result<Examples> {
        if let Some(choice) = &asked.on.other {
            self.other(choice)?.refuse_strange(choice)?;
        }
        self.examples(asked)
    }

    /// Data in place of the run's own, loaded on first use.
    pub(super) fn other(&self, choice: &DataChoice) -> Result<&Other> {
        if self.other.get().is_none() {
            let Some(Source { common, kept, .. }) = &self.source else {
                bail!("{} was just fitted", self.run.path().display());
            };
            let _ = self.other.set(load_other(self, kept.as_ref(), common, choice)?);
        }
        self.other.get().with_context(|| "there are no other data")
    }

    /// The identity of the run's own data, if others are used instead.
    pub(super) fn trained_on(&self) -> Option<&Identity> {
        if self.other.get().is_some() {
            return Some(&self.source.as_ref()?.kept.as_ref()?.identity);
        }
        self.data.get()?.trained_on.as_ref()
    }

    /// Adds metrics that a command of its own found on [its data](Self::data) to the run's record, if it has one and they
    /// are not other data than it was fitted to.
    ///
    /// # Errors
    /// If the record cannot be read or written.
    pub fn add_metrics(&self, metrics: BTreeMap<String, Metric>) -> Result<()> {
        if self.data.get().is_some_and(|data| data.trained_on.is_some()) {
            progress::line("found on other data: the run's record is left as it is");
            return Ok(());
        }
        if self.run.is_bundle() {
            progress::line("the record of a bundle is left as it is");
            return Ok(());
        }
        self.run.add_metrics(metrics)
    }

    /// The caption of a picture of this run: paper, run, code, data.
    pub fn title(&self) -> String {
        let name = self.run.path().file_name().unwrap_or_default().to_string_lossy();
        let (latents, data) = (self.model.latent_dim(), self.config.data().title());
        let other = match (self.other.get(), self.trained_on()) {
            (Some(other), _) => format!("; on {}", other.title),
            (None, Some(_)) => ", other data than it was fitted to".to_owned(),
            (None, None) => String::new(),
        };
        format!("{} {name}, {latents} latents, {data}{other}", P::NAME)
    }

    /// Name of a file its examples are drawn into.
    pub(super) fn drawn_as(&self, stem: &str) -> String {
        format!("{stem}.{}", P::ending(&self.config))
    }

    /// The run's randomness.
    pub fn noise(&self) -> Noise {
        Noise::new(self.config.seed())
    }
}

/// The options that name this run, where its folder is one that `train` makes.
pub(super) fn place_of<P: Paper>(run: &Path) -> String {
    let Some((paper, name)) = run.parent().zip(run.file_name()) else { return String::new() };
    match paper.parent() {
        Some(out) if paper.ends_with(P::NAME) => {
            let out = if out.as_os_str().is_empty() { Path::new(".") } else { out };
            format!(
                " --out {} --name {}",
                quoted(&out.to_string_lossy()),
                quoted(&name.to_string_lossy())
            )
        }
        _ => String::new(),
    }
}

/// Refuses a configuration that does not fit these data, before anything is fitted or written.
pub(super) fn refuse<P: Paper>(
    config: &P::Config,
    data: &Splits,
    device: Device,
    purpose: Purpose,
    places: &Places,
) -> Result<()> {
    // A command may have made it, and ranges are checked where a number is read.
    let table = toml::Table::try_from(config)?;
    from_table::<P::Config>(&table).map_err(|mistake| anyhow!("{mistake}"))?;
    let problem = config
        .problem()
        .or_else(|| not_binarised::<P>(config, data.train.shape()))
        .or_else(|| P::problem(config, data.train.shape()))
        .or_else(|| P::problem_with(config, data))
        .or_else(|| P::problem_of_use(config, data))
        .or_else(|| too_few_for_samples::<P>(config.evaluate(), data))
        .or_else(|| epochs_too_long::<P>(&table, data.train.len()));
    if let Some(problem) = problem {
        bail!("{}", places.locate(&problem));
    }
    demand::check::<P>(config, Sizes::of(data), device, purpose, places)
}

/// What is wrong with the epochs of a phase of the fit on a training split of this many, if anything.
fn epochs_too_long<P: Paper>(table: &toml::Table, split: usize) -> Option<String> {
    P::PHASES.iter().find_map(|phase| {
        let config: TrainConfig = table.get(*phase)?.clone().try_into().ok()?;
        config.problem_with(split).map(|problem| format!("[{phase}] {problem}"))
    })
}

/// True if samples are to be compared with images.
fn are_samples_asked_for<P: Paper>(evaluate: &EvaluateConfig) -> bool {
    evaluate.samples.is_some() && P::KIND.examples() == DataKind::Images
}

/// What is wrong with comparing samples with the test images, if anything: their features need a covariance.
fn too_few_for_samples<P: Paper>(evaluate: &EvaluateConfig, data: &Splits) -> Option<String> {
    (are_samples_asked_for::<P>(evaluate) && data.has_classes() && data.test.len() == 1).then(|| {
        "[evaluate.samples]: samples are compared with the test images, of which there is one; two are the least"
            .into()
    })
}

/// Why images of this shape are not binarised, if they were to be.
fn not_binarised<P: Paper>(config: &P::Config, shape: PixelShape) -> Option<String> {
    let binarise = config.data().binarise;
    (shape.is_coloured() && binarise.is_binary()).then(|| {
        let colour = P::PRESETS.iter().any(|(name, _)| *name == "colour");
        format!(
            "[data] binarise = \"{}\": a Bernoulli likelihood is for black and white, and these images have \
             colour: use {}, or --grey",
            binarise.name(),
            if colour { "--config colour" } else { "--set data.binarise=none" }
        )
    })
}

/// The same, and says what in the configuration means nothing for these data.
pub(super) fn check<P: Paper>(
    config: &P::Config,
    data: &Splits,
    device: Device,
    purpose: Purpose,
    places: &Places,
) -> Result<()> {
    refuse::<P>(config, data, device, purpose, places)?;
    let modelled = (P::KIND.examples(), P::KIND.has_factors());
    let examples = P::KIND.source(config.data()).map_or(modelled.0, |source| source.examples());
    let of = (&*config.data().name, examples, data.factors.is_some());
    let lines = without_effect(config.evaluate(), of, modelled)
        .into_iter()
        .chain(without_judge::<P>(config.evaluate(), data))
        .chain(not_probed::<P>(config.evaluate(), data))
        .chain(places.without_effect(&P::unused(config)));
    lines.for_each(|line| progress::line(&line));
    Ok(())
}

/// Numbers of labels that no probe is fitted to; models of sequences have none to fit.
pub(super) fn not_probed<P: Paper>(evaluate: &EvaluateConfig, data: &Splits) -> Option<String> {
    let has_probes = P::KIND.examples() != DataKind::Sequences;
    has_probes.then(|| evaluate.not_probed(data.train.len())).flatten()
}

/// Samples that no classifier can judge.
fn without_judge<P: Paper>(evaluate: &EvaluateConfig, data: &Splits) -> Option<String> {
    (are_samples_asked_for::<P>(evaluate) && !data.has_classes()).then(|| {
        "[evaluate.samples] is by a classifier's features, and these images have one class: without effect".into()
    })
}

/// Settings of the evaluation that mean nothing for data of this name whose examples are these, in a paper
/// that models `modelled`, and known factors or not.
fn without_effect(
    evaluate: &EvaluateConfig,
    (name, examples, has_factors): (&str, DataKind, bool),
    (modelled, asks_for_factors): (DataKind, bool),
) -> Vec<String> {
    let has_images = examples == DataKind::Images && modelled == DataKind::Images;
    let reason = match (examples, modelled) {
        (DataKind::Images, DataKind::Sequences) => "its images are modelled as sequences of rows",
        (DataKind::Images, _) if has_factors => "this program does not ask for them",
        (DataKind::Images, _) => "it has no known factors",
        (DataKind::Tables, _) => "it is a table",
        (DataKind::Sequences, _) => "it has sequences",
    };
    let is_table = examples == DataKind::Tables;
    [
        (evaluate.samples.is_some() && !has_images, "[evaluate.samples]", "images"),
        (
            evaluate.disentanglement.is_some() && !(has_factors && asks_for_factors),
            "[evaluate.disentanglement]",
            "dsprites",
        ),
        (evaluate.forest_trees.is_some() && !is_table, "[evaluate] forest_trees", "tables"),
    ]
    .into_iter()
    .filter(|(is, ..)| *is)
    .map(|(_, what, of)| match of {
        "tables" => format!("{what} is for {of}: without effect on {name}"),
        of => format!("{what} is for {of}: without effect on {name}, {reason}"),
    })
    .collect()
}

/// A model built as configured, with the weights of a file.
pub(super) fn load<P: Paper>(
    config: &P::Config,
    shape: PixelShape,
    device: Device,
    weights: &Path,
) -> Result<Box<dyn Trained>> {
    fn on<P: Paper, B: Backend>(
        config: &P::Config,
        shape: PixelShape,
        device: B::Device,
        path: &Path,
    ) -> Result<Box<dyn Trained>>
    where
        B::Device: Sync,
    {
        let model = P::build::<B>(config, shape, Noise::new(config.seed()), &device);
        Ok(Box::new(OnDevice::new(weights::load(model, path)?, device)))
    }
    on_device!(device, |B, handle| on::<P, B>(config, shape, handle, weights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::EvaluateConfig;

    #[test]
    fn settings_of_the_evaluation_that_mean_nothing_are_said() {
        let evaluate: EvaluateConfig =
            toml::from_str("forest_trees = 3\n[samples]\n[disentanglement]\n").unwrap();
        let lines = |of, modelled| without_effect(&evaluate, of, (modelled, true)).join("; ");
        let said = lines(("adult", DataKind::Tables, false), DataKind::Tables);
        assert!(said.contains("[evaluate.samples] is for images") && !said.contains("forest"));
        let said = lines(("dsprites", DataKind::Images, true), DataKind::Images);
        assert_eq!(said, "[evaluate] forest_trees is for tables: without effect on dsprites");
        let said = lines(("mnist", DataKind::Images, false), DataKind::Sequences);
        assert!(
            said.contains("[evaluate.samples]") && said.contains("sequences of rows"),
            "{said}"
        );
        let none = EvaluateConfig::default();
        let tunes = ("tunes", DataKind::Sequences, false);
        assert!(without_effect(&none, tunes, (DataKind::Sequences, false)).is_empty());
    }
}
