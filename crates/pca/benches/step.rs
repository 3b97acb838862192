//! The fit on random images of MNIST's size, and one encode and decode.
#![allow(missing_docs)]

use std::hint::black_box;

use burn::tensor::{Tensor, TensorData};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pca::{Model, config::ModelConfig};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    noise::{Noise, Stream},
    principal::PrincipalComponents,
};

const WIDTH: usize = 784;

fn fit(rows: usize) -> Option<PrincipalComponents> {
    // The same thousand random rows again and again: time does not depend on the values.
    let values = Noise::new(1).normal(Stream::Generate, 0, &[0], 1000 * WIDTH);
    PrincipalComponents::fit(rows, WIDTH, &|range, target| {
        for (target, row) in target.chunks_mut(WIDTH).zip(range) {
            let start = row % 1000 * WIDTH;
            target.copy_from_slice(&values[start..start + WIDTH]);
        }
    })
    .ok()
}

fn encode_and_decode<B: Backend>(criterion: &mut Criterion, name: &str) {
    let device = B::Device::default();
    let config = ModelConfig { latent: 64, whiten: true };
    let Some(model) = fit(2000).map(|f| Model::<B>::new(&config, &f, &device)) else {
        return;
    };
    let x = || {
        Tensor::<B, 2>::from_data(
            TensorData::new(vec![0.5f32; 1000 * WIDTH], [1000, WIDTH]),
            &device,
        )
    };
    criterion.bench_function(&format!("encode_and_decode/{name}"), |bencher| {
        bencher.iter_batched(
            x,
            |x| black_box(model.decode(model.encode(x, None).mean(), None).mean().into_data()),
            BatchSize::LargeInput,
        );
    });
}

fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fit");
    group.sample_size(10);
    group.bench_function("60000x784", |bencher| bencher.iter(|| black_box(fit(60_000))));
    group.finish();
    encode_and_decode::<Flex>(criterion, "flex");
    #[cfg(feature = "ndarray")]
    encode_and_decode::<NdArray>(criterion, "ndarray");
}

criterion_group!(benches, all);
criterion_main!(benches);
