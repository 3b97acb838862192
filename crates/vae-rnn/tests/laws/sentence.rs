//! Laws of the model with one code for a whole sequence (Bowman et al. 2016).

use shared::sequence_code::{self, Choice, SequenceCode};

use super::*;

const OUTPUTS: [OutputConfig; 4] = [
    OutputConfig::Bernoulli,
    OutputConfig::Gaussian,
    OutputConfig::Pen { components: 2 },
    OutputConfig::Categorical,
];

fn sentence<B: Backend>(word_dropout: f64) -> Model<B> {
    model(&ModelConfig { word_dropout, ..plain(Kind::Sentence) })
}

/// Estimates of log p(x_t | before) of one sequence, step by step, by this many codes each.
fn by_step(
    model: &Model<Flex>,
    sequence: &[f32],
    samples: usize,
    repeats: usize,
    seed: u64,
) -> Array2<f64> {
    let rows = Array2::from_shape_fn((repeats, sequence.len()), |(_, column)| sequence[column]);
    let steps = vec![sequence.len() / WIDTH; repeats];
    let keys: Vec<u64> = (0..repeats as u64).collect();
    let noise = (Noise::new(seed), &keys[..]);
    sequence_code::filter(model, &rows, &steps, samples, noise, &Default::default())
}

fn estimates_of_p(
    model: &Model<Flex>,
    sequence: &[f32],
    samples: usize,
    repeats: usize,
) -> Vec<f64> {
    let found = by_step(model, sequence, samples, repeats, 5);
    found.rows().into_iter().map(|row| row.sum()).collect()
}

fn state_after(model: &Model<Flex>, z: f32, steps: &[[f32; WIDTH]]) -> Tensor<Flex, 2> {
    let device = Default::default();
    let z = Tensor::from_data(TensorData::new(vec![z; 2], [1, 2]), &device);
    steps.iter().fold(SequenceCode::start(model, z), |state, step| {
        let x = Tensor::from_data(TensorData::new(step.to_vec(), [1, WIDTH]), &device);
        SequenceCode::follow(model, state, x)
    })
}

fn log_prob(model: &Model<Flex>, state: &Tensor<Flex, 2>, x: &[f32]) -> f64 {
    let x = TensorData::new(x.to_vec(), [1, WIDTH]);
    values(SequenceCode::log_prob(model, state, Tensor::from_data(x, &Default::default())))[0]
}

#[test]
fn the_bounds_are_in_order_and_below_log_p() {
    let model = mild(Kind::Sentence);
    let sequence = &sequences(OutputConfig::Bernoulli)[2];
    let repeats = 3000;
    let eps = Noise::new(6).normal(Stream::Posterior, 0, &[0], repeats * 2);
    let eps = Array2::from_shape_vec((repeats, 2), eps).unwrap();
    let x = Array2::from_shape_fn((repeats, sequence.len()), |(_, column)| sequence[column]);
    let steps = vec![sequence.len() / WIDTH; repeats];
    let (nats, kl) = sequence_code::elbo(&model, &x, &steps, &eps, &Default::default());
    let elbo = -(mean(&nats) + values(kl).iter().sum::<f64>() / repeats as f64);
    let single = estimates_of_p(&model, sequence, 1, repeats);
    assert!((mean(&single) - elbo).abs() < 4.0 * error(&single), "{} {elbo}", mean(&single));
    let bound = |samples| mean(&estimates_of_p(&model, sequence, samples, repeats));
    let [four, many] = [4, 32].map(bound);
    assert!(mean(&single) < four && four < many, "{} {four} {many}", mean(&single));
    let p: Vec<f64> =
        estimates_of_p(&model, sequence, 64, repeats).iter().map(|l| l.exp()).collect();
    assert!(many < mean(&p).ln(), "{many} {}", mean(&p).ln());
}

#[test]
fn estimates_of_p_sum_to_one_over_all_sequences() {
    let model = mild(Kind::Sentence);
    let (mut total, mut variance) = (0.0, 0.0);
    for (sequence, seed) in all_sequences(2).zip(1..) {
        let found = by_step(&model, &sequence, 8, 200, seed);
        let p: Vec<f64> = found.rows().into_iter().map(|row| row.sum().exp()).collect();
        total += mean(&p);
        variance += error(&p).powi(2);
    }
    assert!((total - 1.0).abs() < 4.0 * variance.sqrt(), "{total} +- {}", variance.sqrt());
    assert!(variance.sqrt() < 0.01, "too noisy to tell");
}

