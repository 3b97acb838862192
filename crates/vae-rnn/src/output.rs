//! p(x_t | z_t, before): the distributions of a step.

use std::f64::consts::PI;

use burn::{
    module::Module,
    tensor::{Tensor, TensorData, activation},
};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use shared::{
    Backend,
    likelihood::{Likelihood, log_sum_exp, row_sums},
    network::{Layer, steps::StepDistribution},
    nn::{Activation, Dense, Initialiser},
    noise::uniform,
};

use crate::config::OutputConfig;

/// Least log-variance of a Gaussian element and of a pen offset (log-deviation -4.5): below it a density
/// would profit from numbers that are multiples of something.
const LEAST_LOG_VAR: f32 = -9.0;
/// Correlations stay this far from 1.
const MARGIN: f64 = 1e-3;

/// From the last hidden layer to the parameters of the distribution of a step.
#[derive(Module, Debug)]
pub struct Output<B: Backend> {
    parameters: Dense<B>,
    /// Width of a step.
    width: usize,
    #[module(skip)]
    kind: OutputConfig,
}

impl<B: Backend> Output<B> {
    /// For steps of this width on top of `inputs`.
    pub fn new(
        kind: OutputConfig,
        inputs: usize,
        width: usize,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let outputs = match kind {
            OutputConfig::Bernoulli | OutputConfig::Categorical => width,
            OutputConfig::Gaussian => 2 * width,
            OutputConfig::Pen { components } => 6 * components + 1,
        };
        Self { parameters: Dense::new(inputs, outputs, Activation::Linear, init), width, kind }
    }

    /// Width of a step.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The layer that outputs the parameters.
    pub(crate) fn layer(&self) -> Layer {
        (&self.parameters).into()
    }

    /// What they are parameters of.
    pub(crate) fn distribution(&self) -> StepDistribution {
        match self.kind {
            OutputConfig::Bernoulli => StepDistribution::Bernoulli,
            OutputConfig::Gaussian => StepDistribution::Gaussian { least: LEAST_LOG_VAR },
            OutputConfig::Categorical => StepDistribution::Categorical,
            OutputConfig::Pen { components } => StepDistribution::Pen {
                components,
                least: 0.5 * LEAST_LOG_VAR,
                margin: MARGIN as f32,
            },
        }
    }

    /// log p of each step x `[rows, width]` in nats, for hidden layers `[rows, inputs]`.
    pub fn log_prob(&self, hidden: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 1> {
        let parameters = self.parameters.forward(hidden); // [rows, parameters]
        // [rows]
        match self.kind {
            OutputConfig::Bernoulli => Likelihood::Bernoulli { logits: parameters }.log_prob(x),
            OutputConfig::Gaussian => {
                let (mean, log_var) = self.gaussian(&parameters);
                Likelihood::Gaussian { mean, log_var }.log_prob(x)
            }
            OutputConfig::Categorical => row_sums(activation::log_softmax(parameters, 1) * x),
            OutputConfig::Pen { components } => pen_log_prob(&parameters, &x, components),
        }
    }

    /// E\[x\], `[rows, width]`.
    pub fn mean(&self, hidden: Tensor<B, 2>) -> Tensor<B, 2> {
        let parameters = self.parameters.forward(hidden); // [rows, parameters]
        // [rows, width]
        match self.kind {
            OutputConfig::Bernoulli => activation::sigmoid(parameters),
            OutputConfig::Gaussian => self.gaussian(&parameters).0,
            OutputConfig::Categorical => activation::softmax(parameters, 1),
            OutputConfig::Pen { components } => {
                let weights = activation::softmax(block(&parameters, 0, components), 1);
                let mean =
                    |at: usize| (weights.clone() * block(&parameters, at, components)).sum_dim(1);
                let pen = activation::sigmoid(parameters.clone().narrow(1, 6 * components, 1));
                Tensor::cat(vec![mean(1), mean(2), pen], 1)
            }
        }
    }

    /// The most likely step for each row, `[rows, width]`: of a mixture the mean of its heaviest component.
    pub fn most_likely(&self, hidden: Tensor<B, 2>) -> Tensor<B, 2> {
        let device = hidden.device();
        let parameters = self.parameters.forward(hidden); // [rows, parameters]
        let [rows, columns] = parameters.dims();
        let values: Vec<f32> = parameters.into_data().iter::<f32>().collect();
        let mut found = vec![0f32; rows * self.width];
        let pairs = values.chunks(columns.max(1)).zip(found.chunks_mut(self.width.max(1)));
        pairs.for_each(|(parameters, x)| self.most_likely_row(parameters, x));
        Tensor::from_data(TensorData::new(found, [rows, self.width]), &device)
    }

    fn most_likely_row(&self, parameters: &[f32], x: &mut [f32]) {
        match self.kind {
            OutputConfig::Bernoulli => {
                let pairs = x.iter_mut().zip(parameters);
                pairs.for_each(|(x, &logit)| *x = f32::from(u8::from(logit > 0.0)));
            }
            OutputConfig::Gaussian => x.copy_from_slice(&parameters[..x.len()]),
            OutputConfig::Categorical => x[largest(parameters)] = 1.0,
            OutputConfig::Pen { components } => {
                let heaviest = largest(&parameters[..components]);
                x[0] = parameters[components + heaviest];
                x[1] = parameters[2 * components + heaviest];
                x[2] = f32::from(u8::from(parameters[6 * components] > 0.0));
            }
        }
    }

    /// True if one of its symbols may end a sequence.
    pub fn has_symbols(&self) -> bool {
        matches!(self.kind, OutputConfig::Categorical)
    }

    /// Steps drawn with one generator for each row, `[rows, width]`. A temperature divides the log-odds
    /// and multiplies variances (Ha & Eck 2018, equation 8).
    pub fn draw(
        &self,
        hidden: Tensor<B, 2>,
        generators: &mut [ChaCha8Rng],
        temperature: f32,
    ) -> Tensor<B, 2> {
        let device = hidden.device();
        let parameters = self.parameters.forward(hidden); // [rows, parameters]
        let columns = parameters.dims()[1];
        let values: Vec<f32> = parameters.into_data().iter::<f32>().collect();
        let mut drawn = vec![0f32; generators.len() * self.width];
        let rows = values.chunks(columns.max(1)).zip(drawn.chunks_mut(self.width.max(1)));
        for ((parameters, x), generator) in rows.zip(generators.iter_mut()) {
            self.draw_row(parameters, x, generator, temperature);
        }
        Tensor::from_data(TensorData::new(drawn, [generators.len(), self.width]), &device)
    }

    fn draw_row(
        &self,
        parameters: &[f32],
        x: &mut [f32],
        generator: &mut ChaCha8Rng,
        temperature: f32,
    ) {
        match self.kind {
            OutputConfig::Bernoulli => {
                for (x, &logit) in x.iter_mut().zip(parameters) {
                    *x = bernoulli(logit / temperature, generator);
                }
            }
            OutputConfig::Gaussian => {
                let (mean, log_var) = parameters.split_at(self.width);
                for ((x, &mean), &log_var) in x.iter_mut().zip(mean).zip(log_var) {
                    let deviation = (0.5 * log_var.max(LEAST_LOG_VAR)).exp() * temperature.sqrt();
                    *x = mean + deviation * normal(generator);
                }
            }
            OutputConfig::Categorical => x[categorical(parameters, generator, temperature)] = 1.0,
            OutputConfig::Pen { components } => {
                let of = |at: usize| &parameters[at * components..(at + 1) * components];
                let chosen = categorical(of(0), generator, temperature);
                let [across, down] = [3, 4]
                    .map(|at| of(at)[chosen].max(0.5 * LEAST_LOG_VAR).exp() * temperature.sqrt());
                let correlation = of(5)[chosen].tanh() * (1.0 - MARGIN as f32);
                let (first, second) = (normal(generator), normal(generator));
                let rest = (1.0 - correlation * correlation).sqrt();
                x[0] = of(1)[chosen] + across * first;
                x[1] = of(2)[chosen] + down * (correlation * first + rest * second);
                x[2] = bernoulli(parameters[6 * components] / temperature, generator);
            }
        }
    }

    fn gaussian(&self, parameters: &Tensor<B, 2>) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let part = |at: usize| parameters.clone().narrow(1, at * self.width, self.width);
        (part(0), part(1).clamp_min(LEAST_LOG_VAR))
    }
}

