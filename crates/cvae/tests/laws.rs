//! Laws of the conditioning, the networks and the objectives.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use burn::{
    backend::Autodiff,
    module::AutodiffModule,
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
use cvae::{
    BaselineObjective, Conditioning, Config, Model, Objective, Paper, Predictor,
    config::{ModelConfig, ObjectiveConfig, Prior},
};
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    bound::{elbo_terms, log_likelihoods_from_prior, log_mean_exp, log_weights},
    data::{Batch, BatchMaker, Binarise, DataConfig, FetchOptions},
    laws::values,
    laws::{self, disagreements},
    likelihood::row_sums,
    metrics::{encode_split, nats_per_latent},
    nn::{Activation, Init},
    noise::{Noise, Stream},
    paper::Paper as _,
    posterior::{DiagonalGaussian, Posterior},
    statistics::{mean, mean_and_deviation},
    train::{Keep, Moment, Objective as _, OptimiserConfig, Schedule, TrainConfig},
    trained::OnDevice,
    weights::weights_of,
};

type Diff = Autodiff<Flex>;

const AT: Moment = Moment { epochs: 0.0 };
const PIXELS: usize = 784;
const LABEL: Conditioning = Conditioning::Label { classes: 10 };

fn quadrants(observed: usize) -> Conditioning {
    Conditioning::Quadrants { observed }
}

fn config(conditioning: Conditioning, objective: ObjectiveConfig, latent: usize) -> Config {
    let train = TrainConfig {
        epochs: Some(1),
        epoch_examples: None,
        batch_size: 10,
        schedule: Schedule::Constant { rate: 0.01 },
        optimiser: OptimiserConfig::adam(),
        clip_norm: None,
        average: None,
        patience: None,
        keep: Keep::Best,
        checkpoint_every: 1,
        keep_checkpoints: 1,
    };
    let has_predictor = conditioning != LABEL;
    Config {
        seed: 1,
        data: DataConfig::new("segments", Binarise::Dynamic),
        conditioning,
        model: ModelConfig {
            latent,
            hidden: vec![8],
            activation: Activation::Tanh,
            init: Init::Normal { std: 0.3 },
            prior: Prior::Conditional,
            generation_sees_condition: true,
            grey_targets: false,
            likelihood: shared::likelihood::LikelihoodKind::Bernoulli,
        },
        objective,
        train: train.clone(),
        predictor: has_predictor.then_some(train),
        evaluate: Default::default(),
    }
}

fn model<B: Backend>(
    conditioning: Conditioning,
    objective: ObjectiveConfig,
    latent: usize,
) -> Model<B> {
    let config = config(conditioning, objective, latent);
    Model::new(&config, PIXELS, Noise::new(3), &B::Device::default())
}

fn batch<B: Backend>(indices: &[usize]) -> Batch<B> {
    let data = config(LABEL, ObjectiveConfig::Cvae, 1).data;
    let data = shared::kind::Images::load(&data, &FetchOptions::from_env(None)).unwrap();
    BatchMaker::new(data.train, Binarise::Dynamic, Noise::new(1), B::Device::default())
        .batch(indices, 1)
}

fn matrix<B: Backend>(values: ndarray::Array2<f32>) -> Tensor<B, 2> {
    let shape = [values.nrows(), values.ncols()];
    let values = values.into_raw_vec_and_offset().0;
    Tensor::from_data(TensorData::new(values, shape), &B::Device::default())
}

fn noise<B: Backend>(rows: usize, width: usize, key: u64) -> Tensor<B, 2> {
    let values = Noise::new(5).normal(Stream::Prior, key, &[0], rows * width);
    Tensor::from_data(TensorData::new(values, [rows, width]), &B::Device::default())
}

fn gaussian<B: Backend, M: Autoencoder<B>>(model: &M, batch: &Batch<B>) -> DiagonalGaussian<B> {
    let given = model.condition(&batch.x, &batch.labels);
    match model.encode(batch.x.clone(), given.as_ref()) {
        Posterior::Gaussian(gaussian) => gaussian,
        Posterior::Point(_) => panic!("a point"),
    }
}

