//! Laws of the models, their objectives and the labelled images.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use burn::{
    backend::Autodiff,
    module::{AutodiffModule, Module, ModuleMapper, Param},
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
use few_labels::{
    Config, Kind, Model, Paper,
    config::{LabelsConfig, LadderConfig, M1Config, M2Config, ModelConfig, NetworkConfig},
    encoder::{Normalising, Pass},
    labels::{Labelled, spread},
    ladder::Ladder,
    m1::M1,
    m2::M2,
    network::Network,
    objectives::{
        DenoisingObjective, ElboObjective, LadderObjective, M2Objective, ReconstructionObjective,
        SoftmaxObjective, StackedObjective, SupervisedObjective,
    },
    stacked::Stacked,
};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    bound::{ElboTerms, elbo_terms},
    data::{
        Batch, BatchMaker, Binarise, ClassNames, DataConfig, ExampleSet, FetchOptions, PixelShape,
        Split, Splits,
    },
    laws,
    laws::values,
    likelihood::row_sums,
    nn::{Init, Initialiser},
    noise::Noise,
    paper::{Paper as _, RunConfig as _},
    statistics::mean,
    train::{Keep, Moment, Objective, OptimiserConfig, Schedule, Terms, TrainConfig},
    trained::{OnDevice, Trained},
    weights,
};

type Diff = Autodiff<Flex>;

const AT: Moment = Moment { epochs: 0.5 };
const PIXELS: usize = 784;
const CLASSES: usize = 10;

fn config(kind: Kind) -> Config {
    let train = TrainConfig {
        epochs: Some(1),
        epoch_examples: None,
        batch_size: 10,
        schedule: Schedule::Constant { rate: 0.01 },
        optimiser: OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.0 },
        clip_norm: None,
        average: None,
        patience: None,
        keep: Keep::Last,
        checkpoint_every: 1,
        keep_checkpoints: 1,
    };
    Config {
        seed: 1,
        data: DataConfig::new("segments", binarise(kind)),
        model: ModelConfig { kind },
        labels: LabelsConfig { count: 20, batch: 12, classes: CLASSES },
        network: NetworkConfig { hidden: vec![14, 9], noise: 0.3, input_noise: None },
        ladder: LadderConfig { costs: vec![1.0, 0.7, 0.5, 0.3], a10: 1.0 },
        reconstruction: Default::default(),
        m1: M1Config { latent: 3, hidden: vec![8], init: Init::Lecun },
        m2: M2Config {
            latent: 3,
            hidden: vec![8, 7],
            alpha: 0.1,
            labelled: None,
            init: Init::Normal { std: 0.2 },
        },
        pretraining: Some(train.clone()),
        train,
        evaluate: Default::default(),
    }
}

fn binarise(kind: Kind) -> Binarise {
    if kind.is_network() { Binarise::None } else { Binarise::Dynamic }
}

fn training_split() -> Split {
    let config = DataConfig::new("segments", Binarise::None);
    shared::kind::Images::load(&config, &FetchOptions::from_env(None)).unwrap().train
}

fn batches<B: Backend>(kind: Kind) -> BatchMaker<B> {
    BatchMaker::new(training_split(), binarise(kind), Noise::new(1), B::Device::default())
}

fn batch<B: Backend>(kind: Kind, epoch: u64) -> Batch<B> {
    batches(kind).batch(&[3, 14, 15, 92, 65, 35], epoch)
}

fn labelled(kind: Kind) -> Labelled {
    Labelled::new(config(kind).labels, &training_split(), binarise(kind), Noise::new(1))
}

/// The model with every number of its parameters changed, by the parameter's path and the number's place in it.
fn changed<B: Backend, M: Module<B>>(model: M, change: impl Fn(&str, usize, f32) -> f32) -> M {
    struct Change<F> {
        path: Vec<String>,
        change: F,
    }
    impl<B: Backend, F: Fn(&str, usize, f32) -> f32> ModuleMapper<B> for Change<F> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.into());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, tensor, mapper) = param.consume();
            let (shape, learns) = (tensor.dims(), tensor.is_require_grad());
            let path = self.path.join(".");
            let values = tensor.to_data().iter::<f32>().collect::<Vec<_>>().into_iter().enumerate();
            let values: Vec<f32> = values.map(|(i, v)| (self.change)(&path, i, v)).collect();
            let changed = Tensor::from_data(TensorData::new(values, shape), &tensor.device());
            Param::from_mapped_value(id, changed.set_require_grad(learns), mapper)
        }
    }
    model.map(&mut Change { path: Vec::new(), change })
}

/// A ladder whose combinators are not the identity they start as, so that the layer above counts.
fn ladder<B: Backend>() -> Ladder<B> {
    let ladder = Ladder::new(&config(Kind::Ladder), PIXELS, Noise::new(2), &B::Device::default());
    changed::<B, _>(ladder, |path, i, v| {
        let by = if path.ends_with("combinator.parameters") { 0.3 } else { 0.0 };
        v + by * (1.0 + i as f32).sin()
    })
}