/// Columns `at * width..(at + 1) * width`.
fn block<B: Backend>(parameters: &Tensor<B, 2>, at: usize, width: usize) -> Tensor<B, 2> {
    parameters.clone().narrow(1, at * width, width)
}

/// log sum_k pi_k N(dx, dy; mu_k, sigma_k, rho_k) + log Bernoulli(pen) (Graves 2013, equations 24 to
/// 26); parameters in the order pi, mu_x, mu_y, log sigma_x, log sigma_y, artanh rho, pen.
fn pen_log_prob<B: Backend>(
    parameters: &Tensor<B, 2>,
    x: &Tensor<B, 2>,
    components: usize,
) -> Tensor<B, 1> {
    let of = |at: usize| block(parameters, at, components);
    let log_weights = activation::log_softmax(of(0), 1); // [rows, components]
    let [log_across, log_down] = [3, 4].map(|at| of(at).clamp_min(0.5 * LEAST_LOG_VAR));
    let scaled = |axis: usize, log_deviation: &Tensor<B, 2>| {
        (x.clone().narrow(1, axis, 1) - of(1 + axis)) * log_deviation.clone().neg().exp()
    };
    let (across, down) = (scaled(0, &log_across), scaled(1, &log_down));
    let correlation = of(5).tanh().mul_scalar(1.0 - MARGIN);
    let rest = correlation.clone().square().neg().add_scalar(1.0);
    let squared = across.clone().square() + down.clone().square()
        - (correlation * across * down).mul_scalar(2.0);
    let log_density = (squared / rest.clone()).mul_scalar(-0.5)
        - log_across
        - log_down
        - rest.log().mul_scalar(0.5)
        - (2.0 * PI).ln();
    let joint = log_weights + log_density; // [rows, components]
    let sum = log_sum_exp(joint, 1); // [rows, 1]
    let pen = Likelihood::Bernoulli { logits: parameters.clone().narrow(1, 6 * components, 1) };
    sum.squeeze_dim::<1>(1) + pen.log_prob(x.clone().narrow(1, 2, 1))
}

/// The place of the largest number, the first of equal ones.
fn largest(numbers: &[f32]) -> usize {
    let better =
        |best: usize, place: usize| if numbers[place] > numbers[best] { place } else { best };
    (1..numbers.len()).fold(0, better)
}

fn normal(generator: &mut ChaCha8Rng) -> f32 {
    StandardNormal.sample(generator)
}

fn bernoulli(logit: f32, generator: &mut ChaCha8Rng) -> f32 {
    f32::from(u8::from(uniform(generator) < 1.0 / (1.0 + (-logit).exp())))
}

/// A symbol by its log-odds.
fn categorical(logits: &[f32], generator: &mut ChaCha8Rng, temperature: f32) -> usize {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = || logits.iter().map(|logit| ((logit - largest) / temperature).exp());
    let mut left = uniform(generator) * weights().sum::<f32>();
    weights()
        .position(|weight| {
            left -= weight;
            left < 0.0
        })
        .unwrap_or(logits.len() - 1)
}
