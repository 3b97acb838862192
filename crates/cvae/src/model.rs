//! The networks of the paper: recognition q(z|x, c), prior p(z|c), generation p(x|z, c), and the
//! baseline p(x|c). The paper's x is our condition c, its y our x.

use std::rc::Rc;

use burn::{
    module::Module,
    tensor::{Int, Tensor, TensorData},
};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given, Measure},
    likelihood::{Likelihood, LikelihoodKind},
    network::{
        Coder, Condition, Decoder, Input, Layer, Network, Pixels, Prior as CodePrior, layers_of,
    },
    nn::{Activation, Dense, GaussianMlp, Initialiser, LogisticScale, Mlp, join},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior},
};

use crate::{
    completion::Completion,
    conditioning::{Conditioning, UNOBSERVED},
    config::{Config, ModelConfig, ObjectiveConfig, Prior},
};

/// A conditional model of images.
#[derive(Module, Debug)]
pub struct Model<B: Backend> {
    /// p(x|c) without z: the baseline, and an input of the prior.
    predictor: Option<Predictor<B>>,
    /// q(z|x, c); without one (GSNN) it is the prior.
    recognition: Option<GaussianMlp<B>>,
    /// p(z|c), where it is not N(0, I).
    prior: Option<GaussianMlp<B>>,
    /// z, or z and c, to pixels; none in the baseline.
    generation: Option<Predictor<B>>,
    #[module(skip)]
    target: Target,
    #[module(skip)]
    sees_condition: bool,
}

/// The modelled pixels, given the others or the class.
#[derive(Clone, Copy, Debug)]
struct Target {
    conditioning: Conditioning,
    /// Of the whole image.
    pixels: usize,
}

impl Target {
    /// Width of the condition.
    fn width(self) -> usize {
        self.conditioning.width(self.pixels)
    }

    /// Number of modelled pixels.
    fn modelled(self) -> usize {
        self.pixels - self.conditioning.observed(self.pixels).iter().filter(|o| **o).count()
    }

    /// Indices of the modelled pixels, `[modelled]`.
    fn places<B: Backend>(self, device: &B::Device) -> Tensor<B, 1, Int> {
        let observed = self.conditioning.observed(self.pixels);
        let places: Vec<i32> =
            (0..).zip(observed).filter(|(_, observed)| !observed).map(|(pixel, _)| pixel).collect();
        let count = places.len();
        Tensor::from_data(TensorData::new(places, [count]), device)
    }

    /// p(x|...) of these logits `[examples, modelled]`, under a condition `[examples, width]`.
    fn likelihood<B: Backend>(self, logits: Tensor<B, 2>, given: &Tensor<B, 2>) -> Likelihood<B> {
        match self.conditioning {
            Conditioning::Label { .. } => Likelihood::Bernoulli { logits },
            Conditioning::Quadrants { .. } => Likelihood::Own(Rc::new(Completion {
                places: self.places(&given.device()),
                rest: self.conditioning.known(given),
                logits,
            })),
        }
    }

    /// The condition, or zeros.
    fn condition_or_zero<B: Backend>(
        self,
        given: Given<'_, B>,
        rows: usize,
        device: &B::Device,
    ) -> Tensor<B, 2> {
        given.cloned().unwrap_or_else(|| Tensor::zeros([rows, self.width()], device))
    }

    /// The condition, as `explore` needs it.
    fn condition(self) -> Condition {
        match self.conditioning {
            Conditioning::Label { classes } => Condition::Class { classes },
            Conditioning::Quadrants { .. } => {
                let observed = self.conditioning.observed(self.pixels);
                Condition::Observed { observed, unobserved: UNOBSERVED }
            }
        }
    }

    /// The modelled pixels, if others are observed.
    fn modelled_places(self) -> Option<Vec<usize>> {
        let observed = self.conditioning.observed(self.pixels);
        let places = (0..self.pixels).filter(|&pixel| !observed[pixel]).collect();
        matches!(self.conditioning, Conditioning::Quadrants { .. }).then_some(places)
    }

