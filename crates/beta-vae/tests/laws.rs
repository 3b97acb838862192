//! Laws of the objectives and of the networks.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use beta_vae::{
    BetaConfig, BetaObjective, BetaVae, BetaVaePaper,
    config::{Network, ObjectiveConfig},
    discriminator::shuffle_latents,
    total_correlation::{Decomposition, decompose},
};
use burn::{
    backend::Autodiff,
    module::AutodiffModule,
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    bound::{ElboTerms, elbo_terms},
    data::{Batch, BatchMaker, Binarise, ExampleSet, PixelShape},
    laws::{self, disagreements},
    likelihood::row_sums,
    nn::Activation,
    noise::{Noise, Stream},
    paper::{Paper, RunConfig},
    posterior::DiagonalGaussian,
    train::{Moment, Objective, latent_term},
};

type Diff = Autodiff<Flex>;

const SIDE: usize = 8;
const LATENT: usize = 3;
const AT: Moment = Moment { epochs: 0.5 };

fn config(objective: ObjectiveConfig, network: Network) -> BetaConfig {
    let (_, text) = BetaVaePaper::PRESETS[0];
    let mut config: BetaConfig = toml::from_str(text).unwrap();
    config.model.latent = LATENT;
    config.model.network = network;
    (config.model.encoder, config.model.decoder) = (vec![9], vec![7, 8]);
    config.model.channels = match network {
        Network::Dense => Vec::new(),
        Network::Convolutional => vec![2, 4],
    };
    // Without kinks, for differences.
    config.model.encoder_activation = Activation::Tanh;
    config.model.decoder_activation = Activation::Tanh;
    config.objective = objective;
    assert_eq!(config.problem(), None);
    config
}

fn model<B: Backend>(objective: &ObjectiveConfig, network: Network) -> BetaVae<B> {
    let config = config(objective.clone(), network);
    BetaVae::new(&config, SIDE * SIDE, Noise::new(3), &B::Device::default())
}

fn objective(config: &ObjectiveConfig) -> BetaObjective {
    BetaObjective::new(config.clone())
}

/// Some binary images.
fn batch<B: Backend>(count: usize) -> Batch<B> {
    let shape = PixelShape { height: SIDE, width: SIDE };
    let noise = Noise::new(8).normal(Stream::Generate, 0, &[0], count * SIDE * SIDE);
    let pixels = noise.iter().map(|&v| if v > 0.3 { 255 } else { 0 }).collect();
    let images = ExampleSet::images(shape, pixels, vec![0; count], false);
    BatchMaker::new(images.into(), Binarise::Threshold, Noise::new(1), B::Device::default())
        .batch(&(0..count).collect::<Vec<_>>(), 1)
}

fn row(pixels: usize) -> PixelShape {
    PixelShape { height: 1, width: pixels }
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn matrix(rows: usize, columns: usize, key: u64) -> Tensor<Flex, 2> {
    let values = Noise::new(5).normal(Stream::Posterior, key, &[0], rows * columns);
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Default::default())
}

const BETA: fn(f64) -> ObjectiveConfig = |beta| ObjectiveConfig::Beta { beta };

fn all_objectives() -> [ObjectiveConfig; 4] {
    [
        BETA(4.0),
        ObjectiveConfig::Capacity { gamma: 10.0, capacity: 5.0, epochs: 2.0 },
        ObjectiveConfig::Tc { alpha: 0.7, beta: 6.0, gamma: 1.3 },
        ObjectiveConfig::Factor { gamma: 10.0, discriminator: vec![6, 5] },
    ]
}

#[test]
fn with_beta_one_the_loss_is_minus_the_elbo_to_the_bit() {
    for network in [Network::Dense, Network::Convolutional] {
        let model = model::<Flex>(&BETA(1.0), network);
        let batch = batch::<Flex>(7);
        let loss = values(objective(&BETA(1.0)).terms(&model, &batch, AT).loss);
        let x = batch.x.clone();
        let posterior = model.posterior(x.clone());
        let ElboTerms { reconstruction, kl_per_latent } =
            elbo_terms(&model, &posterior, x, None, batch.eps(1, LATENT));
        assert_eq!(loss, values(reconstruction + row_sums(kl_per_latent)));
    }
}

