//! The reference: the networks in double precision, one example at a time, as plain loops.
//!
//! `explore`'s JavaScript is these functions again.

use std::f64::consts::PI;

use kernels::{
    backend::{Geometry, Window},
    nn::Activation,
};

use super::{Coder, Condition, Decoder, Input, Layer, LogVar, Network, Pixels, Prior, Trunk};

/// mu and log sigma^2 of a code, `[latent]` each; a point has no second.
type CodeValues = (Vec<f64>, Option<Vec<f64>>);

impl Network {
    /// c of an image of class `label`; empty without a condition.
    pub fn condition_of(&self, x: &[f64], label: usize) -> Vec<f64> {
        match &self.condition {
            Condition::None => Vec::new(),
            Condition::Class { classes } => {
                (0..*classes).map(|class| f64::from(u8::from(class == label))).collect()
            }
            Condition::Observed { observed, unobserved } => {
                let value =
                    |(&x, &seen): (&f64, &bool)| if seen { x } else { (*unobserved).into() };
                x.iter().zip(observed).map(value).collect()
            }
        }
    }

    /// q(z|x, c).
    pub fn encode(&self, x: &[f64], c: &[f64]) -> CodeValues {
        self.encoder.forward(x, &[], c)
    }

    /// The pixels as pictures show them, `[pixels]`: E[x|z, c], of logistic pixels the location of their distribution, with
    /// the condition's own pixels where only the others are modelled.
    pub fn decode(&self, z: &[f64], c: &[f64]) -> Vec<f64> {
        let mean = self.mean(self.output(z, c));
        self.decoder.places.as_ref().map_or(mean.clone(), |places| complete(places, &mean, c))
    }

    /// log p(class|x), `[classes]`; `None` if the model tells no classes apart.
    pub fn log_classes(&self, x: &[f64]) -> Option<Vec<f64>> {
        let logits = through(self.classes.as_ref()?, x.to_vec(), &[]);
        let total = log_sum_exp(&logits);
        Some(logits.into_iter().map(|logit| logit - total).collect())
    }

    /// What the decoder's last layer has, `[modelled pixels]`.
    fn output(&self, z: &[f64], c: &[f64]) -> Vec<f64> {
        let Decoder { trunk, output, .. } = &self.decoder;
        through(output, trunk.forward(&[], z, c), c)
    }

    /// The mean of the modelled pixels; of logistic ones the location.
    fn mean(&self, output: Vec<f64>) -> Vec<f64> {
        match self.decoder.pixels {
            Pixels::Gaussian(_) => output,
            Pixels::Bernoulli | Pixels::Logistic(_) => {
                output.into_iter().map(|logit| activate(Activation::Sigmoid, logit)).collect()
            }
        }
    }

    /// log p(x|z, c) in nats: a sum over the modelled pixels.
    pub fn log_prob(&self, x: &[f64], z: &[f64], c: &[f64]) -> f64 {
        let modelled: Vec<f64> = match &self.decoder.places {
            Some(places) => places.iter().map(|&place| x[place]).collect(),
            None => x.to_vec(),
        };
        let output = self.output(z, c);
        let spread = self.log_spread(z, c);
        let spread = spread.iter().cycle();
        match &self.decoder.pixels {
            Pixels::Bernoulli => {
                let of = |(x, logit): (&f64, &f64)| x * logit - softplus(*logit);
                modelled.iter().zip(&output).map(of).sum()
            }
            Pixels::Gaussian(_) => {
                let of = |((x, mean), log_var): ((&f64, &f64), &f64)| {
                    -0.5 * ((2.0 * PI).ln() + log_var + (x - mean).powi(2) * (-log_var).exp())
                };
                modelled.iter().zip(&output).zip(spread).map(of).sum()
            }
            Pixels::Logistic(_) => {
                let mean = self.mean(output);
                let of = |((x, mean), log_scale): ((&f64, &f64), &f64)| {
                    log_mass(*x, *mean, (-log_scale).exp())
                };
                modelled.iter().zip(&mean).zip(spread).map(of).sum()
            }
        }
    }

