use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, Result, bail};
use burn::backend::Autodiff;
use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::model::{ClassifierModel, ClassifierObjective};
use crate::{
    backend::Backend,
    data::{Binarise, Identity, Preparation, Splits},
    device::{Device, on_device},
    metrics::samples::Judge,
    metrics::{Estimate, classification_error},
    modules::weights_of,
    nn::{Init, Initialiser},
    noise::Noise,
    progress,
    run::{RunFolder, Trackers, read_checked},
    train::{Keep, OptimiserConfig, Schedule, Session, TrainConfig, fit_watched},
    trained::by_rows,
    weights,
};

/// Folder of the classifiers among the runs.
pub const CLASSIFIER: &str = "classifier";

/// Name of the file that says which data it was fitted to.
const IDENTITY: &str = "data-identity.json";

/// How the classifier is fitted: written beside it, so that another one is not taken for it.
#[derive(Serialize)]
struct ClassifierConfig {
    seed: u64,
    data: String,
    train_examples: usize,
    classes: usize,
    hidden: [usize; 2],
    train: TrainConfig,
}

/// The classifier of this data set, kept in `runs`/classifier/DATA, fitted there if there is none,
/// with its error on the test split.
///
/// # Errors
/// If it cannot be fitted, read or written.
pub fn judge(
    data: &Splits,
    name: &str,
    runs: &Path,
    device: Device,
) -> Result<(Box<dyn Judge>, Estimate)> {
    let config = ClassifierConfig {
        seed: 1,
        data: name.into(),
        train_examples: data.train.len(),
        classes: data.classes().max(1),
        hidden: [800, 800],
        train: TrainConfig {
            epochs: Some(40),
            epoch_examples: None,
            batch_size: 100,
            schedule: Schedule::Cosine { rate: 0.001, last: 0.00001 },
            optimiser: OptimiserConfig::adam(),
            clip_norm: None,
            average: None,
            patience: None,
            keep: Keep::Last,
            checkpoint_every: 5,
            keep_checkpoints: 1,
        },
    };
    let judge = on_device!(device, |B, handle| on::<B>(&config, data, runs, device, handle))?;
    let error =
        classification_error(&judge.log_classes(data.test.all_grey().view()), &data.test.labels());
    Ok((judge, error))
}

struct OnDevice<B: Backend> {
    model: ClassifierModel<B>,
    device: B::Device,
    classes: usize,
    features: usize,
}

impl<B: Backend> Judge for OnDevice<B>
where
    B::Device: Sync,
{
    fn log_classes(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        let f = |x, _: Option<&_>| self.model.log_classes(x);
        by_rows::<B>(x, None, self.classes, &self.device, f)
    }

    fn features(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        let f = |x, _: Option<&_>| self.model.features(x);
        by_rows::<B>(x, None, self.features, &self.device, f)
    }
}

/// The folder of the classifier of these data: that of the set's name, with the beginning of their checksum if another
/// edition of the set has that. Backends differ in their last bits, so each but flex has one of its own.
fn folder_of(runs: &Path, name: &str, backend: &str, identity: &Identity) -> Result<PathBuf> {
    let of_backend =
        if backend == Device::Flex.backend() { String::new() } else { format!("-{backend}") };
    let name = format!("{name}{of_backend}");
    let plain = runs.join(CLASSIFIER).join(&name);
    let file = plain.join(IDENTITY);
    if !file.is_file() {
        if plain.join(weights::WEIGHTS).is_file() {
            progress::line(&format!(
                "{} has no {IDENTITY}: an older version made it, and whether it was fitted to these \
                 data cannot be checked",
                plain.display()
            ));
        }
        return Ok(plain);
    }
    let own: Identity = serde_json::from_slice(&read_checked(&file)?)
        .with_context(|| format!("{}: damaged: remove its folder", file.display()))?;
    if own.same_contents(identity) {
        return Ok(plain);
    }
    Ok(runs.join(CLASSIFIER).join(format!("{name}-{}", &identity.train.sha256[..12])))
}

