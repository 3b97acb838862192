use std::{
    ops::Range,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Result, anyhow};
use burn::{
    module::AutodiffModule,
    tensor::{Tensor, TensorData},
};
use few_labels::{labels::Labelled, ladder::Ladder, objectives::LadderObjective};
use shared::{
    AutodiffBackend, Backend,
    autoencoder::Autoencoder as _,
    data::{BatchMaker, Binarise, DataConfig, ExampleSet, FetchOptions, PixelShape, Split, Splits},
    likelihood::LikelihoodKind,
    metrics::{Estimator, encode_split, negative_log_likelihood},
    nn::{Activation, Cell, Init},
    noise::{Noise, Stream, uniform},
    paper::Paper,
    principal::PrincipalComponents,
    run::{RunFolder, Trackers},
    train::{self, Moment, Objective, Optimiser, OptimiserConfig, Session, TrainConfig, descend},
    trained::OnDevice,
};
use vae::config::{ModelConfig, ObjectiveConfig};
use vae_rnn::config::{Kind, OutputConfig};

use crate::{Arguments, Work};

/// Examples of the generated set.
const EXAMPLES: usize = 4096;
/// Of a set of wider images than MNIST's.
const WIDE_EXAMPLES: usize = 10_000;
/// Pixels of MNIST's.
const MNIST: usize = 784;
/// Epochs of one run.
const EPOCHS: usize = 4;
/// Images whose bound is computed in turn.
const BOUND_IMAGES: usize = 200;
const BOUND_SAMPLES: usize = 5000;
/// Draws from the prior that are decoded in turn.
const SAMPLES: usize = 10_000;
/// Of these at once.
const CHUNK: usize = 1000;

type Once = Box<dyn FnMut() -> Result<()>>;

/// What is repeated, with everything ready.
pub(super) fn prepare<B: AutodiffBackend>(arguments: &Arguments) -> Result<Once>
where
    <B::InnerBackend as burn::tensor::backend::BackendTypes>::Device: Sync,
{
    let config = ModelConfig {
        latent: arguments.latent,
        hidden: arguments.hidden.clone(),
        activation: Activation::Relu,
        likelihood: LikelihoodKind::Bernoulli,
        init: Init::Glorot,
        output_bias_from_data: false,
    };
    match arguments.work {
        Work::Step => Ok(step::<B>(&config, arguments)),
        Work::Vrnn => Ok(recurrent::<B>(Kind::Vrnn, arguments)),
        Work::Rnn => Ok(recurrent::<B>(Kind::Rnn, arguments)),
        Work::Convolutional => convolutional::<B>(arguments),
        Work::Quadrants => quadrants::<B>(arguments),
        Work::Ladder => ladder::<B>(arguments),
        Work::Epochs => epochs::<B>(&config, arguments),
        Work::Bound => bound::<B::InnerBackend>(&config, arguments),
        Work::Encode => encode::<B::InnerBackend>(&config, arguments),
        Work::Sample => Ok(sample::<B::InnerBackend>(&config, arguments)),
        Work::Pca => pca(arguments),
    }
}

fn step<B: AutodiffBackend>(config: &ModelConfig, arguments: &Arguments) -> Once {
    let shape = PixelShape::grey(1, arguments.pixels);
    let model =
        vae::Model::<B>::new(config, arguments.pixels, Noise::new(1), &B::Device::default());
    stepping(model, vae::Objective::new(ObjectiveConfig::default()), shape, arguments)
}

/// Rows of MNIST as vae-rnn reads them, with a wider cell than `mnist-rows`, and without its clipping.
fn recurrent<B: AutodiffBackend>(kind: Kind, arguments: &Arguments) -> Once {
    let config = vae_rnn::config::ModelConfig {
        kind,
        cell: Cell::Gru,
        latent: 16,
        hidden: 256,
        features: vec![128],
        activation: Activation::Relu,
        output: OutputConfig::Bernoulli,
        word_dropout: 0.0,
        init: Init::Glorot,
    };
    let shape = PixelShape::grey(28, 28);
    let model = vae_rnn::Model::<B>::new(&config, shape, Noise::new(1), &B::Device::default());
    stepping(model, vae_rnn::Objective::new(Default::default()), shape, arguments)
}

