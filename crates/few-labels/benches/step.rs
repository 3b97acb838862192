//! One training step of the ladder network, with both choices of costs, and of M2: 100 labelled and 100 unlabelled
//! images.
#![allow(missing_docs)]

use burn::backend::Autodiff;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use few_labels::{
    Config, Paper,
    labels::Labelled,
    ladder::Ladder,
    m2::M2,
    objectives::{LadderObjective, M2Objective},
};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    backend::Flex,
    data::{BatchMaker, Binarise, ExampleSet, PixelShape, Split},
    nn::Initialiser,
    noise::Noise,
    paper::Paper as _,
    train::{OptimiserConfig, repeated_step},
};

const BATCH: usize = 100;
const PIXELS: usize = 784;

fn images() -> Split {
    let pixels = (0..1000 * PIXELS).map(|i| if i * 37 % 101 < 20 { 255 } else { 0 }).collect();
    let labels = (0..1000).map(|image| (image % 10) as u8).collect();
    ExampleSet::images(PixelShape::grey(28, 28), pixels, labels, false).into()
}

fn config(name: &str) -> Option<Config> {
    let (_, text) = Paper::PRESETS.iter().find(|(preset, _)| *preset == name)?;
    toml::from_str(text).ok()
}

fn steps<B: Backend>(criterion: &mut Criterion, backend: &str) {
    let (noise, device) = (Noise::new(1), B::Device::default());
    let batches = BatchMaker::<Autodiff<B>>::new(images(), Binarise::None, noise, device.clone());
    let mut group = criterion.benchmark_group("training_step");
    group.throughput(Throughput::Elements(BATCH as u64));
    for preset in ["ladder", "ladder-bottom"] {
        let Some(config) = config(preset) else { continue };
        let labelled = Labelled::new(config.labels, &images(), Binarise::None, noise);
        let model = Ladder::<Autodiff<B>>::new(&config, PIXELS, noise, &device);
        let objective = LadderObjective { labelled, costs: config.ladder.costs };
        let mut step = repeated_step(model, &OptimiserConfig::adam(), &objective, &batches, BATCH);
        group.bench_function(format!("{preset}/{backend}"), |bencher| bencher.iter(&mut step));
    }
    if let Some(config) = config("m2") {
        let labelled = Labelled::new(config.labels, &images(), Binarise::None, noise);
        let mut init = Initialiser::new(config.m2.init, noise, &device);
        let model = M2::<Autodiff<B>>::new(&config.m2, 10, PIXELS, false, &mut init);
        let objective = M2Objective::new(&config.m2, labelled);
        let mut step = repeated_step(model, &OptimiserConfig::adam(), &objective, &batches, BATCH);
        group.bench_function(format!("m2/{backend}"), |bencher| bencher.iter(&mut step));
    }
    group.finish();
}

fn all(criterion: &mut Criterion) {
    steps::<Flex>(criterion, "flex");
    #[cfg(feature = "ndarray")]
    steps::<NdArray>(criterion, "ndarray");
}

criterion_group!(benches, all);
criterion_main!(benches);
