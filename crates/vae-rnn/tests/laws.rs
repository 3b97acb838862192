//! Laws of the models, their bounds and their objective.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

#[path = "laws/evaluation.rs"]
mod evaluation;
#[path = "laws/particles.rs"]
mod particles;
#[path = "laws/sentence.rs"]
mod sentence;

use burn::{
    backend::Autodiff,
    module::{AutodiffModule, Module, ModuleMapper, Param},
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
use ndarray::Array2;
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder as _,
    backend::Flex,
    data::{Batch, BatchMaker, Binarise, ExampleSet, PixelShape, Sequences},
    laws::values,
    laws::{self, disagreements},
    nn::{Activation, Cell, Init, Initialiser},
    noise::{Noise, Stream, uniform},
    paper::Paper as _,
    sequential::{Resampling, Sequential, continued, filter},
    statistics::mean,
    train::{Moment, Objective as _},
    trained::{OnDevice, Trained as _},
};
use vae_rnn::{
    Model, Objective,
    config::{Bound, Kind, ModelConfig, ObjectiveConfig, OutputConfig},
    output::Output,
};

type Diff = Autodiff<Flex>;

const WIDTH: usize = 3;
const AFTER: Moment = Moment { epochs: 9.0 };
const KINDS: [Kind; 4] = [Kind::Vrnn, Kind::VrnnI, Kind::Rnn, Kind::Sentence];

fn config(kind: Kind, cell: Cell, output: OutputConfig) -> ModelConfig {
    ModelConfig {
        kind,
        cell,
        latent: 2,
        hidden: 4,
        features: vec![5],
        // Without kinks, for differences.
        activation: Activation::Tanh,
        output,
        word_dropout: 0.0,
        init: Init::Normal { std: 0.6 },
    }
}

fn model<B: Backend>(config: &ModelConfig) -> Model<B> {
    let shape = PixelShape::grey(6, WIDTH);
    Model::new(config, shape, Noise::new(3), &B::Device::default())
}

fn plain(kind: Kind) -> ModelConfig {
    config(kind, Cell::Gru, OutputConfig::Bernoulli)
}

/// Sequences of 4, 1 and 6 steps that fit an output.
fn sequences(output: OutputConfig) -> Vec<Vec<f32>> {
    [4, 1, 6]
        .iter()
        .zip(0u64..)
        .map(|(&steps, key)| {
            let drawn = Noise::new(8).normal(Stream::Generate, key, &[0], steps * WIDTH);
            let step = |x: &[f32]| match output {
                OutputConfig::Bernoulli => x.iter().map(|&x| f32::from(x > 0.0)).collect(),
                OutputConfig::Gaussian => x.to_vec(),
                OutputConfig::Pen { .. } => vec![x[0], x[1], f32::from(x[2] > 0.0)],
                OutputConfig::Categorical => {
                    let largest = x.iter().copied().fold(f32::MIN, f32::max);
                    x.iter().map(|&x| f32::from(x == largest)).collect::<Vec<f32>>()
                }
            };
            drawn.chunks(WIDTH).flat_map(step).collect()
        })
        .collect()
}

fn batch<B: Backend>(sequences: &[Vec<f32>]) -> Batch<B> {
    let all: Vec<usize> = (0..sequences.len()).collect();
    batch_of(sequences, &all)
}

/// Some of the sequences, each with the noise that it has among all.
fn batch_of<B: Backend>(sequences: &[Vec<f32>], indices: &[usize]) -> Batch<B> {
    let examples = ExampleSet::sequences(Sequences::of_numbers(WIDTH, sequences), false);
    BatchMaker::new(examples.into(), Binarise::None, Noise::new(1), B::Device::default())
        .batch(indices, 1)
}

/// All sequences of this many steps of black and white elements.
fn all_sequences(steps: usize) -> impl Iterator<Item = Vec<f32>> {
    let elements = steps * WIDTH;
    (0..1u32 << elements).map(move |bits| (0..elements).map(|at| (bits >> at & 1) as f32).collect())
}

fn loss<B: Backend>(model: &Model<B>, batch: &Batch<B>, objective: ObjectiveConfig) -> Vec<f64> {
    values(Objective::new(objective).terms(model, batch, AFTER).loss)
}

#[track_caller]
fn close(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-4 * wanted.abs().max(1.0), "{found} {wanted}");
    }
}

/// One whose posteriors are near its priors, so that few particles tell much.
fn mild(kind: Kind) -> Model<Flex> {
    model(&ModelConfig { init: Init::Normal { std: 0.35 }, ..plain(kind) })
}

