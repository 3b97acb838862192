//! Laws of both representations.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use burn::{
    backend::Autodiff,
    module::AutodiffModule,
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
use fair_repr::{
    Config, Kind, Paper,
    config::{Estimate, LfrConfig},
    discrepancy::{Discrepancy, too_small_batches},
    lfr::{Lfr, Parameters, Terms},
    objective::Objective,
    prototypes::Prototypes,
    vfae::FairVae,
};
use ndarray::{Array1, Array2, Axis, concatenate, s};
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    data::{Batch, BatchMaker, Binarise, FetchOptions, Splits, one_hot},
    laws::values,
    laws::{self, ParameterGradient, disagreements},
    noise::{Noise, Stream},
    paper::Paper as _,
    posterior::DiagonalGaussian,
    train::{Moment, Objective as _},
};
use tables::{Fairness, Predictions};

type Diff = Autodiff<Flex>;

const AT: Moment = Moment { epochs: 0.0 };

fn config(kind: Kind) -> Config {
    let mut config: Config = toml::from_str(Paper::PRESETS[0].1).unwrap();
    config.data.name = "people".into();
    config.model.kind = kind;
    config.model.latent = 4;
    config.vfae.hidden = vec![6];
    config.vfae.upper = 3;
    config.vfae.features = 20;
    config
}

fn people() -> Splits {
    tables::load(&config(Kind::Lfr).data, &FetchOptions::from_env(None)).unwrap()
}

fn batch<B: Backend>(indices: std::ops::Range<usize>) -> Batch<B> {
    let (data, device) = (people(), B::Device::default());
    BatchMaker::new(data.train, Binarise::None, Noise::new(1), device)
        .batch(&indices.collect::<Vec<_>>(), 1)
}

fn noise(rows: usize, width: usize, key: u64) -> Array2<f32> {
    let values = Noise::new(5).normal(Stream::Prior, key, &[0], rows * width);
    Array2::from_shape_vec((rows, width), values).unwrap()
}

fn tensor<B: Backend>(array: &Array2<f32>) -> Tensor<B, 2> {
    let shape = [array.nrows(), array.ncols()];
    let values: Vec<f32> = array.iter().copied().collect();
    Tensor::from_data(TensorData::new(values, shape), &B::Device::default())
}

/// Thirty people, four prototypes, and parameters at random.
struct Example {
    x: Array2<f32>,
    targets: Vec<u8>,
    groups: Vec<u8>,
    at: Parameters,
}

fn example() -> Example {
    let positive = |array: Array2<f32>| array.mapv(|v| f64::from(v).abs() * 0.4);
    Example {
        x: noise(30, 5, 1),
        targets: (0..30).map(|i| u8::from(i % 3 == 0)).collect(),
        groups: (0..30).map(|i| u8::from(i % 5 < 3)).collect(),
        at: Parameters {
            prototypes: noise(4, 5, 2).mapv(f64::from),
            predictions: Array1::from(vec![0.2, 0.9, 0.4, 0.7]),
            weights: positive(noise(2, 5, 3)),
        },
    }
}

impl Example {
    fn lfr(&self, config: LfrConfig) -> Lfr {
        Lfr::new(self.x.view(), &self.targets, &self.groups, 4, config)
    }
}

const WEIGHTS: LfrConfig = LfrConfig { a_x: 0.3, a_y: 1.5, a_z: 0.7, restarts: 1, iterations: 100 };