#[test]
fn quadrants_are_a_quarter_each_and_where_the_paper_has_them() {
    for (observed, corners) in [
        (1, [false, false, true, false]),
        (2, [true, false, true, false]),
        (3, [true, true, true, false]),
    ] {
        let map = quadrants(observed).observed(PIXELS);
        assert_eq!(map.iter().filter(|o| **o).count(), observed * PIXELS / 4);
        // Upper left, upper right, lower left, lower right.
        assert_eq!([map[0], map[27], map[27 * 28], map[783]], corners);
    }
}

#[test]
fn a_completion_keeps_what_is_given_and_scores_the_rest_alone() {
    let batch = batch::<Flex>(&[3, 4, 5]);
    for observed in [1, 2, 3] {
        let model = model::<Flex>(quadrants(observed), ObjectiveConfig::Cvae, 3);
        let given = model.condition(&batch.x, &batch.labels).unwrap();
        let z = model.sample_prior(noise(3, 3, 0), Some(&given));
        let likelihood = model.decode(z, Some(&given));
        let (mean, x) = (values(likelihood.clone().mean()), values(batch.x.clone()));
        let map = quadrants(observed).observed(PIXELS);
        let mut expected = vec![0f64; 3];
        for (index, (&p, &x)) in mean.iter().zip(&x).enumerate() {
            if map[index % PIXELS] {
                assert_eq!(p, x);
            } else {
                expected[index / PIXELS] += if x == 1.0 { p.ln() } else { (1.0 - p).ln() };
            }
        }
        for (found, expected) in values(likelihood.log_prob(batch.x.clone())).iter().zip(expected) {
            let within = 1e-4 * expected.abs() + 1e-3;
            assert!((found - expected).abs() < within, "{found} {expected}");
        }
    }
}

#[test]
fn the_condition_says_nothing_of_what_is_to_be_found() {
    let batch = batch::<Flex>(&[3, 4, 5]);
    for observed in [1, 2, 3] {
        let conditioning = quadrants(observed);
        let given = conditioning.of(&batch.x, &batch.labels);
        let other = conditioning.of(&batch.x.ones_like(), &batch.labels);
        let map = conditioning.observed(PIXELS);
        for (index, (a, b)) in values(given).iter().zip(values(other)).enumerate() {
            assert!(map[index % PIXELS] || (*a == -1.0 && b == -1.0));
        }
    }
    let given = values(LABEL.of(&batch.x, &[0, 9, 12]));
    assert_eq!((given[0], given[19], given.iter().sum::<f64>()), (1.0, 1.0, 2.0));
}

#[test]
fn bounds_are_ordered_and_both_estimators_meet_at_the_exact_likelihood() {
    let batch = batch::<Flex>(&[3]);
    for conditioning in [LABEL, quadrants(2)] {
        let model = model::<Flex>(conditioning, ObjectiveConfig::Cvae, 1);
        let given = model.condition(&batch.x, &batch.labels).unwrap();
        // log p(x|c) by quadrature over the prior's own scale.
        let (points, reach) = (4001usize, 8.0f64);
        let step = 2.0 * reach / (points - 1) as f64;
        let eps: Vec<f32> = (0..points).map(|i| (step * i as f64 - reach) as f32).collect();
        let grid = Tensor::from_data(TensorData::new(eps.clone(), [points, 1]), &given.device());
        let log_p = log_likelihoods_from_prior(&model, batch.x.clone(), Some(&given), grid);
        let joint: Vec<f64> = values(log_p)
            .iter()
            .zip(&eps)
            .map(|(l, &e)| l - 0.5 * f64::from(e).powi(2) - 0.5 * (2.0 * std::f64::consts::PI).ln())
            .collect();
        let largest = joint.iter().copied().fold(f64::MIN, f64::max);
        let exact = largest + (joint.iter().map(|j| (j - largest).exp()).sum::<f64>() * step).ln();

        let posterior = gaussian(&model, &batch);
        let (k, repeats) = (2000, 20);
        // Mean and standard error.
        let estimate = |logs: Tensor<Flex, 2>, k| {
            let estimates = values(log_mean_exp(logs.reshape([k, repeats])));
            let (mean, deviation) = mean_and_deviation(&estimates);
            (mean, deviation / (repeats as f64).sqrt())
        };
        let importance = |k: usize| {
            let eps = noise(k * repeats, 1, k as u64);
            estimate(log_weights(&model, &posterior, batch.x.clone(), Some(&given), eps), k)
        };
        let eps = noise(k * repeats, 1, 7);
        let from_prior = log_likelihoods_from_prior(&model, batch.x.clone(), Some(&given), eps);
        let monte_carlo = estimate(from_prior, k);
        let eps = noise(k * repeats, 1, 8);
        let terms = elbo_terms(&model, &posterior, batch.x.clone(), Some(&given), eps);
        let elbo = -(values(terms.reconstruction)[0] + values(row_sums(terms.kl_per_latent))[0]);
        let ((one, _), (many, error)) = (importance(1), importance(k));
        assert!(elbo < many && one < many && many < exact + 0.02, "{elbo} {one} {many} {exact}");
        for (found, error) in [(many, error), monte_carlo] {
            assert!((found - exact).abs() < 4.0 * error, "{found} {error} {exact}");
        }
    }
}