/// The standard error of the mean.
fn error(values: &[f64]) -> f64 {
    let centre = mean(values);
    let variance = values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / values.len() as f64;
    (variance / values.len() as f64).sqrt()
}

/// Estimates of log p of one sequence, by this many independent filters.
fn estimates(
    model: &Model<Flex>,
    sequence: &[f32],
    particles: usize,
    resampling: Resampling,
    repeats: usize,
) -> Vec<f64> {
    let rows = Array2::from_shape_fn((repeats, sequence.len()), |(_, column)| sequence[column]);
    let steps = vec![sequence.len() / WIDTH; repeats];
    let keys: Vec<u64> = (0..repeats as u64).collect();
    let noise = (Noise::new(5), &keys[..]);
    let found = filter(model, &rows, &steps, particles, resampling, noise, &Default::default());
    found.rows().into_iter().map(|row| row.sum()).collect()
}

#[test]
fn bounds_are_in_order() {
    for kind in [Kind::Vrnn, Kind::VrnnI] {
        let model = mild(kind);
        let sequence = &sequences(OutputConfig::Bernoulli)[2];
        let repeats = 3000;
        let eps = Noise::new(6).normal(Stream::Posterior, 0, &[0], repeats * 6 * 2);
        let eps = Tensor::from_data(TensorData::new(eps, [repeats, 12]), &Default::default());
        let x: Vec<f32> = sequence.iter().copied().cycle().take(repeats * sequence.len()).collect();
        let x =
            Tensor::from_data(TensorData::new(x, [repeats, sequence.len()]), &Default::default());
        let terms = model.terms_by_step(x, eps);
        let total = values(terms.reconstruction).iter().sum::<f64>()
            + values(terms.kl_per_latent.unwrap()).iter().sum::<f64>();
        let elbo = -total / repeats as f64;
        let bound = |particles, resampling| {
            mean(&estimates(&model, sequence, particles, resampling, repeats))
        };
        let importance = [1, 4, 32].map(|particles| bound(particles, Resampling::Never));
        let single = estimates(&model, sequence, 1, Resampling::Never, repeats);
        let difference = (mean(&single) - elbo).abs();
        assert!(difference < 4.0 * error(&single), "K = 1 is {}, ELBO {elbo}", importance[0]);
        assert!(importance[0] < importance[1] && importance[1] < importance[2], "{importance:?}");
        let filtered = [4, 32].map(|particles| bound(particles, Resampling::Adaptive));
        assert!(importance[0] < filtered[0] && filtered[0] < filtered[1], "{filtered:?}");
        // All are below log p: the mean of p's unbiased estimates.
        for resampling in [Resampling::Never, Resampling::Adaptive] {
            let found = estimates(&model, sequence, 64, resampling, repeats);
            let p: Vec<f64> = found.iter().map(|log_p| log_p.exp()).collect();
            let exact = mean(&p).ln();
            assert!(filtered[1] < exact && importance[2] < exact, "{exact} {filtered:?}");
        }
    }
}

#[test]
fn with_and_without_resampling_p_is_estimated_without_bias() {
    let model = mild(Kind::Vrnn);
    let sequence = &sequences(OutputConfig::Bernoulli)[0];
    let p = |resampling| {
        let found = estimates(&model, sequence, 4, resampling, 20_000);
        let p: Vec<f64> = found.iter().map(|log_p| log_p.exp()).collect();
        (mean(&p), error(&p))
    };
    let ((a, a_error), (b, b_error)) = (p(Resampling::Never), p(Resampling::Adaptive));
    assert!((a - b).abs() < 4.0 * a_error.hypot(b_error), "{a} +- {a_error}, {b} +- {b_error}");
    assert!(a_error < 0.02 * a && b_error < 0.02 * b, "too noisy to tell");
}

#[test]
fn without_latents_every_bound_is_exact() {
    let model = model::<Flex>(&plain(Kind::Rnn));
    for sequence in sequences(OutputConfig::Bernoulli) {
        let exact =
            -loss(&model, &batch(std::slice::from_ref(&sequence)), ObjectiveConfig::default())[0];
        for (particles, resampling) in [(1, Resampling::Never), (7, Resampling::Adaptive)] {
            for found in estimates(&model, &sequence, particles, resampling, 3) {
                assert!((found - exact).abs() < 1e-4, "{found} {exact}");
            }
        }
    }
}

