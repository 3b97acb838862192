//! Readers of what a run leaves in its folder.

use std::path::Path;

use serde::{Deserialize, Serialize};

use sequences::{TextFile, TextLevel};

use super::{Target, bytes, hashed, outcome};
use shared::{
    data::{Binarise, DataConfig, FetchOptions},
    kind::{self, Kind},
    metrics::EvaluateConfig,
    modules::NamedTensor,
    run::{Record, RunData, RunFolder},
    train::{EpochLine, TrainConfig},
    weights,
};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "config",
        file: RunFolder::CONFIG,
        seeds: || vec![CONFIG.into()],
        words: &[
            "[train]",
            "[data]",
            "[evaluate.disentanglement]",
            "kind = \"staged\"",
            "stages = 8",
            "\"adagrad\"",
            "\"sgd\"",
            "epochs = 9",
            "'''",
            "\"\"\"",
            "1979-05-27",
            "{",
            "}",
            "[[a]]",
            ".",
            "\"\\u0000\"",
            "inf",
            "nan",
        ],
        read: |path| {
            let config = open(path).and_then(|run| run.config::<Config>());
            let config = config.map_err(|error| format!("{error:#}"))?;
            if let Some(problem) = config.train.problem().or_else(|| config.evaluate.problem()) {
                return Err(problem);
            }
            let epochs = config.train.total_epochs();
            let rates = [0, 1, epochs - 1].map(|epoch| config.train.schedule.rate(epoch, epochs));
            assert!(rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0), "rates {rates:?}");
            outcome(toml::to_string(&config))
        },
        ..Target::TEXT
    },
    Target {
        name: "record",
        file: RunFolder::RECORD,
        seeds: || vec![record().into_bytes(), record().replace(": ", ":").into_bytes()],
        words: &[
            "\"schema\"",
            "\"metrics\"",
            "\"lower\"",
            "null",
            "{}",
            "[]",
            "\"\\ud800\"",
            "\"nll\"",
            "1e400",
        ],
        read: |path| {
            let read = open(path).and_then(|run| run.record());
            let read = read.map(|record| serde_json::to_string(&record).unwrap_or_default());
            outcome(read)
        },
        ..Target::TEXT
    },
    Target {
        name: "data",
        file: RunData::FILE,
        seeds: data,
        words: &[
            "\"schema\"",
            "\"sha256\"",
            "\"identity\"",
            "\"preparation\"",
            "null",
            "{}",
            "[]",
            "\"\\ud800\"",
        ],
        read: |path| {
            let read = open(path).and_then(|run| RunData::read(&run));
            outcome(read.map(|data| data.and_then(|data| serde_json::to_string(&data).ok())))
        },
        ..Target::TEXT
    },
    Target {
        name: "metrics",
        file: RunFolder::METRICS,
        seeds: || vec![METRICS.into()],
        words: &["\"epoch\"", "\"valid\"", "null", "{}", "1e400", "NaN"],
        read: |path| {
            let text = String::from_utf8(bytes(path)?).map_err(|error| error.to_string())?;
            let lines: Result<Vec<EpochLine>, _> = text.lines().map(serde_json::from_str).collect();
            outcome(lines.map(|lines| lines.len()))
        },
        ..Target::TEXT
    },
    Target {
        name: "safetensors",
        file: weights::WEIGHTS,
        seeds: || vec![safetensors()],
        words: TENSORS,
        read: |path| {
            let read = weights::read_tensors(path);
            outcome(read.map(|tensors| {
                for tensor in &tensors {
                    assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len());
                }
                hashed(&format!("{tensors:?}"))
            }))
        },
        ..Target::BYTES
    },
];

const TENSORS: &[&str] = &[
    "\"F32\"",
    "\"F16\"",
    "\"I64\"",
    "\"bias\"",
    "\"weight\"",
    "\"shape\":[",
    "\"data_offsets\":[0,",
    "[0,0]",
    "18446744073709551615",
    "4611686018427387904",
    "\"__metadata__\":{}",
];

/// Width of the code that the layer of a safetensors file reads.
const LATENT: usize = 3;

