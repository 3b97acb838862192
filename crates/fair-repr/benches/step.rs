//! One training step of the variational fair autoencoder, one encoding, and one evaluation of the
//! LFR objective with its gradient, at Adult's size.
#![allow(missing_docs)]

use std::hint::black_box;

use burn::backend::Autodiff;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fair_repr::{
    Config, Paper,
    config::LfrConfig,
    lfr::{Lfr, Parameters},
    objective::Objective,
    vfae::FairVae,
};
use ndarray::{Array1, Array2, s};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    data::{BatchMaker, Binarise, ExampleSet, Split},
    noise::{Noise, Stream},
    paper::Paper as _,
    train::{OptimiserConfig, repeated_step},
};

/// Training rows and features of Adult, the sensitive attribute included.
const ROWS: usize = 22_611;
const WIDTH: usize = 103;
const BATCH: usize = 100;

fn rows() -> Array2<f32> {
    let values = Noise::new(1).normal(Stream::Generate, 0, &[0], ROWS * WIDTH);
    let mut rows = Array2::from_shape_fn((ROWS, WIDTH), |(i, j)| values[i * WIDTH + j]);
    rows.column_mut(WIDTH - 1).mapv_inplace(|s| f32::from(u8::from(s > 0.0)));
    rows
}

fn labels() -> Vec<u8> {
    (0..ROWS).map(|i| u8::from(i % 4 == 0)).collect()
}

fn batches<B: Backend>() -> BatchMaker<B> {
    let split = Split::from(ExampleSet::rows(&rows(), labels()));
    BatchMaker::new(split, Binarise::None, Noise::new(1), B::Device::default())
}

fn steps<B: Backend>(criterion: &mut Criterion, name: &str, config: &Config) {
    let mut group = criterion.benchmark_group("training_step");
    let batches = batches::<Autodiff<B>>();
    let indices: Vec<usize> = (0..BATCH).collect();
    let objective = Objective::new(config, Noise::new(1));
    let device = B::Device::default();
    let model = FairVae::<Autodiff<B>>::new(config, WIDTH, Noise::new(1), &device);
    let mut step = repeated_step(model, &OptimiserConfig::adam(), &objective, &batches, BATCH);
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new(name, BATCH), |bencher| bencher.iter(&mut step));
    group.finish();
    let model = FairVae::<B>::new(config, WIDTH, Noise::new(1), &device);
    let batch = self::batches::<B>().batch(&indices, 1);
    criterion.bench_function(&format!("encode/{name}"), |bencher| {
        bencher.iter(|| black_box(model.encode(batch.x.clone(), None).mean().into_data()));
    });
}

fn all(criterion: &mut Criterion) {
    let preset = Paper::PRESETS.iter().find(|(name, _)| *name == "vfae");
    let Some((_, text)) = preset else { return };
    let Ok(config) = toml::from_str::<Config>(text) else { return };
    steps::<Flex>(criterion, "flex", &config);
    #[cfg(feature = "ndarray")]
    steps::<NdArray>(criterion, "ndarray", &config);
    let rows = rows();
    let groups: Vec<u8> = rows.column(WIDTH - 1).iter().map(|s| *s as u8).collect();
    let x = rows.slice(s![.., ..WIDTH - 1]);
    let lfr = Lfr::new(x, &labels(), &groups, 10, LfrConfig::default());
    let at = Parameters {
        prototypes: rows.slice(s![..10, ..WIDTH - 1]).mapv(f64::from),
        predictions: Array1::from_elem(10, 0.5),
        weights: Array2::from_elem((2, WIDTH - 1), 0.1),
    };
    criterion
        .bench_function("lfr_gradient", |bencher| bencher.iter(|| black_box(lfr.gradient(&at))));
}

criterion_group!(benches, all);
criterion_main!(benches);
