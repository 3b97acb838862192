//! Learning from few labels: Kingma, Mohamed, Rezende & Welling 2014, "Semi-supervised Learning with Deep
//! Generative Models", and Rasmus, Valpola, Honkala, Berglund & Raiko 2015, "Semi-Supervised Learning with
//! Ladder Networks".
//!
//! [`labels`] has the labelled images; [`encoder`], [`network`] and [`ladder`] the networks with batch normalisation,
//! [`m1`], [`m2`] and [`stacked`] the generative models, [`objectives`] their losses, [`config`] the
//! configuration, [`commands`] the papers' own commands.

pub mod commands;
mod conditional;
pub mod config;
pub mod encoder;
pub mod labels;
pub mod ladder;
pub mod m1;
pub mod m2;
pub mod model;
pub mod network;
pub mod objectives;
pub mod stacked;
mod statistics;

use anyhow::Result;
use burn::module::AutodiffModule;
use shared::{
    AutodiffBackend, Backend,
    autoencoder::Autoencoder,
    data::{BatchMaker, ClassNames, PixelShape, Splits, foreign_classes, without_classes},
    memory::Needs,
    noise::Noise,
    paper::{self, ESTIMATE, unused_because},
    progress,
    train::{self, FitReport, Objective, Phase, Session, fit_phase},
};

pub use config::{Config, Kind};
pub use model::Model;

use labels::Labelled;
use ladder::Ladder;
use m1::M1;
use m2::M2;
use network::Network;
use objectives::{
    DenoisingObjective, ElboObjective, LadderObjective, M2Objective, ReconstructionObjective,
    SoftmaxObjective, StackedObjective, SupervisedObjective,
};
use stacked::Stacked;

/// The paper.
pub struct Paper;

