//! A run's model, loaded for use.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::{
    Stop,
    options::{Common, OfRun},
};
use crate::{
    autoencoder::Autoencoder,
    backend::Backend,
    data::{self, DataKind, DataName, PixelShape, Splits},
    device::{Device, on_device},
    metrics::EvaluateConfig,
    noise::Noise,
    paper::{Paper, RunConfig},
    progress,
    run::RunFolder,
    train::{LABEL_HEAD, read_head},
    trained::{OnDevice, Trained},
    weights,
};

/// A run with its model and its data.
pub struct Loaded<P: Paper> {
    /// The run.
    pub run: RunFolder,
    /// Its configuration.
    pub config: P::Config,
    /// Its data.
    pub data: Splits,
    /// Its model.
    pub model: Box<dyn Trained>,
    /// Where the model computes.
    pub device: Device,
}

impl<P: Paper> Loaded<P> {
    /// Opens the run; refuses if the model cannot do `command`.
    ///
    /// # Errors
    /// If there is no finished run, or it cannot do the command.
    pub fn open(of: &OfRun, command: &str) -> Result<Self> {
        let device = of.common.device()?;
        let run = RunFolder::open(of.folder(P::NAME, P::PRESETS[0].0))?;
        let config: P::Config = run.config()?;
        if let Some(reason) = P::cannot(command, &config) {
            return Err(Stop::Cannot(reason).into());
        }
        if !run.file(weights::WEIGHTS).is_file() {
            return Err(anyhow!(
                "{} has no weights yet: its training did not finish; continue it with \
                 {} train --resume",
                run.path().display(),
                P::NAME
            ));
        }
        let data = load_data::<P>(&config, &of.common)?;
        let model = load::<P>(&config, data.train.shape(), device, &run.file(weights::WEIGHTS))
            .with_context(|| format!("cannot load {}", run.path().display()))?;
        Ok(Self { run, config, data, model, device })
    }

    /// What a picture of this run is entitled: paper, run, code, data.
    pub fn title(&self) -> String {
        let name = self.run.path().file_name().unwrap_or_default().to_string_lossy();
        let (latents, data) = (self.model.latent_dim(), self.config.data().name);
        format!("{} {name}, {latents} latents, {data}", P::NAME)
    }

    /// The run's randomness.
    pub fn noise(&self) -> Noise {
        Noise::new(self.config.seed())
    }
}

/// The data of a configuration, if they are what the paper is about.
pub(super) fn load_data<P: Paper>(config: &P::Config, common: &Common) -> Result<Splits> {
    let name = config.data().name;
    match (P::DATA, name.kind()) {
        // An image is a sequence of rows.
        (DataKind::Sequences, DataKind::Images) => {}
        (wanted, found) if wanted == found => {}
        (wanted, found) => {
            let examples = match wanted {
                DataKind::Images => "mnist, for instance, has images",
                DataKind::Tables => "adult, german, people and csv are tables",
                DataKind::Sequences => {
                    "jsb, bach, tunes, pen and text have sequences, and images too"
                }
            };
            bail!(
                "[data] name = \"{name}\": {} models {}, and these are {}; {examples}",
                P::NAME,
                kind(wanted),
                kind(found)
            )
        }
    }
    Ok(data::load(config.data(), &common.fetch_options())?)
}

/// Refuses what a configuration and these data cannot make together, and says what in it means nothing
/// for them; before anything is fitted or written.
pub(super) fn check<P: Paper>(config: &P::Config, data: &Splits) -> Result<()> {
    let problem = config
        .problem()
        .or_else(|| P::problem(config, data.train.shape()))
        .or_else(|| P::problem_with(config, data));
    if let Some(problem) = problem {
        bail!("{problem}");
    }
    for line in without_effect(config.evaluate(), config.data().name, P::DATA) {
        progress::line(&line);
    }
    Ok(())
}

/// Settings of the evaluation that mean nothing for such data.
fn without_effect(evaluate: &EvaluateConfig, name: DataName, modelled: DataKind) -> Vec<String> {
    let has_images = name.kind() == DataKind::Images && modelled == DataKind::Images;
    let reason = match (name.kind(), modelled) {
        (DataKind::Images, DataKind::Sequences) => "its images are modelled as sequences of rows",
        (DataKind::Images, _) => "it has no known factors",
        (DataKind::Tables, _) => "it is a table",
        (DataKind::Sequences, _) => "it has sequences",
    };
    let is_table = name.kind() == DataKind::Tables;
    [
        (evaluate.samples.is_some() && !has_images, "[evaluate.samples]", "images"),
        (
            evaluate.disentanglement.is_some() && name != DataName::Dsprites,
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

fn kind(kind: DataKind) -> &'static str {
    match kind {
        DataKind::Images => "images",
        DataKind::Tables => "tables with a sensitive attribute",
        DataKind::Sequences => "sequences",
    }
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
        let model = weights::load(model, path)?;
        with_labels(model, device, &path.with_file_name(LABEL_HEAD))
    }
    on_device!(device, |B, handle| on::<P, B>(config, shape, handle, weights))
}

/// A model on its device, with the layer in the file `head` if it learned labels too.
pub(super) fn with_labels<B: Backend, M: Autoencoder<B> + Sync + 'static>(
    model: M,
    device: B::Device,
    head: &Path,
) -> Result<Box<dyn Trained>>
where
    B::Device: Sync,
{
    let read = || read_head(head, model.latent_dim(), &device);
    let head = head.is_file().then(read).transpose()?;
    Ok(Box::new(OnDevice::new(model, device).with_label_head(head)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::EvaluateConfig;

    #[test]
    fn settings_of_the_evaluation_that_mean_nothing_are_said() {
        let evaluate: EvaluateConfig =
            toml::from_str("forest_trees = 3\n[samples]\n[disentanglement]\n").unwrap();
        let lines = |name, modelled| without_effect(&evaluate, name, modelled).join("; ");
        let said = lines(DataName::Adult, DataKind::Tables);
        assert!(said.contains("[evaluate.samples] is for images") && !said.contains("forest"));
        let said = lines(DataName::Dsprites, DataKind::Images);
        assert_eq!(said, "[evaluate] forest_trees is for tables: without effect on dsprites");
        let said = lines(DataName::Mnist, DataKind::Sequences);
        assert!(
            said.contains("[evaluate.samples]") && said.contains("sequences of rows"),
            "{said}"
        );
        let none = EvaluateConfig::default();
        assert!(without_effect(&none, DataName::Tunes, DataKind::Sequences).is_empty());
    }
}
