//! Laws of the model and its objective, on both processor backends where that can differ.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use blank::{Config, Model, Objective, Paper, config::ModelConfig};
use burn::{backend::Autodiff, optim::GradientsParams, tensor::Tensor};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    data::{Batch, BatchMaker, Binarise, DataConfig, FetchOptions},
    laws::{self, ParameterGradient},
    nn::Activation,
    noise::Noise,
    paper::{Paper as _, RunConfig},
    statistics::mean,
    train::{Moment, Objective as _, Optimiser, OptimiserConfig, descend},
    trained::{OnDevice, Trained},
    weights,
};

const AT: Moment = Moment { epochs: 0.0 };

fn model<B: Backend>(seed: u64) -> Model<B> {
    // Smooth, so that slopes can be taken over a wide step.
    let config = ModelConfig { latent: 3, hidden: 8, activation: Activation::Tanh };
    Model::new(&config, 28 * 28, Noise::new(seed), &B::Device::default())
}

fn batch<B: Backend>() -> Batch<B> {
    let config = DataConfig::new("segments", Binarise::Dynamic);
    let data = shared::kind::Images::load(&config, &FetchOptions::from_env(None)).unwrap();
    BatchMaker::new(data.train, Binarise::Dynamic, Noise::new(1), B::Device::default())
        .batch(&[4, 5, 6, 7], 1)
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

fn loss<B: Backend>(model: &Model<B>, batch: &Batch<B>) -> Vec<f64> {
    values(Objective.terms(model, batch, AT).loss)
}

fn gradients<B: Backend>() -> Vec<ParameterGradient> {
    let model = model::<Autodiff<B>>(3);
    let loss = Objective.terms(&model, &batch(), AT).loss.mean();
    laws::gradients(&model, &GradientsParams::from_grads(loss.backward(), &model))
}

#[test]
fn the_loss_is_the_cross_entropy_of_the_decoded_code_summed_over_pixels() {
    let (model, batch) = (model::<Flex>(3), batch::<Flex>());
    let x = batch.x.clone();
    let decoded = values(model.decode(model.encode(x.clone(), None).mean(), None).mean());
    let nats = |(x, p): (&f64, &f64)| -x * p.ln() - (1.0 - x) * (1.0 - p).ln();
    let images = values(x);
    let expected = images.chunks(784).zip(decoded.chunks(784));
    let expected = expected.map(|(x, p)| x.iter().zip(p).map(nats).sum::<f64>());
    for (loss, expected) in loss(&model, &batch).into_iter().zip(expected) {
        assert!((loss - expected).abs() < 1e-4 * expected, "{loss} {expected}");
    }
}

#[test]
fn every_parameter_has_a_gradient_and_it_is_the_slope_of_the_loss() {
    let gradients = gradients::<Flex>();
    assert_eq!(gradients.len(), 8);
    assert!(gradients.iter().all(ParameterGradient::is_there), "{gradients:?}");
    let batch = batch::<Flex>();
    let wrong = laws::disagreements(&gradients, 0.04, |parameter, entry, by| {
        mean(&loss(&laws::nudged(model::<Flex>(3), parameter, entry, by), &batch))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[cfg(feature = "ndarray")]
fn the_two_processor_backends_agree() {
    for (flex, ndarray) in gradients::<Flex>().iter().zip(gradients::<NdArray>()) {
        for (a, b) in flex.values.iter().zip(&ndarray.values) {
            assert!((a - b).abs() < 1e-3 * b.abs().max(0.1), "{}: {a} {b}", flex.name);
        }
    }
}

#[test]
fn training_steps_lower_the_loss() {
    let mut model = model::<Autodiff<Flex>>(3);
    let mut optimiser = Optimiser::new(&OptimiserConfig::adam());
    let batch = batch();
    let before = mean(&loss(&model, &batch));
    for _ in 0..50 {
        let (next, _) = descend(model, &mut optimiser, &Objective, &batch, AT, 0.01, None);
        model = next;
    }
    let after = mean(&loss(&model, &batch));
    assert!(after < 0.5 * before, "{before} {after}");
}

#[test]
fn weights_saved_and_loaded_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (first, batch) = (model::<Flex>(3), batch::<Flex>());
    let expected = loss(&first, &batch);
    let tensors = OnDevice::<Flex, _>::new(first, Default::default()).weights();
    weights::save(folder.path(), &tensors, Paper::NAME, "", &serde_json::Value::Null).unwrap();
    let loaded = weights::load(model::<Flex>(99), &folder.path().join(weights::WEIGHTS)).unwrap();
    assert_eq!(loss(&loaded, &batch), expected);
}

#[test]
fn grey_pixels_are_refused() {
    let quick: Config = toml::from_str(Paper::PRESETS[0].1).unwrap();
    let problem = |change: fn(&mut Config)| {
        let mut config = quick.clone();
        change(&mut config);
        config.problem().unwrap_or_default()
    };
    assert_eq!(problem(|_| {}), "");
    assert!(problem(|config| config.data.binarise = Binarise::None).contains("[data] binarise"));
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<blank::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(28, 28);
    let wrong =
        shared::laws::configurations::sizes_misjudged::<blank::Paper, shared::backend::Flex>(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_network_as_layers_is_the_model() {
    let apart = laws::networks::network_apart(model::<Flex>(3), 1).unwrap();
    assert!(apart.largest() < 1e-5, "{apart:?}");
}
