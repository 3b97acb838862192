//! The likelihood p(x|z) a decoder outputs.

use std::{f64::consts::PI, fmt::Debug, rc::Rc};

use burn::tensor::{Tensor, TensorPrimitive};
use serde::{Deserialize, Serialize};

use crate::{
    backend::Backend,
    operation::{Activation, softplus},
};

/// The distribution of a pixel given the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LikelihoodKind {
    /// Independent Bernoulli pixels.
    #[default]
    Bernoulli,
    /// Independent Gaussian pixels, mean in (0, 1) and a variance of their own.
    Gaussian,
    /// Independent logistic distributions, discretised to the 256 levels of a channel, with a learned
    /// scale: a probability of grey or coloured pixels.
    Logistic,
}

impl LikelihoodKind {
    /// True of the default, which a configuration need not name.
    #[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
    pub fn is_bernoulli(&self) -> bool {
        *self == Self::Bernoulli
    }
}

/// p(x|z) with independent pixels; tensors are `[codes, pixels]`.
///
/// ```
/// use burn::tensor::Tensor;
/// use kernels::{backend::Flex, likelihood::Likelihood};
///
/// let device = Default::default();
/// // Log-odds of 0: three pixels that are white with probability one half.
/// let p = Likelihood::<Flex>::Bernoulli { logits: Tensor::zeros([1, 3], &device) };
/// let x = Tensor::from_floats([[1.0, 0.0, 1.0]], &device); // [examples, pixels]
/// let nats = p.log_prob(x).into_scalar(); // a sum over pixels, never a mean
/// assert!((nats - 3.0 * 0.5f32.ln()).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub enum Likelihood<B: Backend> {
    /// p(x_i = 1) = sigmoid(logits_i).
    Bernoulli {
        /// Log-odds of a white pixel.
        logits: Tensor<B, 2>,
    },
    /// p(x_i) = N(mean_i, exp(log_var_i)).
    Gaussian {
        /// Mean.
        mean: Tensor<B, 2>,
        /// Log-variance, `[codes, pixels]` or one row for all.
        log_var: Tensor<B, 2>,
    },
    /// P(x_i) of the 256 levels of a channel: the mass that a logistic distribution puts within half a
    /// level of x_i, and beyond it at 0 and at 1.
    Logistic {
        /// Location, in [0, 1]: the mean before the levels beyond 0 and 1 are clamped to them.
        mean: Tensor<B, 2>,
        /// Logarithm of the scale, `[codes, pixels]` or one row for all.
        log_scale: Tensor<B, 2>,
    },
    /// A distribution that only one paper has.
    Own(Rc<dyn Distribution<B>>),
}

/// A distribution of x given z.
pub trait Distribution<B: Backend>: Debug {
    /// log p(x|z) of each row in nats, as [`Likelihood::log_prob`].
    fn log_prob(&self, x: Tensor<B, 2>) -> Tensor<B, 1>;

    /// What [`Likelihood::mean`] shows, `[codes, pixels]`: pixels that are given instead of modelled are filled in.
    fn mean(&self) -> Tensor<B, 2>;
}

impl<B: Backend> Likelihood<B> {
    /// log p(x|z) of each row in nats: a sum over pixels, never a mean. `x` is `[codes, pixels]`
    /// or a single row for all.
    ///
    /// Kingma & Welling 2014, appendix C.1 (Bernoulli) and C.2 (Gaussian).
    pub fn log_prob(&self, x: Tensor<B, 2>) -> Tensor<B, 1> {
        match self {
            Self::Bernoulli { logits } => {
                let log_prob = B::bernoulli_log_prob(
                    logits.clone().into_primitive().tensor(),
                    x.into_primitive().tensor(),
                );
                Tensor::from_primitive(TensorPrimitive::Float(log_prob))
            }
            Self::Gaussian { mean, log_var } => {
                let squared = (x - mean.clone()).square() * log_var.clone().neg().exp();
                row_sums((squared + log_var.clone().add_scalar((2.0 * PI).ln())).mul_scalar(-0.5))
            }
            Self::Logistic { mean, log_scale } => {
                row_sums(logistic_log_mass(x, mean.clone(), log_scale.clone()))
            }
            Self::Own(distribution) => distribution.log_prob(x),
        }
    }

