use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::{
    data_option::DataChoice,
    integrity::refuse_without_record,
    model::{Loaded, not_probed},
    options::{EvaluateArgs, refuse_samples, refuse_zero, say_all_are_taken},
    paper::{Paper, RunConfig},
    table::table,
};
use crate::{
    classifier::{CLASSIFIER, judge},
    counted,
    data::{DataConfig, DataKind, Splits},
    metrics::{EvaluateConfig, Evaluating, Evaluation, refuse_broken},
    progress,
    run::{
        DataRecord, Machine, Metric, ModelRecord, Record, RunData, RunFolder, TrainingRecord,
        processor,
    },
    train::FitReport,
};

/// `evaluate`.
pub(super) fn evaluate<P: Paper>(args: EvaluateArgs) -> Result<()> {
    refuse_samples(args.samples)?;
    refuse_zero("--images", args.images)?;
    let loaded = Loaded::<P>::open_to_change(&args.of, "evaluate")?;
    let mut config = loaded.config.evaluate().clone();
    config.nll_samples = args.samples.unwrap_or(config.nll_samples);
    config.nll_images = args.images.unwrap_or(config.nll_images);
    let other = args.on.other.as_ref().map(|choice| beside_own(&loaded, choice)).transpose()?;
    let data = match &other {
        Some((splits, ..)) => splits,
        None => loaded.data()?,
    };
    if loaded.trained_on().is_none() {
        refuse_without_record::<P>(&loaded.run)?;
    }
    if other.is_some() && config.samples.take().is_some() {
        progress::line("--on: samples are the model's, whatever they are compared with: left out");
    }
    say_all_are_taken("--images", args.images, data.test.len(), "the test split");
    if !data.train.is_empty() {
        not_probed::<P>(&config, data).iter().for_each(|line| progress::line(line));
    }
    let evaluated = match &other {
        Some((splits, of, has_strange)) => {
            Evaluated::Beside { settings: config, splits, of, has_strange: *has_strange }
        }
        None => Evaluated::Again(config),
    };
    let before = other.is_none().then(|| loaded.run.record().ok()?).flatten();
    let finished = finish(&loaded, evaluated);
    let (text, record) = match &args.on.other {
        Some(choice) => finished.with_context(|| format!("--on {choice}"))?,
        None => finished?,
    };
    crate::print_text!("{text}");
    let mut lost: Vec<String> =
        before.into_iter().flat_map(|old| old.metrics.into_keys()).collect();
    lost.retain(|name| !record.metrics.contains_key(name));
    if !lost.is_empty() {
        progress::line(&format!(
            "no longer in the record, which is of this evaluation alone: {}; the commands that added them add them again",
            lost.join(", ")
        ));
    }
    let is_estimated = |metric: &Metric| metric.about.contains(", K = ");
    if !record.metrics.values().any(is_estimated) {
        for (option, number) in [("--samples", args.samples), ("--images", args.images)] {
            if let Some(number) = number {
                progress::line(&format!(
                    "{option} {number}: without effect, no metric of this model is estimated from samples"
                ));
            }
        }
    }
    crate::print_line!("\nrecord in {}", loaded.run.file(record_name(&loaded)).display());
    Ok(())
}

/// Other data as the test split beside the run's own training data, their configuration, and whether they have classes
/// that the model was not fitted to.
fn beside_own<'a, P: Paper>(
    loaded: &'a Loaded<P>,
    choice: &DataChoice,
) -> Result<(Splits, &'a DataConfig, bool)> {
    let other = loaded.other(choice)?;
    let splits = other.splits.clone();
    let Some(own) = loaded.trained_on() else {
        bail!(
            "--on {choice}: {} has no {}, so its record could not say which data it was fitted to; fit it anew",
            loaded.run.path().display(),
            RunData::FILE
        );
    };
    let is_own = |sum: &&String| own.files.values().any(|known| known == *sum);
    let known = splits.files.values().filter(is_own).count();
    let of =
        format!("--on {choice}: {known} of {} files are of the run's own data", splits.files.len());
    match choice {
        _ if known == 0 => {}
        // All there is.
        DataChoice::Path(_) => progress::line(&format!(
            "{of}; it was trained on most of their examples, which says nothing about new ones (without --on it is its \
             test split)"
        )),
        // Of the run's own set it is the test split of both; another set may deal the same examples otherwise.
        DataChoice::Name(name) if *name == loaded.config.data().name => {}
        DataChoice::Name(_) => progress::line(&format!(
            "{of}; it may have been trained on some of these test examples, which says little about new ones"
        )),
    }
    other.refuse_strange(choice)?;
    // Of sequences nothing is measured by class.
    if other.strange.is_some() && P::KIND.examples() != DataKind::Sequences {
        progress::line(
            "--on: there are classes that the model was not fitted to: nothing that needs classes is \
             measured",
        );
        return Ok((splits, &other.config, true));
    }
    let splits = match loaded.data() {
        Ok(own) => Splits { train: own.train.clone(), valid: own.valid.clone(), ..splits },
        Err(error) => {
            let left_out = match P::KIND.examples() {
                DataKind::Images => "probes need",
                DataKind::Sequences => "nll_independent needs",
                DataKind::Tables => return Err(error),
            };
            progress::line(&format!(
                "without the run's training data, which {left_out}: left out ({error:#})"
            ));
            splits
        }
    };
    Ok((splits, &other.config, false))
}

