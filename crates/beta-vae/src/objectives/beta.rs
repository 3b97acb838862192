//! beta-VAE (Higgins et al. 2017, equation 4), which maximises
//!
//! ```text
//! L(theta, phi; x, z, beta) = E_{q_phi(z|x)} [ log p_theta(x|z) ] - beta D_KL(q_phi(z|x) || p(z))
//! ```

use burn::module::Module;
use serde::{Deserialize, Serialize};
use shared::{Backend, nn::Initialiser, ranges::not_negative, train::Terms};

use super::{Encoded, Loss, Settings};

/// reconstruction + beta KL(q(z|x) || p(z)), nats per example. With beta = 1 it is -ELBO.
#[derive(Module, Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beta {
    /// Weight of the KL; 1 is the VAE.
    #[serde(deserialize_with = "not_negative")]
    pub beta: f64,
}

impl Settings for Beta {
    type Loss<B: Backend> = Self;

    fn example() -> Self {
        Self { beta: 4.0 }
    }

    fn strength(&self) -> f64 {
        self.beta
    }

    fn against_collapse(&self) -> String {
        format!(
            "a smaller objective.beta than {}, or objective.kind = \"capacity\", which asks for a KL",
            self.beta
        )
    }

    fn loss<B: Backend>(&self, _latent: usize, _init: &mut Initialiser<'_, B>) -> Self {
        *self
    }
}

impl<B: Backend> Loss<B> for Beta {
    fn terms(&self, encoded: &Encoded<'_, B>) -> Terms<B> {
        let Encoded { reconstruction, kl, .. } = encoded;
        let loss = reconstruction.clone() + kl.clone().mul_scalar(self.beta);
        Terms { named: Vec::new(), loss }
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        autoencoder::Autoencoder,
        backend::Flex,
        bound::{ElboTerms, elbo_terms},
        likelihood::row_sums,
        train::latent_term,
    };

    use super::*;
    use crate::{
        config::Network,
        tiny::{LATENT, batch, model, terms, values},
    };

    #[test]
    fn with_beta_one_the_loss_is_minus_the_elbo_to_the_bit() {
        for network in [Network::Dense, Network::Convolutional] {
            let model = model::<Flex>(Beta { beta: 1.0 }, network);
            let batch = batch::<Flex>(7);
            let loss = values(terms(&model, &batch, 0.5).loss);
            let x = batch.x.clone();
            let posterior = model.posterior(x.clone());
            let eps = batch.eps(1, model.latent_dim());
            let ElboTerms { reconstruction, kl_per_latent } =
                elbo_terms(&model, &posterior, x, None, eps);
            assert_eq!(loss, values(reconstruction + row_sums(kl_per_latent)));
        }
    }

    #[test]
    fn the_loss_is_linear_in_beta_and_the_named_terms_do_not_depend_on_it() {
        let batch = batch::<Flex>(5);
        let with = |beta| terms(&model::<Flex>(Beta { beta }, Network::Dense), &batch, 0.5);
        let (one, four) = (with(1.0), with(4.0));
        let kl = values(one.named[1].1.clone());
        assert!(kl.iter().all(|&kl| kl > 0.0));
        for ((a, b), kl) in values(one.loss).iter().zip(values(four.loss)).zip(&kl) {
            assert!((b - a - 3.0 * kl).abs() < 1e-4, "{a} {b} {kl}");
        }
        for ((first, a), (second, b)) in one.named.into_iter().zip(four.named) {
            assert_eq!((first, values(a)), (second, values(b)));
        }
        // The latents' own KLs add up to the whole.
        let terms = with(1.0).named;
        let each = |latent: usize| {
            let (_, term) = terms.iter().find(|(name, _)| *name == latent_term(latent)).unwrap();
            values(term.clone())
        };
        for (example, kl) in kl.iter().enumerate() {
            let sum: f64 = (0..LATENT).map(|latent| each(latent)[example]).sum();
            assert!((sum - kl).abs() < 1e-5);
        }
    }
}