#[test]
fn the_kl_of_two_gaussians_is_its_monte_carlo_estimate_and_zero_for_the_same() {
    let gaussian = |key| DiagonalGaussian::<Flex> {
        mean: noise(1, 4, key),
        log_var: noise::<Flex>(1, 4, key + 1).mul_scalar(0.5),
    };
    let (q, p) = (gaussian(10), gaussian(20));
    let samples = 200_000;
    let z = q.reparameterise(noise(samples, 4, 30));
    let estimate = mean(&values(q.log_density(z.clone()) - p.log_density(z)));
    let exact = values(row_sums(q.kl_to(&p)))[0];
    assert!((estimate - exact).abs() < 0.02 * exact.max(1.0), "{estimate} {exact}");
    assert!(values(q.kl_to(&q)).iter().all(|kl| kl.abs() < 1e-6));
    let standard = DiagonalGaussian { mean: q.mean.zeros_like(), log_var: q.mean.zeros_like() };
    for (a, b) in values(q.kl_to(&standard)).iter().zip(values(q.kl_per_latent())) {
        assert!((a - b).abs() < 1e-5);
    }
}

#[test]
fn without_a_recognition_network_the_bound_is_the_gsnns_objective() {
    let batch = batch::<Flex>(&[3, 4, 5, 6]);
    let model = model::<Flex>(quadrants(1), ObjectiveConfig::Gsnn, 3);
    let given = model.condition(&batch.x, &batch.labels);
    let eps = batch.eps(1, 3);
    let terms = elbo_terms(&model, &gaussian(&model, &batch), batch.x.clone(), given.as_ref(), eps);
    assert!(values(terms.kl_per_latent).iter().all(|kl| kl.abs() < 1e-6));
    let loss = values(Objective::Gsnn.terms(&model, &batch, AT).loss);
    for (bound, loss) in values(terms.reconstruction).iter().zip(loss) {
        assert!((bound - loss).abs() < 1e-3, "{bound} {loss}");
    }
}

#[test]
fn what_a_latent_tells_is_its_kl_to_the_prior_of_its_condition() {
    let data = config(LABEL, ObjectiveConfig::Cvae, 1).data;
    let data = shared::kind::Images::load(&data, &FetchOptions::from_env(None)).unwrap();
    let split = data.valid.take(40);
    let all: Vec<usize> = (0..split.len()).collect();
    for objective in [ObjectiveConfig::Gsnn, ObjectiveConfig::Cvae] {
        let model = model::<Flex>(quadrants(1), objective, 3);
        let x: Tensor<Flex, 2> = matrix(split.all_grey());
        let given = model.condition(&x, &split.labels());
        let Posterior::Gaussian(posterior) = model.encode(x, given.as_ref()) else {
            panic!("a point")
        };
        let prior = model.prior(given.as_ref()).unwrap();
        let wanted = values(posterior.kl_to(&prior).mean_dim(0));
        let trained = OnDevice::<Flex, _>::new(model, Default::default());
        let found =
            nats_per_latent(&trained, &split, &encode_split(&trained, &split, &all)).unwrap();
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-4 * wanted.max(1.0), "{found} {wanted}");
        }
    }
}

