//! One training step of each model, on both processor backends. `cargo xtask bench-peers` times the same
//! beside PyTorch.
#![allow(missing_docs)]

use burn::backend::Autodiff;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    backend::Flex,
    data::{BatchMaker, Binarise, ExampleSet, PixelShape},
    noise::Noise,
    paper::Paper as _,
    train::{OptimiserConfig, repeated_step},
};
use vae_rnn::{Config, Objective, Paper, config::Kind};

const SHAPE: PixelShape = PixelShape::grey(28, 28);
const BATCH: usize = 128;

fn steps<B: Backend>(criterion: &mut Criterion, name: &str, config: &Config) {
    let device = B::Device::default();
    let pixels = (0..1000 * 784).map(|i| (i * 37 % 256) as u8).collect();
    let images = ExampleSet::images(SHAPE, pixels, vec![0; 1000], false);
    let batches = BatchMaker::<Autodiff<B>>::new(
        images.into(),
        Binarise::Dynamic,
        Noise::new(1),
        device.clone(),
    );
    let objective = Objective::new(config.objective);
    let model = Paper::build::<Autodiff<B>>(config, SHAPE, Noise::new(1), &device);
    let mut step = repeated_step(model, &OptimiserConfig::adam(), &objective, &batches, BATCH);
    let mut group = criterion.benchmark_group("training_step");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(10);
    group.bench_function(BenchmarkId::new(name, format!("{:?}", config.model.kind)), |bencher| {
        bencher.iter(&mut step)
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    let Ok(config) = toml::from_str::<Config>(Paper::PRESETS[0].1) else { return };
    for kind in [Kind::Vrnn, Kind::VrnnI, Kind::Rnn] {
        let mut config = config.clone();
        config.model.kind = kind;
        steps::<Flex>(criterion, "flex", &config);
        #[cfg(feature = "ndarray")]
        steps::<NdArray>(criterion, "ndarray", &config);
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