#[test]
fn what_follows_the_end_of_a_sequence_counts_nothing() {
    for kind in KINDS {
        for cell in [Cell::Gru, Cell::Lstm] {
            let model = model::<Diff>(&config(kind, cell, OutputConfig::Bernoulli));
            let all = sequences(OutputConfig::Bernoulli);
            let together = batch::<Diff>(&all);
            let mut filled = together.clone();
            // Anything may stand there.
            let beyond: Vec<f32> = values(together.x.clone())
                .iter()
                .enumerate()
                .map(|(at, &x)| {
                    let (row, step) = (at / (6 * WIDTH), at % (6 * WIDTH) / WIDTH);
                    if step < together.steps[row] { x as f32 } else { 1e3 }
                })
                .collect();
            filled.x =
                Tensor::from_data(TensorData::new(beyond, together.x.dims()), &Default::default());
            let objective = Objective::new(ObjectiveConfig::default());
            let gradients = |batch: &Batch<Diff>| {
                let terms = objective.terms(&model, batch, AFTER);
                let found = values(terms.loss.clone());
                let of = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
                (found, laws::gradients(&model, &of))
            };
            let ((a, a_slopes), (b, b_slopes)) = (gradients(&together), gradients(&filled));
            assert_eq!(a, b);
            assert_eq!(a_slopes, b_slopes);
            // Nor does it matter what a sequence is batched with: the first alone has the same noise.
            let alone = loss(&model, &batch(&all[..1]), ObjectiveConfig::default());
            assert!((alone[0] - a[0]).abs() < 1e-4, "{} {}", alone[0], a[0]);
        }
    }
}

#[test]
fn each_parameter_has_the_slope_of_the_loss_as_its_gradient() {
    let outputs = [
        OutputConfig::Bernoulli,
        OutputConfig::Gaussian,
        OutputConfig::Pen { components: 2 },
        OutputConfig::Categorical,
    ];
    for (output, cell) in outputs.into_iter().zip([Cell::Gru, Cell::Lstm, Cell::Lstm, Cell::Gru]) {
        for kind in KINDS {
            let config = config(kind, cell, output);
            let (batch, plain) =
                (batch::<Diff>(&sequences(output)), batch::<Flex>(&sequences(output)));
            let model = model::<Diff>(&config);
            let objective = Objective::new(ObjectiveConfig::default());
            let terms = objective.terms(&model, &batch, AFTER);
            let of = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
            let gradients = laws::gradients(&model, &of);
            for gradient in &gradients {
                assert!(gradient.is_there(), "{kind:?} {output:?}: {}", gradient.name);
            }
            let inner = model.valid();
            let at = |parameter, entry, by| {
                let nudged = laws::nudged(inner.clone(), parameter, entry, by);
                mean(&loss(&nudged, &plain, ObjectiveConfig::default()))
            };
            let found = disagreements(&gradients, 0.02, at);
            assert!(found.is_empty(), "{kind:?} {output:?} {cell:?}: {found:?}");
        }
    }
}

#[test]
fn truncation_changes_gradients_and_nothing_else() {
    let model = model::<Diff>(&plain(Kind::Vrnn));
    let batch = batch::<Diff>(&sequences(OutputConfig::Bernoulli));
    let bounds = particles::BOUNDS.map(|(bound, _)| particles::with(bound, 4));
    for config in [ObjectiveConfig::default()].into_iter().chain(bounds) {
        let with = |truncate| {
            let objective = Objective::new(ObjectiveConfig { truncate, ..config });
            let terms = objective.terms(&model, &batch, AFTER);
            let of = GradientsParams::from_grads(terms.loss.clone().mean().backward(), &model);
            (values(terms.loss), laws::gradients(&model, &of))
        };
        let (whole, long, short) = (with(None), with(Some(6)), with(Some(2)));
        assert_eq!(whole, long);
        assert_eq!(whole.0, short.0);
        assert_ne!(whole.1, short.1);
    }
}

/// -log p(x) of each sequence, a step after the other.
fn stepwise(model: &Model<Diff>, batch: &Batch<Diff>, truncate: Option<usize>) -> Tensor<Diff, 1> {
    let ([rows, columns], device) = (batch.x.dims(), Default::default());
    let mut state = Sequential::start(model, rows);
    let mut losses = Vec::new();
    for step in 0..columns / WIDTH {
        if truncate.is_some_and(|border| step > 0 && step % border == 0) {
            state = state.detach();
        }
        let x = batch.x.clone().narrow(1, step * WIDTH, WIDTH);
        let (log_p, after) = model.weigh(state, x, Tensor::zeros([rows, 0], &device));
        let within: Vec<f32> =
            batch.steps.iter().map(|&own| f32::from(u8::from(step < own))).collect();
        losses.push(log_p.neg() * Tensor::from_floats(&within[..], &device));
        state = after;
    }
    Tensor::stack::<2>(losses, 0).sum_dim(0).squeeze_dim(0)
}

