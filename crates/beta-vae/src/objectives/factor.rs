//! FactorVAE: the total correlation by a discriminator (Kim & Mnih 2018, equation 2 and section 3),
//! which maximises
//!
//! ```text
//! 1/N sum_i [ E_{q(z|x_i)} [ log p(x_i|z) ] - KL(q(z|x_i) || p(z)) ] - gamma KL(q(z) || qbar(z))
//! qbar(z) = prod_j q(z_j),  KL(q(z) || qbar(z)) ~= E_{q(z)} [ log D(z) / (1 - D(z)) ]
//! ```

use burn::{
    module::Module,
    tensor::{Int, Tensor, TensorData},
};
use serde::{Deserialize, Serialize};
use shared::{
    Backend,
    nn::{Activation, Dense, Initialiser, Mlp},
    noise::{Stream, uniform},
    operation::softplus,
    ranges::{at_least_one, not_negative},
    train::Terms,
};

use super::{Encoded, Loss, Settings};

/// `kind = "factor"`: the weight, and the discriminator that is trained beside the networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Weight of the total correlation as estimated by the discriminator.
    #[serde(deserialize_with = "not_negative")]
    pub gamma: f64,
    /// Widths of the discriminator's hidden layers.
    #[serde(deserialize_with = "at_least_one")]
    pub discriminator: Vec<usize>,
}

impl Settings for Factor {
    type Loss<B: Backend> = Adversaries<B>;

    fn example() -> Self {
        Self { gamma: 10.0, discriminator: vec![6, 5] }
    }

    fn problem(&self) -> Option<String> {
        let is_linear = self.discriminator.is_empty();
        is_linear.then(|| "[objective] discriminator: one hidden layer or more".into())
    }

    fn strength(&self) -> f64 {
        self.gamma
    }

    fn against_collapse(&self) -> String {
        format!("a smaller objective.gamma than {}", self.gamma)
    }

    fn loss<B: Backend>(&self, latent: usize, init: &mut Initialiser<'_, B>) -> Adversaries<B> {
        let discriminator = Discriminator::new(latent, &self.discriminator, init);
        Adversaries { gamma: self.gamma, discriminator }
    }
}

/// reconstruction + KL(q(z|x) || p(z)) + gamma (log D(z) - log (1 - D(z))), nats per example (Kim &
/// Mnih 2018, equation 2 with the density ratio of section 3), plus the discriminator's own
/// cross-entropy. Neither of the last two terms moves the other's weights.
#[derive(Module, Debug)]
pub struct Adversaries<B: Backend> {
    #[module(skip)]
    gamma: f64,
    discriminator: Discriminator<B>,
}

impl<B: Backend> Loss<B> for Adversaries<B> {
    fn terms(&self, encoded: &Encoded<'_, B>) -> Terms<B> {
        let Encoded { batch, reconstruction, kl, .. } = encoded;
        let z = encoded.draw();
        let codes = z.clone().detach();
        let latent = z.dims()[1];
        let keys = batch.drawn(Stream::Permute, latent, |random, row| {
            row.iter_mut().for_each(|key| *key = uniform(random));
        });
        let shuffled = shuffle_latents(codes.clone(), &keys);
        // Moves the encoder alone.
        let ratio = self.discriminator.clone().no_grad().log_ratio(z);
        // Moves the discriminator alone.
        let cross_entropy = self.discriminator.cross_entropy(codes, shuffled);
        let loss = reconstruction.clone()
            + kl.clone()
            + ratio.clone().mul_scalar(self.gamma)
            + cross_entropy.clone();
        let named = vec![("total_correlation", ratio), ("discriminator", cross_entropy)];
        Terms { named, loss }
    }

    /// The batch is what is shuffled.
    fn depends_on_batch(&self) -> bool {
        true
    }
}

/// Classifies a code as drawn from q(z) or from the product of its marginals.
#[derive(Module, Debug)]
pub struct Discriminator<B: Backend> {
    hidden: Mlp<B>,
    /// To the log-odds of q(z).
    output: Dense<B>,
}

impl<B: Backend> Discriminator<B> {
    /// A discriminator of codes of width `latent`, leaky ReLUs in its hidden layers.
    pub fn new(latent: usize, widths: &[usize], init: &mut Initialiser<'_, B>) -> Self {
        let top = widths.last().copied().unwrap_or(latent);
        Self {
            hidden: Mlp::new(latent, widths, Activation::LeakyRelu, init),
            output: Dense::new(top, 1, Activation::Linear, init),
        }
    }

    /// log D(z) - log (1 - D(z)), `[examples]`: log q(z) - log prod_j q(z_j) for the optimal D.
    pub fn log_ratio(&self, z: Tensor<B, 2>) -> Tensor<B, 1> {
        self.output.forward(self.hidden.forward(z)).squeeze_dim(1)
    }

    /// Cross-entropy in nats of classifying codes against shuffled ones, the mean over both,
    /// `[examples]`; log 2 at chance.
    pub fn cross_entropy(&self, codes: Tensor<B, 2>, shuffled: Tensor<B, 2>) -> Tensor<B, 1> {
        let [examples, _] = codes.dims();
        let both = self.log_ratio(Tensor::cat(vec![codes, shuffled], 0));
        let real = softplus(both.clone().narrow(0, 0, examples).neg());
        let fake = softplus(both.narrow(0, examples, examples));
        (real + fake).mul_scalar(0.5)
    }
}