fn network<B: Backend>(kind: Kind) -> Network<B> {
    Network::new(&config(kind), PIXELS, Noise::new(2), &B::Device::default())
}

fn m1<B: Backend>() -> M1<B> {
    let config = config(Kind::M1);
    M1::new(&config.m1, config.labels, PIXELS, Noise::new(2), &B::Device::default())
}

fn m2<B: Backend>() -> M2<B> {
    let (config, device) = (config(Kind::M2), B::Device::default());
    let mut init = Initialiser::new(config.m2.init, Noise::new(2), &device);
    M2::new(&config.m2, CLASSES, PIXELS, false, &mut init)
}

/// M2 with log-odds of the classes that are so many times as large.
fn surer<B: Backend>(by: f32) -> M2<B> {
    changed::<B, _>(m2(), |path, _, v| if path.starts_with("classes.") { by * v } else { v })
}

fn stacked<B: Backend>() -> Stacked<B> {
    Stacked::new(&config(Kind::M1M2), PIXELS, Noise::new(2), &B::Device::default())
}

fn ladder_objective(costs: &[f32]) -> LadderObjective {
    LadderObjective { labelled: labelled(Kind::Ladder), costs: costs.to_vec() }
}

fn m2_objective(kind: Kind) -> M2Objective {
    M2Objective::new(&config(kind).m2, labelled(kind))
}

fn named(terms: &Terms<Flex>, name: &str) -> Vec<f64> {
    laws::term(terms, name).unwrap()
}

#[track_caller]
fn close(a: &[f64], b: &[f64], within: f64) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= within * b.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn a_ladder_without_costs_is_the_supervised_network_with_the_same_noise() {
    let batch = batch::<Diff>(Kind::Ladder, 1);
    let supervised = SupervisedObjective { labelled: labelled(Kind::Supervised) };
    let (ladder, network) = (ladder::<Diff>(), network::<Diff>(Kind::Supervised));
    let free = ladder_objective(&[0.0; 4]).terms(&ladder, &batch, AT);
    let plain = supervised.terms(&network, &batch, AT);
    close(&values(free.loss.clone()), &values(plain.loss.clone()), 1e-5);
    let of = GradientsParams::from_grads(free.loss.mean().backward(), &ladder);
    let free = laws::gradients(&ladder, &of);
    let of = GradientsParams::from_grads(plain.loss.mean().backward(), &network);
    let plain = laws::gradients(&network, &of);
    for (free, plain) in free.iter().zip(&plain) {
        close(&free.values, &plain.values, 1e-4);
    }
    assert!(free[plain.len()..].iter().all(|decoder| !decoder.is_there()));
}

#[test]
fn the_first_estimates_are_the_share_a10_of_the_noisy_layers() {
    let batch = batch::<Flex>(Kind::Ladder, 1);
    for a10 in [0.0, 0.25, 1.0] {
        let mut config = config(Kind::Ladder);
        config.ladder.a10 = a10;
        let ladder = Ladder::<Flex>::new(&config, PIXELS, Noise::new(2), &Default::default());
        let by_batch = Normalising::ByBatch(&[batch.len()]);
        let noise = ladder.encoder.noise_of(&batch);
        let noisy = ladder.encoder.pass(batch.x.clone(), Some(noise), by_batch);
        let estimates = ladder.restored(&noisy, by_batch).estimates;
        assert_eq!(estimates.len(), noisy.z.len());
        for (estimate, z) in estimates.into_iter().zip(noisy.z) {
            close(&values(estimate), &values(z.mul_scalar(a10)), 1e-6);
        }
    }
}

#[test]
fn the_pixels_have_noise_of_their_own_where_it_is_given() {
    let noise_with = |noise, input_noise| {
        let mut config = config(Kind::Ladder);
        config.network = NetworkConfig { noise, input_noise, ..config.network };
        let input = training_split().input_dim();
        let ladder = Ladder::<Flex>::new(&config, input, Noise::new(1), &Default::default());
        let layers = ladder.encoder.noise_of(&batch(Kind::Ladder, 1));
        layers.into_iter().map(values).collect::<Vec<_>>()
    };
    let (unit, own) = (noise_with(1.0, None), noise_with(0.5, Some(0.25)));
    for (layer, (unit, own)) in unit.iter().zip(&own).enumerate() {
        let deviation = if layer == 0 { 0.25 } else { 0.5 };
        assert!(unit.iter().zip(own).all(|(unit, own)| deviation * unit == *own), "{layer}");
        assert!(unit.iter().any(|&unit| unit != 0.0));
    }
}

