//! One training step of the paper's networks under each objective, and of the convolutional ones; and
//! dSprites as fast as they are drawn.
#![allow(missing_docs)]

use std::hint::black_box;

use beta_vae::{Config, Objective, Paper, Vae};
use burn::backend::Autodiff;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    backend::Flex,
    data::{BatchMaker, Binarise, DataConfig, FactorGrid, FetchOptions, Split, Sprites},
    kind,
    noise::Noise,
    paper::Paper as _,
    train::repeated_step,
};

const BATCH: usize = 64;

fn images() -> Option<Split> {
    let options = FetchOptions {
        data_dir: None,
        cache_dir: "nowhere".into(),
        offline: true,
        ..FetchOptions::from_env(None)
    };
    let config = DataConfig::new("dsprites", Binarise::Threshold);
    Some(kind::Images::load(&config, &options).ok()?.train)
}

fn step<B: Backend>(criterion: &mut Criterion, name: &str, config: &Config, images: &Split) {
    let mut group = criterion.benchmark_group("training_step");
    let (noise, device) = (Noise::new(1), B::Device::default());
    let batches =
        BatchMaker::<Autodiff<B>>::new(images.clone(), Binarise::Threshold, noise, device.clone());
    let model = Vae::<Autodiff<B>>::new(config, images.shape(), noise, &device);
    let mut step = repeated_step(model, &config.train.optimiser, &Objective, &batches, BATCH);
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(10);
    group.bench_function(BenchmarkId::new(name, BATCH), |bencher| bencher.iter(&mut step));
    group.finish();
}

fn preset(name: &str) -> Option<Config> {
    let (_, text) = Paper::PRESETS.iter().find(|(known, _)| *known == name)?;
    toml::from_str(text).ok()
}

fn all(criterion: &mut Criterion) {
    let sprites = Sprites::drawn(false);
    let mut pixels = vec![0f32; 4096];
    let mut group = criterion.benchmark_group("dsprites");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("draw", |bencher| {
        let mut at = 0;
        bencher.iter(|| {
            for _ in 0..1000 {
                at = (at + 100_003) % sprites.images();
                sprites.write_image(at, &mut pixels);
                black_box(&pixels);
            }
        });
    });
    group.finish();
    let Some(images) = images() else { return };
    for name in ["quick", "paper", "convolutional"] {
        let Some(config) = preset(name) else { return };
        step::<Flex>(criterion, &format!("{name}/flex"), &config, &images);
        #[cfg(feature = "ndarray")]
        step::<NdArray>(criterion, &format!("{name}/ndarray"), &config, &images);
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