/// Each latent shuffled over the examples by itself: a draw from the product of the marginals (Kim &
/// Mnih 2018, algorithm 1). The order of latent j is that of the keys' column j, `[examples, latent]`.
pub fn shuffle_latents<B: Backend>(z: Tensor<B, 2>, keys: &Tensor<B, 2>) -> Tensor<B, 2> {
    let [examples, latent] = z.dims();
    let keys: Vec<f32> = keys.to_data().iter::<f32>().collect();
    let mut indices = vec![0i64; examples * latent];
    for column in 0..latent {
        let mut order: Vec<usize> = (0..examples).collect();
        order.sort_by(|&a, &b| keys[a * latent + column].total_cmp(&keys[b * latent + column]));
        for (row, &from) in order.iter().enumerate() {
            indices[row * latent + column] = from as i64;
        }
    }
    let indices = TensorData::new(indices, [examples, latent]);
    let indices = Tensor::<B, 2, Int>::from_data(indices, &z.device());
    z.gather(0, indices)
}

#[cfg(test)]
mod tests {
    use burn::{
        backend::Autodiff,
        module::{AutodiffModule, Param},
        optim::GradientsParams,
    };
    use shared::{
        backend::Flex,
        laws::{self, disagreements},
        nn::Init,
        noise::Noise,
        posterior::DiagonalGaussian,
        statistics::mean,
        train::Moment,
    };

    use super::*;
    use crate::{
        config::Network,
        tiny::{LATENT, batch, matrix, model, terms, values},
    };

    type Diff = Autodiff<Flex>;

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
        let is_kept = |row: &&[f64]| shuffled.chunks(LATENT).any(|other| other == *row);
        let rows_kept = z.chunks(LATENT).filter(is_kept).count();
        assert!(rows_kept < 3, "{rows_kept} rows were left whole");
    }

    #[test]
    fn the_cross_entropy_takes_high_log_odds_for_codes_and_is_log_2_at_chance() {
        let device = Default::default();
        let mut init = Initialiser::new(Init::Zero, Noise::new(3), &device);
        let mut linear = Discriminator::<Flex>::new(2, &[], &mut init);
        let [codes, shuffled] = [3.0, -3.0].map(|z| Tensor::from_data([[z, 0.0]], &device));
        let chance = values(linear.cross_entropy(codes.clone(), shuffled.clone()))[0];
        assert!((chance - 2f64.ln()).abs() < 1e-6, "{chance}");
        linear.output.weight = Param::from_data([[1.0], [0.0]], &device);
        let found = values(linear.cross_entropy(codes, shuffled))[0];
        assert!((found - (-3f64).exp().ln_1p()).abs() < 1e-6, "{found}");
    }

    #[test]
    fn the_discriminator_tells_the_codes_of_a_batch_from_the_same_shuffled() {
        let (device, batch) = (Default::default(), batch::<Flex>(7));
        let mut init = Initialiser::new(Init::Normal { std: 1.0 }, Noise::new(3), &device);
        let loss = Factor::example().loss(LATENT, &mut init);
        let posterior =
            DiagonalGaussian { mean: matrix(7, LATENT, 1), log_var: matrix(7, LATENT, 2) };
        let [reconstruction, kl] = [0, 1].map(|_| Tensor::zeros([7], &device));
        let at = Moment { epochs: 0.5 };
        let encoded = Encoded { batch: &batch, posterior, reconstruction, kl, at };
        let keys = batch.drawn(Stream::Permute, LATENT, |random, row| {
            row.iter_mut().for_each(|key| *key = uniform(random));
        });
        let z = encoded.draw();
        let wanted = loss.discriminator.cross_entropy(z.clone(), shuffle_latents(z, &keys));
        let (name, found) = loss.terms(&encoded).named.swap_remove(1);
        assert_eq!((name, values(found)), ("discriminator", values(wanted)));
    }

    #[test]
    fn discriminator_and_networks_are_moved_by_their_own_losses_alone() {
        [Network::Dense, Network::Convolutional].into_iter().for_each(adversaries);
    }

    fn adversaries(network: Network) {
        let (diff, flex) = (batch::<Diff>(4), batch::<Flex>(4));
        let model = model::<Diff>(Factor::example(), network);
        let loss = terms(&model, &diff, 0.5).loss.mean();
        let of = GradientsParams::from_grads(loss.backward(), &model);
        let gradients = laws::gradients(&model, &of);
        let is_discriminators =
            |parameter: usize| gradients[parameter].name.contains("discriminator");
        // The discriminator's leaky ReLUs have kinks.
        let wrong = disagreements(&gradients, 0.001, |parameter, entry, by| {
            let model = laws::nudged(model.valid(), parameter, entry, by);
            let terms = terms(&model, &flex, 0.5);
            let term = |name| mean(&laws::term(&terms, name).unwrap());
            if is_discriminators(parameter) {
                term("discriminator")
            } else {
                term("reconstruction") + term("kl") + 10.0 * term("total_correlation")
            }
        });
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!((0..gradients.len()).any(is_discriminators));
    }
}
