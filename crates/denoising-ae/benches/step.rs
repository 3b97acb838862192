//! One pre-training step of a layer of 1,000 units, and one encode and decode.
#![allow(missing_docs)]

use std::hint::black_box;

use burn::backend::Autodiff;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use denoising_ae::{Config, Model, Paper, corruption::Corruption, pretraining::Objective};
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

const BATCH: usize = 50;

const SHAPE: PixelShape = PixelShape::grey(28, 28);

fn batches<B: Backend>() -> BatchMaker<B> {
    let pixels = (0..1000 * 784).map(|i| (i * 37 % 256) as u8).collect();
    let images = ExampleSet::images(SHAPE, pixels, vec![0; 1000], false);
    BatchMaker::new(images.into(), Binarise::None, Noise::new(1), B::Device::default())
}

fn steps<B: Backend>(criterion: &mut Criterion, name: &str, config: &Config) {
    let mut group = criterion.benchmark_group("pretraining_step");
    let batches = batches::<Autodiff<B>>();
    let indices: Vec<usize> = (0..BATCH).collect();
    let objective = Objective {
        layer: 0,
        corruption: Corruption::Masking { fraction: 0.25 },
        corrupted_weight: 1.0,
        clean_weight: 1.0,
    };
    let device = B::Device::default();
    let model = Paper::build::<Autodiff<B>>(config, SHAPE, Noise::new(1), &device);
    let mut step = repeated_step(model, &OptimiserConfig::adam(), &objective, &batches, BATCH);
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new(name, BATCH), |bencher| bencher.iter(&mut step));
    group.finish();
    let model: Model<B> = Paper::build(config, SHAPE, Noise::new(1), &device);
    let x = self::batches::<B>().batch(&indices, 1).x;
    criterion.bench_function(&format!("encode_and_decode/{name}"), |bencher| {
        bencher.iter(|| {
            black_box(model.decode(model.encode(x.clone(), None).mean(), None).mean().into_data());
        });
    });
}

fn all(criterion: &mut Criterion) {
    let (_, text) = Paper::PRESETS[1];
    let Ok(config) = toml::from_str::<Config>(text) else { return };
    steps::<Flex>(criterion, "flex", &config);
    #[cfg(feature = "ndarray")]
    steps::<NdArray>(criterion, "ndarray", &config);
}

criterion_group!(benches, all);
criterion_main!(benches);