#[test]
fn without_latents_all_steps_at_once_have_the_gradients_of_one_after_the_other() {
    let sequences = sequences(OutputConfig::Bernoulli);
    // The second is one step long.
    for indices in [&[0, 1, 2][..], &[1]] {
        for cell in [Cell::Gru, Cell::Lstm] {
            let model = model::<Diff>(&config(Kind::Rnn, cell, OutputConfig::Bernoulli));
            let batch = batch_of::<Diff>(&sequences, indices);
            let gradients = |loss: Tensor<Diff, 1>| {
                let of = GradientsParams::from_grads(loss.mean().backward(), &model);
                laws::gradients(&model, &of)
            };
            for truncate in [None, Some(1), Some(2), Some(4), Some(6)] {
                let objective =
                    Objective::new(ObjectiveConfig { truncate, ..ObjectiveConfig::default() });
                let at_once = gradients(objective.terms(&model, &batch, AFTER).loss);
                let apart = gradients(stepwise(&model, &batch, truncate));
                for (a, b) in at_once.iter().zip(&apart) {
                    assert_eq!(a.is_there(), b.is_there(), "{cell:?} {truncate:?} {}", a.name);
                    // Where no step follows another, the recurrence has zeros or no gradient at all.
                    assert!(!b.is_there() || a.values.len() == b.values.len(), "{}", a.name);
                    for (x, y) in a.values.iter().zip(&b.values) {
                        assert!((x - y).abs() < 1e-5, "{cell:?} {truncate:?} {}: {x} {y}", a.name);
                    }
                }
            }
        }
    }
}

#[test]
fn inputs_are_hidden_in_training_alone() {
    let model = model::<Diff>(&plain(Kind::Vrnn));
    let sequences = sequences(OutputConfig::Bernoulli);
    let hiding = ObjectiveConfig { drop_inputs: 0.5, ..ObjectiveConfig::default() };
    let (training, validation) = (batch::<Diff>(&sequences), batch::<Flex>(&sequences));
    let whole = ObjectiveConfig::default();
    assert_ne!(loss(&model, &training, hiding), loss(&model, &training, whole));
    assert_eq!(loss(&model.valid(), &validation, hiding), loss(&model.valid(), &validation, whole));
}

/// The sum over each sequence's own steps of numbers by step, step-major.
fn sums_by_sequence(by_step: &[f64], steps: &[usize]) -> Vec<f64> {
    let of = |(sequence, &own): (usize, &usize)| {
        (0..own).map(|step| by_step[step * steps.len() + sequence]).sum::<f64>()
    };
    steps.iter().enumerate().map(of).collect()
}

#[test]
fn posterior_and_recurrence_see_what_is_left_and_the_whole_sequence_is_scored() {
    let sequences = sequences(OutputConfig::Bernoulli);
    let (training, batch) = (batch::<Diff>(&sequences), batch::<Flex>(&sequences));
    let seen = batch.changed(Stream::Drop, |generator, row| {
        for x in row {
            if uniform(generator) < 0.5 {
                *x = 0.0;
            }
        }
    });
    assert_ne!(values(seen.clone()), values(batch.x.clone()));
    let eps = batch.eps(1, 6 * 2);
    for kind in [Kind::Vrnn, Kind::VrnnI] {
        let model = model::<Diff>(&plain(kind));
        let inner = model.valid();
        let hiding = |config: ObjectiveConfig| {
            loss(&model, &training, ObjectiveConfig { drop_inputs: 0.5, ..config })
        };
        let scored = |x: &Tensor<Flex, 2>| inner.terms(inner.unroll(&seen, &eps, None), x);
        let terms = scored(&batch.x);
        let whole = values(terms.reconstruction);
        let kl = values(terms.kl_per_latent.unwrap());
        let by_step = whole.iter().zip(kl.chunks(2));
        let by_step: Vec<f64> = by_step.map(|(nats, kl)| nats + kl[0] + kl[1]).collect();
        close(&hiding(ObjectiveConfig::default()), &sums_by_sequence(&by_step, &batch.steps));

        // A particle that follows the seen sequence and scores it too: replace the score of each step.
        let partial = values(scored(&seen).reconstruction);
        let mut state = Sequential::start(&inner, sequences.len());
        let mut log_weights: Vec<f64> = Vec::new();
        for step in 0..6 {
            let part = |x: &Tensor<Flex, 2>, width: usize| x.clone().narrow(1, step * width, width);
            let (log_weight, after) = inner.weigh(state, part(&seen, WIDTH), part(&eps, 2));
            log_weights.extend(values(log_weight));
            state = after;
        }
        let by_step: Vec<f64> = (0..log_weights.len())
            .map(|row| whole[row] - partial[row] - log_weights[row])
            .collect();
        let wanted = sums_by_sequence(&by_step, &batch.steps);
        for (bound, _) in particles::BOUNDS {
            close(&hiding(particles::with(bound, 1)), &wanted);
        }
    }
}

