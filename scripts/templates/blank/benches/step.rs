//! One training step, and one encode and decode, on both processor backends.
#![allow(missing_docs)]

use std::hint::black_box;

use blank::{Model, Objective, config::ModelConfig};
use burn::backend::Autodiff;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    data::{BatchMaker, Binarise, ExampleSet, PixelShape},
    nn::Activation,
    noise::Noise,
    train::{OptimiserConfig, repeated_step},
};

const BATCH: usize = 128;

fn model<B: Backend>() -> Model<B> {
    let config = ModelConfig { latent: 20, hidden: 400, activation: Activation::Relu };
    Model::new(&config, 784, Noise::new(1), &B::Device::default())
}

fn batches<B: Backend>() -> BatchMaker<B> {
    let shape = PixelShape::grey(28, 28);
    let pixels = (0..600 * 784).map(|i| if i * 37 % 101 < 20 { 255 } else { 0 }).collect();
    let images = ExampleSet::images(shape, pixels, vec![0; 600], false);
    BatchMaker::new(images.into(), Binarise::None, Noise::new(1), B::Device::default())
}

fn training_step<B: Backend>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("training_step");
    let batches = batches::<Autodiff<B>>();
    let model = model::<Autodiff<B>>();
    let mut step = repeated_step(model, &OptimiserConfig::adam(), &Objective, &batches, BATCH);
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new(name, BATCH), |bencher| bencher.iter(&mut step));
    group.finish();
}

fn encode_and_decode<B: Backend>(criterion: &mut Criterion, name: &str) {
    let model = model::<B>();
    let indices: Vec<usize> = (0..BATCH).collect();
    let x = batches::<B>().batch(&indices, 1).x;
    criterion.bench_function(&format!("encode_and_decode/{name}"), |bencher| {
        bencher.iter(|| {
            black_box(model.decode(model.encode(x.clone(), None).mean(), None).mean().into_data());
        });
    });
}

fn all(criterion: &mut Criterion) {
    training_step::<Flex>(criterion, "flex");
    #[cfg(feature = "ndarray")]
    training_step::<NdArray>(criterion, "ndarray");
    encode_and_decode::<Flex>(criterion, "flex");
    #[cfg(feature = "ndarray")]
    encode_and_decode::<NdArray>(criterion, "ndarray");
}

criterion_group!(benches, all);
criterion_main!(benches);