/// A paper's configuration of that name.
fn preset<P: Paper>(name: &str) -> Result<P::Config> {
    let found = P::PRESETS.iter().find(|(preset, _)| *preset == name);
    let (_, text) = found.ok_or_else(|| anyhow!("no preset {name}"))?;
    Ok(toml::from_str(text)?)
}

/// beta-vae's configuration convolutional.
fn convolutional<B: AutodiffBackend>(arguments: &Arguments) -> Result<Once> {
    let config = preset::<beta_vae::Paper>("convolutional")?;
    let shape = PixelShape::grey(64, 64);
    let model = beta_vae::Vae::<B>::new(&config, shape, Noise::new(1), &B::Device::default());
    Ok(stepping(model, beta_vae::Objective, shape, arguments))
}

/// cvae's configuration paper, one quadrant observed; its baseline is fixed.
fn quadrants<B: AutodiffBackend>(arguments: &Arguments) -> Result<Once> {
    let config = preset::<cvae::Paper>("paper")?;
    let shape = PixelShape::grey(28, 28);
    let model =
        cvae::Model::<B>::new(&config, shape.pixels(), Noise::new(1), &B::Device::default());
    let objective =
        cvae::Objective::new(config.objective).ok_or_else(|| anyhow!("no objective"))?;
    Ok(stepping(model, objective, shape, arguments))
}

/// few-labels' configuration ladder: as many unlabelled images as labelled ones.
fn ladder<B: AutodiffBackend>(arguments: &Arguments) -> Result<Once> {
    let config = preset::<few_labels::Paper>("ladder")?;
    let shape = PixelShape::grey(28, 28);
    let noise = Noise::new(1);
    let labelled =
        Labelled::new(config.labels, &images(shape, arguments.lit, noise), Binarise::None, noise);
    let model = Ladder::<B>::new(&config, shape.pixels(), noise, &B::Device::default());
    let objective = LadderObjective { labelled, costs: config.ladder.costs };
    Ok(stepping(model, objective, shape, arguments))
}

/// Random binary images of ten classes.
fn images(shape: PixelShape, lit: f32, noise: Noise) -> Split {
    let mut draw = noise.generator(Stream::Generate, 0, 0);
    let pixels =
        (0..EXAMPLES * shape.pixels()).map(|_| if uniform(&mut draw) < lit { 255 } else { 0 });
    let labels = (0..EXAMPLES).map(|image| (image % 10) as u8).collect();
    ExampleSet::images(shape, pixels.collect(), labels, false).into()
}

/// One step after the other on random binary images.
fn stepping<B: AutodiffBackend, M: AutodiffModule<B> + 'static>(
    model: M,
    objective: impl Objective<B, M> + 'static,
    shape: PixelShape,
    arguments: &Arguments,
) -> Once {
    let device = B::Device::default();
    let noise = Noise::new(1);
    let images = images(shape, arguments.lit, noise);
    let batches = BatchMaker::<B>::new(images, Binarise::None, noise, device);
    let order = noise.permutation(Stream::Shuffle, 0, EXAMPLES);
    let mut optimiser = Optimiser::new(&OptimiserConfig::adam());
    let mut model = Some(model);
    let (size, mut start) = (arguments.batch, 0);
    Box::new(move || {
        start = if start + 2 * size <= EXAMPLES { start + size } else { 0 };
        let batch = batches.batch(&order[start..start + size], 1);
        let Some(current) = model.take() else { return Err(anyhow!("the model is gone")) };
        let at = Moment { epochs: 0.0 };
        let (next, found) = descend(current, &mut optimiser, &objective, &batch, at, 1e-4, None);
        model = Some(next);
        let loss = found.read();
        if loss.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(anyhow!("loss not finite")) }
    })
}

fn mnist(arguments: &Arguments) -> Result<Splits> {
    let config = DataConfig::new("mnist", Binarise::Dynamic);
    Ok(shared::kind::Images::load(&config, &FetchOptions::from_env(arguments.data.clone()))?)
}