#[test]
fn the_loss_has_the_kl_at_its_weight() {
    let batch = batch::<Flex>(&sequences(OutputConfig::Bernoulli));
    let objective = Objective::new(ObjectiveConfig {
        kl_warmup_epochs: 4.0,
        kl_warmup_from: 0.2,
        ..ObjectiveConfig::default()
    });
    for kind in [Kind::Vrnn, Kind::VrnnI, Kind::Sentence] {
        let model = model::<Flex>(&plain(kind));
        for (epochs, weight) in [(0.0, 0.2), (1.0, 0.4), (3.0, 0.8), (4.0, 1.0), (7.0, 1.0)] {
            let at = Moment { epochs };
            assert_eq!(objective.is_settled(&model, at), weight == 1.0, "{epochs}");
            let terms = objective.terms(&model, &batch, at);
            let [reconstruction, kl] =
                ["reconstruction", "kl"].map(|name| laws::term(&terms, name).unwrap());
            assert!(kl.iter().sum::<f64>() > 0.05, "{kind:?}: too small to tell: {kl:?}");
            let parts = reconstruction.iter().zip(&kl);
            let wanted: Vec<f64> = parts.map(|(nats, kl)| nats + weight * kl).collect();
            close(&values(terms.loss), &wanted);
        }
    }
}

#[test]
fn a_sequence_has_the_code_that_it_has_alone() {
    let x = batch::<Flex>(&sequences(OutputConfig::Bernoulli)).x;
    for kind in KINDS {
        let model = model::<Flex>(&plain(kind));
        let code = |x| values(model.encode(x, None).mean());
        let alone: Vec<f64> = (0..3).flat_map(|row| code(x.clone().narrow(0, row, 1))).collect();
        close(&code(x.clone()), &alone);
    }
}

#[test]
#[cfg(feature = "ndarray")]
fn backends_agree() {
    for kind in KINDS {
        let config = config(kind, Cell::Lstm, OutputConfig::Bernoulli);
        let sequences = sequences(OutputConfig::Bernoulli);
        let flex = loss(&model::<Flex>(&config), &batch(&sequences), ObjectiveConfig::default());
        let ndarray =
            loss(&model::<NdArray>(&config), &batch(&sequences), ObjectiveConfig::default());
        for (a, b) in flex.iter().zip(&ndarray) {
            assert!((a - b).abs() < 1e-4, "{kind:?}: {a} {b}");
        }
    }
}

fn output(kind: OutputConfig) -> (Output<Flex>, Tensor<Flex, 2>) {
    let device = Default::default();
    let mut init = Initialiser::new(Init::Normal { std: 0.4 }, Noise::new(2), &device);
    let hidden = Noise::new(4).normal(Stream::Generate, 0, &[0], 4);
    let hidden = Tensor::from_data(TensorData::new(hidden, [1, 4]), &device);
    (Output::new(kind, 4, WIDTH, &mut init), hidden)
}

/// exp(log p) of steps, each a row.
fn densities(output: &Output<Flex>, hidden: &Tensor<Flex, 2>, steps: &[[f32; WIDTH]]) -> Vec<f64> {
    let rows = steps.len();
    let x = Tensor::from_data(TensorData::new(steps.concat(), [rows, WIDTH]), &Default::default());
    let log_p = output.log_prob(hidden.clone().repeat_dim(0, rows), x);
    values(log_p).into_iter().map(f64::exp).collect()
}

