//! One training step and one encode and decode, on both processor backends, with the sizes of the
//! quick configuration.
#![allow(missing_docs)]

use std::hint::black_box;

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData},
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::{Flex, NdArray},
    data::{BatchMaker, Binarise, DataConfig, DataName, FetchOptions, SplitName},
    likelihood::LikelihoodKind,
    nn::{Activation, Init},
    noise::Noise,
    train::{Moment, Optimiser, OptimiserConfig, descend},
};
use vae::{
    VaeModel, VaeObjective,
    config::{ModelConfig, ObjectiveConfig},
};

fn model<B: Backend>() -> VaeModel<B> {
    let config = ModelConfig {
        latent: 20,
        hidden: vec![400],
        activation: Activation::Relu,
        likelihood: LikelihoodKind::Bernoulli,
        init: Init::Glorot,
        output_bias_from_data: false,
    };
    VaeModel::new(&config, 28 * 28, Noise::new(1), &B::Device::default())
}

fn batches<B: Backend>() -> Option<BatchMaker<B>> {
    let config = DataConfig {
        name: DataName::Segments,
        split: SplitName::Standard,
        binarise: Binarise::Dynamic,
        train_examples: None,
    };
    let data = shared::data::load(&config, &FetchOptions::from_env(None)).ok()?;
    Some(BatchMaker::new(data.train, Binarise::Dynamic, Noise::new(1), B::Device::default()))
}

fn training_step<B: Backend>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("training_step");
    let objective = VaeObjective::new(ObjectiveConfig::default());
    let adam = OptimiserConfig::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let Some(batches) = batches::<Autodiff<B>>() else { return };
    for size in [20usize, 128, 512] {
        let indices: Vec<usize> = (0..size).collect();
        let mut optimiser = Optimiser::new(&adam);
        let mut model = Some(model::<Autodiff<B>>());
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new(name, size), |bencher| {
            bencher.iter(|| {
                let batch = batches.batch(&indices, 1);
                if let Some(current) = model.take() {
                    let at = Moment { epochs: 0.0 };
                    let (next, found) =
                        descend(current, &mut optimiser, &objective, &batch, at, 1e-4, None);
                    black_box(found.read());
                    model = Some(next);
                }
            });
        });
    }
    group.finish();
}

fn encode_and_decode<B: Backend>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("encode_and_decode");
    let model = model::<B>();
    let size = 1000usize;
    let device = B::Device::default();
    let x = || {
        Tensor::<B, 2>::from_data(TensorData::new(vec![0.5f32; size * 784], [size, 784]), &device)
    };
    group.throughput(Throughput::Elements(size as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            x,
            |x| black_box(model.decode(model.encode(x).mean()).mean().into_data()),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    training_step::<Flex>(criterion, "flex");
    training_step::<NdArray>(criterion, "ndarray");
    encode_and_decode::<Flex>(criterion, "flex");
    encode_and_decode::<NdArray>(criterion, "ndarray");
}

criterion_group!(benches, all);
criterion_main!(benches);
