//! A KL held at a capacity that rises (Burgess et al. 2018, equation 8), which maximises
//!
//! ```text
//! L(theta, phi; x, z, C) = E_{q_phi(z|x)} [ log p_theta(x|z) ]
//!                          - gamma |D_KL(q_phi(z|x) || p(z)) - C|
//! ```

use burn::module::Module;
use serde::{Deserialize, Serialize};
use shared::{
    Backend,
    nn::Initialiser,
    ranges::not_negative,
    train::{Moment, Terms},
};

use super::{Encoded, Loss, Settings};

/// reconstruction + gamma |KL(q(z|x) || p(z)) - C|, nats per example, with the mean KL of the
/// batch, and C rising linearly from 0 (Burgess et al. 2018, section 4).
#[derive(Module, Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Weight of the distance of the KL from the capacity C.
    #[serde(deserialize_with = "not_negative")]
    pub gamma: f64,
    /// C at the end, nats.
    #[serde(deserialize_with = "not_negative")]
    pub capacity: f64,
    /// Epochs over which C rises from 0.
    #[serde(deserialize_with = "not_negative")]
    pub epochs: f64,
}

impl Capacity {
    /// C after `epochs` epochs, nats.
    pub fn after(&self, epochs: f64) -> f64 {
        let rises = self.epochs > 0.0;
        if rises { self.capacity * (epochs / self.epochs).min(1.0) } else { self.capacity }
    }
}

impl Settings for Capacity {
    type Loss<B: Backend> = Self;

    fn example() -> Self {
        Self { gamma: 10.0, capacity: 5.0, epochs: 2.0 }
    }

    fn strength(&self) -> f64 {
        self.capacity
    }

    fn against_collapse(&self) -> String {
        format!(
            "a capacity above objective.capacity = {}, or a larger objective.gamma than {}",
            self.capacity, self.gamma
        )
    }

    fn loss<B: Backend>(&self, _latent: usize, _init: &mut Initialiser<'_, B>) -> Self {
        *self
    }
}

impl<B: Backend> Loss<B> for Capacity {
    fn terms(&self, encoded: &Encoded<'_, B>) -> Terms<B> {
        let Encoded { reconstruction, kl, at, .. } = encoded;
        let distance = kl.clone().mean().sub_scalar(self.after(at.epochs)).abs();
        let loss = reconstruction.clone() + distance.expand(kl.dims()).mul_scalar(self.gamma);
        Terms { named: Vec::new(), loss }
    }

    /// The distance is that of the batch's mean.
    fn depends_on_batch(&self) -> bool {
        true
    }

    fn is_settled(&self, at: Moment) -> bool {
        at.epochs >= self.epochs
    }
}

#[cfg(test)]
mod tests {
    use shared::{backend::Flex, statistics::mean};

    use super::*;
    use crate::{
        config::Network,
        tiny::{batch, model, terms, values},
    };

    #[test]
    fn the_capacity_rises_to_its_end_and_the_loss_is_the_distance_from_it() {
        let capacity = Capacity { gamma: 10.0, capacity: 25.0, epochs: 4.0 };
        let after = [0.0, 1.0, 2.0, 4.0, 9.0].map(|epochs| capacity.after(epochs));
        assert_eq!(after, [0.0, 6.25, 12.5, 25.0, 25.0]);
        let settled = |epochs| Loss::<Flex>::is_settled(&capacity, Moment { epochs });
        assert_eq!([3.9, 4.0].map(settled), [false, true]);
        let model = model::<Flex>(capacity, Network::Dense);
        let batch = batch::<Flex>(6);
        for epochs in [0.0, 0.1, 3.0] {
            let terms = terms(&model, &batch, epochs);
            let (loss, kl) = (values(terms.loss), mean(&values(terms.named[1].1.clone())));
            let distance = (kl - capacity.after(epochs)).abs();
            let expected = mean(&values(terms.named[0].1.clone())) + 10.0 * distance;
            assert!((mean(&loss) - expected).abs() < 1e-3, "{epochs}: {loss:?} {expected}");
        }
    }
}