#[test]
fn the_gradient_of_lfr_agrees_with_finite_differences() {
    let example = example();
    let lfr = example.lfr(WEIGHTS);
    let (_, gradient) = lfr.gradient(&example.at);
    type Of = fn(&mut Parameters) -> &mut [f64];
    let parts: [Of; 3] = [
        |p| p.prototypes.as_slice_mut().unwrap(),
        |p| p.predictions.as_slice_mut().unwrap(),
        |p| p.weights.as_slice_mut().unwrap(),
    ];
    for part in parts {
        let expected = part(&mut gradient.clone()).to_vec();
        for (index, expected) in expected.into_iter().enumerate() {
            let moved = |by: f64| {
                let mut at = example.at.clone();
                part(&mut at)[index] += by;
                lfr.gradient(&at).0.loss(&WEIGHTS)
            };
            let found = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((found - expected).abs() < 1e-7, "{index}: {found} {expected}");
        }
    }
}

#[test]
fn permuting_the_prototypes_changes_nothing() {
    let example = example();
    let lfr = example.lfr(WEIGHTS);
    let order = [2, 0, 3, 1];
    let permuted = Parameters {
        prototypes: example.at.prototypes.select(Axis(0), &order),
        predictions: example.at.predictions.select(Axis(0), &order),
        weights: example.at.weights.clone(),
    };
    let all = |t: Terms| [t.reconstruction, t.prediction, t.parity];
    let (before, after) = (all(lfr.gradient(&example.at).0), all(lfr.gradient(&permuted).0));
    assert!(before.iter().zip(after).all(|(a, b)| (a - b).abs() < 1e-12), "{before:?} {after:?}");
}

#[test]
fn without_parity_and_with_one_distance_for_all_nobody_asks_for_s() {
    let mut example = example();
    let first = example.at.weights.row(0).to_owned();
    example.at.weights.row_mut(1).assign(&first);
    let no_parity = LfrConfig { a_z: 0.0, ..WEIGHTS };
    let loss =
        |example: &Example, config| example.lfr(config).gradient(&example.at).0.loss(&config);
    let before = [loss(&example, no_parity), loss(&example, WEIGHTS)];
    example.groups = (0..30).map(|i| u8::from(i % 2 == 0)).collect();
    let after = [loss(&example, no_parity), loss(&example, WEIGHTS)];
    assert!((before[0] - after[0]).abs() < 1e-12, "{before:?} {after:?}");
    assert!((before[1] - after[1]).abs() > 1e-4, "{before:?} {after:?}");
}

#[test]
fn two_groups_of_the_same_people_are_at_parity() {
    let mut example = example();
    let first = example.at.weights.row(0).to_owned();
    example.at.weights.row_mut(1).assign(&first);
    example.x = concatenate(Axis(0), &[example.x.view(), example.x.view()]).unwrap();
    example.targets = [example.targets.clone(), example.targets].concat();
    example.groups = (0..60).map(|i| u8::from(i < 30)).collect();
    assert!(example.lfr(WEIGHTS).gradient(&example.at).0.parity < 1e-12);
}

