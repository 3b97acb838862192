//! The reference: sequences in double precision, as plain loops. `explore`'s JavaScript is these functions again.

use std::f64::consts::PI;

use kernels::nn::{Activation, Cell};

use super::{Latents, Recurrence, StepDistribution, StepLatent, Steps};
use crate::{
    Coder,
    evaluate::{activate, log_sum_exp, softplus, through},
};

/// What a model of sequences carries from step to step.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// h, and what the cell remembers besides.
    pub recurrence: Vec<f64>,
    /// phi_z, where it is the same at every step.
    pub features: Vec<f64>,
}

/// -ELBO of a step in its two terms, nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepTerms {
    /// -log p(x_t | z_t, before).
    pub reconstruction: f64,
    /// KL(q(z_t | x_t, before) || p(z_t | before)).
    pub kl: f64,
}

impl Steps {
    /// The state before the first step, of a model with one code for a sequence given that code.
    pub fn start(&self, z: &[f64]) -> State {
        match &self.latents {
            Latents::Whole(whole) => {
                let features = through(&whole.features, z.to_vec(), &[]);
                State { recurrence: through(&whole.first, features.clone(), &[]), features }
            }
            Latents::None | Latents::Step(_) => {
                State { recurrence: self.recurrence.start(), features: Vec::new() }
            }
        }
    }

    /// q(z|x) of a model with one code for a sequence: mu and log sigma^2.
    pub fn encode(&self, x: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let Latents::Whole(whole) = &self.latents else { return None };
        let mut state = whole.encoder.start();
        for x in x.chunks(self.width.max(1)) {
            state = whole.encoder.step(&through(&self.input, x.to_vec(), &[]), &state);
        }
        Some(gaussian(&whole.posterior, whole.encoder.output(&state), &[]))
    }

    /// The terms of a step and the state after it, with z_t drawn from its posterior by `eps`.
    pub fn step(&self, x: &[f64], eps: &[f64], state: &State) -> (StepTerms, State) {
        let h = self.recurrence.output(&state.recurrence);
        let input = through(&self.input, x.to_vec(), &[]);
        let (features, kl) = match &self.latents {
            Latents::Step(latent) => latent.posterior_features(&input, h, eps),
            Latents::None | Latents::Whole(_) => (state.features.clone(), 0.0),
        };
        let reconstruction = -self.log_prob(&self.parameters(&features, h), x);
        let is_blind = matches!(&self.latents, Latents::Whole(whole) if whole.is_blind);
        let input = if is_blind { through(&self.input, vec![0.0; x.len()], &[]) } else { input };
        let recurrence = self.recurrence.step(&[&features[..], &input].concat(), &state.recurrence);
        (StepTerms { reconstruction, kl }, State { recurrence, features: state.features.clone() })
    }

    /// The parameters of p(x_t | z_t, before), given phi_z and h_{t-1}.
    pub fn parameters(&self, features: &[f64], h: &[f64]) -> Vec<f64> {
        through(&self.output, through(&self.decoder, [features, h].concat(), &[]), &[])
    }