    fn scored(self) -> String {
        match self.conditioning {
            Conditioning::Label { .. } => "x given its class".into(),
            Conditioning::Quadrants { .. } => format!(
                "x the {} of {} pixels that are not observed, given the others",
                self.modelled(),
                self.pixels
            ),
        }
    }
}

/// A perceptron that outputs the logits of the modelled pixels; of the condition alone it is the
/// baseline p(x|c), whose code is its last hidden layer.
#[derive(Module, Debug)]
pub struct Predictor<B: Backend> {
    hidden: Mlp<B>,
    output: Dense<B>,
    /// Scales of logistic pixels.
    scale: Option<LogisticScale<B>>,
    #[module(skip)]
    target: Target,
}

impl<B: Backend> Predictor<B> {
    /// The baseline with fresh weights for images of `pixels` pixels.
    pub fn new(config: &Config, pixels: usize, init: &mut Initialiser<'_, B>) -> Self {
        let target = Target { conditioning: config.conditioning, pixels };
        Self::of(target.width(), target, &config.model, init)
    }

    fn of(
        inputs: usize,
        target: Target,
        model: &ModelConfig,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let top = model.hidden.last().copied().unwrap_or(inputs);
        Self {
            hidden: Mlp::new(inputs, &model.hidden, model.activation, init),
            output: Dense::new(top, target.modelled(), Activation::Linear, init),
            scale: (model.likelihood == LikelihoodKind::Logistic)
                .then(|| LogisticScale::new(target.modelled(), init)),
            target,
        }
    }

    /// The last layer above `layers`, with the distribution of its pixels.
    fn decoder(&self, inputs: Vec<Input>, layers: Vec<Layer>) -> Decoder {
        let pixels = match &self.scale {
            Some(scale) => Pixels::Logistic(scale.log_scales()),
            None => Pixels::Bernoulli,
        };
        let decoder = Decoder::of(inputs, layers, vec![Layer::from(&self.output)], pixels);
        Decoder { places: self.target.modelled_places(), ..decoder }
    }

    /// The layers from a condition to the mean of p(x|c).
    fn completion(&self) -> Vec<Layer> {
        let mut layers = layers_of(&self.hidden);
        layers.push(Layer::from(&self.output));
        layers.push(Layer::Apply(Activation::Sigmoid));
        layers.extend(self.target.modelled_places().map(Layer::Complete));
        layers
    }

    fn logits(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        let hidden = self.hidden.forward(input); // [examples, hidden]
        self.output.forward(hidden) // [examples, modelled pixels]
    }

    /// p(x|...) of these logits, under a condition `[examples, width]`.
    fn likelihood(&self, logits: Tensor<B, 2>, given: &Tensor<B, 2>) -> Likelihood<B> {
        match &self.scale {
            Some(scale) => scale.likelihood(logits),
            None => self.target.likelihood(logits, given),
        }
    }

    /// p(x|c) of a condition `[examples, width]`.
    pub fn predict(&self, given: &Tensor<B, 2>) -> Likelihood<B> {
        self.likelihood(self.logits(given.clone()), given)
    }

    /// The condition of images of these classes, `[examples, width]`.
    pub fn condition_of(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Tensor<B, 2> {
        self.target.conditioning.of(x, labels)
    }
}

impl<B: Backend> Autoencoder<B> for Predictor<B> {
    fn input_dim(&self) -> usize {
        self.target.pixels
    }

    fn latent_dim(&self) -> usize {
        self.output.inputs()
    }

    fn has_prior(&self) -> bool {
        false
    }

    fn condition(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Option<Tensor<B, 2>> {
        Some(self.condition_of(x, labels))
    }

    fn condition_of_classes(&self, labels: &[u8], device: &B::Device) -> Option<Tensor<B, 2>> {
        self.target.conditioning.of_classes(labels, device)
    }

    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        // [examples, condition]
        let given = self.target.condition_or_zero(given, x.dims()[0], &x.device());
        Posterior::Point(self.hidden.forward(given)) // [examples, hidden]
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        // [examples, condition]
        let given = self.target.condition_or_zero(given, z.dims()[0], &z.device());
        self.likelihood(self.output.forward(z), &given)
    }

    fn measure(&self) -> Measure {
        Measure::of_levels(self.scale.is_some())
    }

