//! Laws of the model and its objective, on both processor backends where that can differ.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use burn::{
    backend::Autodiff,
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    bound::{elbo_terms, log_mean_exp, log_weights},
    data::{BatchMaker, Binarise, DataConfig, FetchOptions},
    laws::values,
    laws::{self, ParameterGradient},
    likelihood::{LikelihoodKind, row_sums},
    nn::{Activation, Init},
    noise::{Noise, Stream},
    statistics::mean,
    train::{Moment, Objective as _},
    weights,
};
use vae::{
    Model, Objective,
    config::{Bound, ModelConfig, ObjectiveConfig},
};

const PIXELS: usize = 12;

fn config(latent: usize, likelihood: LikelihoodKind) -> ModelConfig {
    ModelConfig {
        latent,
        hidden: vec![9, 7],
        activation: Activation::Tanh,
        likelihood,
        init: Init::Normal { std: 0.5 },
        output_bias_from_data: false,
    }
}

fn model<B: Backend>(latent: usize) -> Model<B> {
    let config = config(latent, LikelihoodKind::Bernoulli);
    Model::new(&config, PIXELS, Noise::new(3), &B::Device::default())
}

/// Random binary images.
fn images<B: Backend>(count: usize) -> Tensor<B, 2> {
    let keys: Vec<u64> = (0..count as u64).collect();
    let values = Noise::new(8).normal(Stream::Generate, 0, &keys, PIXELS);
    let values: Vec<f32> = values.iter().map(|&v| f32::from(v > 0.0)).collect();
    Tensor::from_data(TensorData::new(values, [count, PIXELS]), &B::Device::default())
}

fn noise<B: Backend>(rows: usize, latent: usize, key: u64) -> Tensor<B, 2> {
    let values = Noise::new(5).normal(Stream::Posterior, key, &[0], rows * latent);
    Tensor::from_data(TensorData::new(values, [rows, latent]), &B::Device::default())
}

/// log p(x) of a model with one latent, by quadrature of p(x|z) N(z; 0, 1).
fn exact_log_p(model: &Model<Flex>, x: &Tensor<Flex, 2>) -> f64 {
    let (low, high, points) = (-9.0f64, 9.0f64, 4001);
    let step = (high - low) / (points - 1) as f64;
    let z: Vec<f32> = (0..points).map(|i| (low + step * i as f64) as f32).collect();
    let grid = Tensor::from_data(TensorData::new(z.clone(), [points, 1]), &x.device());
    let log_joint: Vec<f64> = values(model.decode(grid, None).log_prob(x.clone()))
        .iter()
        .zip(&z)
        .map(|(l, &z)| l - 0.5 * f64::from(z).powi(2) - 0.5 * (2.0 * std::f64::consts::PI).ln())
        .collect();
    let largest = log_joint.iter().copied().fold(f64::MIN, f64::max);
    largest + (log_joint.iter().map(|l| (l - largest).exp()).sum::<f64>() * step).ln()
}

#[test]
fn elbo_is_below_iwae_is_below_log_p_and_iwae_grows_with_k() {
    let model = model::<Flex>(1);
    let x = images::<Flex>(1);
    let exact = exact_log_p(&model, &x);
    let posterior = model.posterior(x.clone());
    // Each bound as a mean over many independent estimates, so that its expectation is compared.
    let repeats = 4000;
    let bound = |k: usize| {
        let w = log_weights(&model, &posterior, x.clone(), None, noise(k * repeats, 1, k as u64));
        // Samples of one image serve as `repeats` estimates of k each.
        mean(&values(log_mean_exp(w.reshape([k, repeats]))))
    };
    let bounds: Vec<f64> = [1, 2, 5, 20, 100].map(bound).to_vec();
    let terms = elbo_terms(&model, &posterior, x.clone(), None, noise(repeats, 1, 1));
    let elbo = -(values(terms.reconstruction)[0] + values(row_sums(terms.kl_per_latent))[0]);
    assert!((bounds[0] - elbo).abs() < 0.03, "IWAE with K = 1 is {}, ELBO is {elbo}", bounds[0]);
    for pair in bounds.windows(2) {
        assert!(pair[0] < pair[1], "{bounds:?}");
    }
    let last = bounds[bounds.len() - 1];
    assert!(last < exact + 0.005 && exact - last < 0.05, "{bounds:?}, log p = {exact}");
}

