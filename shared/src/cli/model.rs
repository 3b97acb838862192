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
    data::{self, DataKind, PixelShape, Splits},
    device::{Device, on_device},
    noise::Noise,
    paper::{Paper, RunConfig},
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
