//! The ladder network (Rasmus et al. 2015): an encoder, and a decoder with a lateral connection to each layer.

use burn::{module::Module, tensor::Tensor};
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    data::BatchMaker,
    likelihood::Likelihood,
    network::{Coder, Condition, Decoder, Input, Layer, LogVar, Network, Pixels, Prior},
    nn::{BatchNorm, Combinator, Init, Initialiser, Projection, Statistics},
    noise::Noise,
    posterior::Posterior,
};

use crate::{
    config::Config,
    encoder::{Encoder, Normalising, Pass},
    statistics::over_batches,
};

/// One step down the decoder: u = batchnorm(V z^ of the layer above), z^ = g(z~, u).
#[derive(Module, Debug)]
struct Step<B: Backend> {
    /// V; none in the highest layer, whose u is the normalised output of the encoder.
    weight: Option<Projection<B>>,
    norm: BatchNorm<B>,
    combinator: Combinator<B>,
}

/// Encoder and decoder.
#[derive(Module, Debug)]
pub struct Ladder<B: Backend> {
    /// x to the classes.
    pub encoder: Encoder<B>,
    /// From the pixels to the classes.
    steps: Vec<Step<B>>,
}

/// What the decoder computes in each layer, from the pixels to the classes, `[examples, width]`.
pub struct Restored<B: Backend> {
    /// z^.
    pub estimates: Vec<Tensor<B, 2>>,
    /// u before its normalisation.
    pub signals: Vec<Tensor<B, 2>>,
}

impl<B: Backend> Ladder<B> {
    /// A ladder with fresh weights for inputs of width `input`.
    pub fn new(config: &Config, input: usize, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(Init::Lecun, noise, device);
        let encoder = Encoder::new(input, &config.network, config.labels.classes, &mut init);
        let widths = encoder.widths();
        let step = |(layer, &width): (usize, &usize)| Step {
            weight: widths.get(layer + 1).map(|&above| Projection::new(above, width, &mut init)),
            norm: BatchNorm::new(width, &mut init),
            combinator: Combinator::new(width, config.ladder.a10, &mut init),
        };
        let steps = widths.iter().enumerate().map(step).collect();
        Self { encoder, steps }
    }

    /// Estimates of the clean layers from a noisy pass (algorithm 1, lines 14 to 24).
    pub fn restored(&self, noisy: &Pass<B>, normalising: Normalising<'_>) -> Restored<B> {
        let (mut estimates, mut signals) = (Vec::new(), Vec::new());
        let mut above: Option<Tensor<B, 2>> = None;
        for (step, z) in self.steps.iter().zip(&noisy.z).rev() {
            let signal = match (&step.weight, above) {
                (Some(weight), Some(above)) => weight.forward(above),
                _ => noisy.log_p.clone().exp(),
            };
            let u = step.normalised(signal.clone(), normalising);
            let estimate = step.combinator.forward(z.clone(), u);
            above = Some(estimate.clone());
            estimates.push(estimate);
            signals.push(signal);
        }
        estimates.reverse();
        signals.reverse();
        Restored { estimates, signals }
    }

    /// The ladder with the statistics of these images stored: of the encoder without noise, of the decoder with
    /// it, as in training.
    #[must_use]
    pub fn with_statistics(self, batches: &BatchMaker<B>, indices: &[usize], size: usize) -> Self {
        let layers = self.encoder.widths().len() - 1;
        let mut found: Vec<Statistics<B>> = over_batches(batches, indices, size, |batch| {
            let groups = [batch.len()];
            let by_batch = Normalising::ByBatch(&groups);
            let clean = self.encoder.pass(batch.x.clone(), None, by_batch);
            let noise = self.encoder.noise_of(batch);
            let noisy = self.encoder.pass(batch.x.clone(), Some(noise), by_batch);
            clean.sums.into_iter().chain(self.restored(&noisy, by_batch).signals).collect()
        });
        let above = found.split_off(layers);
        let stored =
            |(step, found): (Step<B>, _)| Step { norm: step.norm.with_statistics(found), ..step };
        Self {
            encoder: self.encoder.with_statistics(found),
            steps: self.steps.into_iter().zip(above).map(stored).collect(),
        }
    }
}

impl<B: Backend> Step<B> {
    /// From the layer above to u, in evaluation.
    fn signal(&self) -> Vec<Layer> {
        let weight = self.weight.as_ref().map(|weight| Layer::product(weight.weight.val()));
        weight.into_iter().chain(Layer::normalising(&self.norm)).collect()
    }

    fn normalised(&self, signal: Tensor<B, 2>, normalising: Normalising<'_>) -> Tensor<B, 2> {
        match normalising {
            Normalising::ByBatch(groups) => self.norm.by_batch(signal, groups),
            Normalising::Stored => self.norm.forward(signal),
        }
    }
}

impl<B: Backend> Autoencoder<B> for Ladder<B> {
    fn input_dim(&self) -> usize {
        self.encoder.widths()[0]
    }

    fn latent_dim(&self) -> usize {
        self.encoder.widths().iter().rev().nth(1).copied().unwrap_or(0)
    }

    fn has_prior(&self) -> bool {
        false
    }

    /// z^ of the last hidden layer.
    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        let clean = self.encoder.pass(x, None, Normalising::Stored);
        let mut estimates = self.restored(&clean, Normalising::Stored).estimates;
        Posterior::Point(estimates.swap_remove(self.steps.len() - 2)) // [examples, width]
    }

    /// The decoder without its lateral connections: each layer below is the mean mu(u) that g expects of it.
    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let below = &self.steps[..self.steps.len() - 2];
        let mean = below.iter().rev().fold(z, |above, step| {
            let signal = step.weight.as_ref().map(|weight| weight.forward(above.clone()));
            let u = step.normalised(signal.unwrap_or(above), Normalising::Stored);
            step.combinator.prior_mean(u) // [examples, width of the layer]
        });
        let log_var = mean.zeros_like();
        Likelihood::Gaussian { mean, log_var }
    }

    fn network(&self) -> Result<Network, String> {
        let mut parts = self.encoder.described_parts();
        let (Some([to_classes, log_p]), [below @ .., second, highest]) =
            (parts.pop(), self.steps.as_slice())
        else {
            return Err("it has no layers".into());
        };
        // The estimate of the classes' layer, from its own z and from the probabilities above it, and the signal
        // that the code receives from there.
        let mut signal = to_classes;
        signal.push(Layer::Fork([log_p, vec![Layer::Softmax], highest.signal()].concat()));
        signal.push(Layer::combining(&highest.combinator));
        signal.extend(second.signal());
        // To z of the last hidden layer; its output goes on to the classes alone.
        let output = parts.last_mut().map(|[_, output]| std::mem::take(output));
        let mut layers: Vec<Layer> = parts.into_iter().flatten().flatten().collect();
        layers.push(Layer::Fork([output.unwrap_or_default(), signal].concat()));
        layers.push(Layer::combining(&second.combinator));
        let down =
            |step: &Step<B>| [step.signal(), vec![Layer::prior_mean(&step.combinator)]].concat();
        Ok(Network {
            encoder: Coder::point(Input::Image, layers),
            decoder: Decoder::of(
                vec![Input::Code],
                Vec::new(),
                below.iter().rev().flat_map(down).collect(),
                Pixels::Gaussian(LogVar::Constant(0.0)),
            ),
            prior: Prior::None,
            condition: Condition::None,
            classes: Some(self.encoder.described_classifier()),
        })
    }

    fn log_classes(&self, x: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.encoder.pass(x, None, Normalising::Stored).log_p)
    }
}