#[test]
fn one_importance_sample_is_the_elbo_of_that_sample() {
    let model = model::<Flex>(3);
    let (x, eps) = (images::<Flex>(6), noise::<Flex>(6, 3, 0));
    let posterior = model.posterior(x.clone());
    let bound = values(log_mean_exp(log_weights(&model, &posterior, x.clone(), None, eps.clone())));
    // log p(x|z) + log p(z) - log q(z|x), written out.
    let z = posterior.reparameterise(eps.clone());
    let log_prior = row_sums(z.clone().square()).mul_scalar(-0.5);
    let log_q = row_sums(eps.square() + posterior.log_var.clone()).mul_scalar(-0.5);
    let direct = values(model.decode(z, None).log_prob(x) + log_prior - log_q);
    for (bound, direct) in bound.iter().zip(&direct) {
        assert!((bound - direct).abs() < 1e-4, "{bound} {direct}");
    }
}

#[test]
fn the_kl_in_closed_form_is_the_kl_by_sampling() {
    let model = model::<Flex>(3);
    let x = images::<Flex>(1);
    let posterior = model.posterior(x);
    let closed = values(row_sums(posterior.kl_per_latent()))[0];
    assert!(closed > 0.0);
    let samples = 200_000;
    let eps = noise::<Flex>(samples, 3, 0);
    let z = posterior.reparameterise(eps.clone());
    let log_var = values(posterior.log_var.clone()).iter().sum::<f64>();
    let log_q_over_p =
        row_sums(z.square() - eps.square()).mul_scalar(0.5).sub_scalar(0.5 * log_var);
    let sampled = mean(&values(log_q_over_p));
    assert!((closed - sampled).abs() < 0.02 * closed.max(0.2), "{closed} {sampled}");
}