    /// The pixels as pictures show them, `[codes, pixels]`: E[x|z]; of [`Self::Logistic`] the location of the
    /// distribution, whose levels are clamped to [0, 1], not its expectation; of [`Self::Own`]
    /// [`Distribution::mean`].
    pub fn mean(self) -> Tensor<B, 2> {
        match self {
            Self::Bernoulli { logits } => sigmoid(logits),
            Self::Gaussian { mean, .. } | Self::Logistic { mean, .. } => mean,
            Self::Own(distribution) => distribution.mean(),
        }
    }

    /// A draw of x from p(x|z), `[codes, pixels]`, made from standard logistic and standard normal numbers of
    /// that shape; `None` of a distribution of a paper's own. Gaussian pixels may lie outside [0, 1].
    #[must_use]
    pub fn drawn(&self, logistic: Tensor<B, 2>, normal: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        match self {
            // P(l > -a) = sigmoid(a) of a standard logistic l.
            Self::Bernoulli { logits } => {
                Some((logits.clone() + logistic).greater_elem(0.0).float())
            }
            Self::Gaussian { mean, log_var } => {
                Some(mean.clone() + log_var.clone().div_scalar(2.0).exp() * normal)
            }
            Self::Logistic { mean, log_scale } => {
                let x = mean.clone() + log_scale.clone().exp() * logistic;
                Some(x.clamp(0.0, 1.0).div_scalar(LEVEL).round().mul_scalar(LEVEL))
            }
            Self::Own(_) => None,
        }
    }
}

/// The sigmoid of each number by the kernel of layers: Burn's computes one number at a time, on one thread.
fn sigmoid<B: Backend>(logits: Tensor<B, 2>) -> Tensor<B, 2> {
    let none = Tensor::<B, 1>::zeros([logits.dims()[1]], &logits.device());
    let [logits, none] = [logits.into_primitive().tensor(), none.into_primitive().tensor()];
    Tensor::from_primitive(TensorPrimitive::Float(B::activate(logits, none, Activation::Sigmoid)))
}

/// Width of one of the 256 levels.
const LEVEL: f64 = 1.0 / 255.0;

/// log P(x) of each number, x a level in [0, 1] (Kingma et al. 2016, "Improved Variational Inference
/// with Inverse Autoregressive Flow", appendix C; Salimans et al. 2017 for the edges).
///
/// With b and a the upper and lower edge of a level in units of the scale, sigmoid(b) - sigmoid(a) =
/// sigmoid(b) sigmoid(-a) (1 - exp(a - b)): no difference of two nearly equal numbers is taken.
fn logistic_log_mass<B: Backend>(
    x: Tensor<B, 2>,
    mean: Tensor<B, 2>,
    log_scale: Tensor<B, 2>,
) -> Tensor<B, 2> {
    let inverse = log_scale.neg().exp();
    let centred = x.clone() - mean;
    let b = centred.clone().add_scalar(LEVEL / 2.0) * inverse.clone();
    let a = centred.sub_scalar(LEVEL / 2.0) * inverse.clone();
    // Levels 0 and 255 have no lower and no upper edge.
    let has_lower = x.clone().greater_elem(LEVEL / 2.0).float();
    let has_upper = x.lower_elem(1.0 - LEVEL / 2.0).float();
    let below_upper = softplus(b.neg()) * has_upper.clone();
    let above_lower = softplus(a) * has_lower.clone();
    let width = log_one_minus_exp_neg(inverse.mul_scalar(LEVEL));
    width * has_lower * has_upper - below_upper - above_lower
}