    /// Logarithms of what spreads the pixels around their mean: variances of Gaussian ones, scales of
    /// logistic ones, `[pixels]`, or one for all; nothing for Bernoulli.
    fn log_spread(&self, z: &[f64], c: &[f64]) -> Vec<f64> {
        match &self.decoder.pixels {
            Pixels::Bernoulli => Vec::new(),
            Pixels::Logistic(scales) => scales.iter().map(|&scale| scale.into()).collect(),
            Pixels::Gaussian(LogVar::Constant(log_var)) => vec![*log_var],
            Pixels::Gaussian(LogVar::Layers { layers, least }) => {
                let log_var = through(layers, self.decoder.trunk.forward(&[], z, c), c);
                log_var.into_iter().map(|value| value.max((*least).into())).collect()
            }
        }
    }

    /// A draw from the prior made from standard normal numbers, `[latent]`.
    pub fn sample_prior(&self, eps: &[f64], c: &[f64]) -> Vec<f64> {
        match &self.prior {
            Prior::None | Prior::Standard => eps.to_vec(),
            Prior::Scaled(by) => eps.iter().zip(by).map(|(eps, &by)| eps * f64::from(by)).collect(),
            Prior::Conditional(coder) => {
                let (mean, log_var) = coder.forward(&[], &[], c);
                let log_var = log_var.unwrap_or_else(|| vec![0.0; mean.len()]);
                let draw =
                    |((mean, log_var), eps): ((f64, f64), &f64)| mean + (0.5 * log_var).exp() * eps;
                mean.into_iter().zip(log_var).zip(eps).map(draw).collect()
            }
        }
    }
}

impl Trunk {
    fn forward(&self, x: &[f64], z: &[f64], c: &[f64]) -> Vec<f64> {
        let of = |input: &Input| match input {
            Input::Image => x,
            Input::Code => z,
            Input::Condition => c,
        };
        through(&self.layers, self.inputs.iter().flat_map(of).copied().collect(), c)
    }
}

impl Coder {
    pub(super) fn forward(&self, x: &[f64], z: &[f64], c: &[f64]) -> CodeValues {
        let hidden = self.trunk.forward(x, z, c);
        let log_var = self.log_var.as_ref().map(|layers| through(layers, hidden.clone(), c));
        (through(&self.mean, hidden, c), log_var)
    }
}

/// Layers one after another.
pub(super) fn through(layers: &[Layer], x: Vec<f64>, c: &[f64]) -> Vec<f64> {
    layers.iter().fold(x, |x, layer| layer.forward(&x, c))
}

/// log(1 + exp(x)).
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// log sum exp; negative infinity where all are, and of nothing, NaN where one is.
pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Infinity less itself is NaN.
    let largest = if largest.is_infinite() { 0.0 } else { largest };
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// log of the mass that a logistic distribution puts within half a level of x; `inverse` is 1 / scale.
fn log_mass(x: f64, mean: f64, inverse: f64) -> f64 {
    let half = 0.5 / 255.0;
    let (has_lower, has_upper) = (x > half, x < 1.0 - half);
    let upper = if has_upper { -softplus(-(x - mean + half) * inverse) } else { 0.0 };
    let lower = if has_lower { -softplus((x - mean - half) * inverse) } else { 0.0 };
    let width = if has_lower && has_upper { (-(-inverse / 255.0).exp_m1()).ln() } else { 0.0 };
    width + upper + lower
}

pub(super) fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Linear => x,
        Activation::Tanh => x.tanh(),
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu => x.max(x / 5.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Softplus => softplus(x),
    }
}

/// The condition's pixels, and these at the places.
fn complete(places: &[usize], pixels: &[f64], c: &[f64]) -> Vec<f64> {
    let mut image = c.to_vec();
    places.iter().zip(pixels).for_each(|(&place, &pixel)| image[place] = pixel);
    image
}

