use ndarray::Axis;

use crate::{
    data::Split,
    posterior::kl_of_gaussian,
    trained::{CHUNK, Codes, Trained},
};

/// Sequences converted at once, which may be long.
const SEQUENCES_AT_ONCE: usize = 200;

/// Codes of the chosen examples of a split.
pub fn encode_split(model: &dyn Trained, split: &Split, indices: &[usize]) -> Codes {
    let of_sequences = model.sequence_codes();
    // All images together would not fit into memory, were they large.
    let at_once = if of_sequences.is_some() { SEQUENCES_AT_ONCE } else { CHUNK };
    let parts: Vec<Codes> = indices
        .chunks(at_once)
        .map(|indices| {
            let images = split.grey(indices);
            if let Some(model) = &of_sequences {
                let steps: Vec<usize> = indices.iter().map(|&index| split.steps(index)).collect();
                return model.encode(&images, &steps);
            }
            let given = model.condition(images.view(), &split.labels_of(indices));
            model.encode(images.into(), given.as_ref().map(|given| given.view()))
        })
        .collect();
    Codes::concatenated(parts, model.latent_dim())
}

/// Mean KL of each latent of the codes of a split to its prior, nats: that of its condition, where the model has such a
/// prior, and N(0, I) otherwise. `None` of points.
pub fn nats_per_latent(model: &dyn Trained, split: &Split, codes: &Codes) -> Option<Vec<f64>> {
    let log_var = codes.log_var.as_ref()?;
    let mut sums = vec![0.0; codes.mean.ncols()];
    let all: Vec<usize> = (0..codes.mean.nrows()).collect();
    for indices in all.chunks(CHUNK) {
        let given = match model.sequence_codes() {
            None => model.condition(split.grey(indices).view(), &split.labels_of(indices)),
            Some(_) => None,
        };
        let part = Codes {
            mean: codes.mean.select(Axis(0), indices),
            log_var: Some(log_var.select(Axis(0), indices)),
        };
        let Some(nats) = model.kl_to_prior(&part, given.as_ref().map(|given| given.view())) else {
            return Some(kl_of_gaussian(&codes.mean, log_var));
        };
        for (sum, column) in sums.iter_mut().zip(nats.columns()) {
            *sum += column.iter().map(|&nats| f64::from(nats)).sum::<f64>();
        }
    }
    Some(sums.into_iter().map(|sum| sum / all.len().max(1) as f64).collect())
}

/// A latent is active if its posterior mean varies more than this over the data (Burda et al.
/// 2016, section 5.2).
pub const ACTIVE_VARIANCE: f64 = 0.01;

/// Statistics of the codes of a split, by latent.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeStatistics {
    /// Variance over examples of the posterior mean, Var_x(E_q(z|x)\[z\]).
    pub variance_of_mean: Vec<f64>,
    /// Mean of the aggregate posterior q(z) = E_x q(z|x).
    pub aggregate_mean: Vec<f64>,
    /// Variance of the aggregate posterior.
    pub aggregate_variance: Vec<f64>,
}

impl CodeStatistics {
    /// Latents whose posterior mean varies by more than [`ACTIVE_VARIANCE`].
    pub fn active_units(&self) -> usize {
        self.variance_of_mean.iter().filter(|&&v| v > ACTIVE_VARIANCE).count()
    }
}

/// Statistics of codes over examples.
pub fn code_statistics(codes: &Codes) -> CodeStatistics {
    let mean = codes.mean.mapv(f64::from);
    let centre = mean.mean_axis(Axis(0)).unwrap_or_default();
    let variance = (&mean - &centre).mapv(|d| d * d).mean_axis(Axis(0)).unwrap_or_default();
    // Law of total variance.
    let within = codes
        .log_var
        .as_ref()
        .and_then(|log_var| log_var.mapv(|v| f64::from(v).exp()).mean_axis(Axis(0)));
    let aggregate = match within {
        Some(within) => &variance + &within,
        None => variance.clone(),
    };
    CodeStatistics {
        variance_of_mean: variance.to_vec(),
        aggregate_mean: centre.to_vec(),
        aggregate_variance: aggregate.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn statistics_of_codes_with_known_moments() {
        // First latent: means +-1 with no noise. Second: collapsed onto the prior.
        let codes = Codes {
            mean: array![[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]],
            log_var: Some(array![[-60.0, 0.0], [-60.0, 0.0], [-60.0, 0.0], [-60.0, 0.0]]),
        };
        let statistics = code_statistics(&codes);
        assert_eq!(statistics.variance_of_mean, vec![1.0, 0.0]);
        assert_eq!(statistics.aggregate_mean, vec![0.0, 0.0]);
        assert!((statistics.aggregate_variance[0] - 1.0).abs() < 1e-9);
        assert!((statistics.aggregate_variance[1] - 1.0).abs() < 1e-9);
        assert_eq!(statistics.active_units(), 1);
    }
}