/// Name of the record: an evaluation on other data does not change the run's own.
fn record_name<P: Paper>(loaded: &Loaded<P>) -> &'static str {
    if loaded.trained_on().is_some() { RunFolder::OTHER_RECORD } else { RunFolder::RECORD }
}

/// The state of a run before its evaluation.
pub(super) enum Evaluated<'a> {
    /// Just fitted.
    After(&'a FitReport),
    /// Fitted earlier; evaluate with these settings.
    Again(EvaluateConfig),
    /// The same of weights that were fitted elsewhere, in place of any run that is there.
    Imported(EvaluateConfig),
    /// Evaluate a run fitted earlier on other data.
    Beside { settings: EvaluateConfig, splits: &'a Splits, of: &'a DataConfig, has_strange: bool },
}

/// Evaluates, writes the record and the table of latents; the table to print, and the record.
pub(super) fn finish<P: Paper>(
    loaded: &Loaded<P>,
    evaluated: Evaluated<'_>,
) -> Result<(String, Record)> {
    let found = measure(loaded, evaluated)?;
    found.write(loaded)?;
    Ok((found.text, found.record))
}

/// The outcome of an evaluation.
pub(super) struct Measured {
    /// The table to print.
    pub(super) text: String,
    pub(super) record: Record,
    /// `latents.csv`.
    latents: Option<String>,
}

impl Measured {
    /// Writes it into the run.
    pub(super) fn write<P: Paper>(&self, loaded: &Loaded<P>) -> Result<()> {
        if let Some(text) = &self.latents {
            loaded.run.write(RunFolder::LATENTS, text.as_bytes())?;
        }
        loaded.run.write_json(record_name(loaded), &self.record)
    }
}