    /// log p(x) in nats under a distribution with these parameters.
    pub fn log_prob(&self, parameters: &[f64], x: &[f64]) -> f64 {
        match self.distribution {
            StepDistribution::Bernoulli => {
                let of = |(x, logit): (&f64, &f64)| x * logit - softplus(*logit);
                x.iter().zip(parameters).map(of).sum()
            }
            StepDistribution::Gaussian { least } => {
                let (mean, log_var) = parameters.split_at(x.len());
                let of = |((x, mean), log_var): ((&f64, &f64), &f64)| {
                    let log_var = log_var.max(least.into());
                    -0.5 * ((2.0 * PI).ln() + log_var + (x - mean).powi(2) * (-log_var).exp())
                };
                x.iter().zip(mean).zip(log_var).map(of).sum()
            }
            StepDistribution::Categorical => {
                let total = log_sum_exp(parameters);
                x.iter().zip(parameters).map(|(x, logit)| x * (logit - total)).sum()
            }
            StepDistribution::Pen { components, least, margin } => {
                let of = |at: usize| &parameters[at * components..(at + 1) * components];
                let total = log_sum_exp(of(0));
                let joint: Vec<f64> = (0..components)
                    .map(|k| {
                        let [log_across, log_down] = [3, 4].map(|at| of(at)[k].max(least.into()));
                        let across = (x[0] - of(1)[k]) * (-log_across).exp();
                        let down = (x[1] - of(2)[k]) * (-log_down).exp();
                        let correlation = of(5)[k].tanh() * (1.0 - f64::from(margin));
                        let rest = 1.0 - correlation * correlation;
                        let squared =
                            across * across + down * down - 2.0 * correlation * across * down;
                        of(0)[k]
                            - total
                            - 0.5 * squared / rest
                            - log_across
                            - log_down
                            - 0.5 * rest.ln()
                            - (2.0 * PI).ln()
                    })
                    .collect();
                let pen = parameters[6 * components];
                log_sum_exp(&joint) + x[2] * pen - softplus(pen)
            }
        }
    }
}

impl StepLatent {
    /// phi_z of a draw from the posterior, and the KL to the prior.
    fn posterior_features(&self, input: &[f64], h: &[f64], eps: &[f64]) -> (Vec<f64>, f64) {
        let (mean, log_var) = gaussian(&self.posterior, input, h);
        let (prior_mean, prior_log_var) = match &self.prior {
            Some(prior) => gaussian(prior, &[], h),
            None => (vec![0.0; mean.len()], vec![0.0; mean.len()]),
        };
        let kl = (0..mean.len()).map(|j| {
            let (difference, log_ratio) = (mean[j] - prior_mean[j], log_var[j] - prior_log_var[j]);
            0.5 * (log_ratio.exp() + difference.powi(2) * (-prior_log_var[j]).exp()
                - 1.0
                - log_ratio)
        });
        let z = (0..mean.len()).map(|j| mean[j] + (0.5 * log_var[j]).exp() * eps[j]);
        (through(&self.features, z.collect(), &[]), kl.sum())
    }
}

impl Recurrence {
    /// The state before the first step: zeros.
    fn start(&self) -> Vec<f64> {
        vec![0.0; self.cell.state_parts() * self.width]
    }

    /// h of a state.
    fn output<'a>(&self, state: &'a [f64]) -> &'a [f64] {
        &state[..self.width]
    }

    /// The state after a step with input x.
    fn step(&self, x: &[f64], state: &[f64]) -> Vec<f64> {
        let a = self.input.forward(x, &[]);
        let b = self.hidden.forward(self.output(state), &[]);
        let width = self.width;
        let sigmoid = |x: f64| activate(Activation::Sigmoid, x);
        let units = 0..width;
        match self.cell {
            Cell::Gru => units
                .map(|j| {
                    let gate = |gate: usize| sigmoid(a[gate * width + j] + b[gate * width + j]);
                    let n = (a[2 * width + j] + gate(0) * b[2 * width + j]).tanh();
                    n + gate(1) * (state[j] - n)
                })
                .collect(),
            Cell::Lstm => {
                let sum = |gate: usize, j: usize| a[gate * width + j] + b[gate * width + j];
                let memory: Vec<f64> = units
                    .clone()
                    .map(|j| {
                        sigmoid(sum(1, j)) * state[width + j]
                            + sigmoid(sum(0, j)) * sum(2, j).tanh()
                    })
                    .collect();
                let h = units.map(|j| sigmoid(sum(3, j)) * memory[j].tanh());
                h.chain(memory.iter().copied()).collect()
            }
        }
    }
}

/// mu and log sigma^2 of features and h; without a log-variance sigma is 1.
fn gaussian(coder: &Coder, features: &[f64], h: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mean, log_var) = coder.forward(features, &[], h);
    let log_var = log_var.unwrap_or_else(|| vec![0.0; mean.len()]);
    (mean, log_var)
}