#[test]
fn a_step_has_probability_one_in_all_whatever_follows_it() {
    let model = mild(Kind::Sentence);
    let rest = [1.0, 0.0, 1.0];
    let (mut total, mut variance) = (0.0, 0.0);
    for (first, seed) in all_sequences(1).zip(1..) {
        let found = by_step(&model, &[&first[..], &rest].concat(), 8, 400, seed);
        let p: Vec<f64> = found.column(0).iter().map(|log_p| log_p.exp()).collect();
        total += mean(&p);
        variance += error(&p).powi(2);
    }
    assert!((total - 1.0).abs() < 4.0 * variance.sqrt(), "{total} +- {}", variance.sqrt());
    assert!(variance.sqrt() < 0.01, "too noisy to tell");
}

#[test]
fn training_and_evaluation_have_the_same_terms() {
    for output in OUTPUTS {
        for word_dropout in [0.0, 1.0] {
            let config = config(Kind::Sentence, Cell::Lstm, output);
            let model = model::<Flex>(&ModelConfig { word_dropout, ..config });
            let batch = batch::<Flex>(&sequences(output));
            let objective = Objective::new(ObjectiveConfig::default());
            let terms = objective.terms(&model, &batch, AFTER);
            let [rows, columns] = batch.x.dims();
            let array = |tensor: Tensor<Flex, 2>, columns| {
                let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
                Array2::from_shape_vec((rows, columns), values).unwrap()
            };
            let (x, eps) = (array(batch.x.clone(), columns), array(batch.eps(1, 2), 2));
            let (nats, kl) =
                sequence_code::elbo(&model, &x, &batch.steps, &eps, &Default::default());
            let by_name = |name| laws::term(&terms, name).unwrap();
            let kl: Vec<f64> = values(kl).chunks(2).map(|kl| kl.iter().sum()).collect();
            let pairs = by_name("reconstruction").into_iter().zip(nats);
            for (a, b) in pairs.chain(by_name("kl").into_iter().zip(kl)) {
                assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{output:?}: {a} {b}");
            }
        }
    }
}

#[test]
fn with_word_dropout_of_one_the_decoder_sees_no_step() {
    let others = [[[0.0, 1.0, 1.0]], [[1.0, 0.0, 0.0]]];
    let state = |word_dropout, place: usize| {
        values(state_after(&sentence(word_dropout), 0.4, &others[place]))
    };
    assert_eq!(state(1.0, 0), state(1.0, 1));
    assert_ne!(state(0.0, 0), state(0.0, 1));
    assert_ne!(state(0.5, 0), state(0.5, 1), "outside of training nothing is hidden");
    // z it does see.
    let at = |z| values(state_after(&sentence(1.0), z, &others[0]));
    assert_ne!(at(0.4), at(-0.4));
}

#[test]
fn steps_are_hidden_from_the_decoder_in_training_alone() {
    let all = sequences(OutputConfig::Bernoulli);
    let (training, validation) = (batch::<Diff>(&all), batch::<Flex>(&all));
    let whole = ObjectiveConfig::default();
    let of = |word_dropout| {
        let model = sentence::<Diff>(word_dropout);
        (loss(&model, &training, whole), loss(&model.valid(), &validation, whole))
    };
    let ((plain, plain_valid), (half, half_valid), (blind, blind_valid)) =
        (of(0.0), of(0.5), of(1.0));
    assert_eq!(plain, plain_valid);
    assert_eq!(plain, half_valid);
    assert_ne!(plain, half);
    assert_eq!(blind, blind_valid);
    assert_ne!(blind, half);
    // A sequence of one step has no step before: nothing to hide.
    assert_eq!(plain[1], blind[1]);
}

#[test]
fn free_bits_are_charged_once_for_each_latent_and_not_reported() {
    let model = sentence::<Flex>(0.0);
    let batch = batch::<Flex>(&sequences(OutputConfig::Bernoulli));
    let with = |free_bits, kl_warmup_epochs, epochs| {
        let config = ObjectiveConfig { free_bits, kl_warmup_epochs, ..ObjectiveConfig::default() };
        let terms = Objective::new(config).terms(&model, &batch, Moment { epochs });
        let named: Vec<Vec<f64>> = terms.named.into_iter().map(|(_, term)| values(term)).collect();
        let [reconstruction, kl] = [0, 1].map(|place: usize| mean(&named[place]));
        (mean(&values(terms.loss)) - reconstruction, kl, named)
    };
    let (charged, kl, named) = with(0.0, 0.0, 1.0);
    assert!((charged - kl).abs() < 1e-5, "{charged} {kl}");
    let (charged, same, same_named) = with(50.0, 4.0, 2.0);
    assert!(
        (charged - 0.5 * 2.0 * 50.0).abs() < 1e-3,
        "two latents at half their price: {charged}"
    );
    assert_eq!((kl, named), (same, same_named));
    let (little, ..) = with(1e-9, 0.0, 1.0);
    assert!((little - kl).abs() < 1e-5, "{little} {kl}");
}