#[test]
fn the_cost_of_a_ladder_is_that_of_the_labels_and_of_normalised_estimates() {
    // Written out as the paper has it: z^ normalised by the statistics of the clean pass.
    let (ladder, costs) = (ladder::<Flex>(), [1.0, 0.7, 0.5, 0.3]);
    let objective = ladder_objective(&costs);
    // In validation, epoch 0, the labelled images are the batch itself.
    for epoch in [0, 1] {
        let batch = batch::<Flex>(Kind::Ladder, epoch);
        let labelled = objective.labelled.draw(&batch);
        let (first, count) = (labelled.len(), batch.len());
        let both = [&labelled, &batch].map(|batch| ladder.encoder.noise_of(batch));
        let [of_labelled, of_batch] = both.map(Vec::into_iter);
        let noise = of_labelled.zip(of_batch).map(|(a, b)| Tensor::cat(vec![a, b], 0)).collect();
        let x = Tensor::cat(vec![labelled.x.clone(), batch.x.clone()], 0);
        let groups = [first, count];
        let all = ladder.encoder.pass(x, Some(noise), Normalising::ByBatch(&groups));
        let own = |tensor: Tensor<Flex, 2>| tensor.narrow(0, first, count);
        let z = all.z.into_iter().map(own).collect();
        let noisy = Pass { z, log_p: own(all.log_p), ..all };
        let by_batch = Normalising::ByBatch(&groups[1..]);
        let clean = ladder.encoder.pass(batch.x.clone(), None, by_batch);
        let estimates = ladder.restored(&noisy, by_batch).estimates;
        let mut wanted = vec![0.0; count];
        for (layer, estimate) in estimates.into_iter().enumerate() {
            let width = estimate.dims()[1] as f64;
            let normalised = match layer.checked_sub(1) {
                None => estimate,
                Some(above) => {
                    let sum = clean.sums[above].clone();
                    let mean = sum.clone().mean_dim(0);
                    let variance = (sum - mean.clone()).square().mean_dim(0);
                    (estimate - mean) / variance.add_scalar(1e-10).sqrt()
                }
            };
            let squares = row_sums((clean.z[layer].clone() - normalised).square());
            for (wanted, square) in wanted.iter_mut().zip(values(squares)) {
                *wanted += f64::from(costs[layer]) / width * square;
            }
        }
        let terms = objective.terms(&ladder, &batch, AT);
        close(&named(&terms, "denoising"), &wanted, 1e-4);
        let label = named(&terms, "label");
        wanted.iter_mut().zip(label).for_each(|(wanted, label)| *wanted += label);
        close(&values(terms.loss), &wanted, 1e-4);
    }
}

#[test]
fn labels_cost_their_own_nats_in_validation_and_their_mean_in_training() {
    let kind = Kind::Supervised;
    let spread_over = |epoch| {
        let two = Tensor::from_data([1.0, 3.0], &Default::default());
        values(spread(two, &batch::<Flex>(kind, epoch)))
    };
    assert_eq!((spread_over(0), spread_over(1)), (vec![1.0, 3.0], vec![2.0; 6]));
    let (model, batch) = (network::<Flex>(kind), batch(kind, 1));
    let objective = SupervisedObjective { labelled: labelled(kind) };
    let labelled = objective.labelled.draw(&batch);
    let noise = model.encoder.noise_of(&labelled);
    let groups = Normalising::ByBatch(&[12]);
    let log_p = values(model.encoder.pass(labelled.x.clone(), Some(noise), groups).log_p);
    let rows = log_p.chunks(CLASSES).zip(&labelled.labels);
    let own: Vec<f64> = rows.map(|(log_p, &label)| -log_p[usize::from(label)]).collect();
    let wanted = mean(&own);
    let terms = objective.terms(&model, &batch, AT);
    close(&named(&terms, "label"), &[wanted; 6], 1e-5);
    close(&values(terms.loss), &[wanted; 6], 1e-5);
}

#[test]
fn the_loss_of_m1_is_minus_the_elbo_to_the_bit() {
    let (m1, batch) = (m1::<Flex>(), batch::<Flex>(Kind::M1, 1));
    let posterior = m1.posterior(batch.x.clone());
    let ElboTerms { reconstruction, kl_per_latent } =
        elbo_terms(&m1, &posterior, batch.x.clone(), None, batch.eps(1, 3));
    let wanted = values(reconstruction + row_sums(kl_per_latent));
    assert_eq!(values(ElboObjective.terms(&m1, &batch, AT).loss), wanted);
}

/// -log p(x|h), h the last hidden layer of a pass with or without the noise of the batch.
fn pixel_costs(model: &Network<Flex>, batch: &Batch<Flex>, is_noisy: bool) -> Vec<f64> {
    let noise = is_noisy.then(|| model.encoder.noise_of(batch));
    let groups = [batch.len()];
    let pass = model.encoder.pass(batch.x.clone(), noise, Normalising::ByBatch(&groups));
    values(model.likelihood(pass.hidden).log_prob(batch.x.clone()).neg())
}

#[test]
fn denoising_reproduces_clean_pixels_from_a_noisy_pass() {
    let (model, batch) = (network::<Flex>(Kind::Denoising), batch(Kind::Denoising, 1));
    let loss = values(DenoisingObjective.terms(&model, &batch, AT).loss);
    assert_eq!(loss, pixel_costs(&model, &batch, true));
    assert_ne!(loss, pixel_costs(&model, &batch, false));
}