impl paper::Paper for Paper {
    const NAME: &'static str = "few-labels";
    const ABOUT: &'static str = "Few labels: a network that outputs the label and reproduces its input, in seven ways, \
                                 the ladder network and M1+M2 among them";
    const CITATION: &'static str = "D. P. Kingma, S. Mohamed, D. J. Rezende, M. Welling: Semi-supervised Learning with Deep \
         Generative Models. NIPS 2014.\n\
         A. Rasmus, H. Valpola, M. Honkala, M. Berglund, T. Raiko: Semi-Supervised Learning with \
         Ladder Networks. NIPS 2015.";
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        ("quick", include_str!("../configs/quick.toml")),
        ("ladder", include_str!("../configs/ladder.toml")),
        ("ladder-bottom", include_str!("../configs/ladder-bottom.toml")),
        ("supervised", include_str!("../configs/supervised.toml")),
        ("reconstruction", include_str!("../configs/reconstruction.toml")),
        ("denoising", include_str!("../configs/denoising.toml")),
        ("m1", include_str!("../configs/m1.toml")),
        ("m2", include_str!("../configs/m2.toml")),
        ("m1-m2", include_str!("../configs/m1-m2.toml")),
    ];

    const PHASES: &'static [&'static str] = &["pretraining", "train"];
    const EPOCHS: &'static str =
        "of the phase without labels, where there is one, and of the phase with labels";

    type Config = Config;
    type Model<B: Backend> = Model<B>;

    fn problem_of_use(config: &Config, data: &Splits) -> Option<String> {
        foreign_classes("labels.classes", config.labels.classes, data)
    }

    fn problem_with(config: &Config, data: &Splits) -> Option<String> {
        let (count, images) = (config.labels.count, data.train.len());
        let too_many = || {
            (count > images)
                .then(|| format!("[labels] count = {count}: there are {images} training images"))
        };
        without_classes("[labels] count", data)
            .or_else(too_many)
            .or_else(|| config.batches_problem(images))
    }

    fn needs(config: &Config, _: PixelShape, _: usize) -> Needs {
        let passes = match config.model.kind {
            Kind::M2 | Kind::M1M2 => config.labels.classes as u64,
            // Labelled images beside the others, and a clean pass beside the noisy one.
            _ => 3,
        };
        Needs { passes, numbers: 0 }
    }

    fn against_collapse(config: &Config) -> Option<String> {
        // The phase that trains the posterior: the codes of M1 are fixed when its classifier is trained.
        let phase = match config.model.kind {
            Kind::M1 => "pretraining",
            Kind::M2 => "train",
            _ => return None,
        };
        Some(format!("more epochs ({phase}.epochs)"))
    }

    fn unused(config: &Config) -> Vec<(&'static str, String)> {
        let kind = config.model.kind;
        let reason = |section: &str| format!("[model] kind has no {section}");
        let mut unused = Vec::new();
        for (section, is_used) in [
            ("network", kind.is_network()),
            ("ladder", kind == Kind::Ladder),
            ("reconstruction", kind == Kind::Reconstruction),
            ("m1", matches!(kind, Kind::M1 | Kind::M1M2)),
            ("m2", matches!(kind, Kind::M2 | Kind::M1M2)),
            ("pretraining", kind.has_pretraining()),
        ] {
            if !is_used {
                unused.push((section, reason(section)));
            }
        }
        if kind.is_network() || kind == Kind::M1M2 {
            unused.extend(unused_because(ESTIMATE, "this model has no bound on p(x)"));
        }
        unused
    }

    fn build<B: Backend>(
        config: &Config,
        shape: PixelShape,
        noise: Noise,
        device: &B::Device,
    ) -> Model<B> {
        Model::new(config, shape.pixels(), noise, device)
    }

    fn cannot(command: &str, config: &Config) -> Option<String> {
        let kind = config.model.kind;
        match command {
            "sample" if kind.is_network() => {
                Some("this network has no prior to draw codes from; --config m2 has".into())
            }
            "reconstruct" | "interpolate" | "traverse" if kind == Kind::Supervised => {
                Some("a supervised network has no decoder; --config ladder has one".into())
            }
            "snapshots" if kind.is_network() => Some(
                "the statistics of normalised layers are only known at the end of training".into(),
            ),
            "snapshots" if kind == Kind::M1 => {
                Some("the codes of M1 are fixed when its classifier is trained".into())
            }
            "snapshots" if kind == Kind::M1M2 => {
                Some("the codes of M1 are fixed when M2 is trained".into())
            }
            "analogies" if !matches!(kind, Kind::M2 | Kind::M1M2) => {
                Some("this model does not draw an image of a class; --config m2 does".into())
            }
            _ => None,
        }
    }

    fn fit<B: AutodiffBackend>(
        config: &Config,
        data: &Splits,
        session: &Session<B>,
    ) -> Result<(Model<B::InnerBackend>, FitReport)> {
        Fitting { config, data, session }.model()
    }
}

/// A fit, whichever the model.
struct Fitting<'a, B: AutodiffBackend> {
    config: &'a Config,
    data: &'a Splits,
    session: &'a Session<B>,
}