fn on<B: Backend>(
    config: &ClassifierConfig,
    data: &Splits,
    runs: &Path,
    device: Device,
    handle: B::Device,
) -> Result<Box<dyn Judge>>
where
    B::Device: Sync,
{
    let identity = Identity::of(data, &Preparation::of(data));
    let folder = || folder_of(runs, &config.data, device.backend(), &identity);
    let path = folder()?;
    let text = toml::to_string(config)?;
    let run = match RunFolder::open(path.clone()) {
        Ok(run) => run,
        // Another program may make it in this moment.
        Err(_) => RunFolder::create(path.clone(), &text, false)
            .or_else(|error| RunFolder::open(path.clone()).map_err(|_| error))?,
    };
    if run.config_text()? != text {
        bail!("{} holds another classifier: remove it to have it fitted again", path.display());
    }
    let mut fitted = is_fitted(&run)?;
    if !fitted {
        // Another program may be fitting it; then it is there.
        run.wait()?;
        if folder()? != path {
            // It fitted one to another edition of the set.
            return on::<B>(config, data, runs, device, handle);
        }
        fitted = is_fitted(&run)?;
    }
    let noise = Noise::new(config.seed);
    let inputs = data.train.input_dim();
    let model = if fitted {
        let mut init = Initialiser::<B>::new(Init::He, noise, &handle);
        let model = ClassifierModel::new(inputs, &config.hidden, config.classes, &mut init);
        weights::load(model, &run.file(weights::WEIGHTS))
            .with_context(|| format!("cannot load {}", path.display()))?
    } else {
        if run.has(weights::WEIGHTS)?
            && let Err(damage) = run.read(weights::WEIGHTS)
        {
            progress::line(&format!("{damage}: it is fitted again"));
        }
        if !run.file(IDENTITY).is_file() {
            run.write_json(IDENTITY, &identity)?;
        }
        progress::line(&format!("fitting the classifier of {} in {}", config.data, path.display()));
        let session = Session::<Autodiff<B>> {
            paper: "classifier",
            noise,
            device: handle.clone(),
            backend: device.backend(),
            section: "train",
            last: None,
            run: run.clone(),
            resume: true,
            snapshot_epochs: Vec::new(),
            trackers: Trackers::default(),
            interrupt: Arc::new(AtomicBool::new(false)),
        };
        let mut init = Initialiser::<Autodiff<B>>::new(Init::He, noise, &handle);
        let model = ClassifierModel::new(inputs, &config.hidden, config.classes, &mut init);
        let objective = ClassifierObjective { shape: data.train.shape(), classes: config.classes };
        let watch = |_, _: &_| Ok(());
        let (binarise, train) = (Binarise::None, &config.train);
        let (model, _) = fit_watched(model, &objective, data, binarise, train, &session, watch)?;
        let about = "P. Y. Simard, D. Steinkraus, J. C. Platt: Best Practices for Convolutional Neural \
                     Networks. ICDAR 2003 (deformed training images).";
        let config = serde_json::to_value(config)?;
        run.write_weights(&weights_of(&model), "classifier", about, &config)?;
        model
    };
    let (classes, features) = (config.classes, config.hidden[1]);
    Ok(Box::new(OnDevice { model, device: handle, classes, features }))
}

/// True if the weights are there and as they were written.
fn is_fitted(run: &RunFolder) -> Result<bool> {
    Ok(run.has(weights::WEIGHTS)? && run.read(weights::WEIGHTS).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{DataConfig, FetchOptions},
        run::write_json,
    };

    #[test]
    fn another_edition_of_a_set_gets_a_classifier_of_its_own() {
        let runs = tempfile::tempdir().unwrap();
        let config = DataConfig::new("segments", Binarise::None);
        let identity = |config: &DataConfig| {
            let data = crate::kind::Images::load(config, &FetchOptions::from_env(None)).unwrap();
            Identity::of(&data, &Preparation::of(&data))
        };
        let own = identity(&config);
        let other = identity(&DataConfig { train_examples: Some(100), ..config });
        let of = |backend, identity| folder_of(runs.path(), "segments", backend, identity).unwrap();
        let folder = |identity| of("flex", identity);
        let plain = runs.path().join("classifier/segments");
        assert_eq!(folder(&own), plain);
        write_json(&plain.join(IDENTITY), &own).unwrap();
        assert_eq!(folder(&own), plain);
        assert!(folder(&other).to_string_lossy().contains(&other.train.sha256[..12]));
        assert!(of("cuda", &own).ends_with("segments-cuda"));
    }
}