#[test]
fn reconstruction_adds_the_weighted_cost_of_the_pixels_of_a_clean_pass() {
    let kind = Kind::Reconstruction;
    let (model, batch) = (network::<Flex>(kind), batch(kind, 1));
    let clean = pixel_costs(&model, &batch, false);
    for weight in [0.01, 3.0] {
        let objective = ReconstructionObjective { labelled: labelled(kind), weight };
        let terms = objective.terms(&model, &batch, AT);
        let label = named(&terms, "label").into_iter();
        let wanted: Vec<f64> = label.zip(&clean).map(|(l, pixels)| l + weight * pixels).collect();
        close(&values(terms.loss), &wanted, 1e-5);
    }
}

#[test]
fn the_bound_of_m2_with_a_known_class_is_that_of_a_conditional_autoencoder() {
    let (m2, batch) = (m2::<Flex>(), batch::<Flex>(Kind::M2, 1));
    let (y, eps) = (batch.one_hot(CLASSES), batch.eps(1, 3));
    let found = m2.labelled(batch.x.clone(), y.clone(), eps.clone());
    let posterior = m2.posterior(batch.x.clone(), y.clone());
    let ElboTerms { reconstruction, kl_per_latent } =
        elbo_terms(&m2, &posterior, batch.x.clone(), Some(&y), eps);
    // -log p(x|y) is bounded by these two; -log p(y) is log 10.
    let conditional = reconstruction + row_sums(kl_per_latent);
    close(&values(found), &values(conditional.add_scalar(10f64.ln())), 1e-5);
}

#[test]
fn the_sum_over_classes_has_each_class_as_if_it_were_known() {
    let (m2, batch) = (m2::<Flex>(), batch::<Flex>(Kind::M2, 1));
    let n = batch.len();
    let eps = batch.eps(CLASSES, 3);
    let all = m2.labelled_by_class(batch.x.clone(), eps.clone());
    for class in 0..CLASSES {
        let y = shared::data::one_hot(&vec![class as u8; n], CLASSES, &Default::default());
        let own = eps.clone().narrow(0, class * n, n);
        let alone = m2.labelled(batch.x.clone(), y, own);
        close(&values(all.clone().narrow(1, class, 1)), &values(alone), 1e-5);
    }
}

/// U(x) and H(q(y|x)) of each example in double precision, of log q(y|x) and L(x, y), `[examples, classes]`.
fn bounds_and_entropies(log_q: &[f64], by_class: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let of = |(log_q, by_class): (&[f64], &[f64])| {
        let entropy = -log_q.iter().map(|l| l.exp() * l).sum::<f64>();
        let weighted: f64 = log_q.iter().zip(by_class).map(|(l, bound)| l.exp() * bound).sum();
        (weighted - entropy, entropy)
    };
    log_q.chunks(CLASSES).zip(by_class.chunks(CLASSES)).map(of).unzip()
}

#[test]
fn the_bound_without_the_class_weighs_the_classes_and_gains_their_entropy() {
    let (m2, batch) = (m2::<Flex>(), batch::<Flex>(Kind::M2, 1));
    let eps = batch.eps(CLASSES, 3);
    let found = m2.unlabelled(batch.x.clone(), eps.clone());
    let log_q = values(m2.log_q(batch.x.clone()));
    let by_class = values(m2.labelled_by_class(batch.x.clone(), eps));
    let bound = values(found.bound);
    let (bounds, entropies) = bounds_and_entropies(&log_q, &by_class);
    assert!(entropies.iter().all(|&entropy| entropy > 0.0 && entropy <= 10f64.ln() + 1e-6));
    for (by_class, bound) in by_class.chunks(CLASSES).zip(&bound) {
        // No q(y|x) does better than q proportional to exp(-L(x, y)).
        let least = by_class.iter().copied().fold(f64::MAX, f64::min);
        let best = least - by_class.iter().map(|l| (least - l).exp()).sum::<f64>().ln();
        assert!(*bound >= best - 1e-3, "{bound} {best}");
    }
    close(&values(found.entropy), &entropies, 1e-5);
    close(&bound, &bounds, 1e-5);
}

