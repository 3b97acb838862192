//! The networks of the paper: recognition q(z|x, c), prior p(z|c), generation p(x|z, c), and the
//! baseline p(x|c). The paper's x is our condition c, its y our x: what is modelled is x in every
//! crate.

use burn::{
    module::Module,
    tensor::{Int, Tensor, TensorData},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    likelihood::Likelihood,
    nn::{Activation, Dense, GaussianMlp, Initialiser, Mlp},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior},
};

use crate::{
    conditioning::Conditioning,
    config::{CvaeConfig, ObjectiveConfig, Prior},
};

/// A conditional model of images.
#[derive(Module, Debug)]
pub struct CvaeModel<B: Backend> {
    /// p(x|c) without z: the baseline, and what the prior starts from.
    predictor: Option<Predictor<B>>,
    /// q(z|x, c); where there is none it is the prior (GSNN).
    recognition: Option<GaussianMlp<B>>,
    /// p(z|c), where it is not N(0, I).
    prior: Option<GaussianMlp<B>>,
    /// z, or z and c, to pixels; none in the baseline.
    generation: Option<Predictor<B>>,
    #[module(skip)]
    conditioning: Conditioning,
    #[module(skip)]
    sees_condition: bool,
    #[module(skip)]
    pixels: usize,
}

/// A perceptron that outputs the logits of pixels.
#[derive(Module, Debug)]
struct Predictor<B: Backend> {
    hidden: Mlp<B>,
    output: Dense<B>,
}

impl<B: Backend> Predictor<B> {
    fn logits(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        self.output.forward(self.hidden.forward(input))
    }
}

impl<B: Backend> CvaeModel<B> {
    /// A model with fresh weights for images of `pixels` pixels.
    pub fn new(config: &CvaeConfig, pixels: usize, noise: Noise, device: &B::Device) -> Self {
        let (model, conditioning) = (&config.model, config.conditioning);
        let mut init = Initialiser::new(model.init, noise, device);
        let width = conditioning.width(pixels);
        let places = pixels - conditioning.observed(pixels).iter().filter(|o| **o).count();
        let top = model.hidden.last().copied().unwrap_or(width);
        let network = |inputs: usize, init: &mut Initialiser<'_, B>| Predictor {
            hidden: Mlp::new(inputs, &model.hidden, model.activation, init),
            output: Dense::new(top, places, Activation::Linear, init),
        };
        let gaussian = |inputs: usize, init: &mut Initialiser<'_, B>| {
            GaussianMlp::new(inputs, &model.hidden, model.latent, model.activation, init)
        };
        let is_baseline = config.objective == ObjectiveConfig::Nn;
        let has_predictor = is_baseline || config.predictor.is_some();
        let has_recognition =
            !matches!(config.objective, ObjectiveConfig::Nn | ObjectiveConfig::Gsnn);
        let has_prior = !is_baseline && model.prior == Prior::Conditional;
        let sees_condition = model.generation_sees_condition;
        let recognition_inputs = match conditioning {
            Conditioning::Label { .. } => pixels + width,
            // The whole image holds the condition.
            Conditioning::Quadrants { .. } => pixels,
        };
        let code = model.latent + if sees_condition { width } else { 0 };
        // The baseline comes first: its initial weights are then the same in every model.
        Self {
            predictor: has_predictor.then(|| network(width, &mut init)),
            recognition: has_recognition.then(|| gaussian(recognition_inputs, &mut init)),
            prior: has_prior.then(|| gaussian(width, &mut init)),
            generation: (!is_baseline).then(|| network(code, &mut init)),
            conditioning,
            sees_condition,
            pixels,
        }
    }

    /// -log p(x|c) of the baseline is minus this of x; `None` where there is no baseline.
    pub fn predict(&self, given: &Tensor<B, 2>) -> Option<Likelihood<B>> {
        let logits = self.predictor.as_ref()?.logits(given.clone());
        Some(self.likelihood(logits, given))
    }

    /// What the prior sees: the condition, with the baseline's guess at the pixels that are not
    /// observed where there is a baseline, which stays as it is.
    pub fn prior_input(&self, given: &Tensor<B, 2>) -> Tensor<B, 2> {
        // Without `no_grad` every batch would stay in the autodiff graph: docs/architecture.md.
        let Some(predictor) = self.predictor.clone() else { return given.clone() };
        self.likelihood(predictor.no_grad().logits(given.clone()), given).mean()
    }

    /// True for the baseline, which has no code.
    pub fn is_baseline(&self) -> bool {
        self.generation.is_none()
    }

    fn likelihood(&self, logits: Tensor<B, 2>, given: &Tensor<B, 2>) -> Likelihood<B> {
        match self.conditioning {
            Conditioning::Label { .. } => Likelihood::Bernoulli { logits },
            Conditioning::Quadrants { .. } => Likelihood::Completion {
                places: self.places(&given.device()),
                rest: self.conditioning.known(given),
                logits,
            },
        }
    }

    /// Pixels that are not observed.
    fn places(&self, device: &B::Device) -> Tensor<B, 1, Int> {
        let observed = self.conditioning.observed(self.pixels);
        let places: Vec<i32> =
            (0..).zip(observed).filter(|(_, observed)| !observed).map(|(pixel, _)| pixel).collect();
        let count = places.len();
        Tensor::from_data(TensorData::new(places, [count]), device)
    }

    /// N(0, I) for `rows` examples.
    fn standard(&self, rows: usize, device: &B::Device) -> DiagonalGaussian<B> {
        let zero = Tensor::zeros([rows, self.latent_dim()], device);
        DiagonalGaussian { mean: zero.clone(), log_var: zero }
    }
}

