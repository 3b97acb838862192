//! One training step of the paper's networks, one quadrant observed, and one completion.
#![allow(missing_docs)]

use std::hint::black_box;

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cvae::{Config, Model, Objective, Paper};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    data::{BatchMaker, Binarise, ExampleSet, PixelShape},
    noise::Noise,
    paper::Paper as _,
    train::{OptimiserConfig, repeated_step},
};

const BATCH: usize = 128;

const SHAPE: PixelShape = PixelShape::grey(28, 28);

fn batches<B: Backend>() -> BatchMaker<B> {
    let pixels = (0..1000 * 784).map(|i| (i * 37 % 256) as u8).collect();
    let images = ExampleSet::images(SHAPE, pixels, vec![0; 1000], false);
    BatchMaker::new(images.into(), Binarise::Dynamic, Noise::new(1), B::Device::default())
}

fn steps<B: Backend>(criterion: &mut Criterion, name: &str, config: &Config) {
    let mut group = criterion.benchmark_group("training_step");
    let batches = batches::<Autodiff<B>>();
    let indices: Vec<usize> = (0..BATCH).collect();
    let Some(objective) = Objective::new(config.objective) else { return };
    let device = B::Device::default();
    let model = Paper::build::<Autodiff<B>>(config, SHAPE, Noise::new(1), &device);
    let mut step = repeated_step(model, &OptimiserConfig::adam(), &objective, &batches, BATCH);
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new(name, BATCH), |bencher| bencher.iter(&mut step));
    group.finish();
    let model: Model<B> = Paper::build(config, SHAPE, Noise::new(1), &device);
    let batch = self::batches::<B>().batch(&indices, 1);
    let given = model.condition(&batch.x, &batch.labels);
    let eps = vec![0.5f32; BATCH * model.latent_dim()];
    let eps = TensorData::new(eps, [BATCH, model.latent_dim()]);
    criterion.bench_function(&format!("completion/{name}"), |bencher| {
        bencher.iter(|| {
            let eps = Tensor::from_data(eps.clone(), &device);
            let z = model.sample_prior(eps, given.as_ref());
            black_box(model.decode(z, given.as_ref()).mean().into_data());
        });
    });
}

fn all(criterion: &mut Criterion) {
    let paper = Paper::PRESETS.iter().find(|(name, _)| *name == "paper");
    let Some((_, text)) = paper else { return };
    let Ok(config) = toml::from_str::<Config>(text) else { return };
    steps::<Flex>(criterion, "flex", &config);
    #[cfg(feature = "ndarray")]
    steps::<NdArray>(criterion, "ndarray", &config);
}

criterion_group!(benches, all);
criterion_main!(benches);
