//! Laws of the objectives and of the networks.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

#[path = "../src/tiny.rs"]
#[allow(dead_code)] // Not all of it is needed here.
mod tiny;

use beta_vae::{
    Config, Kind, Objective, Paper, Vae, config,
    config::Network,
    objectives::{self, ObjectiveConfig, beta::Beta},
};
use burn::{backend::Autodiff, module::AutodiffModule, optim::GradientsParams};
#[cfg(feature = "ndarray")]
use shared::{Backend, backend::NdArray};
use shared::{
    autoencoder::Autoencoder,
    backend::Flex,
    data::PixelShape,
    laws::{self, disagreements},
    paper::{Paper as _, RunConfig},
    statistics::mean,
    train::{Moment, Objective as _},
};
use tiny::{LATENT, batch, model, values};

type Diff = Autodiff<Flex>;

const AT: Moment = Moment { epochs: 0.5 };

fn beta(beta: f64) -> ObjectiveConfig {
    Beta { beta }.into()
}

#[test]
fn every_parameter_has_a_gradient_and_it_is_the_slope() {
    let (diff, flex) = (batch::<Diff>(4), batch::<Flex>(4));
    for network in [Network::Dense, Network::Convolutional] {
        for config in ObjectiveConfig::examples() {
            let model = model::<Diff>(config.clone(), network);
            let loss = Objective.terms(&model, &diff, AT).loss.mean();
            let of = GradientsParams::from_grads(loss.backward(), &model);
            let mut gradients = laws::gradients(&model, &of);
            let without: Vec<&str> =
                gradients.iter().filter(|g| !g.is_there()).map(|g| g.name.as_str()).collect();
            assert!(without.is_empty(), "{config:?}: no gradient of {without:?}");
            if matches!(config, ObjectiveConfig::Factor(_)) {
                // Two losses in one: neither's slope is the whole's. Its file has their law.
                gradients.clear();
            }
            let wrong = disagreements(&gradients, 0.02, |parameter, entry, by| {
                let model = laws::nudged(model.valid(), parameter, entry, by);
                mean(&values(Objective.terms(&model, &flex, AT).loss))
            });
            assert!(wrong.is_empty(), "{network:?} {config:?}: {wrong:?}");
        }
    }
}

#[test]
fn a_loss_depends_on_the_rest_of_its_batch_if_it_says_so() {
    for config in ObjectiveConfig::examples() {
        let model = model::<Flex>(config.clone(), Network::Dense);
        let of = |images: usize| values(Objective.terms(&model, &batch::<Flex>(images), AT).loss);
        let (few, more) = (of(3), of(5));
        let moved = few.iter().zip(&more).any(|(few, more)| (few - more).abs() > 1e-3);
        let says = Objective.depends_on_batch(&model);
        assert_eq!(moved, says, "{config:?}: {few:?} {more:?}");
    }
}

#[test]
#[cfg(feature = "ndarray")]
fn the_two_processor_backends_agree() {
    let found = |network| {
        fn of<B: Backend>(network: Network) -> Vec<f64> {
            let model = model::<B>(beta(4.0), network);
            values(Objective.terms(&model, &batch::<B>(5), AT).loss)
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
fn a_convolutional_network_needs_sides_that_can_be_halved() {
    let config = tiny::config(beta(1.0), Network::Convolutional);
    for (height, width) in [(8, 8), (40, 48)] {
        assert_eq!(Paper::problem(&config, PixelShape::grey(height, width)), None);
    }
    for (height, width) in [(14, 28), (6, 6), (1, 64)] {
        let problem = Paper::problem(&config, PixelShape::grey(height, width)).unwrap();
        assert!(problem.contains("[model] channels"), "{problem}");
    }
    let model = model::<Flex>(beta(1.0), Network::Convolutional);
    assert_eq!((model.input_dim(), model.latent_dim()), (64, LATENT));
}

#[test]
fn every_preset_is_a_configuration() {
    for (name, text) in Paper::PRESETS {
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.problem(), None, "{name}");
        assert_eq!(Paper::problem(&config, PixelShape::grey(64, 64)), None, "{name}");
    }
}

#[test]
fn without_networks_the_likelihood_of_a_pixel_is_unused() {
    for (kind, wanted) in
        [(Kind::Vae, false), (Kind::Untrained, false), (Kind::Pca, true), (Kind::Pixels, true)]
    {
        let mut config = tiny::config(beta(1.0), Network::Dense);
        config.model.kind = kind;
        let unused = Paper::unused(&config);
        let is_unused = unused.iter().any(|(key, _)| *key == "model.likelihood");
        assert_eq!(is_unused, wanted, "{kind:?}");
    }
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<beta_vae::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(64, 64);
    let wrong = shared::laws::configurations::sizes_misjudged::<
        beta_vae::Paper,
        shared::backend::Flex,
    >(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_network_as_layers_is_the_model() {
    for network in [Network::Dense, Network::Convolutional] {
        let model = model::<Flex>(beta(4.0), network);
        let apart = laws::networks::network_apart(model, 1).unwrap();
        assert!(apart.largest() < 1e-5, "{network:?}: {apart:?}");
    }
}
