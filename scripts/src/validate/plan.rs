//! Which runs there are. A variant says in its manifest how it takes part:
//!
//! ```toml
//! [package.metadata.validate]
//! options = ["--data", "mnist", "--latent", "LATENT"]    # or
//! left-out = "why it does not"
//! ```

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::Args;
use crate::{
    papers::{folder_name, manifests, metadata},
    sweep::repeated,
    trainings::Training,
    workspace,
};

/// What a run is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// Every variant at every code size.
    Table,
    /// Train and test error against the capacity of the code.
    Goldilocks,
    /// The code that copies pixels.
    Copier,
}

/// A run that is to be there, and what for.
pub(super) struct Planned {
    pub(super) part: Part,
    /// Name of its line.
    pub(super) label: String,
    pub(super) code: usize,
    pub(super) training: Training,
}

/// What the manifest of a variant says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Validate {
    /// Options of `train`; LATENT stands for the code size.
    Options(Vec<String>),
    /// Why it does not take part.
    LeftOut(String),
}

const CODE: &str = "LATENT";

/// How all runs of the table are evaluated.
const ALL: &[&str] = &[
    "evaluate.nll_samples=1000",
    "evaluate.nll_images=500",
    "evaluate.probe_labels=[10,100,1000,10000]",
    "evaluate.probe_all=false",
    "evaluate.gap=true",
    "evaluate.samples={}",
];

/// Those that only reconstruct.
const GAP: &[&str] = &[
    "evaluate.nll_samples=1",
    "evaluate.nll_images=10",
    "evaluate.probe_labels=[]",
    "evaluate.probe_all=false",
    "evaluate.gap=true",
];

/// Goldilocks: as few images as a wide network can learn by heart.
const FEW: &str = "data.train_examples=1000";
const CAPACITIES: [usize; 6] = [1, 2, 4, 16, 64, 256];
const WIDE: &[&str] = &[
    FEW,
    "data.binarise=dynamic",
    "model.network=dense",
    "model.channels=[]",
    "model.encoder=[512,512]",
    "model.decoder=[512,512]",
    "objective={kind=\"beta\",beta=0.0}",
];
/// As options, which those of the user's may override.
const LONG: [&str; 4] = ["--epochs", "100", "--batch-size", "20"];

/// The code that copies pixels: number of its numbers.
pub(super) const COPIES: [(&str, usize); 2] = [("packed", 64), ("copied", 784)];

/// All runs, seeds outermost, so that an early end leaves whole comparisons; and who is left out.
pub(super) fn plan(args: &Args) -> Result<(Vec<Planned>, BTreeMap<String, String>)> {
    if args.codes.contains(&0) || args.seeds.is_empty() {
        bail!("--codes and --seeds: at least one, and a code has at least one number");
    }
    let parts = args.parts();
    for (option, twice) in [
        ("--seeds", repeated(&args.seeds).map(u64::to_string)),
        ("--codes", repeated(&args.codes).map(usize::to_string)),
        ("--variants", repeated(&args.variants).cloned()),
        ("--only", repeated(&parts).map(|_| "a part".into())),
    ] {
        if let Some(twice) = twice {
            bail!("{option}: {twice} is given twice");
        }
    }
    let variants = variants()?;
    if let Some(unknown) = args.variants.iter().find(|name| !variants.contains_key(*name)) {
        let known: Vec<&str> = variants.keys().map(String::as_str).collect();
        bail!("--variants {unknown}: there are {}", known.join(", "));
    }
    let mut left_out = BTreeMap::new();
    let mut all = Vec::new();
    for &seed in &args.seeds {
        let plan = Plan { args, seed };
        for part in &parts {
            match part {
                Part::Table => {
                    for (name, variant) in &variants {
                        match variant {
                            Validate::LeftOut(reason) => {
                                left_out.insert(name.clone(), reason.clone());
                            }
                            Validate::Options(options)
                                if args.variants.is_empty() || args.variants.contains(name) =>
                            {
                                all.extend(plan.table(name, options));
                            }
                            Validate::Options(_) => {}
                        }
                    }
                }
                Part::Goldilocks => all.extend(plan.goldilocks()),
                Part::Copier => all.extend(plan.copier()),
            }
        }
    }
    Ok((all, left_out))
}

/// What there is to plan with: where runs go, and their seed.
struct Plan<'a> {
    args: &'a Args,
    seed: u64,
}

impl Plan<'_> {
    fn training(&self, paper: &str, name: String, mut options: Vec<String>) -> Training {
        // Seeds have a folder each, so that runs of one name are not taken for one another.
        let out = self.args.out.join(format!("seed-{}", self.seed));
        let log = self.args.out.join("logs").join(format!("seed-{}-{paper}-{name}.log", self.seed));
        options.extend(self.args.options.split_whitespace().map(str::to_owned));
        Training { paper: paper.into(), name, seed: self.seed, options, out, log }
    }

    fn table(&self, variant: &str, options: &[String]) -> Vec<Planned> {
        let planned = self.args.codes().into_iter().map(|code| Planned {
            part: Part::Table,
            label: variant.to_owned(),
            code,
            training: self.training(variant, format!("code-{code}"), with(at(options, code), ALL)),
        });
        planned.collect()
    }

    fn goldilocks(&self) -> Vec<Planned> {
        let planned = |label: &str, paper: &str, code: usize, long: &[&str], sets: &[&str]| {
            let code_text = code.to_string();
            let options = [&["--data", "mnist", "--latent", &code_text][..], long].concat();
            let options = options.into_iter().map(str::to_owned).collect();
            let options = with(options, &[sets, GAP].concat());
            Planned {
                part: Part::Goldilocks,
                label: label.into(),
                code,
                training: self.training(paper, format!("goldilocks-{code}"), options),
            }
        };
        let each = CAPACITIES.iter().flat_map(|&code| {
            [
                planned("PCA", "pca", code, &[], &[FEW]),
                planned("non-linear autoencoder", "beta-vae", code, &LONG, WIDE),
            ]
        });
        each.collect()
    }

    fn copier(&self) -> Vec<Planned> {
        let planned = COPIES.iter().map(|&(name, code)| {
            let options = with(vec!["--config".into(), name.into()], ALL);
            Planned {
                part: Part::Copier,
                label: name.into(),
                code,
                training: self.training("super-intelligent", name.into(), options),
            }
        });
        planned.collect()
    }
}

/// Options for a code of this size.
fn at(options: &[String], code: usize) -> Vec<String> {
    options.iter().map(|option| option.replace(CODE, &code.to_string())).collect()
}

fn with(mut options: Vec<String>, sets: &[&str]) -> Vec<String> {
    options.extend(sets.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]));
    options
}

/// What each variant's manifest says.
fn variants() -> Result<BTreeMap<String, Validate>> {
    let manifests = manifests(&workspace())?;
    let entry = |manifest: &PathBuf| Ok((folder_name(manifest), metadata(manifest, "validate")?));
    manifests.iter().map(entry).collect()
}