#[test]
fn a_class_that_is_all_but_excluded_changes_no_bound_and_has_no_gradient() {
    let batch = batch::<Diff>(Kind::M2, 1);
    let mut cut = 0;
    for by in [50.0, 100.0, 200.0] {
        let m2 = surer::<Diff>(by);
        let eps = batch.eps(CLASSES, 3).require_grad();
        let found = m2.unlabelled(batch.x.clone(), eps.clone());
        let log_q = values(m2.log_q(batch.x.clone()));
        let by_class = values(m2.labelled_by_class(batch.x.clone(), eps.clone()));
        let (bounds, entropies) = bounds_and_entropies(&log_q, &by_class);
        close(&values(found.entropy), &entropies, 1e-5);
        close(&values(found.bound.clone()), &bounds, 1e-5);
        let gradients = found.bound.sum().backward();
        // Class by class, where log q is example by example.
        let of_eps = values(eps.grad(&gradients).unwrap());
        for (place, log_q) in log_q.iter().enumerate() {
            let (example, class) = (place / CLASSES, place % CLASSES);
            let of_class = &of_eps[3 * (class * batch.len() + example)..][..3];
            // The cut is at -36.8.
            assert!(*log_q > -38.0 || of_class == [0.0; 3], "{log_q}: {of_class:?}");
            assert!(*log_q < -36.0 || of_class != [0.0; 3], "{log_q}: {of_class:?}");
            // Single precision alone would make no 0 of it.
            cut += usize::from((-70.0..-38.0).contains(log_q));
        }
        let of = GradientsParams::from_grads(gradients, &m2);
        for gradient in laws::gradients(&m2, &of) {
            assert!(gradient.values.iter().all(|slope| slope.is_finite()), "{}", gradient.name);
        }
    }
    assert!(cut > 0, "no class is below the cut");
}

#[test]
fn the_loss_of_m2_weighs_its_terms_as_the_paper_does_or_as_asked() {
    let (m2, batch) = (m2::<Flex>(), batch::<Flex>(Kind::M2, 1));
    let share = 20.0 / training_split().len() as f64;
    for (asked, alpha, weight) in [(None, 0.1, share), (Some(1.0), 10.0, 1.0)] {
        let config = M2Config { labelled: asked, alpha, ..config(Kind::M2).m2 };
        let objective = M2Objective::new(&config, labelled(Kind::M2));
        let terms = objective.terms(&m2, &batch, AT);
        let [unlabelled, known, label] =
            ["unlabelled", "labelled", "label"].map(|name| named(&terms, name));
        let parts = unlabelled.iter().zip(known).zip(label);
        let wanted: Vec<f64> =
            parts.map(|((u, l), label)| u + weight * l + alpha * label).collect();
        close(&values(terms.loss), &wanted, 1e-5);
    }
}

/// Every parameter but statistics and those that `fixed` names has a gradient, which is the slope of the loss.
fn check<M, N, O>(
    name: &str,
    kind: Kind,
    model: impl Fn() -> M,
    inner: impl Fn() -> N,
    objective: &O,
    is_fixed: impl Fn(&str) -> bool,
) where
    M: AutodiffModule<Diff> + Autoencoder<Diff>,
    N: Autoencoder<Flex>,
    O: Objective<Diff, M> + Objective<Flex, N>,
{
    let model = model();
    let terms = objective.terms(&model, &batch::<Diff>(kind, 1), AT);
    let of = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
    let gradients = laws::gradients(&model, &of);
    for gradient in &gradients {
        let parameter = &gradient.name;
        let fixed = parameter.contains("norm.") || is_fixed(parameter);
        assert_ne!(gradient.is_there(), fixed, "{name}: {parameter}");
    }
    let batch = batch::<Flex>(kind, 1);
    // A ReLU has kinks; softplus has none, but hundreds of nats round more coarsely.
    let step = if kind.is_network() { 2e-3 } else { 1e-1 };
    let wrong = laws::disagreements(&gradients, step, |parameter, entry, by| {
        let model = laws::nudged(inner(), parameter, entry, by);
        mean(&values(objective.terms(&model, &batch, AT).loss))
    });
    assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
}

#[test]
fn every_parameter_learns_and_gradients_agree_with_finite_differences() {
    let none = |_: &str| false;
    // The decoder's highest unit sees a softmax, whose gradient is small but there.
    let costs = ladder_objective(&[1.0, 0.7, 0.5, 0.3]);
    check("ladder", Kind::Ladder, ladder, ladder, &costs, none);
    let bottom = ladder_objective(&[5.0, 0.0, 0.0, 0.0]);
    check("ladder-bottom", Kind::Ladder, ladder, ladder, &bottom, none);
    let kind = Kind::Supervised;
    let objective = SupervisedObjective { labelled: labelled(kind) };
    check("supervised", kind, || network(kind), || network(kind), &objective, none);
    let kind = Kind::Reconstruction;
    let objective = ReconstructionObjective { labelled: labelled(kind), weight: 0.01 };
    check("reconstruction", kind, || network(kind), || network(kind), &objective, none);
    check("m1", Kind::M1, m1, m1, &ElboObjective, |name| name.starts_with("classifier"));
    let kind = Kind::M1;
    let objective = SoftmaxObjective { labelled: labelled(kind) };
    check("classifier", kind, m1, m1, &objective, |name| !name.starts_with("classifier"));
    check("m2", Kind::M2, m2, m2, &m2_objective(Kind::M2), none);
    let objective = StackedObjective(m2_objective(Kind::M1M2));
    check("m1-m2", Kind::M1M2, stacked, stacked, &objective, |name| name.starts_with("lower"));
}