#[test]
fn a_loss_with_free_bits_says_that_it_depends_on_the_batch() {
    let model = sentence::<Flex>(0.0);
    let all = sequences(OutputConfig::Bernoulli);
    for (free_bits, depends) in [(0.0, false), (0.3, true)] {
        let config = ObjectiveConfig { free_bits, ..ObjectiveConfig::default() };
        // Noise is that of the example, so the first two have the same beside a third.
        let (two, three) =
            (loss(&model, &batch(&all[..2]), config), loss(&model, &batch(&all), config));
        let moved = two.iter().zip(&three).any(|(two, three)| (two - three).abs() > 1e-4);
        assert_eq!(moved, depends, "{two:?} {three:?}");
        assert_eq!(Objective::new(config).depends_on_batch(&model), depends);
    }
}

#[test]
fn the_most_likely_step_is_none_less_likely_than_another() {
    let device = Default::default();
    for (output, others) in [
        (OutputConfig::Bernoulli, all_sequences(1).collect::<Vec<_>>()),
        (OutputConfig::Categorical, vec![vec![1., 0., 0.], vec![0., 1., 0.], vec![0., 0., 1.]]),
        (OutputConfig::Gaussian, vec![vec![0.; 3], vec![0.5; 3], vec![-1.; 3]]),
    ] {
        let model = model::<Flex>(&config(Kind::Sentence, Cell::Gru, output));
        for z in [-2.0, 0.0, 1.5] {
            let state = state_after(&model, z, &[[1.0, 0.0, 0.0]]);
            let chosen = model.choose(&state, Choice::MostLikely);
            let chosen: Vec<f32> = chosen.into_data().iter::<f32>().collect();
            let best = log_prob(&model, &state, &chosen);
            for other in &others {
                assert!(best >= log_prob(&model, &state, other) - 1e-6, "{output:?} {other:?}");
            }
        }
        // Decoded step after step it is the same.
        let z = || Tensor::<Flex, 2>::from_data(TensorData::new(vec![0.7f32; 2], [1, 2]), &device);
        let decoded = sequence_code::most_likely(&model, z(), 3);
        let mut state = SequenceCode::start(&model, z());
        for step in 0..3 {
            let x = model.choose(&state, Choice::MostLikely);
            let own: Vec<f32> = x.to_data().iter::<f32>().collect();
            let found = decoded.slice(ndarray::s![0, step * WIDTH..(step + 1) * WIDTH]);
            assert_eq!(own, found.to_vec());
            state = SequenceCode::follow(&model, state, x);
        }
    }
}

#[test]
fn what_decoded_sequences_take_is_known_before_they_are_made() {
    for output in OUTPUTS {
        let model = model::<Flex>(&config(Kind::Sentence, Cell::Gru, output));
        let trained = OnDevice::<Flex, _>::new(model, Default::default());
        let codes = trained.sequence_codes().unwrap();
        let made = codes.decode(Array2::zeros((5, 2)).view(), &[4; 5]);
        // The array, and a copy that is shown.
        let wanted = 2 * made.x.len() * size_of::<f32>();
        assert_eq!(codes.bytes_of_decoded(&[4; 5]), wanted as u64, "{output:?}");
    }
}

#[test]
fn a_sequence_goes_on_from_what_was_given_and_z_follows_from_it() {
    // A blind decoder can know what was given by z alone.
    let model = sentence::<Flex>(1.0);
    let keys: Vec<u64> = (0..200).collect();
    let go_on = |value: f32, seed| {
        let prefix = Array2::from_elem((200, 3 * WIDTH), value);
        let noise = (Noise::new(seed), &keys[..]);
        sequence_code::continued(&model, 2, &prefix, 6, 1.0, noise, &Default::default())
    };
    let (from_zero, from_one) = (go_on(0.0, 1), go_on(1.0, 1));
    assert!(from_zero.slice(ndarray::s![.., ..3 * WIDTH]).iter().all(|&x| x == 0.0));
    let rest = |all: &Array2<f32>| all.slice(ndarray::s![.., 3 * WIDTH..]).to_owned();
    assert_ne!(rest(&from_zero), rest(&from_one));
    assert_eq!(from_zero, go_on(0.0, 1));
    assert_ne!(from_zero, go_on(0.0, 2));
    assert!(rest(&from_zero).iter().all(|&x| x == 0.0 || x == 1.0));
}
