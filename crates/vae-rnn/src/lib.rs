//! Chung et al. 2015, "A Recurrent Latent Variable Model for Sequential Data".
//!
//! [`model`] is the network, [`output`] the distributions of a step, [`objective`] the loss, [`config`]
//! the configuration, [`commands`] the paper's own commands.

pub mod commands;
pub mod config;
pub mod midi;
pub mod model;
pub mod objective;
pub mod output;
mod particles;
mod sentence;
mod sentence_code;
mod step_major;
pub mod svg;

use std::path::{Path, PathBuf};

use anyhow::Result;
use sequences::{Known, PIANO, SequenceData, Steps, Vocabulary, steps_of};
use serde_json::{Value, json};
use shared::{
    AutodiffBackend, Backend,
    cli::{Loaded, Sheet, To},
    data::{PixelShape, Preparation, Splits},
    kind,
    memory::Needs,
    noise::Noise,
    paper::{self, ESTIMATE, RunConfig, unused_because},
    train::{self, FitReport, Session},
};

pub use config::Config;
pub use model::Model;
pub use objective::Objective;

use config::{Bound, Kind, OutputConfig};

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "vae-rnn";
    const ABOUT: &'static str = "A recurrent network with a latent at each step: what comes next, and how many \
                                 ways it could go on";
    const CITATION: &'static str = "J. Chung, K. Kastner, L. Dinh, K. Goel, A. Courville, Y. Bengio: A Recurrent Latent Variable \
         Model for Sequential Data. NIPS 2015.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("mnist-rows", include_str!("../configs/mnist-rows.toml")),
        ("jsb", include_str!("../configs/jsb.toml")),
        ("jsb-average", include_str!("../configs/jsb-average.toml")),
        ("pen", include_str!("../configs/pen.toml")),
        ("text", include_str!("../configs/text.toml")),
        ("series", include_str!("../configs/series.toml")),
        ("names-sentence", include_str!("../configs/names-sentence.toml")),
        ("names-rnn", include_str!("../configs/names-rnn.toml")),
    ];
    const KIND: &'static dyn kind::Kind = &SequenceData;

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn problem(config: &Config, shape: PixelShape) -> Option<String> {
        if shape.is_coloured() {
            return Some(
                "[data] images: rows of coloured images are not modelled: use --grey".into(),
            );
        }
        let is_pen = matches!(config.model.output, OutputConfig::Pen { .. });
        (is_pen && shape.width != 3).then(|| {
            format!(
                "[model] output.kind = \"pen\": steps are {} wide, not (dx, dy, pen)",
                shape.width
            )
        })
    }

    /// Every step of a sequence is a pass, of each particle.
    fn needs(config: &Config, shape: PixelShape, _: usize) -> Needs {
        let particles = config.objective.particles.unwrap_or(1) as u64;
        Needs { passes: particles.saturating_mul(shape.height as u64), numbers: 0 }
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::new(&config.model, shape, noise, device)
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let shape = data.train.shape();
        let model = Self::build::<B>(config, shape, session.noise, &session.device);
        let objective = Objective::new(config.objective);
        train::fit(model, &objective, data, config.data.binarise, &config.train, session)
    }

    fn against_collapse(config: &Config) -> Option<String> {
        let warmed = config.objective.kl_warmup_epochs;
        let warm_up = if warmed > 0.0 {
            format!("a longer warm-up of the KL than objective.kl_warmup_epochs = {warmed}")
        } else {
            "a warm-up of the KL (objective.kl_warmup_epochs)".into()
        };
        if config.model.kind == Kind::Sentence {
            return Some(format!(
                "{warm_up}; free bits (objective.free_bits above {}); hiding steps from the decoder \
                 (model.word_dropout above {})",
                config.objective.free_bits, config.model.word_dropout
            ));
        }
        let others = format!(
            "hiding inputs from the recurrence (objective.drop_inputs above {}); a smaller model.hidden",
            config.objective.drop_inputs
        );
        // Particles have no KL to weigh.
        Some(match config.objective.bound {
            Bound::Elbo => format!("{warm_up}; {others}"),
            Bound::Iwae | Bound::Fivo => others,
        })
    }

    fn unused(config: &Config) -> Vec<(&'static str, String)> {
        const PROBES: &[&str] = &["evaluate.probe_labels", "evaluate.probe_all"];
        let mut unused = unused_because(PROBES, "a model of sequences is not probed");
        let gap = "the gap between training and test data is not measured for sequences";
        unused.extend(unused_because(&["evaluate.gap"], gap));
        if config.model.kind == Kind::Rnn {
            let rnn = "model.kind = \"rnn\"";
            unused.extend(unused_because(&["model.latent"], &format!("{rnn} has no latents")));
            unused.extend(unused_because(ESTIMATE, &format!("{rnn} has p(x) exactly")));
        } else {
            let prior = "p(x) of a sequence is not estimated with latents from the prior";
            unused.extend(unused_because(&["evaluate.prior_samples"], prior));
        }
        unused
    }

    fn pictures(run: &Loaded<Self>) -> Result<Vec<PathBuf>> {
        let mut drawn = commands::generate::drawn(run, None, None, &To::default())?;
        drawn.extend(commands::surprise::drawn(run)?);
        Ok(drawn)
    }

    fn ending(config: &Config) -> &'static str {
        commands::show::ending(steps_of(&config.data))
    }

    fn shown_steps(config: &Config, preparation: &Preparation) -> Value {
        let Known { keys, vocabulary, offset_deviation, .. } = Known::of(preparation);
        match steps_of(&config.data) {
            Steps::Rows => json!({ "kind": "rows" }),
            Steps::Chords => {
                json!({ "kind": "chords", "lowest": keys.map_or(PIANO.0, |keys| keys.lowest) })
            }
            // A step of one run is a step of another only where they divide by the same length.
            Steps::Pen => json!({ "kind": "pen", "unit": offset_deviation }),
            Steps::Numbers => json!({ "kind": "numbers" }),
            Steps::Symbols => {
                let vocabulary = vocabulary.as_ref();
                let symbols = vocabulary.map(|known| {
                    (0..known.len()).map(|number| known.symbol(number)).collect::<Vec<_>>()
                });
                let separator = vocabulary.map(Vocabulary::separator);
                json!({ "kind": "symbols", "symbols": symbols, "separator": separator })
            }
        }
    }

    fn draw(run: &Loaded<Self>, sheet: &Sheet, path: &Path) -> Result<Option<Vec<PathBuf>>> {
        commands::show::draw_sheet(run, sheet, path)
    }

    fn cannot(command: &str, config: &Config) -> Option<String> {
        let is_image = steps_of(config.data()) == Steps::Rows;
        match command {
            "snapshots" if config.model.kind == Kind::Sentence => Some(
                "a model of sequences takes no snapshots: sample draws from it afterwards".into(),
            ),
            "explore" if steps_of(config.data()) == Steps::Numbers => Some(
                "a page shows chords, text, drawings and rows of images: generate and complete show \
                 what is drawn of series"
                    .into(),
            ),
            _ if config.model.kind == Kind::Sentence => None,
            "reconstruct" | "snapshots" => Some(
                "a model of sequences has a latent at each step and depends on the past: complete \
                 shows what it makes of half a sequence"
                    .into(),
            ),
            "sample" => Some("a model of sequences draws step by step: use generate".into()),
            "interpolate" | "traverse" => Some(
                "there is no code of a whole sequence to vary: each step has a latent of its own"
                    .into(),
            ),
            "latent-map" if config.model.kind == Kind::Rnn => {
                Some("model.kind = \"rnn\" has no code".into())
            }
            "latent-map" if !is_image => Some(
                "only images have classes to colour a map by, and sequences of one length".into(),
            ),
            _ => None,
        }
    }
}