#[test]
fn denoising_teaches_all_but_the_classes() {
    let (model, batch) = (network::<Diff>(Kind::Denoising), batch(Kind::Denoising, 1));
    let terms = DenoisingObjective.terms(&model, &batch, AT);
    let of = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
    for gradient in laws::gradients(&model, &of) {
        let top = gradient.name.starts_with("encoder.layers.2");
        let fixed = top || gradient.name.contains("norm.");
        assert_ne!(gradient.is_there(), fixed, "{}", gradient.name);
    }
}

#[test]
fn a_fixed_m1_leaves_nothing_in_the_autodiff_graph() {
    let is_tracked = |x: Tensor<Diff, 2>| !x.into_primitive().tensor().node.requirement.is_none();
    let (stacked, batch) = (stacked::<Diff>(), batch(Kind::M1M2, 1));
    assert!(!is_tracked(stacked.codes(&batch)));
    assert!(is_tracked(stacked.lower.posterior(batch.x.clone()).mean));
}

#[test]
fn labelled_images_are_balanced_nested_and_a_function_of_the_seed() {
    let split = training_split();
    let draw = |count, seed| {
        let labels = LabelsConfig { count, batch: 10, classes: CLASSES };
        Labelled::new(labels, &split, Binarise::None, Noise::new(seed)).known().to_vec()
    };
    let (small, large) = (draw(20, 1), draw(50, 1));
    for class in 0..CLASSES {
        let of = |known: &[usize]| {
            known.iter().filter(|&&image| usize::from(split.label(image)) == class).count()
        };
        assert_eq!((of(&small), of(&large)), (2, 5));
    }
    assert_eq!(small[..], large[..20]);
    assert_eq!(small, draw(20, 1));
    assert_ne!(small, draw(20, 2));
}

#[test]
fn a_class_with_too_few_images_for_its_share_is_told() {
    let told = |labels: Vec<u8>, count| {
        let data = data_of(labels);
        let labels = LabelsConfig { count, batch: 10, classes: CLASSES };
        let labelled = Labelled::new(labels, &data.train, Binarise::None, Noise::new(1));
        labelled.unequal(&ClassNames::of_data(&data))
    };
    let rare: Vec<u8> = (0..40).map(|image| u8::from(image >= 3)).collect();
    assert_eq!(told(rare.clone(), 6), None);
    assert_eq!(told(rare.clone(), 7), None);
    let said = "[labels] count = 8: the training images have 3 of class '0', so classes have up to 5 labels";
    assert_eq!(told(rare, 8).as_deref(), Some(said));
}

#[test]
fn a_step_sees_labelled_images_alone_with_noise_of_its_own() {
    let labelled = labelled(Kind::Ladder);
    let batches = batches::<Flex>(Kind::Ladder);
    let drawn = |first: usize, epoch| labelled.draw(&batches.batch(&[first, first + 1], epoch));
    let noise = |batch: &Batch<Flex>| {
        values(batch.normals(shared::noise::Stream::Corrupt, &[(3, 1.0)]).remove(0))
    };
    let one = drawn(0, 1);
    assert_eq!(one.len(), 12);
    let known = training_split().grey(labelled.known());
    for row in values(one.x.clone()).chunks(PIXELS) {
        let is_row = |image: ndarray::ArrayView1<'_, f32>| {
            image.iter().zip(row).all(|(&a, &b)| f64::from(a) == b)
        };
        assert!(known.rows().into_iter().any(is_row));
    }
    assert_eq!(noise(&one), noise(&drawn(0, 1)));
    assert_ne!(noise(&one), noise(&drawn(2, 1)), "another step of the epoch");
    assert_ne!(noise(&one), noise(&drawn(0, 2)), "another epoch");
    // In validation each image is its own.
    assert_eq!(values(drawn(0, 0).x), values(batches.batch(&[0, 1], 0).x));
}

#[test]
fn stored_statistics_of_one_batch_normalise_it_as_the_batch_does() {
    let (maker, indices) = (batches::<Flex>(Kind::Ladder), [1, 2, 3, 4, 5, 6, 7]);
    let x = maker.batch(&indices, 1).x;
    let ladder = ladder::<Flex>().with_statistics(&maker, &indices, 100);
    let by_batch = ladder.encoder.pass(x.clone(), None, Normalising::ByBatch(&[7])).log_p;
    let stored = ladder.log_classes(x).unwrap();
    close(&values(stored), &values(by_batch), 1e-4);
}

/// Mean and variance of each unit of a batch, written out.
fn mean_and_variance(sum: Tensor<Flex, 2>) -> [Vec<f64>; 2] {
    let [_, units] = sum.dims();
    let sum = values(sum);
    let of = |unit: usize| {
        let column: Vec<f64> = sum.iter().copied().skip(unit).step_by(units).collect();
        let centre = mean(&column);
        let squares: Vec<f64> = column.iter().map(|value| (value - centre).powi(2)).collect();
        (centre, mean(&squares))
    };
    let (means, variances): (Vec<f64>, Vec<f64>) = (0..units).map(of).unzip();
    [means, variances]
}