    fn log_marginal(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Option<Tensor<B, 1>> {
        Some(self.predict(given?).log_prob(x))
    }

    fn scored(&self) -> Option<String> {
        Some(self.target.scored())
    }
}

impl<B: Backend> Model<B> {
    /// A model with fresh weights for images of `pixels` pixels.
    pub fn new(config: &Config, pixels: usize, noise: Noise, device: &B::Device) -> Self {
        let init = &mut Initialiser::new(config.model.init, noise, device);
        let is_baseline = config.objective == ObjectiveConfig::Nn;
        let has_predictor = is_baseline || config.below_prior().is_some();
        // The baseline comes first: its initial weights are then the same in every model.
        let predictor = has_predictor.then(|| Predictor::new(config, pixels, init));
        Self::above(predictor, config, pixels, init)
    }

    /// The baseline alone.
    pub fn baseline(predictor: Predictor<B>) -> Self {
        Self {
            target: predictor.target,
            predictor: Some(predictor),
            recognition: None,
            prior: None,
            generation: None,
            sees_condition: false,
        }
    }

    /// Fresh conditional networks whose prior sees the predictor's completion.
    pub fn above(
        predictor: Option<Predictor<B>>,
        config: &Config,
        pixels: usize,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let model = &config.model;
        let target = Target { conditioning: config.conditioning, pixels };
        let width = target.width();
        let gaussian = |inputs: usize, init: &mut Initialiser<'_, B>| {
            GaussianMlp::new(inputs, &model.hidden, model.latent, model.activation, init)
        };
        let is_baseline = config.objective == ObjectiveConfig::Nn;
        let has_recognition =
            !matches!(config.objective, ObjectiveConfig::Nn | ObjectiveConfig::Gsnn);
        let has_prior = !is_baseline && model.prior == Prior::Conditional;
        let sees_condition = model.generation_sees_condition;
        let recognition_inputs = match config.conditioning {
            Conditioning::Label { .. } => pixels + width,
            // The whole image holds the condition.
            Conditioning::Quadrants { .. } => pixels,
        };
        let code = model.latent + if sees_condition { width } else { 0 };
        Self {
            predictor,
            recognition: has_recognition.then(|| gaussian(recognition_inputs, init)),
            prior: has_prior.then(|| gaussian(width, init)),
            generation: (!is_baseline).then(|| Predictor::of(code, target, model, init)),
            target,
            sees_condition,
        }
    }

    /// Input of the prior: the condition, or, with a fixed baseline, its completion of the
    /// unobserved pixels.
    pub fn prior_input(&self, given: &Tensor<B, 2>) -> Tensor<B, 2> {
        // Without `no_grad` every batch would stay in the autodiff graph: docs/architecture.md.
        let Some(predictor) = self.predictor.clone() else { return given.clone() };
        predictor.no_grad().predict(given).mean() // [examples, pixels]
    }

    /// The baseline, if the model consists of it alone.
    pub fn as_baseline(&self) -> Option<&Predictor<B>> {
        self.predictor.as_ref().filter(|_| self.generation.is_none())
    }