#[test]
fn what_a_step_can_be_has_probability_one_in_all() {
    let (categorical, hidden) = output(OutputConfig::Categorical);
    let symbols = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let total: f64 = densities(&categorical, &hidden, &symbols).iter().sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    let (bernoulli, hidden) = output(OutputConfig::Bernoulli);
    let all: Vec<[f32; WIDTH]> =
        (0..8u8).map(|bits| [0, 1, 2].map(|at| f32::from(bits >> at & 1))).collect();
    let total: f64 = densities(&bernoulli, &hidden, &all).iter().sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    // The pen's offset is integrated over a grid.
    let (pen, hidden) = output(OutputConfig::Pen { components: 3 });
    let side = 0.08f32;
    let grid = |i: i32| side * i as f32;
    let points: Vec<[f32; WIDTH]> = (-250..=250)
        .flat_map(|i| (-250..=250).flat_map(move |j| [0.0, 1.0].map(|up| [grid(i), grid(j), up])))
        .collect();
    let total = densities(&pen, &hidden, &points).iter().sum::<f64>() * f64::from(side * side);
    assert!((total - 1.0).abs() < 0.01, "{total}");
}

/// An output, and a hidden layer for which these are the parameters of its distribution.
fn output_of(kind: OutputConfig, parameters: &[f32]) -> (Output<Flex>, Tensor<Flex, 2>) {
    /// The weights of the first hidden unit.
    struct First<'a>(&'a [f32]);
    impl ModuleMapper<Flex> for First<'_> {
        fn map_float<const D: usize>(
            &mut self,
            param: Param<Tensor<Flex, D>>,
        ) -> Param<Tensor<Flex, D>> {
            let (id, tensor, mapper) = param.consume();
            let mut values: Vec<f32> = tensor.to_data().iter::<f32>().collect();
            // Biases start at zero and stay there.
            if D == 2 {
                values[..self.0.len()].copy_from_slice(self.0);
            }
            let changed =
                Tensor::from_data(TensorData::new(values, tensor.dims()), &tensor.device());
            Param::from_mapped_value(id, changed, mapper)
        }
    }
    let hidden = Tensor::from_floats([[1.0, 0.0, 0.0, 0.0]], &Default::default());
    (output(kind).0.map(&mut First(parameters)), hidden)
}

/// Mean and covariance of a step with these parameters, written out: the temperature divides log-odds and
/// multiplies variances.
fn moments(
    kind: OutputConfig,
    parameters: &[f32],
    temperature: f64,
) -> ([f64; WIDTH], [[f64; WIDTH]; WIDTH]) {
    let parameters: Vec<f64> = parameters.iter().copied().map(f64::from).collect();
    let odds = |logit: f64| (logit / temperature).exp();
    let sigmoid = |logit: f64| odds(logit) / (1.0 + odds(logit));
    let softmax = |logits: &[f64]| -> Vec<f64> {
        let total: f64 = logits.iter().map(|&logit| odds(logit)).sum();
        logits.iter().map(|&logit| odds(logit) / total).collect()
    };
    let diagonal = |variances: [f64; WIDTH]| {
        let mut covariance = [[0.0; WIDTH]; WIDTH];
        for (at, variance) in variances.into_iter().enumerate() {
            covariance[at][at] = variance;
        }
        covariance
    };
    match kind {
        OutputConfig::Bernoulli => {
            let p = [0, 1, 2].map(|at| sigmoid(parameters[at]));
            (p, diagonal(p.map(|p| p * (1.0 - p))))
        }
        OutputConfig::Gaussian => (
            [0, 1, 2].map(|at| parameters[at]),
            diagonal([3, 4, 5].map(|at| temperature * parameters[at].exp())),
        ),
        OutputConfig::Categorical => {
            let all = softmax(&parameters);
            let p = [0, 1, 2].map(|at| all[at]);
            let covariance = [0, 1, 2].map(|a| {
                [0, 1, 2].map(|b| if a == b { p[a] * (1.0 - p[a]) } else { -p[a] * p[b] })
            });
            (p, covariance)
        }
        OutputConfig::Pen { components } => {
            let of = |at: usize| &parameters[at * components..(at + 1) * components];
            let weights = softmax(of(0));
            let expected = |value: &dyn Fn(usize) -> f64| -> f64 {
                weights.iter().enumerate().map(|(k, weight)| weight * value(k)).sum()
            };
            let centre = [1, 2].map(|at| expected(&|k| of(at)[k]));
            // Within the components and between them.
            let offset = |a: usize, b: usize| {
                expected(&|k| {
                    let correlation = if a == b { 1.0 } else { of(5)[k].tanh() };
                    let deviations = of(3 + a)[k].exp() * of(3 + b)[k].exp();
                    temperature * correlation * deviations
                        + (of(1 + a)[k] - centre[a]) * (of(1 + b)[k] - centre[b])
                })
            };
            let pen = sigmoid(parameters[6 * components]);
            let covariance = [
                [offset(0, 0), offset(0, 1), 0.0],
                [offset(1, 0), offset(1, 1), 0.0],
                [0.0, 0.0, pen * (1.0 - pen)],
            ];
            ([centre[0], centre[1], pen], covariance)
        }
    }
}