/// log(1 - e^-t) for t > 0, where 1 - e^-t loses its digits too.
fn log_one_minus_exp_neg<B: Backend>(t: Tensor<B, 2>) -> Tensor<B, 2> {
    // 1 - e^-t = 2 e^(-t/2) sinh(t/2), and log(sinh(t/2) / (t/2)) = t^2/24 - t^4/2880 + ...
    let small = t.clone().clamp_max(0.5);
    let square = small.clone().square();
    let series = small.clone().log() - small.div_scalar(2.0) + square.clone().div_scalar(24.0)
        - square.square().div_scalar(2880.0);
    let direct = t.clone().clamp_min(0.5).neg().exp().neg().add_scalar(1.0).log();
    let is_small = t.lower_elem(0.5).float();
    series * is_small.clone() + direct * (is_small.neg().add_scalar(1.0))
}

/// log sum exp along `dim`, which is 1 in the result; negative infinity where all are, NaN where one is. Differentiable
/// where it is finite.
///
/// # Panics
/// If there is nothing along `dim`.
pub fn log_sum_exp<B: Backend, const D: usize>(values: Tensor<B, D>, dim: usize) -> Tensor<B, D> {
    let largest = values.clone().max_dim(dim).detach();
    // Infinity less itself is NaN.
    let largest = largest.clone().mask_fill(largest.is_inf(), 0.0);
    (values - largest.clone()).exp().sum_dim(dim).log() + largest
}

/// The sum of each row.
pub fn row_sums<B: Backend>(tensor: Tensor<B, 2>) -> Tensor<B, 1> {
    tensor.sum_dim(1).squeeze_dim(1)
}

#[cfg(test)]
mod tests {
    use burn::{backend::Autodiff, tensor::TensorData};

    use super::*;
    use crate::backend::{Flex, NdArray};

    fn row<B: Backend>(values: Vec<f32>) -> Tensor<B, 2> {
        let count = values.len();
        Tensor::from_data(TensorData::new(values, [1, count]), &B::Device::default())
    }

    /// The share of draws with each value is its probability, and a Gaussian's have its mean and variance.
    #[test]
    fn draws_have_the_distribution() {
        const DRAWS: usize = 40_000;
        let noise = crate::noise::Noise::new(5);
        let keys: Vec<u64> = (0..DRAWS as u64).collect();
        let normal = row::<Flex>(noise.normal(crate::noise::Stream::Pixel, 0, &keys, 1));
        let logistic = row::<Flex>(noise.logistic(crate::noise::Stream::Pixel, 0, &keys, 1));
        let all = |value: f32| row::<Flex>(vec![value; DRAWS]);
        let of = |p: Likelihood<Flex>| -> Vec<f64> {
            p.drawn(logistic.clone(), normal.clone()).unwrap().to_data().iter::<f64>().collect()
        };
        let mean = |x: &[f64]| x.iter().sum::<f64>() / DRAWS as f64;
        let white = mean(&of(Likelihood::Bernoulli { logits: all(0.4) }));
        assert!((white - 1.0 / (1.0 + (-0.4f64).exp())).abs() < 0.01, "{white}");
        let x = of(Likelihood::Gaussian { mean: all(0.3), log_var: all(-2.0) });
        let about: Vec<f64> = x.iter().map(|x| (x - 0.3).powi(2)).collect();
        assert!((mean(&x) - 0.3).abs() < 0.01 && (mean(&about) - (-2f64).exp()).abs() < 0.01);
        let x = of(Likelihood::Logistic { mean: all(0.02), log_scale: all(-4.0) });
        let log_p = masses(0.02, -4.0);
        for level in [0usize, 1, 5, 12] {
            let is_level = |x: &&f64| (**x * 255.0 - level as f64).abs() < 0.1;
            let share = x.iter().filter(is_level).count() as f64 / DRAWS as f64;
            assert!((share - log_p[level].exp()).abs() < 0.01, "{level}: {share}");
        }
    }

