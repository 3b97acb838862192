//! M2: the class as a latent variable, known for few images (Kingma et al. 2014, section 2.2):
//!
//! ```text
//! p(y) = 1 / classes,  p(z) = N(0, I),  p(x|y, z);    q(y|x),  q(z|x, y) = N(mu(x, y), diag(sigma^2(x, y)))
//! ```
//!
//! Equation 4 has sigma^2(x); the authors' program, `VAE_YZ_X.py`, lets it depend on y, as here.

use burn::{
    module::Module,
    tensor::{Int, Tensor, activation},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    data::one_hot,
    likelihood::{Likelihood, row_sums},
    network::{Coder, Condition, Decoder, Input, Layer, Network, Pixels, Prior, Trunk, layers_of},
    nn::{Activation, Dense, Initialiser, Mlp},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior},
};

use crate::{
    conditional::Conditional,
    config::{Config, M2Config},
};

/// A class less probable than this adds nothing that single precision can tell. Its gradients would be subnormal
/// numbers, with which products take up to four times as long.
const SMALLEST: f32 = 1e-16;

/// A model of x and its class; x are pixels, or codes of [`M1`](crate::m1::M1).
#[derive(Module, Debug)]
pub struct M2<B: Backend> {
    /// x to the last hidden layer of q(y|x).
    classifier: Mlp<B>,
    /// To the classes.
    classes: Dense<B>,
    /// (x, y) to the last hidden layer of q(z|x, y).
    recognition: Conditional<B>,
    mean: Dense<B>,
    log_var: Dense<B>,
    /// (z, y) to the last hidden layer of p(x|y, z).
    generation: Conditional<B>,
    /// To the log-odds of pixels, or the mean of a code.
    output: Dense<B>,
    /// To the log-variance of a code.
    output_log_var: Option<Dense<B>>,
}

/// Terms of the bound for one class of each row, nats, `[rows]`.
pub struct BoundTerms<B: Backend> {
    /// -log p(x|y, z), one draw of z.
    pub reconstruction: Tensor<B, 1>,
    /// KL(q(z|x, y) || p(z)).
    pub kl: Tensor<B, 1>,
}

/// Terms of an image whose class is not known, nats, `[examples]`.
pub struct UnlabelledTerms<B: Backend> {
    /// U(x), minus the bound on log p(x).
    pub bound: Tensor<B, 1>,
    /// H(q(y|x)).
    pub entropy: Tensor<B, 1>,
}

impl<B: Backend> M2<B> {
    /// A model with fresh weights for x of width `input`: pixels, or codes if `has_variance`.
    pub fn new(
        config: &M2Config,
        classes: usize,
        input: usize,
        has_variance: bool,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let M2Config { latent, ref hidden, .. } = *config;
        let up: Vec<usize> = hidden.iter().rev().copied().collect();
        let (top, bottom) = (hidden.last().copied().unwrap_or(1), up.last().copied().unwrap_or(1));
        let linear = Activation::Linear;
        Self {
            classifier: Mlp::new(input, hidden, Activation::Softplus, init),
            classes: Dense::new(top, classes, linear, init),
            recognition: Conditional::new(input, classes, hidden, init),
            mean: Dense::new(top, latent, linear, init),
            log_var: Dense::new(top, latent, linear, init),
            generation: Conditional::new(latent, classes, &up, init),
            output: Dense::new(bottom, input, linear, init),
            output_log_var: has_variance.then(|| Dense::new(bottom, input, linear, init)),
        }
    }

    /// The configured model of images of `input` pixels, with fresh weights.
    pub fn on_pixels(config: &Config, input: usize, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(config.m2.init, noise, device);
        Self::new(&config.m2, config.labels.classes, input, false, &mut init)
    }

    /// Width of x.
    pub fn inputs(&self) -> usize {
        self.output.outputs()
    }

    /// Width of z.
    pub fn latents(&self) -> usize {
        self.mean.outputs()
    }

    /// Number of classes.
    pub fn class_count(&self) -> usize {
        self.classes.outputs()
    }