#[test]
fn the_loss_is_linear_in_beta_and_the_named_terms_do_not_depend_on_it() {
    let model = model::<Flex>(&BETA(1.0), Network::Dense);
    let batch = batch::<Flex>(5);
    let terms = |beta| objective(&BETA(beta)).terms(&model, &batch, AT);
    let (one, four) = (terms(1.0), terms(4.0));
    let kl = values(one.named[1].1.clone());
    assert!(kl.iter().all(|&kl| kl > 0.0));
    for ((a, b), kl) in values(one.loss).iter().zip(values(four.loss)).zip(&kl) {
        assert!((b - a - 3.0 * kl).abs() < 1e-4, "{a} {b} {kl}");
    }
    let name = |latent: usize| latent_term(latent);
    for ((first, a), (second, b)) in one.named.into_iter().zip(four.named) {
        assert_eq!((first, values(a)), (second, values(b)));
    }
    // The latents' own KLs add up to the whole.
    let terms = terms(1.0).named;
    let each = |at: usize| values(terms.iter().find(|(n, _)| *n == name(at)).unwrap().1.clone());
    for (example, kl) in kl.iter().enumerate() {
        let sum: f64 = (0..LATENT).map(|latent| each(latent)[example]).sum();
        assert!((sum - kl).abs() < 1e-5);
    }
}

#[test]
fn the_capacity_rises_to_its_end_and_the_loss_is_the_distance_from_it() {
    let config = ObjectiveConfig::Capacity { gamma: 10.0, capacity: 25.0, epochs: 4.0 };
    let objective = objective(&config);
    let at = |epochs| objective.capacity(epochs).unwrap();
    assert_eq!([0.0, 1.0, 2.0, 4.0, 9.0].map(at), [0.0, 6.25, 12.5, 25.0, 25.0]);
    let settled = |epochs| Objective::<Flex, _>::is_settled(&objective, Moment { epochs });
    assert_eq!([3.9, 4.0].map(settled), [false, true]);
    let model = model::<Flex>(&config, Network::Dense);
    let batch = batch::<Flex>(6);
    for epochs in [0.0, 0.1, 3.0] {
        let terms = objective.terms(&model, &batch, Moment { epochs });
        let (loss, kl) = (values(terms.loss), mean(&values(terms.named[1].1.clone())));
        let expected = mean(&values(terms.named[0].1.clone())) + 10.0 * (kl - at(epochs)).abs();
        assert!((mean(&loss) - expected).abs() < 1e-3, "{epochs}: {loss:?} {expected}");
    }
}

fn gaussian(examples: usize) -> DiagonalGaussian<Flex> {
    DiagonalGaussian {
        mean: matrix(examples, LATENT, 1),
        log_var: matrix(examples, LATENT, 2).mul_scalar(0.5).sub_scalar(1.0),
    }
}

#[test]
fn the_three_parts_of_the_kl_add_up_to_it() {
    let posterior = gaussian(40);
    let z = posterior.reparameterise(matrix(40, LATENT, 3));
    let Decomposition { mutual_information, total_correlation, dimension_wise_kl } =
        decompose(&posterior, z.clone());
    let sum = values(mutual_information + total_correlation + dimension_wise_kl);
    // log q(z|x) - log p(z), whose constants cancel.
    let direct = posterior.log_density(z.clone()) + row_sums(z.square()).mul_scalar(0.5);
    for (sum, direct) in sum.iter().zip(values(direct)) {
        assert!((sum - direct).abs() < 1e-4, "{sum} {direct}");
    }
    // On average over many draws, the KL in closed form.
    let draws = 4000;
    let sums: Vec<f64> = (0..draws)
        .flat_map(|draw| {
            let z = posterior.reparameterise(matrix(40, LATENT, 10 + draw));
            let parts = decompose(&posterior, z);
            let sum = parts.mutual_information + parts.total_correlation + parts.dimension_wise_kl;
            values(sum)
        })
        .collect();
    let closed = mean(&values(row_sums(posterior.kl_per_latent())));
    assert!((mean(&sums) - closed).abs() < 0.02 * closed, "{} {closed}", mean(&sums));
}