#[test]
fn many_samples_of_one_image_equal_copies_of_the_image() {
    // A single image is broadcast against its samples; many are tiled.
    let model = model::<Flex>(2);
    let x = images::<Flex>(2);
    let eps = noise::<Flex>(2 * 5, 2, 0);
    let together = log_weights(&model, &model.posterior(x.clone()), x.clone(), None, eps.clone());
    let first = x.slice([0..1, 0..PIXELS]);
    let own = eps.reshape([5, 2, 2]).slice([0..5, 0..1]).reshape([5, 2]);
    let alone = log_weights(&model, &model.posterior(first.clone()), first, None, own);
    let together = values(together.slice([0..5, 0..1]));
    for (a, b) in together.iter().zip(values(alone)) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

fn batches<B: Backend>() -> BatchMaker<B> {
    let config = DataConfig::new("segments", Binarise::Dynamic);
    let data = shared::kind::Images::load(&config, &FetchOptions::from_env(None)).unwrap();
    BatchMaker::new(data.train, Binarise::Dynamic, Noise::new(1), B::Device::default())
}

fn on_segments<B: Backend>(likelihood: LikelihoodKind) -> Model<B> {
    let mut config = config(2, likelihood);
    config.init = Init::Glorot;
    Model::new(&config, 28 * 28, Noise::new(3), &B::Device::default())
}

#[test]
fn without_warm_up_and_free_bits_the_loss_is_minus_the_elbo_to_the_bit() {
    let (model, batch) =
        (on_segments::<Flex>(LikelihoodKind::Bernoulli), batches().batch(&[1, 2, 3], 1));
    let objective = Objective::new(ObjectiveConfig::default());
    let terms = objective.terms(&model, &batch, Moment { epochs: 0.0 });
    let posterior = model.posterior(batch.x.clone());
    let elbo = elbo_terms(&model, &posterior, batch.x.clone(), None, batch.eps(1, 2));
    let expected = values(elbo.reconstruction + row_sums(elbo.kl_per_latent));
    assert_eq!(values(terms.loss), expected);
    assert!(values(terms.named[1].1.clone()).iter().all(|&kl| kl >= 0.0));
}

#[test]
fn warm_up_and_free_bits_change_the_loss_as_stated() {
    let (model, batch) =
        (on_segments::<Flex>(LikelihoodKind::Bernoulli), batches().batch(&[1, 2, 3], 1));
    let at = Moment { epochs: 1.0 };
    let loss = |config: ObjectiveConfig| {
        let terms = Objective::new(config).terms(&model, &batch, at);
        let [reconstruction, kl] = [0, 1].map(|i| values(terms.named[i].1.clone()));
        (values(terms.loss), reconstruction, kl)
    };
    let (loss_half, reconstruction, kl) =
        loss(ObjectiveConfig { kl_warmup_epochs: 2.0, ..Default::default() });
    for i in 0..3 {
        assert!((loss_half[i] - reconstruction[i] - 0.5 * kl[i]).abs() < 1e-4);
    }
    // More free nats than any latent uses: each costs exactly that much.
    let (loss_free, reconstruction, _) =
        loss(ObjectiveConfig { free_bits: 50.0, ..Default::default() });
    for i in 0..3 {
        assert!((loss_free[i] - reconstruction[i] - 100.0).abs() < 1e-3);
    }
    let objective = Objective::new(ObjectiveConfig { kl_warmup_epochs: 2.0, ..Default::default() });
    let settled = |epochs| objective.is_settled(&model, Moment { epochs });
    assert!(!settled(1.0) && settled(2.0));
}

#[test]
fn a_loss_depends_on_the_rest_of_its_batch_if_it_says_so() {
    let model = on_segments::<Flex>(LikelihoodKind::Bernoulli);
    for (free_bits, depends) in [(0.0, false), (0.3, true)] {
        let objective = Objective::new(ObjectiveConfig { free_bits, ..Default::default() });
        let of = |images: &[usize]| {
            let batch = batches::<Flex>().batch(images, 1);
            values(objective.terms(&model, &batch, Moment { epochs: 1.0 }).loss)
        };
        let (few, more) = (of(&[1, 2, 3]), of(&[1, 2, 3, 60, 61]));
        let moved = few.iter().zip(&more).any(|(few, more)| (few - more).abs() > 1e-4);
        assert_eq!(moved, depends, "{few:?} {more:?}");
        assert_eq!(objective.depends_on_batch(&model), depends);
    }
}

fn gradients<B: Backend>(
    objective: Objective,
    likelihood: LikelihoodKind,
) -> Vec<ParameterGradient> {
    let model = on_segments::<Autodiff<B>>(likelihood);
    let batch = batches::<Autodiff<B>>().batch(&[4, 5, 6, 7], 1);
    let terms = objective.terms(&model, &batch, Moment { epochs: 1.0 });
    let of = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
    laws::gradients(&model, &of)
}

fn check_gradients<B: Backend>(config: ObjectiveConfig, likelihood: LikelihoodKind) {
    let objective = Objective::new(config);
    let gradients = gradients::<B>(objective, likelihood);
    assert!(gradients.iter().all(ParameterGradient::is_there));
    let batch = batches::<B>().batch(&[4, 5, 6, 7], 1);
    let wrong = laws::disagreements(&gradients, 0.04, |parameter, entry, by| {
        let model = laws::nudged(on_segments::<B>(likelihood), parameter, entry, by);
        mean(&values(objective.terms(&model, &batch, Moment { epochs: 1.0 }).loss))
    });
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn gradients_agree_with_finite_differences() {
    let iwae = ObjectiveConfig { bound: Bound::Iwae, samples: 3, ..Default::default() };
    let three = ObjectiveConfig { samples: 3, ..Default::default() };
    check_gradients::<Flex>(ObjectiveConfig::default(), LikelihoodKind::Bernoulli);
    check_gradients::<Flex>(three, LikelihoodKind::Gaussian);
    check_gradients::<Flex>(iwae, LikelihoodKind::Bernoulli);
    #[cfg(feature = "ndarray")]
    check_gradients::<NdArray>(ObjectiveConfig::default(), LikelihoodKind::Bernoulli);
}

#[test]
#[cfg(feature = "ndarray")]
fn the_two_processor_backends_agree() {
    let objective = Objective::new(ObjectiveConfig::default());
    let flex = gradients::<Flex>(objective, LikelihoodKind::Bernoulli);
    let ndarray = gradients::<NdArray>(objective, LikelihoodKind::Bernoulli);
    for (flex, ndarray) in flex.iter().zip(&ndarray) {
        for (a, b) in flex.values.iter().zip(&ndarray.values) {
            assert!((a - b).abs() < 1e-3 * b.abs().max(0.1), "{a} {b}");
        }
    }
}

#[test]
fn weights_saved_and_loaded_give_the_same_bits() {
    use shared::trained::{OnDevice, Trained};
    let folder = tempfile::tempdir().unwrap();
    let device = Default::default();
    let first = model::<Flex>(3);
    let x = images::<Flex>(4);
    let expected = values(first.decode(first.posterior(x.clone()).mean, None).mean());
    let tensors = OnDevice::<Flex, _>::new(first, device).weights();
    weights::save(folder.path(), &tensors, "vae", "", &serde_json::Value::Null).unwrap();
    let config = config(3, LikelihoodKind::Bernoulli);
    let other = Model::<Flex>::new(&config, PIXELS, Noise::new(99), &device);
    let file = folder.path().join(weights::WEIGHTS);
    let loaded = weights::load(other, &file).unwrap();
    assert_eq!(values(loaded.decode(loaded.posterior(x).mean, None).mean()), expected);

    let wider = ModelConfig { latent: 4, ..config };
    let wider = Model::<Flex>::new(&wider, PIXELS, Noise::new(99), &device);
    let message = weights::load(wider, &file).unwrap_err().to_string();
    assert!(message.contains("mean.weight is [3, 7], expected [4, 7]"), "{message}");
}

#[test]
fn with_the_output_bias_of_the_data_and_no_weights_every_code_is_decoded_to_their_mean() {
    let config = ModelConfig { init: Init::Zero, ..config(2, LikelihoodKind::Bernoulli) };
    let data = [0.0, 0.25, 0.5, 1.0].repeat(3);
    let model = Model::<Flex>::new(&config, PIXELS, Noise::new(3), &Default::default())
        .with_output_bias(&data);
    let decoded = values(model.decode(noise(2, 2, 0), None).mean());
    for (found, wanted) in decoded.iter().zip([0.001, 0.25, 0.5, 0.999].iter().cycle()) {
        assert!((found - wanted).abs() < 1e-6, "{found} {wanted}");
    }
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<vae::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(28, 28);
    let wrong =
        shared::laws::configurations::sizes_misjudged::<vae::Paper, shared::backend::Flex>(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_network_as_layers_is_the_model() {
    for likelihood in
        [LikelihoodKind::Bernoulli, LikelihoodKind::Gaussian, LikelihoodKind::Logistic]
    {
        let config = config(3, likelihood);
        let model = Model::<Flex>::new(&config, PIXELS, Noise::new(3), &Default::default());
        let apart = laws::networks::network_apart(model, 1).unwrap();
        assert!(apart.largest() < 1e-5, "{likelihood:?}: {apart:?}");
    }
}