    /// log q(y|x), `[examples, classes]`.
    pub fn log_q(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        activation::log_softmax(self.classes.forward(self.classifier.forward(x)), 1)
    }

    fn gaussian(&self, hidden: Tensor<B, 2>) -> DiagonalGaussian<B> {
        DiagonalGaussian {
            mean: self.mean.forward(hidden.clone()),
            log_var: self.log_var.forward(hidden),
        }
    }

    fn likelihood_of(&self, hidden: Tensor<B, 2>) -> Likelihood<B> {
        match &self.output_log_var {
            None => Likelihood::Bernoulli { logits: self.output.forward(hidden) },
            Some(log_var) => Likelihood::Gaussian {
                mean: self.output.forward(hidden.clone()),
                log_var: log_var.forward(hidden),
            },
        }
    }

    /// q(z|x, y) for x `[examples, inputs]` and one-hot y `[examples, classes]`.
    pub fn posterior(&self, x: Tensor<B, 2>, y: Tensor<B, 2>) -> DiagonalGaussian<B> {
        self.gaussian(self.recognition.forward(x, y))
    }

    /// p(x|y, z) for z `[examples, latent]` and one-hot y `[examples, classes]`.
    pub fn likelihood(&self, z: Tensor<B, 2>, y: Tensor<B, 2>) -> Likelihood<B> {
        self.likelihood_of(self.generation.forward(z, y))
    }

    /// The terms of L(x, y) for a known class, with `eps` `[examples, latent]`.
    pub fn bound_terms(
        &self,
        x: Tensor<B, 2>,
        y: Tensor<B, 2>,
        eps: Tensor<B, 2>,
    ) -> BoundTerms<B> {
        let posterior = self.posterior(x.clone(), y.clone());
        let likelihood = self.likelihood(posterior.reparameterise(eps), y);
        BoundTerms {
            reconstruction: likelihood.log_prob(x).neg(),
            kl: row_sums(posterior.kl_per_latent()),
        }
    }

    /// L(x, y) = -E_q [log p(x|y, z) + log p(y) + log p(z) - log q(z|x, y)], equation 6, for a known class.
    pub fn labelled(&self, x: Tensor<B, 2>, y: Tensor<B, 2>, eps: Tensor<B, 2>) -> Tensor<B, 1> {
        let BoundTerms { reconstruction, kl } = self.bound_terms(x, y, eps);
        (reconstruction + kl).add_scalar((self.class_count() as f64).ln())
    }

    /// L(x, y) for every class, `[examples, classes]`, with `eps` `[classes * examples, latent]`, class by class.
    pub fn labelled_by_class(&self, x: Tensor<B, 2>, eps: Tensor<B, 2>) -> Tensor<B, 2> {
        let (classes, examples) = (self.class_count(), x.dims()[0]);
        let labels: Vec<u8> = (0..classes).flat_map(|y| vec![y as u8; examples]).collect();
        let y = one_hot(&labels, classes, &x.device()); // [classes * examples, classes]
        let posterior = self.gaussian(self.recognition.repeated(x.clone(), y.clone()));
        let likelihood = self.likelihood(posterior.reparameterise(eps), y);
        let reconstruction = likelihood.log_prob(Tensor::cat(vec![x; classes], 0)).neg();
        let bound = reconstruction + row_sums(posterior.kl_per_latent()); // [classes * examples]
        let bound = bound.reshape([classes, examples]).swap_dims(0, 1);
        bound.add_scalar((classes as f64).ln())
    }

    /// U(x) = sum_y q(y|x) L(x, y) - H(q(y|x)), equation 7, for an unknown class.
    pub fn unlabelled(&self, x: Tensor<B, 2>, eps: Tensor<B, 2>) -> UnlabelledTerms<B> {
        let log_q = self.log_q(x.clone()); // [examples, classes]
        let q = log_q.clone().exp();
        let q = q.clone().mask_fill(q.lower_elem(SMALLEST), 0.0);
        let entropy = row_sums(q.clone() * log_q).neg();
        let bound = row_sums(q * self.labelled_by_class(x, eps)) - entropy.clone();
        UnlabelledTerms { bound, entropy }
    }