#[test]
fn the_aggregate_posterior_is_the_mixture_over_the_batch() {
    let posterior = gaussian(20);
    let z = posterior.reparameterise(matrix(20, LATENT, 3));
    let found = values(decompose(&posterior, z.clone()).mutual_information);
    let (z, mean, log_var) = (values(z), values(posterior.mean), values(posterior.log_var));
    let log_density = |a: usize, b: usize| -> f64 {
        (0..LATENT)
            .map(|j| {
                let (i, k) = (a * LATENT + j, b * LATENT + j);
                let constant = log_var[k] + (2.0 * std::f64::consts::PI).ln();
                -0.5 * ((z[i] - mean[k]).powi(2) / log_var[k].exp() + constant)
            })
            .sum()
    };
    for (a, found) in found.iter().enumerate() {
        let sum: f64 = (0..20).map(|b| log_density(a, b).exp()).sum();
        let expected = log_density(a, a) - (sum / 20.0).ln();
        assert!((found - expected).abs() < 1e-3, "{a}: {found} {expected}");
    }
}

#[test]
fn independent_latents_have_no_total_correlation_and_equal_ones_have_much() {
    // Narrow posteriors around points of a grid: the aggregate is a product, or a diagonal.
    let side = 12;
    let points: Vec<f32> = (0..side).map(|i| i as f32 - 5.5).collect();
    let code = |of: &dyn Fn(usize) -> [f32; 2]| DiagonalGaussian::<Flex> {
        mean: Tensor::from_data(
            TensorData::new((0..side * side).flat_map(of).collect::<Vec<f32>>(), [144, 2]),
            &Default::default(),
        ),
        log_var: Tensor::full([side * side, 2], -3.0, &Default::default()),
    };
    let product = code(&|i| [points[i / side], points[i % side]]);
    let diagonal = code(&|i| [points[i / side], points[i / side]]);
    let total = |posterior: &DiagonalGaussian<Flex>| {
        let z = posterior.reparameterise(matrix(side * side, 2, 4));
        mean(&values(decompose(posterior, z).total_correlation))
    };
    assert!(total(&product).abs() < 0.05, "{}", total(&product));
    // Knowing one tells the other: log 12 nats.
    assert!((total(&diagonal) - (side as f64).ln()).abs() < 0.3, "{}", total(&diagonal));
}

#[test]
fn shuffled_latents_keep_their_values_latent_by_latent() {
    let (z, keys) = (matrix(30, LATENT, 1), matrix(30, LATENT, 2));
    let shuffled = shuffle_latents(z.clone(), &keys);
    let column = |of: &Tensor<Flex, 2>, j: usize| {
        let mut column = values(of.clone().narrow(1, j, 1));
        column.sort_by(f64::total_cmp);
        column
    };
    for j in 0..LATENT {
        assert_eq!(column(&z, j), column(&shuffled, j));
    }
    let (z, shuffled) = (values(z), values(shuffled));
    let rows_kept =
        z.chunks(LATENT).filter(|row| shuffled.chunks(LATENT).any(|other| other == *row)).count();
    assert!(rows_kept < 3, "{rows_kept} rows were left whole");
}