#[test]
fn draws_have_the_mean_and_the_covariance_of_the_distribution() {
    let count = 20_000;
    let outputs: [(OutputConfig, &[f32]); 4] = [
        (OutputConfig::Bernoulli, &[-1.2, 0.3, 2.0]),
        (OutputConfig::Gaussian, &[0.5, -1.0, 2.0, -0.6, 0.3, 0.8]),
        (OutputConfig::Categorical, &[0.9, -0.4, 0.1]),
        // Two each of log-odds, means across and down, log-deviations across and down, and artanh rho; the pen.
        (
            OutputConfig::Pen { components: 2 },
            &[0.4, -0.3, 1.0, -0.5, 0.2, 0.9, -0.3, 0.2, 0.1, -0.6, 1.1, 0.6, 0.7],
        ),
    ];
    for (kind, parameters) in outputs {
        let (output, hidden) = output_of(kind, parameters);
        close(&values(output.mean(hidden.clone())), &moments(kind, parameters, 1.0).0);
        for temperature in [1.0f32, 0.5] {
            let (centre, covariance) = moments(kind, parameters, f64::from(temperature));
            let mut generators: Vec<_> =
                (0..count).map(|key| Noise::new(9).generator(Stream::Draw, 0, key)).collect();
            let hidden = hidden.clone().repeat_dim(0, count as usize);
            let drawn = values(output.draw(hidden, &mut generators, temperature));
            let check = |what: &str, found: &[f64], expected: f64| {
                let (found, noise) = (mean(found), error(found));
                assert!(
                    (found - expected).abs() < 4.0 * noise,
                    "{kind:?} at {temperature}, {what}: {found} +- {noise}, not {expected}"
                );
                assert!(noise < 0.05, "too noisy to tell");
            };
            for (a, covariances) in covariance.iter().enumerate() {
                let element: Vec<f64> = drawn.chunks(WIDTH).map(|x| x[a]).collect();
                check(&format!("mean of {a}"), &element, centre[a]);
                for (b, &expected) in covariances.iter().enumerate() {
                    let products: Vec<f64> = drawn
                        .chunks(WIDTH)
                        .map(|x| (x[a] - centre[a]) * (x[b] - centre[b]))
                        .collect();
                    check(&format!("covariance of {a} and {b}"), &products, expected);
                }
            }
        }
    }
}

#[test]
fn the_most_likely_stroke_has_the_mean_of_the_heaviest_component() {
    let parameters = [0.1, 0.4, 5.0, 6.0, 7.0, 8.0, 0.9, 1.0, 1.1, 1.2, 0.3, 0.5];
    for (log_odds, pen) in [(0.7, 1.0), (-0.7, 0.0)] {
        let parameters = [&parameters[..], &[log_odds]].concat();
        let (output, hidden) = output_of(OutputConfig::Pen { components: 2 }, &parameters);
        assert_eq!(values(output.most_likely(hidden)), [6.0, 8.0, pen]);
    }
}