#[test]
fn the_loss_of_the_cvae_is_minus_the_elbo_to_the_bit() {
    let batch = batch::<Flex>(&[3, 4, 5, 6]);
    for conditioning in [LABEL, quadrants(1)] {
        let model = model::<Flex>(conditioning, ObjectiveConfig::Cvae, 3);
        let given = model.condition(&batch.x, &batch.labels);
        let (posterior, eps) = (gaussian(&model, &batch), batch.eps(1, 3));
        let elbo = elbo_terms(&model, &posterior, batch.x.clone(), given.as_ref(), eps);
        let wanted = values(elbo.reconstruction + row_sums(elbo.kl_per_latent));
        assert_eq!(values(Objective::Cvae.terms(&model, &batch, AT).loss), wanted);
    }
}

#[test]
fn the_hybrid_weighs_the_two_objectives() {
    let batch = batch::<Flex>(&[3, 4, 5, 6]);
    let model = model::<Flex>(quadrants(1), ObjectiveConfig::Cvae, 3);
    let loss = |objective: Objective| values(objective.terms(&model, &batch, AT).loss);
    let hybrid = |alpha| loss(Objective::Hybrid { alpha });
    let (cvae, gsnn) = (loss(Objective::Cvae), loss(Objective::Gsnn));
    assert_eq!((hybrid(1.0), hybrid(0.0)), (cvae.clone(), gsnn.clone()));
    for ((found, cvae), gsnn) in hybrid(0.3).iter().zip(cvae).zip(gsnn) {
        let wanted = 0.3 * cvae + 0.7 * gsnn;
        assert!((found - wanted).abs() < 1e-5 * wanted, "{found} {wanted}");
    }
}

#[test]
fn the_baseline_is_the_predictor_of_the_other_models() {
    let batch = batch::<Flex>(&[3, 4]);
    let baseline = model::<Flex>(quadrants(1), ObjectiveConfig::Nn, 3);
    let full = model::<Flex>(quadrants(1), ObjectiveConfig::Cvae, 3);
    let given = baseline.condition(&batch.x, &batch.labels).unwrap();
    let alone = baseline.as_baseline().unwrap();
    let of = |predictor: &Predictor<Flex>| values(predictor.predict(&given).mean());
    assert_eq!(values(full.prior_input(&given)), of(alone));
    let codes = baseline.encode(batch.x.clone(), Some(&given)).mean();
    assert_eq!(values(baseline.decode(codes, Some(&given)).mean()), of(alone));
    let exact = values(baseline.log_marginal(batch.x.clone(), Some(&given)).unwrap());
    let loss = BaselineObjective.terms(alone, &batch, AT).loss;
    assert_eq!(exact.iter().map(|l| -l).collect::<Vec<_>>(), values(loss));
    assert!(full.as_baseline().is_none());
    assert!(full.log_marginal(batch.x.clone(), Some(&given)).is_none());
}

#[test]
fn every_model_but_the_baseline_has_a_prior() {
    for conditioning in [LABEL, quadrants(1)] {
        for (objective, wanted) in [
            (ObjectiveConfig::Nn, false),
            (ObjectiveConfig::Gsnn, true),
            (ObjectiveConfig::Cvae, true),
        ] {
            let model = model::<Flex>(conditioning, objective, 3);
            assert_eq!(model.has_prior(), wanted, "{conditioning:?} {objective:?}");
            assert!(model.as_baseline().is_none_or(|baseline| !baseline.has_prior()));
        }
    }
}

#[test]
fn a_prior_of_its_own_is_advised_only_where_the_prior_is_standard() {
    let mut config = config(LABEL, ObjectiveConfig::Cvae, 3);
    let advice = |config: &Config| Paper::against_collapse(config).unwrap();
    let said = advice(&config);
    assert!(said.ends_with("or more epochs (train.epochs)"), "{said}");
    config.model.prior = Prior::Standard;
    let said = advice(&config);
    assert!(said.ends_with("more epochs (train.epochs) and a prior of its own (model.prior)"));
}

#[test]
fn a_prior_that_sees_no_prediction_has_no_predictor_below_it() {
    let mut config = config(quadrants(1), ObjectiveConfig::Cvae, 3);
    let has_predictor = |config: &Config| {
        let model = Model::<Flex>::new(config, PIXELS, Noise::new(3), &Default::default());
        weights_of::<Flex, _>(&model).iter().any(|tensor| tensor.name.starts_with("predictor"))
    };
    let is_unused = |config: &Config| {
        let unused = Paper::unused(config);
        unused.iter().any(|(section, _)| *section == "predictor")
    };
    assert!(has_predictor(&config) && !is_unused(&config));
    config.model.prior = Prior::Standard;
    assert!(!has_predictor(&config) && is_unused(&config));
    // Alone it is the model, and no prior is asked.
    config.objective = ObjectiveConfig::Nn;
    assert!(has_predictor(&config) && !is_unused(&config));
}