    /// q(z|x, c) for x `[examples, pixels]`; the prior where there is no recognition network.
    pub fn posterior(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> DiagonalGaussian<B> {
        let (rows, device) = (x.dims()[0], x.device());
        match (&self.recognition, self.target.conditioning, given) {
            (Some(recognition), Conditioning::Label { .. }, Some(given)) => {
                // [examples, pixels + condition] to [examples, latent]
                recognition.forward(join(x, given.clone()))
            }
            (Some(recognition), _, _) => recognition.forward(x), // [examples, latent]
            (None, _, given) => self.prior(given).unwrap_or_else(|| self.standard(rows, &device)),
        }
    }

    /// The condition of images of these classes, `[examples, width]`.
    pub fn condition_of(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Tensor<B, 2> {
        self.target.conditioning.of(x, labels)
    }

    /// N(0, I) for `rows` examples.
    fn standard(&self, rows: usize, device: &B::Device) -> DiagonalGaussian<B> {
        let zero = Tensor::zeros([rows, self.latent_dim()], device); // [examples, latent]
        DiagonalGaussian { mean: zero.clone(), log_var: zero }
    }
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        self.target.pixels
    }

    /// Of the baseline, the width of its last hidden layer.
    fn latent_dim(&self) -> usize {
        match (&self.recognition, &self.prior, &self.predictor) {
            (Some(network), _, _) | (None, Some(network), _) => network.outputs(),
            (None, None, Some(predictor)) => predictor.latent_dim(),
            (None, None, None) => 0,
        }
    }

    /// The code of the baseline is a hidden layer, which has none.
    fn has_prior(&self) -> bool {
        self.as_baseline().is_none()
    }

    fn condition(&self, x: &Tensor<B, 2>, labels: &[u8]) -> Option<Tensor<B, 2>> {
        Some(self.condition_of(x, labels))
    }

    fn condition_of_classes(&self, labels: &[u8], device: &B::Device) -> Option<Tensor<B, 2>> {
        self.target.conditioning.of_classes(labels, device)
    }

    fn encode(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Posterior<B> {
        match self.as_baseline() {
            Some(baseline) => baseline.encode(x, given),
            None => Posterior::Gaussian(self.posterior(x, given)),
        }
    }

    fn decode(&self, z: Tensor<B, 2>, given: Given<'_, B>) -> Likelihood<B> {
        if let Some(baseline) = self.as_baseline() {
            return baseline.decode(z, given);
        }
        // [examples, condition]
        let given = self.target.condition_or_zero(given, z.dims()[0], &z.device());
        let Some(generation) = &self.generation else { return self.target.likelihood(z, &given) };
        // [examples, latent + condition]; without the condition [examples, latent]
        let input = if self.sees_condition { join(z, given.clone()) } else { z };
        // [examples, modelled pixels]
        generation.likelihood(generation.logits(input), &given)
    }

    fn network(&self) -> Result<Network, String> {
        let condition = self.target.condition();
        if let Some(baseline) = self.as_baseline() {
            let hidden = layers_of(&baseline.hidden);
            let encoder = Coder::point(Input::Condition, hidden);
            let decoder = baseline.decoder(vec![Input::Code], Vec::new());
            let prior = CodePrior::None;
            return Ok(Network { encoder, decoder, prior, condition, classes: None });
        }
        let Some(generation) = &self.generation else {
            return Err("it has no network that generates".into());
        };
        let prior = self.prior.as_ref().map(|prior| {
            // The prior's input is the condition, or the baseline's completion of it.
            let below = self.predictor.as_ref().map_or_else(Vec::new, Predictor::completion);
            Coder::gaussian(vec![Input::Condition], below, prior)
        });
        let encoder = match (&self.recognition, self.target.conditioning, &prior) {
            (Some(recognition), Conditioning::Label { .. }, _) => {
                Coder::gaussian(vec![Input::Image, Input::Condition], Vec::new(), recognition)
            }
            (Some(recognition), ..) => Coder::gaussian(vec![Input::Image], Vec::new(), recognition),
            (None, _, Some(prior)) => prior.clone(),
            (None, _, None) => return Err("its codes depend on nothing".into()),
        };
        let mut inputs = vec![Input::Code];
        inputs.extend(self.sees_condition.then_some(Input::Condition));
        Ok(Network {
            encoder,
            decoder: generation.decoder(inputs, layers_of(&generation.hidden)),
            prior: prior.map_or(CodePrior::Standard, CodePrior::Conditional),
            condition,
            classes: None,
        })
    }

    fn measure(&self) -> Measure {
        let networks = self.generation.as_ref().or(self.predictor.as_ref());
        Measure::of_levels(networks.is_some_and(|network| network.scale.is_some()))
    }

    fn prior(&self, given: Given<'_, B>) -> Option<DiagonalGaussian<B>> {
        let given = given?;
        Some(self.prior.as_ref()?.forward(self.prior_input(given)))
    }

    fn log_marginal(&self, x: Tensor<B, 2>, given: Given<'_, B>) -> Option<Tensor<B, 1>> {
        self.as_baseline()?.log_marginal(x, given)
    }

    fn scored(&self) -> Option<String> {
        Some(self.target.scored())
    }
}