#[test]
fn sequences_are_drawn_as_often_as_they_are_probable() {
    const DRAWS: usize = 40_000;
    const REPEATS: usize = 10;
    let is_symbol = |step: &[f32]| step.iter().sum::<f32>() == 1.0;
    let all: Vec<Vec<f32>> =
        all_sequences(2).filter(|sequence| sequence.chunks(WIDTH).all(is_symbol)).collect();
    let keys: Vec<u64> = (0..DRAWS as u64).collect();
    for kind in KINDS {
        let init = Init::Normal { std: 0.5 };
        let config = ModelConfig { init, ..config(kind, Cell::Gru, OutputConfig::Categorical) };
        // With Vrnn this is the bias of the prior's mean: while it is zero, the first prior is N(0, I).
        let model = laws::nudged(model::<Flex>(&config), 11, laws::Direction::Random, 1.0);
        let model = OnDevice::<Flex, _>::new(model, Default::default());
        let prefix = Array2::zeros((DRAWS, 0));
        let drawn = model.continued(&prefix, 2, 1.0, (Noise::new(9), &keys)).unwrap();
        let rows = REPEATS * all.len();
        let x = Array2::from_shape_fn((rows, 2 * WIDTH), |(row, at)| all[row % all.len()][at]);
        let noise = (Noise::new(5), &keys[..rows]);
        let log_p = model.filter(&x, &vec![2; rows], 2000, Resampling::Never, noise).unwrap();
        for (place, sequence) in all.iter().enumerate() {
            let repeats = log_p.rows().into_iter().skip(place).step_by(all.len());
            let p: Vec<f64> = repeats.map(|row| row.sum().exp()).collect();
            let count = drawn.rows().into_iter().filter(|row| row.to_vec() == *sequence).count();
            let (found, wanted) = (count as f64 / DRAWS as f64, mean(&p));
            let noise = (wanted * (1.0 - wanted) / DRAWS as f64).sqrt().hypot(error(&p));
            assert!(
                (found - wanted).abs() < 4.0 * noise,
                "{kind:?} {sequence:?}: {found}, not {wanted} +- {noise}"
            );
            assert!(noise < 0.1 * wanted, "too noisy to tell");
        }
    }
}

#[test]
fn a_sequence_is_continued_from_what_was_given_and_depends_on_it() {
    let model = model::<Flex>(&plain(Kind::Vrnn));
    let keys: Vec<u64> = (0..50).collect();
    let prefix = |value: f32| Array2::from_elem((50, 3 * WIDTH), value);
    let go_on = |prefix: &Array2<f32>, seed| {
        continued(&model, prefix, 6, 1.0, (Noise::new(seed), &keys), &Default::default())
    };
    let (from_zero, from_one) = (go_on(&prefix(0.0), 1), go_on(&prefix(1.0), 1));
    assert_eq!(from_zero.slice(ndarray::s![.., ..3 * WIDTH]), prefix(0.0));
    let rest = |all: &Array2<f32>| all.slice(ndarray::s![.., 3 * WIDTH..]).to_owned();
    assert_ne!(rest(&from_zero), rest(&from_one));
    assert_eq!(from_zero, go_on(&prefix(0.0), 1));
    assert_ne!(from_zero, go_on(&prefix(0.0), 2));
    assert!(rest(&from_zero).iter().all(|&x| x == 0.0 || x == 1.0));
}

#[test]
fn a_bound_that_would_resample_nothing_is_refused() {
    let problem = |bound: &str, particles: usize| {
        let set = [format!("objective.bound={bound}"), format!("objective.particles={particles}")];
        let (preset, text) = vae_rnn::Paper::PRESETS[0];
        let parsed = shared::cli::parsed::<vae_rnn::Paper>(preset, text, &set);
        parsed.err().map(|error| format!("{error:#}"))
    };
    assert_eq!(problem("fivo", 3), None);
    assert_eq!(problem("iwae", 1), None);
    for few in [1, 2] {
        let said = problem("fivo", few).unwrap();
        let option = format!("--set objective.particles={few}: [objective] particles = {few}: ");
        assert!(said.starts_with(&option) && said.contains("at least 3"), "{said}");
    }
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<vae_rnn::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(28, 28);
    let wrong = shared::laws::configurations::sizes_misjudged::<
        vae_rnn::Paper,
        shared::backend::Flex,
    >(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_layers_of_every_kind_are_the_model() {
    for kind in KINDS {
        for cell in [Cell::Gru, Cell::Lstm] {
            for output in [
                OutputConfig::Bernoulli,
                OutputConfig::Gaussian,
                OutputConfig::Categorical,
                OutputConfig::Pen { components: 2 },
            ] {
                let model = model::<Flex>(&config(kind, cell, output));
                let x = match output {
                    OutputConfig::Categorical => {
                        Array2::from_shape_fn((4, 5 * WIDTH), |(row, column)| {
                            f32::from(u8::from((row + column / WIDTH) % WIDTH == column % WIDTH))
                        })
                    }
                    _ => Array2::from_shape_fn((4, 5 * WIDTH), |(row, column)| {
                        f32::from(u8::from((row * 7 + column * 5) % 3 == 0))
                    }),
                };
                let apart = laws::networks::steps_apart(model, &x).unwrap();
                assert!(apart < 1e-5, "{kind:?} {cell:?} {output:?}: {apart}");
            }
        }
    }
}