    /// The one-hot likeliest class of x, `[examples, classes]`.
    pub fn likeliest(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let log_q = self.log_q(x);
        let best = log_q.clone().argmax(1); // [examples, 1]
        let classes = self.class_count() as i64;
        let numbers: Tensor<B, 2, Int> = Tensor::arange(0..classes, &log_q.device()).unsqueeze();
        let shape = log_q.dims();
        numbers.expand(shape).equal(best.expand(shape)).float()
    }

    /// The classes that `labels` say, one-hot `[examples, classes]`; for a label that is no class, the likeliest of `x`
    /// `[examples, inputs]`.
    pub fn known_or_likeliest(
        &self,
        labels: &[u8],
        device: &B::Device,
        x: impl FnOnce() -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let classes = self.class_count();
        let known = one_hot(labels, classes, device);
        if labels.iter().all(|&label| usize::from(label) < classes) {
            return known;
        }
        let is_unknown = known.clone().sum_dim(1).neg().add_scalar(1.0); // [examples, 1]
        known + self.likeliest(x()) * is_unknown
    }

    /// What is given, or the same share of each class.
    pub fn class_or_any(&self, given: Given<'_, B>, like: &Tensor<B, 2>) -> Tensor<B, 2> {
        given.cloned().unwrap_or_else(|| {
            let classes = self.class_count();
            Tensor::full([like.dims()[0], classes], 1.0 / classes as f64, &like.device())
        })
    }

    /// q(z|x, y) as layers: those on x and y, joined in this order, and from there to its mean and log-variance.
    pub fn recognition_layers(&self) -> [Vec<Layer>; 3] {
        let [mean, log_var] = [&self.mean, &self.log_var].map(|head| vec![Layer::from(head)]);
        [self.recognition.described(), mean, log_var]
    }

    /// q(y|x) as layers, to the log-odds of the classes.
    pub fn classifying_layers(&self) -> Vec<Layer> {
        let mut layers = layers_of(&self.classifier);
        layers.push(Layer::from(&self.classes));
        layers
    }

    /// The mean of p(x|y, z) as layers, logits for pixels: those on z and y, joined in this order, and the last one.
    pub fn generation_layers(&self) -> [Vec<Layer>; 2] {
        [self.generation.described(), vec![Layer::from(&self.output)]]
    }
}

/// The classes themselves are the condition: p(x|y) and its bound are conditional on the true class.
impl<B: Backend> Autoencoder<B> for M2<B> {
    fn input_dim(&self) -> usize {
        self.inputs()
    }

    fn latent_dim(&self) -> usize {
        self.latents()
    }

    fn condition(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Option<Tensor<B, 2>> {
        Some(self.known_or_likeliest(labels, &x.device(), || x.clone()))
    }

    fn condition_of_classes(&self, labels: &[u8], device: &B::Device) -> Option<Tensor<B, 2>> {
        Some(one_hot(labels, self.class_count(), device))
    }

    /// q(z|x, y); without a class, for the likeliest.
    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        let y = given.cloned().unwrap_or_else(|| self.likeliest(x.clone()));
        Posterior::Gaussian(self.posterior(x, y))
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        let y = self.class_or_any(given, &z);
        self.likelihood(z, y)
    }

    fn network(&self) -> Result<Network, String> {
        if self.output_log_var.is_some() {
            return Err("it is a model of codes".into());
        }
        let inputs = vec![Input::Image, Input::Condition];
        let [trunk, mean, log_var] = self.recognition_layers();
        let [generation, output] = self.generation_layers();
        Ok(Network {
            encoder: Coder { trunk: Trunk { inputs, layers: trunk }, mean, log_var: Some(log_var) },
            decoder: Decoder::of(
                vec![Input::Code, Input::Condition],
                generation,
                output,
                Pixels::Bernoulli,
            ),
            prior: Prior::Standard,
            condition: Condition::Class { classes: self.class_count() },
            classes: Some(self.classifying_layers()),
        })
    }

    fn scored(&self) -> Option<String> {
        Some("x given its class".into())
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.log_q(x))
    }
}