    /// log P of all 256 levels.
    fn masses(mean: f32, log_scale: f32) -> Vec<f64> {
        let x = row::<Flex>((0..256).map(|level| level as f32 / 255.0).collect());
        let (mean, log_scale) = (row(vec![mean; 256]), row(vec![log_scale; 256]));
        logistic_log_mass(x, mean, log_scale).to_data().iter::<f64>().collect()
    }

    #[test]
    fn the_levels_of_a_discretised_logistic_sum_to_one() {
        for mean in [0.0, 0.013, 0.5, 0.99, 1.0] {
            for log_scale in [-8.5, -7.0, -4.0, -2.2, 0.0, 3.0] {
                let total: f64 = masses(mean, log_scale).iter().map(|log_p| log_p.exp()).sum();
                assert!((total - 1.0).abs() < 2e-4, "{mean} {log_scale}: {total}");
            }
        }
    }

    #[test]
    fn a_level_has_the_mass_between_its_edges() {
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        for (mean, log_scale) in [(0.3f32, -3.0f64), (0.7, -5.0), (0.5, -1.0)] {
            let (centre, scale) = (f64::from(mean), log_scale.exp());
            for (level, log_p) in masses(mean, log_scale as f32).into_iter().enumerate() {
                let edge = |at: f64| sigmoid((at / 255.0 - centre) / scale);
                let lower = if level == 0 { 0.0 } else { edge(level as f64 - 0.5) };
                let upper = if level == 255 { 1.0 } else { edge(level as f64 + 0.5) };
                let expected = upper - lower;
                let off = (log_p.exp() - expected).abs();
                assert!(off < 1e-3 * expected + 1e-12, "{level}: {log_p} {}", expected.ln());
            }
        }
    }

    #[test]
    fn log_sums_of_exponentials_are_right_at_the_ends() {
        fn check<B: Backend>() {
            let infinite = f32::INFINITY;
            for (values, expected) in [
                ([-infinite, -infinite], -infinite),
                ([-infinite, 3.0], 3.0),
                ([1000.0, 1000.0], 1000.0 + 2f32.ln()),
                ([-1000.0, -1000.0], -1000.0 + 2f32.ln()),
                ([infinite, 0.0], infinite),
                ([f32::NAN, 0.0], f32::NAN),
                ([0.0, f32::NAN], f32::NAN),
                ([f32::NAN, -infinite], f32::NAN),
                ([-infinite, f32::NAN], f32::NAN),
            ] {
                // A row of finite numbers beside it keeps its sum.
                let rows = crate::matrix::<B>(
                    [values, [0.0, 0.0]].concat(),
                    [2, 2],
                    &B::Device::default(),
                );
                for found in [log_sum_exp(rows.clone(), 1), log_sum_exp(rows.transpose(), 0)] {
                    let found: Vec<f32> = found.into_data().iter::<f32>().collect();
                    let is = |found: f32, expected: f32| {
                        found == expected
                            || (found - expected).abs() < 1e-4
                            || (found.is_nan() && expected.is_nan())
                    };
                    assert!(is(found[0], expected), "{values:?}: {found:?}");
                    assert!(is(found[1], 2f32.ln()), "{values:?}: {found:?}");
                }
            }
        }
        check::<Flex>();
        check::<NdArray>();
    }

    #[test]
    fn gradients_are_finite_at_the_extremes() {
        type B = Autodiff<Flex>;
        let mean = row::<B>(vec![0.0, 1.0, 0.5, 1.0]).require_grad();
        let log_scale = row::<B>(vec![-8.5, -8.5, 4.0, -8.5]).require_grad();
        let x = row::<B>(vec![1.0, 0.0, 0.5, 0.5]);
        let loss = logistic_log_mass(x, mean.clone(), log_scale.clone());
        assert!(loss.to_data().iter::<f64>().all(f64::is_finite));
        let gradients = loss.sum().backward();
        for tensor in [mean, log_scale] {
            let gradient = tensor.grad(&gradients).unwrap();
            assert!(gradient.to_data().iter::<f64>().all(f64::is_finite), "{gradient}");
        }
    }
}
