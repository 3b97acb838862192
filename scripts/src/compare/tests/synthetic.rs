//! Records like those of a VAE, with noise between seeds.

use std::{collections::BTreeMap, fs, path::Path};

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use serde_json::json;
use shared::run::{Better, DataRecord, Machine, Metric, ModelRecord, Record, TrainingRecord};

use crate::compare::records::Found;

/// Metrics with their mean, standard deviation over seeds and direction.
const METRICS: [(&str, f64, f64, Better); 15] = [
    ("nll", 93.5, 0.22, Better::Lower),
    ("negative_elbo", 98.8, 0.11, Better::Lower),
    ("kl", 27.0, 0.07, Better::Lower),
    ("reconstruction", 71.8, 0.05, Better::Lower),
    ("reconstruction_bce", 67.7, 0.11, Better::Lower),
    ("reconstruction_mse", 0.00814, 4e-5, Better::Lower),
    ("probe_linear_10", 0.377, 0.027, Better::Higher),
    ("probe_linear_100", 0.707, 0.011, Better::Higher),
    ("probe_linear_1000", 0.858, 0.0037, Better::Higher),
    ("probe_linear_all", 0.89, 0.0015, Better::Higher),
    ("probe_knn_10", 0.416, 0.029, Better::Higher),
    ("probe_knn_100", 0.747, 0.002, Better::Higher),
    ("probe_knn_1000", 0.924, 0.0023, Better::Higher),
    ("probe_knn_all", 0.9753, 2e-4, Better::Higher),
    ("active_units", 20.0, 0.5, Better::Neither),
];

/// A noiseless record.
pub(crate) fn record(seed: u64) -> Record {
    let terms = |reconstruction: f64, kl: f64| {
        let loss = reconstruction + kl;
        BTreeMap::from([("reconstruction", reconstruction), ("kl", kl), ("loss", loss)])
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    };
    Record {
        schema: Record::SCHEMA,
        paper: "vae".into(),
        name: "quick".into(),
        code: "0.1.0".into(),
        backend: "flex".into(),
        seed,
        config_sha256: "a".into(),
        config: json!({"seed": seed, "train": {"rate": 0.001}, "objective": {"free_bits": 0.0}}),
        evaluate: Default::default(),
        data: DataRecord {
            name: "mnist".into(),
            sha256: BTreeMap::from([("images".into(), "00".into())]),
            train: 50_000,
            valid: 10_000,
            test: 10_000,
            trained_on: None,
        },
        model: ModelRecord { input: 784, latent: 20, parameters: 652_824 },
        training: Some(TrainingRecord {
            epochs: 40,
            chosen_epoch: 40,
            stopped_early: false,
            had_other_settings: false,
            train: terms(71.9385, 27.0196),
            valid: terms(72.6602, 26.9490),
        }),
        metrics: METRICS
            .into_iter()
            .map(|(name, value, _, better)| {
                let unit = if name.starts_with("probe") { "accuracy" } else { "nats" };
                let about = format!("{name} of 10000 test images");
                let metric =
                    Metric { value, standard_error: None, unit: unit.into(), better, about };
                (name.into(), metric)
            })
            .collect(),
        machine: Machine {
            device: "flex".into(),
            processor: "any".into(),
            threads: 2,
            fit_seconds: 60.0,
            examples_per_second: Some(36_000.0),
            evaluate_seconds: 20.0,
        },
    }
}

/// Records of some seeds, whose metrics move together: half of the variance of each is of one
/// cause, as it is with bounds that share a model.
pub(super) fn seeds(seeds: impl IntoIterator<Item = u64>, trial: u64) -> Vec<Record> {
    let noisy = |seed| {
        let mut random = ChaCha8Rng::seed_from_u64(1000 * trial + seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
        let mut record = record(seed);
        let common = normal();
        for (name, _, deviation, better) in METRICS {
            let sign = if better == Better::Higher { -1.0 } else { 1.0 };
            let noise = (sign * common + normal()) * 0.5_f64.sqrt();
            if let Some(metric) = record.metrics.get_mut(name) {
                metric.value += deviation * noise;
            }
        }
        record
    };
    seeds.into_iter().map(noisy).collect()
}

/// Worsens a metric by this many standard deviations over seeds.
pub(super) fn worsen(record: &mut Record, metric: &str, deviations: f64) {
    for (name, _, deviation, better) in METRICS {
        if let Some(metric) = record.metrics.get_mut(name).filter(|_| name == metric) {
            let sign = if better == Better::Higher { -1.0 } else { 1.0 };
            metric.value += sign * deviations * deviation;
        }
    }
}

/// The validation loss as if the KL weighed so much there.
pub(crate) fn set_kl_weight_in_validation(record: &mut Record, weight: f64) {
    if let Some(training) = &mut record.training {
        let loss = training.valid["reconstruction"] + weight * training.valid["kl"];
        training.valid.insert("loss".into(), loss);
    }
}

/// The records as if found in files.
pub(crate) fn found(records: &[Record]) -> Vec<Found> {
    let found = |record: &Record| Found { record: record.clone(), file: "record.json".into() };
    records.iter().map(found).collect()
}

/// Writes records as runs lie on a disk.
pub(super) fn write(folder: &Path, records: &[Record]) {
    for record in records {
        let run = folder.join(format!("seed{}/{}/{}", record.seed, record.paper, record.name));
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("record.json"), serde_json::to_vec_pretty(record).unwrap()).unwrap();
    }
}