impl<B: Backend> Autoencoder<B> for CvaeModel<B> {
    fn input_dim(&self) -> usize {
        self.pixels
    }

    /// Of the baseline, the width of its last hidden layer.
    fn latent_dim(&self) -> usize {
        match (&self.recognition, &self.prior, &self.predictor) {
            (Some(network), _, _) | (None, Some(network), _) => network.outputs(),
            (None, None, Some(predictor)) => predictor.output.inputs(),
            (None, None, None) => 0,
        }
    }

    fn condition(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Option<Tensor<B, 2>> {
        Some(self.conditioning.of(x, labels))
    }

    fn condition_of_classes(&self, labels: &[u8], device: &B::Device) -> Option<Tensor<B, 2>> {
        self.conditioning.of_classes(labels, device)
    }

    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        let (rows, device) = (x.dims()[0], x.device());
        if let (None, Some(predictor), Some(given)) = (&self.generation, &self.predictor, given) {
            return Posterior::Point(predictor.hidden.forward(given.clone()));
        }
        let gaussian = match (&self.recognition, self.conditioning, given) {
            (Some(recognition), Conditioning::Label { .. }, Some(given)) => {
                recognition.forward(Tensor::cat(vec![x, given.clone()], 1))
            }
            (Some(recognition), _, _) => recognition.forward(x),
            (None, _, given) => self.prior(given).unwrap_or_else(|| self.standard(rows, &device)),
        };
        Posterior::Gaussian(gaussian)
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        let given = match given {
            Some(given) => given.clone(),
            None => Tensor::zeros([z.dims()[0], self.conditioning.width(self.pixels)], &z.device()),
        };
        let logits = match (&self.generation, &self.predictor) {
            (Some(generation), _) if self.sees_condition => {
                generation.logits(Tensor::cat(vec![z, given.clone()], 1))
            }
            (Some(generation), _) => generation.logits(z),
            (None, Some(predictor)) => predictor.output.forward(z),
            (None, None) => z,
        };
        self.likelihood(logits, &given)
    }

    fn prior(&self, given: Given<'_, B>) -> Option<DiagonalGaussian<B>> {
        let given = given?;
        Some(self.prior.as_ref()?.forward(self.prior_input(given)))
    }

    fn log_marginal(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Option<Tensor<B, 1>> {
        if !self.is_baseline() {
            return None;
        }
        Some(self.predict(given?)?.log_prob(x))
    }

    fn scored(&self) -> Option<String> {
        let observed = self.conditioning.observed(self.pixels).iter().filter(|o| **o).count();
        Some(match self.conditioning {
            Conditioning::Label { .. } => "x given its class".into(),
            Conditioning::Quadrants { .. } => format!(
                "x the {} of {} pixels that are not observed, given the others",
                self.pixels - observed,
                self.pixels
            ),
        })
    }
}