#[test]
fn every_parameter_has_a_gradient_and_it_is_the_slope() {
    let (diff, flex) = (batch::<Diff>(4), batch::<Flex>(4));
    for network in [Network::Dense, Network::Convolutional] {
        for config in all_objectives() {
            let objective = objective(&config);
            let model = model::<Diff>(&config, network);
            let loss = objective.terms(&model, &diff, AT).loss.mean();
            let of = GradientsParams::from_grads(loss.backward(), &model);
            let mut gradients = laws::gradients(&model, &of);
            let without: Vec<&str> =
                gradients.iter().filter(|g| !g.is_there()).map(|g| g.name.as_str()).collect();
            assert!(without.is_empty(), "{config:?}: no gradient of {without:?}");
            if matches!(config, ObjectiveConfig::Factor { .. }) {
                // Two losses in one: neither's slope is the whole's. See the next law.
                gradients.clear();
            }
            let wrong = disagreements(&gradients, 0.02, |parameter, entry, by| {
                let model = laws::nudged(model.valid(), parameter, entry, by);
                mean(&values(objective.terms(&model, &flex, AT).loss))
            });
            assert!(wrong.is_empty(), "{network:?} {config:?}: {wrong:?}");
        }
    }
}

#[test]
fn discriminator_and_networks_are_moved_by_their_own_losses_alone() {
    [Network::Dense, Network::Convolutional].into_iter().for_each(adversaries);
}

fn adversaries(network: Network) {
    let config = ObjectiveConfig::Factor { gamma: 10.0, discriminator: vec![6, 5] };
    let objective = objective(&config);
    let (diff, flex) = (batch::<Diff>(4), batch::<Flex>(4));
    let model = model::<Diff>(&config, network);
    let loss = objective.terms(&model, &diff, AT).loss.mean();
    let of = GradientsParams::from_grads(loss.backward(), &model);
    let gradients = laws::gradients(&model, &of);
    let is_discriminators = |parameter: usize| gradients[parameter].name.contains("discriminator");
    // The discriminator's leaky ReLUs have kinks.
    let wrong = disagreements(&gradients, 0.001, |parameter, entry, by| {
        let model = laws::nudged(model.valid(), parameter, entry, by);
        let terms = objective.terms(&model, &flex, AT);
        let term = |name: &str| {
            let (_, term) = terms.named.iter().find(|(known, _)| *known == name).unwrap();
            mean(&values(term.clone()))
        };
        if is_discriminators(parameter) {
            term("discriminator")
        } else {
            term("reconstruction") + term("kl") + 10.0 * term("total_correlation")
        }
    });
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!((0..gradients.len()).any(is_discriminators));
}

#[test]
#[cfg(feature = "ndarray")]
fn the_two_processor_backends_agree() {
    let found = |network| {
        fn of<B: Backend>(network: Network) -> Vec<f64> {
            let config = BETA(4.0);
            let model = model::<B>(&config, network);
            values(objective(&config).terms(&model, &batch::<B>(5), AT).loss)
        }
        (of::<Flex>(network), of::<NdArray>(network))
    };
    for network in [Network::Dense, Network::Convolutional] {
        let (flex, ndarray) = found(network);
        for (a, b) in flex.iter().zip(&ndarray) {
            assert!((a - b).abs() < 1e-3, "{network:?}: {a} {b}");
        }
    }
}

#[test]
fn a_convolutional_network_needs_a_square_that_can_be_halved() {
    let config = config(BETA(1.0), Network::Convolutional);
    assert_eq!(BetaVaePaper::problem(&config, row(64)), None);
    for pixels in [784 / 2, 36] {
        let problem = BetaVaePaper::problem(&config, row(pixels)).unwrap();
        assert!(problem.contains("[model] channels"), "{problem}");
    }
    let model = model::<Flex>(&BETA(1.0), Network::Convolutional);
    assert_eq!((model.input_dim(), model.latent_dim()), (64, LATENT));
}

#[test]
fn every_preset_is_a_configuration() {
    for (name, text) in BetaVaePaper::PRESETS {
        let config: BetaConfig = toml::from_str(text).unwrap();
        assert_eq!(config.problem(), None, "{name}");
        assert_eq!(BetaVaePaper::problem(&config, row(4096)), None, "{name}");
    }
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<beta_vae::BetaVaePaper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape { height: 64, width: 64 };
    let wrong = shared::laws::configurations::sizes_misjudged::<
        beta_vae::BetaVaePaper,
        shared::backend::Flex,
    >(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