#[test]
fn stored_statistics_are_the_average_over_batches_weighted_by_their_examples() {
    // One that is left over joins the batch before it.
    for sizes in [&[5, 5, 2][..], &[5, 6]] {
        let (maker, count) = (batches::<Flex>(Kind::Ladder), sizes.iter().sum::<usize>());
        let indices: Vec<usize> = (1..=count).collect();
        let model = ladder::<Flex>().with_statistics(&maker, &indices, 5);
        // Mean, then variance, of each layer of the encoder and then of the decoder.
        let stored: Vec<f64> = weights::weights_of::<Flex, _>(&model)
            .into_iter()
            .filter(|tensor| tensor.name.contains("norm."))
            .flat_map(|tensor| tensor.values)
            .map(f64::from)
            .collect();
        let ladder = ladder::<Flex>();
        let (mut wanted, mut rest) = (vec![0.0; stored.len()], &indices[..]);
        for &size in sizes {
            let (chunk, after) = rest.split_at(size);
            rest = after;
            let batch = maker.batch(chunk, 1);
            let groups = [size];
            let by_batch = Normalising::ByBatch(&groups);
            let clean = ladder.encoder.pass(batch.x.clone(), None, by_batch);
            let noisy = ladder.encoder.pass(
                batch.x.clone(),
                Some(ladder.encoder.noise_of(&batch)),
                by_batch,
            );
            let sums = clean.sums.into_iter().chain(ladder.restored(&noisy, by_batch).signals);
            let own: Vec<f64> = sums.flat_map(mean_and_variance).flatten().collect();
            assert_eq!(own.len(), wanted.len());
            let share = size as f64 / count as f64;
            wanted.iter_mut().zip(own).for_each(|(wanted, own)| *wanted += share * own);
        }
        close(&stored, &wanted, 1e-4);
    }
}

#[test]
fn an_evaluated_image_does_not_depend_on_its_batch_and_saved_weights_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for kind in
        [Kind::Supervised, Kind::Reconstruction, Kind::Ladder, Kind::M1, Kind::M2, Kind::M1M2]
    {
        let config = config(kind);
        let device = Default::default();
        let build = |seed| Model::<Flex>::new(&config, PIXELS, Noise::new(seed), &device);
        let (maker, indices) = (batches::<Flex>(kind), [1, 2, 3, 4, 5]);
        let model = match build(2) {
            Model::Network(it) => Model::Network(it.with_statistics(&maker, &indices, 3)),
            Model::Ladder(it) => Model::Ladder(it.with_statistics(&maker, &indices, 3)),
            other => other,
        };
        let x = maker.batch(&indices, 1).x;
        let together = values(model.log_classes(x.clone()).unwrap());
        let alone = values(model.log_classes(x.clone().narrow(0, 2, 1)).unwrap());
        close(&together[2 * CLASSES..3 * CLASSES], &alone, 1e-5);
        let codes = values(model.encode(x.clone(), None).mean());
        let alone = values(model.encode(x.clone().narrow(0, 2, 1), None).mean());
        close(&codes[2 * alone.len()..3 * alone.len()], &alone, 1e-5);
        assert_eq!(codes.len(), 5 * model.latent_dim());
        assert_eq!(
            model.decode(model.encode(x.clone(), None).mean(), None).mean().dims(),
            x.dims()
        );

        let tensors = OnDevice::<Flex, _>::new(model, device).weights();
        weights::save(folder.path(), &tensors, "few-labels", "", &serde_json::Value::Null).unwrap();
        let loaded = weights::load(build(99), &folder.path().join(weights::WEIGHTS)).unwrap();
        assert_eq!(values(loaded.log_classes(x).unwrap()), together, "{kind:?}");
    }
}

#[test]
fn a_style_is_read_with_the_likeliest_class_unless_one_is_given() {
    let (m2, batch) = (m2::<Flex>(), batch::<Flex>(Kind::M2, 1));
    let log_q = values(m2.log_q(batch.x.clone()));
    let best: Vec<u8> = (log_q.chunks(CLASSES))
        .map(|row| (0..CLASSES).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as u8)
        .collect();
    let y = m2.condition(&batch.x, &best).unwrap();
    assert_eq!(values(m2.likeliest(batch.x.clone())), values(y.clone()));
    let of = |given| values(m2.encode(batch.x.clone(), given).mean());
    assert_eq!(of(None), of(Some(&y)));
    // A class of other data that is none of the model's, beside one that is.
    let mut labels = vec![CLASSES as u8; best.len()];
    let known = (best[0] + 1) % CLASSES as u8;
    labels[0] = known;
    let found: Vec<u8> = [&[known], &best[1..]].concat();
    let both = [&labels, &found].map(|labels| values(m2.condition(&batch.x, labels).unwrap()));
    assert_eq!(both[0], both[1]);
    let stacked = stacked::<Flex>();
    let codes = stacked.lower.posterior(batch.x.clone()).mean;
    let unknown = stacked.condition(&batch.x, &vec![CLASSES as u8; best.len()]).unwrap();
    assert_eq!(values(unknown), values(stacked.upper.likeliest(codes)));
}