/// The run a file lies in, with an empty configuration if it has none.
fn open(path: &Path) -> anyhow::Result<RunFolder> {
    let config = path.with_file_name(RunFolder::CONFIG);
    if !config.exists() {
        std::fs::write(config, "")?;
    }
    Ok(RunFolder::open(path.parent().unwrap_or(path).into())?)
}

/// What runs on a table and on a text say of their data.
fn data() -> Vec<Vec<u8>> {
    let written = |kind: &dyn Kind, config: &DataConfig| -> anyhow::Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("poems.txt"), "a little poem\n".repeat(30))?;
        let options = FetchOptions {
            offline: true,
            base: folder.path().into(),
            ..FetchOptions::from_env(None)
        };
        let run = open(&folder.path().join(RunData::FILE))?;
        let data = kind::load(kind, config, &options, None)?;
        RunData::new(config, &[], &data, &options).write(&run)?;
        Ok(std::fs::read(run.file(RunData::FILE))?)
    };
    let people = DataConfig::new("people", Binarise::None);
    let file = TextFile { file: "poems.txt".into(), level: TextLevel::Words, longest: 50 };
    let text = DataConfig::new("text", Binarise::None).with("text", file);
    let both: [(&dyn Kind, DataConfig); 2] =
        [(&tables::Tables, people), (&sequences::SequenceData, text)];
    both.iter().filter_map(|(kind, config)| written(*kind, config).ok()).collect()
}

/// The sections that every paper's configuration has.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    seed: u64,
    data: DataConfig,
    train: TrainConfig,
    #[serde(default)]
    evaluate: EvaluateConfig,
}

const CONFIG: &str = r#"seed = 1

[data]
name = "mnist"
binarise = "dynamic"
train_examples = 1000

[train]
epochs = 40
batch_size = 128
clip_norm = 5.0
patience = 3

[train.schedule]
kind = "cosine"
rate = 0.001
last = 0.0001

[train.optimiser]
kind = "adam"
beta1 = 0.9

[evaluate]
nll_samples = 100
nll_images = 50
probe_labels = [10, 100]
"#;

const METRICS: &str = r#"{"epoch":1,"rate":0.001,"train":{"kl":12.5,"loss":150.25},"valid":{"kl":13.0,"loss":149.0}}
{"epoch":2,"rate":0.0005,"train":{"kl":14.5,"loss":140.25},"valid":{"kl":15.0,"loss":139.0}}
"#;

/// A whole `record.json`, for readers of records.
pub fn record() -> String {
    let record = serde_json::from_str::<Record>(RECORD);
    record.and_then(|record| serde_json::to_string_pretty(&record)).unwrap_or_default()
}

const RECORD: &str = r#"{
  "schema": 1, "paper": "vae", "name": "quick", "code": "0.1.0", "backend": "flex", "seed": 1, "config_sha256": "ab",
  "config": {"seed": 1, "model": {"latent": 2}, "train": {"epochs": 3}},
  "evaluate": {"nll_samples": 10, "nll_images": 20, "probe_labels": [10], "probe_all": false},
  "data": {"name": "mnist", "sha256": {"t10k-images": "00ff"}, "train": 50000, "valid": 10000, "test": 10000},
  "model": {"input": 784, "latent": 2, "parameters": 1234},
  "training": {"epochs": 3, "chosen_epoch": 2, "stopped_early": false, "train": {"loss": 101.5}, "valid": {"loss": 102.5}},
  "metrics": {
    "nll": {"value": 93.5, "standard_error": 0.25, "unit": "nats", "better": "lower", "about": "20 test images"},
    "probe_linear_10": {"value": 0.5, "unit": "accuracy", "better": "higher", "about": "10 labels"}
  },
  "machine": {"device": "cpu", "processor": "any", "threads": 2, "fit_seconds": 60.5, "evaluate_seconds": 1.5}
}"#;

/// The weights of a layer for codes of [`LATENT`] numbers and two classes.
fn safetensors() -> Vec<u8> {
    let tensor = |name: &str, shape: &[usize]| {
        let values = (0..shape.iter().product()).map(|at: usize| at as f32 / 4.0).collect();
        NamedTensor { name: name.into(), shape: shape.to_vec(), values }
    };
    weights::tensor_bytes(&[tensor("bias", &[2]), tensor("weight", &[2, LATENT])])
        .unwrap_or_default()
}
