//! Posterior collapse: the posterior equals the prior for every x, and the decoder ignores the code
//! (Bowman et al. 2016, section 3.2).

use super::Evaluation;

/// Total KL, nats per example, below which a code carries almost no information.
const LEAST_KL: f64 = 0.1;
/// The same per step of a sequence, and for one latent of it.
const LEAST_STEP_KL: f64 = 0.01;

impl Evaluation {
    /// What to say of a model of `latents` latents whose posterior has collapsed; nothing of others, and
    /// of models whose posterior is a point.
    pub fn collapse(&self, latents: usize) -> Option<String> {
        let by_latent = self.kl_per_latent.as_ref()?;
        let (kl, unit, active) = match &self.codes {
            Some(codes) => {
                let kl = self.metrics.get("kl")?.value;
                (kl / LEAST_KL, format!("{kl:.4} nats"), codes.active_units())
            }
            // A sequence has a code at each step, and no variance over examples.
            None => {
                let kl: f64 = by_latent.iter().sum();
                let active = by_latent.iter().filter(|kl| **kl > LEAST_STEP_KL).count();
                (kl / LEAST_STEP_KL, format!("{kl:.4} nats a step"), active)
            }
        };
        (kl < 1.0 && active == 0).then(|| {
            format!(
                "the posterior has collapsed onto the prior (KL {unit}, 0 of {latents} latents \
                 active): the decoder works without a code"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        metric::{Better, Metric},
        metrics::CodeStatistics,
    };

    fn evaluation(kl: f64, variance: Option<f64>) -> Evaluation {
        let about = String::new();
        let unit = "nats".to_owned();
        let metric = Metric { value: kl, standard_error: None, unit, better: Better::Lower, about };
        Evaluation {
            metrics: BTreeMap::from([("kl".to_owned(), metric)]),
            codes: variance.map(|variance| CodeStatistics {
                variance_of_mean: vec![variance; 2],
                aggregate_mean: vec![0.0; 2],
                aggregate_variance: vec![1.0; 2],
            }),
            kl_per_latent: Some(vec![kl / 2.0; 2]),
        }
    }

    #[test]
    fn a_collapsed_posterior_is_told_from_one_that_says_little() {
        let said = evaluation(0.0013, Some(1e-6)).collapse(2).unwrap();
        assert!(said.contains("KL 0.0013 nats, 0 of 2 latents active"), "{said}");
        assert!(evaluation(0.0013, None).collapse(2).unwrap().contains("0.0013 nats a step"));
        // A latent that is used, and a KL that the aggregate posterior pays for.
        for (kl, variance) in [(0.05, Some(0.02)), (0.5, Some(1e-6)), (25.0, Some(0.9))] {
            assert_eq!(evaluation(kl, variance).collapse(2), None, "{kl} {variance:?}");
        }
        assert_eq!(evaluation(0.02, None).collapse(2), None);
        let point = Evaluation { kl_per_latent: None, ..evaluation(0.0, Some(0.0)) };
        assert_eq!(point.collapse(2), None);
    }
}