/// Two black pixels of each of these classes, for training.
fn data_of(labels: Vec<u8>) -> Splits {
    let (shape, pixels) = (PixelShape::grey(1, 2), vec![0; 2 * labels.len()]);
    let set = ExampleSet::images(shape, pixels, labels, false);
    let config = DataConfig::new("segments", Binarise::None);
    let data = shared::kind::Images::load(&config, &FetchOptions::from_env(None)).unwrap();
    Splits { train: set.into(), ..data }
}

fn problem_with(count: usize, labels: Vec<u8>) -> String {
    let data = data_of(labels);
    let mut config = self::config(Kind::Ladder);
    config.labels.count = count;
    Paper::problem_with(&config, &data).unwrap_or_default()
}

#[test]
fn labels_that_do_not_fit_are_refused_in_one_line() {
    let many: Vec<u8> = (0..40).map(|image| image % 10).collect();
    assert_eq!(problem_with(40, many.clone()), "");
    let said = problem_with(41, many);
    assert_eq!(said, "[labels] count = 41: there are 40 training images");
    let said = problem_with(20, vec![3; 40]);
    assert_eq!(said, "[labels] count: the training images are all of one class");
    let said = problem_with(20, (0..41).map(|image| image % 10).collect());
    assert!(said.starts_with("[train] batch_size = 10: the last batch of 41 images"), "{said}");

    // A fitted model draws no labels, so fewer images will do; classes that it does not know will not.
    let problem_of_use = |labels: Vec<u8>| {
        let mut config = config(Kind::Ladder);
        config.labels.count = 20;
        Paper::problem_of_use(&config, &data_of(labels)).unwrap_or_default()
    };
    assert_eq!(problem_of_use(vec![3; 11]), "");
    assert!(problem_of_use(vec![10; 40]).starts_with("labels.classes = 10: the data have 11"));

    let problem = |change: &dyn Fn(&mut Config)| {
        let mut config = config(Kind::Ladder);
        change(&mut config);
        config.problem().unwrap_or_default()
    };
    assert_eq!(problem(&|_| {}), "");
    let said = problem(&|config| config.labels.count = 9);
    assert_eq!(said, "[labels] count = 9: at least one label for each of 10 classes");
    assert!(problem(&|config| config.ladder.costs = vec![1.0]).contains("1 numbers"));
    assert!(problem(&|config| config.train.keep = Keep::Best).contains("keep = \"last\""));
    assert!(problem(&|config| config.data.binarise = Binarise::Dynamic).contains("binarise"));
    let m1 = |config: &mut Config| {
        config.model.kind = Kind::M1;
        config.data.binarise = Binarise::Dynamic;
        config.pretraining = None;
    };
    assert!(problem(&m1).contains("[pretraining]"));
}

#[test]
fn snapshots_and_advice_are_of_the_phase_that_changes_the_codes() {
    for (kind, takes_snapshots, phase) in [
        (Kind::M1, false, Some("pretraining")),
        (Kind::M2, true, Some("train")),
        (Kind::M1M2, false, None),
        (Kind::Ladder, false, None),
    ] {
        let config = config(kind);
        assert_eq!(Paper::cannot("snapshots", &config).is_none(), takes_snapshots, "{kind:?}");
        let advice = phase.map(|phase| format!("more epochs ({phase}.epochs)"));
        assert_eq!(Paper::against_collapse(&config), advice, "{kind:?}");
    }
}

#[test]
#[cfg(feature = "ndarray")]
fn the_two_processor_backends_agree() {
    let costs = ladder_objective(&[1.0, 0.7, 0.5, 0.3]);
    let flex = costs.terms(&ladder::<Flex>(), &batch(Kind::Ladder, 1), AT).loss;
    let ndarray = costs.terms(&ladder::<NdArray>(), &batch(Kind::Ladder, 1), AT).loss;
    close(&values(flex), &values(ndarray), 1e-3);
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = laws::configurations::mistakes_not_named::<Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = PixelShape::grey(28, 28);
    let wrong = laws::configurations::sizes_misjudged::<Paper, Flex>(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes, images, prior and likelihood; those of the network with the statistics of its training.
#[test]
fn the_networks_as_layers_are_the_models() {
    let indices: Vec<usize> = (0..300).collect();
    for kind in [Kind::Reconstruction, Kind::M1, Kind::M2, Kind::M1M2, Kind::Ladder] {
        let model = Model::<Flex>::new(&config(kind), PIXELS, Noise::new(3), &Default::default());
        let model = match model {
            Model::Network(it) => Model::Network(it.with_statistics(&batches(kind), &indices, 100)),
            Model::Ladder(_) => {
                Model::Ladder(ladder().with_statistics(&batches(kind), &indices, 100))
            }
            other => other,
        };
        let apart = laws::networks::network_apart(model, CLASSES as u8).unwrap();
        assert!(apart.largest() < 1e-5, "{kind:?}: {apart:?}");
    }
}