#[test]
fn the_fixed_predictor_leaves_nothing_in_the_autodiff_graph() {
    let batch = batch::<Diff>(&[3, 4]);
    let model = model::<Diff>(quadrants(1), ObjectiveConfig::Cvae, 3);
    let given = model.condition(&batch.x, &batch.labels).unwrap();
    let is_tracked = |x: Tensor<Diff, 2>| !x.into_primitive().tensor().node.requirement.is_none();
    assert!(is_tracked(model.prior(Some(&given)).unwrap().mean));
    assert!(!is_tracked(model.prior_input(&given)));
}

#[test]
fn every_parameter_receives_a_gradient_but_the_fixed_predictor() {
    let batch = batch::<Diff>(&[3, 4, 5, 6, 7, 8]);
    for (conditioning, kind) in [
        (LABEL, ObjectiveConfig::Cvae),
        (LABEL, ObjectiveConfig::Nn),
        (quadrants(1), ObjectiveConfig::Nn),
        (quadrants(1), ObjectiveConfig::Gsnn),
        (quadrants(2), ObjectiveConfig::Cvae),
        (quadrants(3), ObjectiveConfig::Hybrid { alpha: 0.5 }),
    ] {
        let model = model::<Diff>(conditioning, kind, 3);
        let terms = match (Objective::new(kind), model.as_baseline()) {
            (Some(objective), _) => objective.terms(&model, &batch, AT),
            (None, baseline) => BaselineObjective.terms(baseline.unwrap(), &batch, AT),
        };
        let loss = terms.loss.mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let gradients = laws::gradients(&model, &gradients);
        let fixed = conditioning != LABEL && kind != ObjectiveConfig::Nn;
        for gradient in gradients {
            let is_fixed = fixed && gradient.name.starts_with("predictor");
            assert_ne!(
                gradient.is_there(),
                is_fixed,
                "{conditioning:?} {kind:?}: {}",
                gradient.name
            );
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let (diff, flex) = (batch::<Diff>(&[3, 4, 5]), batch::<Flex>(&[3, 4, 5]));
    for (conditioning, kind) in [
        (LABEL, ObjectiveConfig::Cvae),
        (quadrants(3), ObjectiveConfig::Hybrid { alpha: 0.3 }),
        (quadrants(3), ObjectiveConfig::Gsnn),
    ] {
        let objective = Objective::new(kind).unwrap();
        let model = model::<Diff>(conditioning, kind, 2);
        let loss = objective.terms(&model, &diff, AT).loss.mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let gradients = laws::gradients(&model, &gradients);
        let wrong = disagreements(&gradients, 0.02, |parameter, entry, by| {
            let model = laws::nudged(model.valid(), parameter, entry, by);
            mean(&values(objective.terms(&model, &flex, AT).loss))
        });
        assert!(wrong.is_empty(), "{conditioning:?} {kind:?}: {wrong:?}");
    }
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<cvae::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(28, 28);
    let wrong =
        shared::laws::configurations::sizes_misjudged::<cvae::Paper, shared::backend::Flex>(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_network_as_layers_is_the_model() {
    for conditioning in [LABEL, quadrants(1), quadrants(3)] {
        for objective in [ObjectiveConfig::Cvae, ObjectiveConfig::Gsnn, ObjectiveConfig::Nn] {
            let model = model::<Flex>(conditioning, objective, 3);
            let apart = shared::laws::networks::network_apart(model, 10).unwrap();
            assert!(apart.largest() < 1e-5, "{conditioning:?} {objective:?}: {apart:?}");
        }
    }
    // The prior N(0, I), and a decoder that does not see the class.
    let mut config = config(LABEL, ObjectiveConfig::Cvae, 3);
    config.model.prior = Prior::Standard;
    config.model.generation_sees_condition = false;
    let model = Model::<Flex>::new(&config, PIXELS, Noise::new(3), &Default::default());
    assert!(shared::laws::networks::network_apart(model, 10).unwrap().largest() < 1e-5);
}