fn epochs<B: AutodiffBackend>(config: &ModelConfig, arguments: &Arguments) -> Result<Once> {
    let mut data = mnist(arguments)?;
    data.valid = data.valid.take(1);
    let train = TrainConfig {
        epochs: Some(EPOCHS),
        epoch_examples: None,
        batch_size: arguments.batch,
        schedule: train::Schedule::Constant { rate: 1e-3 },
        optimiser: OptimiserConfig::adam(),
        clip_norm: None,
        average: None,
        patience: None,
        keep: train::Keep::Best,
        checkpoint_every: 1,
        keep_checkpoints: 1,
    };
    let config = config.clone();
    let folder = tempfile::tempdir()?;
    Ok(Box::new(move || {
        let noise = Noise::new(1);
        let session = Session::<B> {
            paper: "vae",
            noise,
            device: B::Device::default(),
            backend: "peers",
            section: "train",
            last: None,
            run: RunFolder::create(folder.path().join("run"), "", true)?,
            resume: false,
            snapshot_epochs: Vec::new(),
            trackers: Trackers::default(),
            interrupt: Arc::new(AtomicBool::new(false)),
        };
        let objective = vae::Objective::new(ObjectiveConfig::default());
        let model = vae::Model::<B>::new(&config, data.train.input_dim(), noise, &session.device);
        train::fit(model, &objective, &data, Binarise::Dynamic, &train, &session)?;
        Ok(())
    }))
}

fn bound<B: Backend>(config: &ModelConfig, arguments: &Arguments) -> Result<Once>
where
    B::Device: Sync,
{
    let images = mnist(arguments)?.test.take(BOUND_IMAGES);
    let noise = Noise::new(1);
    let model = untrained::<B>(config, images.input_dim());
    Ok(Box::new(move || {
        let (binarise, estimator) = (Binarise::Static, Estimator::Importance);
        negative_log_likelihood(&model, &images, binarise, noise, estimator, BOUND_SAMPLES)
            .map(|_| ())
            .ok_or_else(|| anyhow!("no bound"))
    }))
}

fn encode<B: Backend>(config: &ModelConfig, arguments: &Arguments) -> Result<Once>
where
    B::Device: Sync,
{
    let Splits { train, valid, .. } = mnist(arguments)?;
    let model = untrained::<B>(config, train.input_dim());
    Ok(Box::new(move || {
        for split in [&train, &valid] {
            let all: Vec<usize> = (0..split.len()).collect();
            encode_split(&model, split, &all);
        }
        Ok(())
    }))
}

fn sample<B: Backend>(config: &ModelConfig, arguments: &Arguments) -> Once {
    let device = B::Device::default();
    let model = vae::Model::<B>::new(config, arguments.pixels, Noise::new(1), &device);
    let keys: Vec<u64> = (0..SAMPLES as u64).collect();
    let latent = config.latent;
    let mut epoch = 0;
    Box::new(move || {
        epoch += 1;
        for keys in keys.chunks(CHUNK) {
            let eps = Noise::new(1).normal(Stream::Prior, epoch, keys, latent);
            let eps = TensorData::new(eps, [keys.len(), latent]);
            let z = model.sample_prior(Tensor::from_data(eps, &device), None);
            model.decode(z, None).mean().into_data();
        }
        Ok(())
    })
}

fn untrained<B: Backend>(config: &ModelConfig, pixels: usize) -> OnDevice<B, vae::Model<B>>
where
    B::Device: Sync,
{
    let device = B::Device::default();
    OnDevice::new(vae::Model::<B>::new(config, pixels, Noise::new(1), &device), device)
}

fn pca(arguments: &Arguments) -> Result<Once> {
    if arguments.pixels != MNIST {
        let width = arguments.pixels;
        let values = Noise::new(1).normal(Stream::Generate, 0, &[0], WIDE_EXAMPLES * width);
        return Ok(Box::new(move || {
            let fill = |rows: Range<usize>, into: &mut [f32]| {
                into.copy_from_slice(&values[rows.start * width..rows.end * width]);
            };
            PrincipalComponents::fit(WIDE_EXAMPLES, width, &fill).map(|_| ())
        }));
    }
    let Splits { train, valid, .. } = mnist(arguments)?;
    let noise = Noise::new(1);
    Ok(Box::new(move || {
        let rows = train.len() + valid.len();
        PrincipalComponents::fit(rows, train.input_dim(), &|range, values| {
            let write = |split: &Split, rows: Vec<usize>, values: &mut [f32]| {
                split.write_inputs(&rows, Binarise::None, noise, 0, values);
            };
            let middle = train.len().clamp(range.start, range.end);
            let (first, second) = values.split_at_mut((middle - range.start) * train.input_dim());
            write(&train, (range.start..middle).collect(), first);
            write(&valid, (middle..range.end).map(|row| row - train.len()).collect(), second);
        })
        .map(|_| ())
    }))
}