impl<B: AutodiffBackend> Fitting<'_, B> {
    fn model(&self) -> Result<(Model<B::InnerBackend>, FitReport)> {
        let Self { config, data, session } = self;
        let (input, noise, device) = (data.train.input_dim(), session.noise, &session.device);
        let labelled =
            Labelled::new(config.labels, &data.train, config.data.binarise, session.noise);
        if let Some(line) = labelled.unequal(&ClassNames::of_data(data)) {
            progress::line(&line);
        }
        Ok(match config.model.kind {
            Kind::Supervised | Kind::Reconstruction | Kind::Denoising => {
                let (network, report) = self.network(&labelled)?;
                // A network that has seen labelled images alone has seen no other statistics.
                let (seen, size) = match config.model.kind {
                    Kind::Supervised => (labelled.known(), config.labels.batch),
                    _ => (&*self.all(), config.train.batch_size),
                };
                let network = network.with_statistics(&self.batches(), seen, size);
                (Model::Network(network), report)
            }
            Kind::Ladder => {
                let costs = config.ladder.costs.clone();
                let ladder = Ladder::new(config, input, noise, device);
                let (ladder, report) = self.last(ladder, &LadderObjective { labelled, costs })?;
                let size = config.train.batch_size;
                let ladder = ladder.with_statistics(&self.batches(), &self.all(), size);
                (Model::Ladder(ladder), report)
            }
            Kind::M1 => {
                let (lower, first) = self.lower()?;
                let (model, report) = self.last(lower, &SoftmaxObjective { labelled })?;
                (Model::M1(model), first.then(report))
            }
            Kind::M2 => {
                let objective = M2Objective::new(&config.m2, labelled);
                let (model, report) =
                    self.last(M2::on_pixels(config, input, noise, device), &objective)?;
                (Model::M2(model), report)
            }
            Kind::M1M2 => {
                let (lower, first) = self.lower()?;
                let stacked = Stacked::above(lower, config, noise, device);
                let objective = StackedObjective(M2Objective::new(&config.m2, labelled));
                let (model, report) = self.last(stacked, &objective)?;
                (Model::Stacked(model), first.then(report))
            }
        })
    }

    fn network(&self, labelled: &Labelled) -> Result<(Network<B::InnerBackend>, FitReport)> {
        let Self { config, data, session } = self;
        let labelled = labelled.clone();
        let network = Network::new(config, data.train.input_dim(), session.noise, &session.device);
        match config.model.kind {
            Kind::Reconstruction => {
                let weight = config.reconstruction.weight;
                self.last(network, &ReconstructionObjective { labelled, weight })
            }
            Kind::Denoising => {
                let (network, first) = self.first(network, &DenoisingObjective)?;
                let objective = SupervisedObjective { labelled };
                let (network, report) = self.last(network, &objective)?;
                Ok((network, first.then(report)))
            }
            _ => self.last(network, &SupervisedObjective { labelled }),
        }
    }

    /// M1 without its classifier.
    fn lower(&self) -> Result<(M1<B>, FitReport)> {
        let Self { config, data, session } = self;
        let (input, device) = (data.train.input_dim(), &session.device);
        let model = M1::new(&config.m1, config.labels, input, session.noise, device);
        self.first(model, &ElboObjective)
    }

    /// The phase without labels.
    fn first<M, O>(&self, model: M, objective: &O) -> Result<(M, FitReport)>
    where
        M: AutodiffModule<B> + Autoencoder<B>,
        M::InnerModule: Autoencoder<B::InnerBackend>,
        O: Objective<B, M> + Objective<B::InnerBackend, M::InnerModule>,
    {
        let Self { config, data, session } = self;
        let Some(train) = &config.pretraining else { return Ok((model, FitReport::default())) };
        progress::line("without labels");
        let binarise = config.data.binarise;
        let phase = Phase { name: "without-labels", section: "pretraining" };
        let fitted = fit_phase(phase, model, objective, data, binarise, train, session)?;
        progress::line("with labels");
        Ok(fitted)
    }

    /// The phase with labels.
    fn last<M, O>(&self, model: M, objective: &O) -> Result<(M::InnerModule, FitReport)>
    where
        M: AutodiffModule<B> + Autoencoder<B>,
        M::InnerModule: Autoencoder<B::InnerBackend>,
        O: Objective<B, M> + Objective<B::InnerBackend, M::InnerModule>,
    {
        let Self { config, data, session } = self;
        train::fit(model, objective, data, config.data.binarise, &config.train, session)
    }

    /// The indices of all training images.
    fn all(&self) -> Vec<usize> {
        (0..self.data.train.len()).collect()
    }

    /// Batches for the statistics of the fitted model.
    fn batches(&self) -> BatchMaker<B::InnerBackend> {
        let Self { config, data, session } = self;
        let (split, device) = (data.train.clone(), session.device.clone());
        BatchMaker::new(split, config.data.binarise, session.noise, device)
    }
}