impl Layer {
    pub(super) fn forward(&self, x: &[f64], c: &[f64]) -> Vec<f64> {
        match self {
            Self::Dense { weight, is_transposed, bias, activation } => {
                let (outputs, inputs) = (bias.len(), x.len());
                let weight = |input: usize, output: usize| {
                    let place = if *is_transposed {
                        output * inputs + input
                    } else {
                        input * outputs + output
                    };
                    f64::from(weight[place])
                };
                let mut y: Vec<f64> = bias.iter().map(|&b| b.into()).collect();
                for (input, x) in x.iter().enumerate() {
                    y.iter_mut()
                        .enumerate()
                        .for_each(|(output, y)| *y += x * weight(input, output));
                }
                y.into_iter().map(|y| activate(*activation, y)).collect()
            }
            Self::Convolution { weight, bias, activation, geometry } => {
                let [down, across] = geometry.positions();
                let channels = bias.len();
                let mut y: Vec<f64> =
                    (0..down * across).flat_map(|_| bias.iter().map(|&b| f64::from(b))).collect();
                each_patch(geometry, |position, number, row| {
                    let weights = &weight[row * channels..][..channels];
                    let sums = &mut y[position * channels..][..channels];
                    sums.iter_mut().zip(weights).for_each(|(y, &w)| *y += x[number] * f64::from(w));
                });
                y.into_iter().map(|y| activate(*activation, y)).collect()
            }
            Self::TransposedConvolution { weight, bias, activation, geometry } => {
                let (patch, pixels) = (geometry.patch(), geometry.pixels());
                let inputs = weight.len() / patch.max(1);
                let mut y: Vec<f64> = bias.iter().map(|&b| b.into()).cycle().take(pixels).collect();
                each_patch(geometry, |position, number, row| {
                    let from = &x[position * inputs..][..inputs];
                    let sum = from.iter().enumerate();
                    y[number] +=
                        sum.map(|(i, x)| x * f64::from(weight[i * patch + row])).sum::<f64>();
                });
                y.into_iter().map(|y| activate(*activation, y)).collect()
            }
            Self::Apply(activation) => x.iter().map(|&x| activate(*activation, x)).collect(),
            Self::Shift(by) => x.iter().zip(by).map(|(x, &by)| x + f64::from(by)).collect(),
            Self::Scale(by) => x.iter().zip(by).map(|(x, &by)| x * f64::from(by)).collect(),
            Self::Complete(places) => complete(places, x, c),
            Self::Join => [x, c].concat(),
            Self::Fork(layers) => [x, &through(layers, x.to_vec(), c)].concat(),
            Self::Softmax => {
                let total = log_sum_exp(x);
                x.iter().map(|x| (x - total).exp()).collect()
            }
            Self::Combine(by) => {
                let (z, u) = x.split_at(x.len() / 2);
                let (of_mean, of_share) = by.split_at(by.len() / 2);
                let estimate = |((z, mean), share): ((&f64, f64), f64)| (z - mean) * share + mean;
                z.iter().zip(bent(of_mean, u)).zip(bent(of_share, u)).map(estimate).collect()
            }
            Self::PriorMean(by) => bent(by, x),
        }
    }
}

/// a_1 sigmoid(a_2 u + a_3) + a_4 u + a_5 of each unit, for a `[5, units]`.
fn bent(a: &[f32], u: &[f64]) -> Vec<f64> {
    let units = u.len();
    let of = |(unit, u): (usize, &f64)| {
        let a = |row: usize| f64::from(a[row * units + unit]);
        a(0) * activate(Activation::Sigmoid, a(1) * u + a(2)) + a(3) * u + a(4)
    };
    u.iter().enumerate().map(of).collect()
}

/// Calls `f` for each position of the window and each number of the image under it, with the position,
/// the number's place in the image and its place in the patch.
fn each_patch(geometry: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
    let [height, width, channels] = geometry.image;
    let [down, across] = geometry.positions();
    let Window { side, stride, padding } = geometry.window;
    let at = |position: usize, offset: usize, length: usize| {
        (position * stride + offset).checked_sub(padding).filter(|&at| at < length)
    };
    for (row, column) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
        for (i, j) in (0..side).flat_map(|i| (0..side).map(move |j| (i, j))) {
            let Some((y, x)) = at(row, i, height).zip(at(column, j, width)) else { continue };
            for channel in 0..channels {
                let number = (y * width + x) * channels + channel;
                f(row * across + column, number, (i * side + j) * channels + channel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_sums_of_exponentials_are_right_at_the_ends() {
        const NONE: f64 = f64::NEG_INFINITY;
        assert_eq!(log_sum_exp(&[]), NONE);
        assert_eq!(log_sum_exp(&[NONE, NONE]), NONE);
        assert_eq!(log_sum_exp(&[NONE, 3.0]), 3.0);
        assert_eq!(log_sum_exp(&[1000.0, 1000.0]), 1000.0 + 2f64.ln());
        assert_eq!(log_sum_exp(&[f64::INFINITY, 0.0]), f64::INFINITY);
        for other in [NONE, 0.0, f64::NAN] {
            assert!(log_sum_exp(&[f64::NAN, other]).is_nan());
            assert!(log_sum_exp(&[other, f64::NAN]).is_nan());
        }
    }
}