#[test]
fn the_model_computes_what_was_minimised() {
    let example = example();
    let s: Array1<f32> = example.groups.iter().map(|&s| f32::from(s)).collect();
    let rows = concatenate(Axis(1), &[example.x.view(), s.view().insert_axis(Axis(1))]).unwrap();
    let model = Prototypes::<Flex>::new(&example.at, &Default::default());
    let m = model.encode(tensor(&rows));
    let (terms, _) = example.lfr(WEIGHTS).gradient(&example.at);
    let restored = values(model.decode(m.clone()));
    let squares: f64 =
        restored.iter().zip(&example.x).map(|(a, b)| (a - f64::from(*b)).powi(2)).sum();
    assert!((squares / 30.0 - terms.reconstruction).abs() < 1e-4);
    let log_p = values(model.log_classes(m.clone()));
    let entropy: f64 =
        (0..30).map(|i| -log_p[2 * i + usize::from(example.targets[i])]).sum::<f64>() / 30.0;
    assert!((entropy - terms.prediction).abs() < 1e-5, "{entropy} {}", terms.prediction);
    let m = values(m);
    let mean = |group: u8, k: usize| {
        let of: Vec<f64> =
            (0..30).filter(|&i| example.groups[i] == group).map(|i| m[4 * i + k]).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    let parity: f64 = (0..4).map(|k| (mean(1, k) - mean(0, k)).abs()).sum();
    assert!((parity - terms.parity).abs() < 1e-5);
}

/// What a fit to the generated people predicts, for training and test split.
fn fitted(a_z: f64) -> [Fairness; 2] {
    let data = people();
    let rows = data.train.all_grey();
    let config = LfrConfig { a_x: 0.01, a_y: 1.0, a_z, restarts: 1, iterations: 200 };
    let features = rows.slice(s![.., ..rows.ncols() - 1]);
    let (targets, groups) = (data.train.labels(), tables::groups(&data.train));
    let lfr = Lfr::new(features, &targets, &groups, 5, config);
    let (parameters, _) = lfr.fit(Noise::new(2)).unwrap();
    let model = Prototypes::<Flex>::new(&parameters, &Default::default());
    [&data.train, &data.test].map(|split| {
        let log_p = values(model.log_classes(model.encode(tensor(&split.all_grey()))));
        let probabilities: Vec<f64> = log_p.chunks(2).map(|row| row[1].exp()).collect();
        let (targets, groups) = (split.labels(), tables::groups(split));
        Predictions { probabilities: &probabilities, targets: &targets, groups: &groups }
            .fairness()
            .unwrap()
    })
}

#[test]
fn parity_takes_discrimination_away_and_leaves_some_accuracy() {
    let ([_, without], [train, with]) = (fitted(0.0), fitted(10.0));
    assert!(without.accuracy > 0.75 && without.discrimination > 0.25, "{without:?}");
    // What was minimised is gone; of the gap of other people most is.
    assert!(train.discrimination < 0.01, "{train:?}");
    assert!(with.discrimination < 0.4 * without.discrimination, "{with:?}");
    assert!(with.accuracy > with.majority + 0.1, "{with:?}");
}

#[test]
fn the_discrepancy_is_that_of_the_kernel() {
    let (latent, gamma) = (3, 2.0);
    let (one, zero) = (noise(40, latent, 1), noise(25, latent, 2).mapv(|z| z + 0.8));
    let kernel = |a: &Array2<f32>, b: &Array2<f32>| {
        let mut sum = 0.0;
        for a in a.rows() {
            for b in b.rows() {
                let squares = (&a - &b).mapv(|d| f64::from(d * d)).sum();
                sum += (-squares / (2.0 * gamma)).exp();
            }
        }
        sum / (a.nrows() * b.nrows()) as f64
    };
    let exact = kernel(&one, &one) + kernel(&zero, &zero) - 2.0 * kernel(&one, &zero);
    let features = Discrepancy::new(latent, 20_000, gamma, Noise::new(1));
    let z = concatenate(Axis(0), &[one.view(), zero.view()]).unwrap();
    let s = Array2::from_shape_fn((65, 1), |(i, _)| f32::from(u8::from(i < 40)));
    let of = |z: &Array2<f32>, s: &Array2<f32>| {
        values(features.of::<Flex>(tensor(z), tensor(s), Estimate::Biased))[0]
    };
    let found = of(&z, &s);
    assert!((found - exact).abs() < 0.01, "{found} {exact}");
    // The same people in both groups; nobody in one of them.
    let twice = concatenate(Axis(0), &[one.view(), one.view()]).unwrap();
    let halves = Array2::from_shape_fn((80, 1), |(i, _)| f32::from(u8::from(i < 40)));
    assert!(of(&twice, &halves) < 1e-9);
    assert_eq!(of(&one, &Array2::ones((40, 1))), 0.0);
}

#[test]
fn the_unbiased_estimate_is_zero_on_average_for_equal_distributions_and_the_other_is_not() {
    let (latent, people, batches) = (5, 60, 300);
    let features = Discrepancy::new(latent, 100, 5.0, Noise::new(1));
    // A third of the people in the smaller group, as in Adult.
    let s = Array2::from_shape_fn((people, 1), |(i, _)| f32::from(u8::from(i % 3 != 0)));
    let found = |estimate: Estimate, apart: f32| -> (f64, f64) {
        let estimates: Vec<f64> = (0..batches)
            .map(|batch| {
                let z = noise(people, latent, 1000 + batch) + &s * apart;
                values(features.of::<Flex>(tensor(&z), tensor(&s), estimate))[0]
            })
            .collect();
        let (mean, deviation) = shared::statistics::mean_and_deviation(&estimates);
        (mean, deviation / (batches as f64).sqrt())
    };
    let (mean, error) = found(Estimate::Unbiased, 0.0);
    assert!(mean.abs() < 4.0 * error, "{mean} {error}");
    // 1 / 40 + 1 / 20 by the variance of the features, which is below 1.
    let (biased, error) = found(Estimate::Biased, 0.0);
    assert!(biased > 10.0 * error && biased < 0.075, "{biased} {error}");
    // The same amount is taken off where the groups differ.
    let apart = found(Estimate::Unbiased, 1.0).0;
    assert!(apart > 0.1 && (found(Estimate::Biased, 1.0).0 - apart - biased).abs() < 0.01);
    // A single person has no variance.
    let alone = Array2::from_shape_fn((people, 1), |(i, _)| f32::from(u8::from(i == 0)));
    let z = noise(people, latent, 1);
    let of = |estimate| values(features.of::<Flex>(tensor(&z), tensor(&alone), estimate))[0];
    assert_eq!(of(Estimate::Unbiased), 0.0);
    assert!(of(Estimate::Biased) > 0.0);
}

#[test]
fn batches_with_too_few_of_a_group_for_the_discrepancy_are_told() {
    let plain = config(Kind::Vfae);
    assert_eq!(plain.train.batch_size, 100);
    // One in a hundred, of either group.
    let few: Vec<u8> = (0..1000).map(|i| u8::from(i % 100 == 0)).collect();
    let most: Vec<u8> = few.iter().map(|s| 1 - s).collect();
    for groups in [&few, &most] {
        let said = too_small_batches(&plain, groups).unwrap();
        assert!(said.starts_with("train.batch_size = 100: a batch has 1.0 people"), "{said}");
        assert!(said.ends_with("--set train.batch_size=400 or more"), "{said}");
    }
    assert_eq!(too_small_batches(&plain, &tables::groups(&people().train)), None);
    let changes: [fn(&mut Config); 4] = [
        |config| config.train.batch_size = 400,
        |config| config.vfae.estimate = Estimate::Biased,
        |config| config.vfae.mmd = 0.0,
        |config| config.model.kind = Kind::Vae,
    ];
    for change in changes {
        let mut other = plain.clone();
        change(&mut other);
        assert_eq!(too_small_batches(&other, &few), None);
    }
}

fn vfae<B: Backend>(config: &Config) -> FairVae<B> {
    FairVae::new(config, 9, Noise::new(3), &B::Device::default())
}

fn gradients(config: &Config) -> (Vec<ParameterGradient>, FairVae<Diff>) {
    let model = vfae::<Diff>(config);
    let objective = Objective::new(config, Noise::new(1));
    let loss = objective.terms(&model, &batch(0..12), AT).loss.mean();
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    (laws::gradients(&model, &gradients), model)
}

#[test]
fn every_parameter_receives_a_gradient_but_the_kind_of_a_feature() {
    for (kind, fixed) in [(Kind::Vfae, 1), (Kind::Vae, 3)] {
        let (gradients, _) = gradients(&config(kind));
        let without: Vec<_> = gradients.into_iter().filter(|g| !g.is_there()).collect();
        // A plain VAE's classifier, weight and bias, is fitted afterwards.
        let expected = |of: &ParameterGradient| {
            of.name.ends_with("binary") || kind == Kind::Vae && of.name.contains("classifier")
        };
        assert!(without.iter().all(expected) && without.len() == fixed, "{kind:?} {without:?}");
    }
}

#[test]
fn gradients_of_the_networks_agree_with_finite_differences() {
    for labelled in [1.0, 0.5] {
        let mut config = config(Kind::Vfae);
        config.vfae.labelled = labelled;
        config.vfae.mmd = 5.0;
        let (gradients, model) = gradients(&config);
        let objective = Objective::new(&config, Noise::new(1));
        let batch = batch::<Flex>(0..12);
        let wrong = disagreements(&gradients, 0.004, |parameter, entry, by| {
            let model = laws::nudged(model.valid(), parameter, entry, by);
            let loss = values(objective.terms(&model, &batch, AT).loss);
            loss.iter().sum::<f64>() / loss.len() as f64
        });
        assert!(wrong.is_empty(), "labelled {labelled}: {wrong:?}");
    }
}

/// KL(q || p) of each row in nats, in double precision.
fn kl(q: &DiagonalGaussian<Flex>, p: &DiagonalGaussian<Flex>) -> Vec<f64> {
    let [mu, l, nu, m] = [&q.mean, &q.log_var, &p.mean, &p.log_var].map(|t| values(t.clone()));
    let nats: Vec<f64> = (0..mu.len())
        .map(|i| 0.5 * (m[i] - l[i] - 1.0 + (l[i].exp() + (mu[i] - nu[i]).powi(2)) / m[i].exp()))
        .collect();
    nats.chunks(q.mean.dims()[1]).map(|row| row.iter().sum()).collect()
}

fn kl_to_standard_normal(q: &DiagonalGaussian<Flex>) -> Vec<f64> {
    kl(q, &DiagonalGaussian { mean: q.mean.zeros_like(), log_var: q.log_var.zeros_like() })
}

fn assert_losses(found: Tensor<Flex, 1>, wanted: impl Fn(usize) -> f64) {
    let found = values(found);
    assert_eq!(found.len(), 12);
    for (i, found) in found.into_iter().enumerate() {
        let wanted = wanted(i);
        assert!((found - wanted).abs() < 1e-5 * wanted.max(10.0), "{i}: {found} {wanted}");
    }
}

#[test]
fn the_loss_is_the_bound_with_prediction_and_discrepancy_at_their_weights() {
    let mut config = config(Kind::Vfae);
    (config.vfae.prediction, config.vfae.mmd) = (2.0, 5.0);
    let (model, batch) = (vfae::<Flex>(&config), batch::<Flex>(0..12));
    let (s, eps) = (batch.x.clone().narrow(1, 8, 1), batch.eps(1, 4 + 3));
    let posterior = model.posterior(batch.x.clone());
    let z1 = posterior.reparameterise(eps.clone().narrow(1, 0, 4));
    let log_p = values(model.likelihood(z1.clone(), s.clone()).log_prob(batch.x.clone()));
    let upper = model.upper.as_ref().unwrap();
    let kl_given = [0, 1].map(|class| {
        let y = one_hot(&[class; 12], 2, &Default::default());
        let q2 = upper.encode(z1.clone(), y.clone());
        let prior = upper.prior(q2.reparameterise(eps.clone().narrow(1, 4, 3)), y);
        (kl(&posterior, &prior), kl_to_standard_normal(&q2))
    });
    let log_q = values(model.log_classes(z1.clone()));
    let discrepancy = Discrepancy::new(4, 20, 4.0 * config.vfae.bandwidth, Noise::new(1));
    let mmd = values(discrepancy.of(z1, s, config.vfae.estimate))[0];
    for labelled in [1.0, 0.5] {
        config.vfae.labelled = labelled;
        let terms = Objective::new(&config, Noise::new(1)).terms(&model, &batch, AT);
        let seen = values(batch.chosen(Stream::Subset, labelled));
        assert_eq!(seen.contains(&0.0), labelled < 1.0);
        assert_losses(terms.loss, |i| {
            let both_kl = |y: usize| kl_given[y].0[i] + kl_given[y].1[i];
            let log_q = &log_q[2 * i..2 * i + 2];
            let y = usize::from(batch.labels[i]);
            let of_target = if seen[i] == 1.0 {
                both_kl(y) - 2.0 * log_q[y]
            } else {
                let of_class = |y: usize| log_q[y].exp() * (both_kl(y) + log_q[y]);
                of_class(0) + of_class(1) + 2f64.ln()
            };
            -log_p[i] + of_target + 5.0 * mmd
        });
    }
}

#[test]
fn the_loss_of_a_plain_vae_is_its_negative_bound() {
    let config = config(Kind::Vae);
    let (model, batch) = (vfae::<Flex>(&config), batch::<Flex>(0..12));
    let posterior = model.posterior(batch.x.clone());
    let z = posterior.reparameterise(batch.eps(1, 4));
    let s = batch.x.clone().narrow(1, 8, 1);
    let log_p = values(model.likelihood(z, s).log_prob(batch.x.clone()));
    let kl = kl_to_standard_normal(&posterior);
    let terms = Objective::new(&config, Noise::new(1)).terms(&model, &batch, AT);
    assert_losses(terms.loss, |i| kl[i] - log_p[i]);
}

#[test]
fn targets_that_may_not_be_seen_are_not_looked_at() {
    let mut config = config(Kind::Vfae);
    config.vfae.labelled = 0.4;
    let objective = Objective::new(&config, Noise::new(1));
    let model = vfae::<Flex>(&config);
    let mut batch = batch::<Flex>(0..200);
    let seen = values(batch.chosen(Stream::Subset, 0.4));
    let share = seen.iter().sum::<f64>() / 200.0;
    assert!((0.3..0.5).contains(&share), "{share}");
    let before = values(objective.terms(&model, &batch, AT).loss);
    batch.labels.iter_mut().for_each(|y| *y = 1 - *y);
    let after = values(objective.terms(&model, &batch, AT).loss);
    for ((before, after), seen) in before.iter().zip(after).zip(seen) {
        assert_eq!((before - after).abs() < 1e-4, seen == 0.0, "{before} {after} {seen}");
    }
}

#[test]
fn a_row_is_encoded_with_its_s_and_decoded_without_a_probability_on_it() {
    let model = vfae::<Flex>(&config(Kind::Vfae));
    let rows = people().test.all_grey().slice(s![..20, ..]).to_owned();
    let mut other = rows.clone();
    other.column_mut(8).mapv_inplace(|s| 1.0 - s);
    let x = tensor::<Flex>(&rows);
    let s = model.condition(&x, &[]).unwrap();
    let z = model.encode(x.clone(), None).mean();
    let likelihood = model.decode(z, Some(&s));
    // The given column is restored exactly and has no probability.
    let restored = values(likelihood.clone().mean());
    for (row, expected) in restored.chunks(9).zip(rows.rows()) {
        assert_eq!(row[8], f64::from(expected[8]));
    }
    let log_p = |rows: &Array2<f32>| values(likelihood.log_prob(tensor(rows)));
    assert_eq!(log_p(&rows), log_p(&other));
    let codes = |rows: &Array2<f32>| values(model.encode(tensor(rows), None).mean());
    assert_ne!(codes(&rows), codes(&other));
    // A plain VAE does not know s.
    let plain = vfae::<Flex>(&config(Kind::Vae));
    let codes = |rows: &Array2<f32>| values(plain.encode(tensor(rows), None).mean());
    assert_eq!(codes(&rows), codes(&other));
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<fair_repr::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(1, 12);
    let wrong = shared::laws::configurations::sizes_misjudged::<
        fair_repr::Paper,
        shared::backend::Flex,
    >(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
