//! One training step (the sizes of the quick configuration and those of the networks for dSprites),
//! one encode and decode, and the importance-weighted bound, on both processor backends. `cargo
//! xtask bench-peers` times the same beside PyTorch and JAX.
#![allow(missing_docs)]

use std::hint::black_box;

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData},
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use few_labels::{
    Model, Objective,
    config::{ModelConfig, ObjectiveConfig},
};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    data::{BatchMaker, Binarise, ExampleSet, PixelShape, Split},
    likelihood::LikelihoodKind,
    metrics::{Estimator, negative_log_likelihood},
    nn::{Activation, Init},
    noise::Noise,
    train::{OptimiserConfig, repeated_step},
    trained::OnDevice,
};

fn model<B: Backend>(pixels: usize, hidden: &[usize], latent: usize) -> Model<B> {
    let config = ModelConfig {
        latent,
        hidden: hidden.to_vec(),
        activation: Activation::Relu,
        likelihood: LikelihoodKind::Bernoulli,
        init: Init::Glorot,
        output_bias_from_data: false,
    };
    Model::new(&config, pixels, Noise::new(1), &B::Device::default())
}

fn images(pixels: usize) -> Split {
    let shape = PixelShape::grey(1, pixels);
    let bytes = (0..600 * pixels).map(|i| if i * 37 % 101 < 20 { 255 } else { 0 }).collect();
    ExampleSet::images(shape, bytes, vec![0; 600], false).into()
}

fn training_step<B: Backend>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("training_step");
    let objective = Objective::new(ObjectiveConfig::default());
    for (size, pixels, hidden, latent) in [
        (20usize, 784, &[400][..], 20),
        (128, 784, &[400], 20),
        (512, 784, &[400], 20),
        (64, 4096, &[1200, 1200], 10),
    ] {
        let device = B::Device::default();
        let batches =
            BatchMaker::<Autodiff<B>>::new(images(pixels), Binarise::None, Noise::new(1), device);
        let model = model::<Autodiff<B>>(pixels, hidden, latent);
        let mut step = repeated_step(model, &OptimiserConfig::adam(), &objective, &batches, size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new(name, format!("{size}x{pixels}")), |bencher| {
            bencher.iter(&mut step)
        });
    }
    group.finish();
}

fn bound<B: Backend>(criterion: &mut Criterion, name: &str)
where
    B::Device: Sync,
{
    let model = OnDevice::new(model::<B>(784, &[400], 20), B::Device::default());
    let images = images(784).take(4);
    let mut group = criterion.benchmark_group("importance_bound");
    group.throughput(Throughput::Elements(4)).sample_size(10);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            negative_log_likelihood(
                &model,
                &images,
                Binarise::None,
                Noise::new(1),
                Estimator::Importance,
                5000,
            )
        });
    });
    group.finish();
}

fn encode_and_decode<B: Backend>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("encode_and_decode");
    let model = model::<B>(784, &[400], 20);
    let size = 1000usize;
    let device = B::Device::default();
    let x = || {
        Tensor::<B, 2>::from_data(TensorData::new(vec![0.5f32; size * 784], [size, 784]), &device)
    };
    group.throughput(Throughput::Elements(size as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            x,
            |x| black_box(model.decode(model.encode(x, None).mean(), None).mean().into_data()),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    training_step::<Flex>(criterion, "flex");
    #[cfg(feature = "ndarray")]
    training_step::<NdArray>(criterion, "ndarray");
    encode_and_decode::<Flex>(criterion, "flex");
    #[cfg(feature = "ndarray")]
    encode_and_decode::<NdArray>(criterion, "ndarray");
    bound::<Flex>(criterion, "flex");
    #[cfg(feature = "ndarray")]
    bound::<NdArray>(criterion, "ndarray");
}

criterion_group!(benches, all);
criterion_main!(benches);