/// Evaluates, and writes nothing into the run.
pub(super) fn measure<P: Paper>(loaded: &Loaded<P>, evaluated: Evaluated<'_>) -> Result<Measured> {
    let Loaded { run, config, model, device, .. } = loaded;
    let (data, of) = match &evaluated {
        Evaluated::Beside { splits, of, .. } => (*splits, *of),
        _ => (loaded.data()?, config.data()),
    };
    let started = Instant::now();
    let settings = match &evaluated {
        Evaluated::After(_) => config.evaluate().clone(),
        Evaluated::Again(settings)
        | Evaluated::Imported(settings)
        | Evaluated::Beside { settings, .. } => settings.clone(),
    };
    let are_images = P::KIND.examples() == DataKind::Images;
    let judge = match &settings.samples {
        Some(_) if are_images && data.has_classes() => {
            let (judge, error) =
                judge(data, &of.name, &runs_of(run.path(), config.seed()), *device)?;
            progress::line(&format!("the classifier errs on {:.2}%", 100.0 * error.mean));
            Some(judge)
        }
        _ => None,
    };
    let judge = judge.as_deref();
    let evaluation = P::KIND.evaluate(&Evaluating {
        model: model.as_ref(),
        data,
        of,
        is_other: matches!(evaluated, Evaluated::Beside { .. }),
        has_strange: matches!(evaluated, Evaluated::Beside { has_strange: true, .. }),
        config: &settings,
        noise: loaded.noise(),
        judge,
    })?;
    refuse_broken(&evaluation.metrics, None)?;
    let warning = match &evaluated {
        Evaluated::After(_) => P::against_collapse(config).and_then(|helps| {
            Some(format!("{}; what helps: {helps}", evaluation.collapse(model.latent_dim())?))
        }),
        _ => None,
    };
    let (training, fit_seconds, examples_per_second) = match evaluated {
        Evaluated::After(report) => {
            let rate =
                (report.examples > 0).then(|| report.examples as f64 / report.seconds.max(1e-9));
            (training(report), report.seconds, rate)
        }
        Evaluated::Again(_) | Evaluated::Beside { .. } => match earlier(run) {
            Some(old) => (old.training, old.machine.fit_seconds, old.machine.examples_per_second),
            None => (None, 0.0, None),
        },
        Evaluated::Imported(_) => (None, 0.0, None),
    };
    let record = Record {
        schema: Record::SCHEMA,
        paper: P::NAME.into(),
        name: run.path().file_name().unwrap_or_default().to_string_lossy().into_owned(),
        code: env!("CARGO_PKG_VERSION").into(),
        backend: device.backend().into(),
        seed: config.seed(),
        config_sha256: hex::encode(Sha256::digest(toml::to_string(config)?)),
        config: serde_json::to_value(config)?,
        evaluate: settings,
        data: DataRecord {
            name: of.name.clone(),
            sha256: data.files.clone(),
            train: data.train.len(),
            valid: data.valid.len(),
            test: data.test.len(),
            trained_on: loaded.trained_on().cloned(),
        },
        model: ModelRecord {
            input: model.input_dim(),
            latent: model.latent_dim(),
            parameters: model.parameters(),
        },
        training,
        metrics: evaluation.metrics.clone(),
        machine: Machine {
            device: device.to_string(),
            processor: processor(),
            threads: rayon::current_num_threads(),
            fit_seconds,
            examples_per_second,
            evaluate_seconds: started.elapsed().as_secs_f64(),
        },
    };
    let latents = latents(&evaluation).filter(|_| record.data.trained_on.is_none());
    let mut text = format!("\n{} {}, seed {}\n", record.paper, record.name, record.seed);
    if record.data.trained_on.is_some() {
        text.push_str("  on other data than it was fitted to\n");
    }
    text.push_str(&table(&record));
    let _ = writeln!(
        text,
        "  fitted in {fit_seconds:.0} s, evaluated in {:.0} s on {} ({})",
        record.machine.evaluate_seconds,
        record.machine.device,
        counted(record.machine.threads, "thread")
    );
    if let Some(warning) = warning {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    Ok(Measured { text, record, latents })
}

/// The record of a run from before; a damaged one does not prevent a new one.
fn earlier(run: &RunFolder) -> Option<Record> {
    run.record().unwrap_or_else(|error| {
        progress::line(&format!(
            "{error:#}; what it had on the training is lost until the run is trained or put back again"
        ));
        None
    })
}

/// Folder of all runs of a run RUNS/PAPER/NAME: RUNS, or the one above it if a classifier is there, or if RUNS is that of
/// the run's seed.
fn runs_of(run: &Path, seed: u64) -> PathBuf {
    let above = || run.ancestors().skip(2).take(2);
    let found = above().find(|folder| folder.join(CLASSIFIER).is_dir());
    let own = above().find(|folder| !folder.ends_with(format!("seed{seed}")));
    found.or(own).unwrap_or(run).into()
}

fn training(report: &FitReport) -> Option<TrainingRecord> {
    let line = report.lines.iter().find(|line| line.epoch == report.chosen_epoch);
    let terms = |of: fn(&crate::train::EpochLine) -> &BTreeMap<String, f64>| {
        line.map(|line| of(line).clone()).unwrap_or_default()
    };
    (report.epochs > 0).then(|| TrainingRecord {
        epochs: report.epochs,
        chosen_epoch: report.chosen_epoch,
        stopped_early: report.stopped_early,
        had_other_settings: report.had_other_settings,
        train: terms(|line| &line.train),
        valid: terms(|line| &line.valid),
    })
}

/// `latents.csv`: statistics of each latent on the test split.
fn latents(evaluation: &Evaluation) -> Option<String> {
    let codes = evaluation.codes.as_ref()?;
    let mut text = "latent,kl_nats,variance_of_mean,aggregate_mean,aggregate_variance\n".to_owned();
    for latent in 0..codes.variance_of_mean.len() {
        let kl =
            evaluation.kl_per_latent.as_ref().map_or(String::new(), |kl| kl[latent].to_string());
        let _ = writeln!(
            text,
            "{latent},{kl},{},{},{}",
            codes.variance_of_mean[latent],
            codes.aggregate_mean[latent],
            codes.aggregate_variance[latent]
        );
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_share_the_classifier_of_all_runs() {
        let runs = |run: &str| runs_of(Path::new(run), 12);
        assert_eq!(runs("out/vae/quick"), Path::new("out"));
        assert_eq!(runs("out/seed12/vae/quick"), Path::new("out"));
        assert_eq!(runs("out/seed1/vae/quick"), Path::new("out/seed1"));
        assert_eq!(runs("quick"), Path::new("quick"));
    }
}
