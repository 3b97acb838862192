//! The variational recurrent network (Chung et al. 2015, section 3), and the models it is compared with.

use burn::{module::Module, tensor::Tensor};
use rand_chacha::ChaCha8Rng;
use shared::{
    Backend,
    autoencoder::{Autoencoder, Given},
    data::PixelShape,
    likelihood::{Likelihood, row_sums},
    matrix,
    network::{
        Coder, Input, Steps, layers_of,
        steps::{Latents, StepLatent},
    },
    nn::{GaussianMlp, Initialiser, Mlp, Recurrent, join},
    noise::Noise,
    posterior::{DiagonalGaussian, Posterior, repeat_rows},
    sequence_code::SequenceCode,
    sequential::{Drawn, Sequential, StepTerms},
};

use crate::{
    config::{Kind, ModelConfig},
    output::Output,
    sentence::Sentence,
    step_major::step_major,
};

/// A recurrent network, with a latent at each step, with one for the whole sequence, or without.
///
/// - prior (equation 5): z_t ~ N(mu_0, sigma_0^2), both of phi_prior(h_{t-1});
/// - generation (equation 6): x_t from phi_dec(phi_z(z_t), h_{t-1});
/// - recurrence (equation 7): h_t = f(phi_x(x_t), phi_z(z_t), h_{t-1});
/// - inference (equation 9): z_t ~ N(mu_z, sigma_z^2), both of phi_enc(phi_x(x_t), h_{t-1}).
#[derive(Module, Debug)]
pub struct Model<B: Backend> {
    /// phi_x.
    pub(crate) input: Mlp<B>,
    /// The networks of z_t; none in the baseline.
    latent: Option<Latent<B>>,
    /// The networks of one z for the whole sequence.
    pub(crate) sentence: Option<Sentence<B>>,
    /// f.
    pub(crate) recurrence: Recurrent<B>,
    /// phi_dec without its last layer.
    pub(crate) decoder: Mlp<B>,
    /// The last layer of phi_dec, and the distribution of a step.
    pub(crate) output: Output<B>,
}

/// z_t.
#[derive(Module, Debug)]
struct Latent<B: Backend> {
    /// phi_enc.
    posterior: GaussianMlp<B>,
    /// phi_prior; none with the prior N(0, I).
    prior: Option<GaussianMlp<B>>,
    /// phi_z.
    features: Mlp<B>,
}

/// All steps of an unrolled model, step-major: row `t * sequences + i` is step t of sequence i.
pub struct Unrolled<B: Backend> {
    /// Input of phi_dec: phi_z(z_t) and h_{t-1}.
    context: Tensor<B, 2>,
    /// h_{t-1}.
    before: Tensor<B, 2>,
    /// q(z_t | x_t, before).
    posterior: Option<DiagonalGaussian<B>>,
}

impl<B: Backend> Model<B> {
    /// A model with fresh weights for steps as wide as `shape`.
    pub fn new(config: &ModelConfig, shape: PixelShape, noise: Noise, device: &B::Device) -> Self {
        let mut init = Initialiser::new(config.init, noise, device);
        let init = &mut init;
        let (width, hidden, activation) = (shape.width, config.hidden, config.activation);
        let features = &config.features[..];
        let top = |inputs: usize| features.last().copied().unwrap_or(inputs);
        let gaussian = |inputs: usize, init: &mut Initialiser<'_, B>| {
            GaussianMlp::new(inputs, features, config.latent, activation, init)
        };
        let input = Mlp::new(width, features, activation, init);
        let has_steps = matches!(config.kind, Kind::Vrnn | Kind::VrnnI);
        let latent = has_steps.then(|| Latent {
            posterior: gaussian(top(width) + hidden, init),
            prior: (config.kind == Kind::Vrnn).then(|| gaussian(hidden, init)),
            features: Mlp::new(config.latent, features, activation, init),
        });
        let drawn = if config.kind == Kind::Rnn { 0 } else { top(config.latent) };
        let context = drawn + hidden;
        let recurrence = Recurrent::new(config.cell, top(width) + drawn, hidden, init);
        let decoder = Mlp::new(context, features, activation, init);
        let output = Output::new(config.output, top(context), width, init);
        let sentence = (config.kind == Kind::Sentence).then(|| {
            Sentence::new(config, top(width), recurrence.state_width(), shape.height, init)
        });
        Self { input, latent, sentence, recurrence, decoder, output }
    }

    /// The decoder over sequences x `[sequences, steps * width]`, given z `[sequences, latents]`. It sees the
    /// steps of `seen`, which is x or hides some of them as zeros.
    pub(crate) fn decode_all(
        &self,
        sentence: &Sentence<B>,
        x: &Tensor<B, 2>,
        seen: &Tensor<B, 2>,
        z: Tensor<B, 2>,
    ) -> StepTerms<B> {
        let width = self.output.width();
        let steps = x.dims()[1] / width;
        let features = sentence.features(z); // [sequences, features]
        let first = sentence.first(features.clone()); // [sequences, state]
        let states = if steps > 1 {
            // No state follows the last step. phi_x(x_t), [(steps - 1) * sequences, features]
            let seen = seen.clone().narrow(1, 0, (steps - 1) * width);
            let input = self.input.forward(step_major(&seen, width));
            let input = join(repeat_rows(features.clone(), steps - 1), input);
            self.recurrence.unroll(input, first)
        } else {
            first
        };
        let h = self.recurrence.output(&states); // [steps * sequences, hidden]
        let context = join(repeat_rows(features, steps), h); // [steps * sequences, features + hidden]
        let hidden = self.decoder.forward(context); // [steps * sequences, features]
        let reconstruction = self.output.log_prob(hidden, step_major(x, width)).neg();
        StepTerms { reconstruction, kl_per_latent: None }
    }

    /// Follows sequences x `[sequences, steps * width]` with z_t drawn from its posterior by `eps`
    /// `[sequences, steps * latents]`. No gradient flows back over the borders between `truncate` steps.
    pub fn unroll(
        &self,
        x: &Tensor<B, 2>,
        eps: &Tensor<B, 2>,
        truncate: Option<usize>,
    ) -> Unrolled<B> {
        match &self.latent {
            None => self.unroll_known(x, truncate),
            Some(latent) => self.unroll_drawn(latent, x, eps, truncate),
        }
    }

    /// Without latents all inputs of the recurrence are known beforehand.
    fn unroll_known(&self, x: &Tensor<B, 2>, truncate: Option<usize>) -> Unrolled<B> {
        let [sequences, columns] = x.dims();
        let width = self.output.width();
        let steps = columns / width;
        let mut state = self.recurrence.start(sequences); // [sequences, state]
        let mut states = Vec::new();
        let stretch = truncate.unwrap_or(steps).max(1);
        for first in (0..steps).step_by(stretch) {
            let here = stretch.min(steps - first);
            let is_last = first + here == steps;
            // No state follows the last step.
            let inputs = if is_last { here - 1 } else { here };
            let found = if inputs > 0 {
                let x = x.clone().narrow(1, first * width, inputs * width);
                let input = self.input.forward(step_major(&x, width)); // [inputs * sequences, features]
                self.recurrence.unroll(input, state.clone())
            } else {
                state.clone()
            }; // [(inputs + 1) * sequences, state]
            if is_last {
                states.push(found);
            } else {
                state = found.clone().narrow(0, here * sequences, sequences).detach();
                states.push(found.narrow(0, 0, here * sequences));
            }
        }
        let before = self.recurrence.output(&Tensor::cat(states, 0)); // [steps * sequences, hidden]
        Unrolled { context: before.clone(), before, posterior: None }
    }

    /// With a latent at each step.
    fn unroll_drawn(
        &self,
        latent: &Latent<B>,
        x: &Tensor<B, 2>,
        eps: &Tensor<B, 2>,
        truncate: Option<usize>,
    ) -> Unrolled<B> {
        let [sequences, columns] = x.dims();
        let (width, latents) = (self.output.width(), self.step_latents());
        let steps = columns / width;
        let mut state = self.recurrence.start(sequences); // [sequences, state]
        let mut contexts = Vec::with_capacity(steps);
        let (mut before, mut means, mut log_vars) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..steps {
            if truncate.is_some_and(|border| step > 0 && step.is_multiple_of(border)) {
                state = state.detach();
            }
            let h = self.recurrence.output(&state); // [sequences, hidden]
            // phi_x(x_t), [sequences, features]
            let input = self.input.forward(x.clone().narrow(1, step * width, width));
            // q(z_t | x_t, before), mean and log-variance [sequences, latents]
            let posterior = latent.posterior.forward(join(input.clone(), h.clone()));
            let eps = eps.clone().narrow(1, step * latents, latents); // [sequences, latents]
            let z = posterior.reparameterise(eps); // [sequences, latents]
            let features = latent.features.forward(z); // phi_z(z_t), [sequences, features]
            means.push(posterior.mean);
            log_vars.push(posterior.log_var);
            contexts.push(join(features.clone(), h.clone())); // [sequences, features + hidden]
            before.push(h);
            state = self.recurrence.step(join(features, input), state); // [sequences, state]
        }
        // Step-major: [steps * sequences, latents].
        let posterior =
            DiagonalGaussian { mean: Tensor::cat(means, 0), log_var: Tensor::cat(log_vars, 0) };
        Unrolled {
            context: Tensor::cat(contexts, 0),
            before: Tensor::cat(before, 0),
            posterior: Some(posterior),
        }
    }

    /// The terms of -ELBO of an unrolled model for the prediction target x.
    pub fn terms(&self, unrolled: Unrolled<B>, x: &Tensor<B, 2>) -> StepTerms<B> {
        let Unrolled { context, before, posterior } = unrolled;
        let x = step_major(x, self.output.width()); // [steps * sequences, width]
        // [steps * sequences]
        let reconstruction = self.output.log_prob(self.decoder.forward(context), x).neg();
        // [steps * sequences, latents]
        let kl_per_latent = posterior.map(|posterior| match self.prior(before) {
            Some(prior) => posterior.kl_to(&prior),
            None => posterior.kl_per_latent(),
        });
        StepTerms { reconstruction, kl_per_latent }
    }

    /// [`Sequential::weigh`] of a step of which posterior and recurrence have `seen` this.
    pub(crate) fn weigh_seen(
        &self,
        state: Tensor<B, 2>,
        seen: Tensor<B, 2>,
        x: Tensor<B, 2>,
        eps: Tensor<B, 2>,
    ) -> (Tensor<B, 1>, Tensor<B, 2>) {
        let h = self.recurrence.output(&state); // [rows, hidden]
        let input = self.input.forward(seen); // [rows, features]
        let (drawn, distance) = match &self.latent {
            None => (None, None),
            Some(latent) => {
                let posterior = latent.posterior.forward(join(input.clone(), h.clone()));
                let z = posterior.reparameterise(eps.clone()); // [rows, latents]
                // log p(z) - log q(z|x), [rows]: the constants cancel, and (z - mu) / sigma is eps.
                let log_prior = match self.prior(h.clone()) {
                    Some(prior) => prior.log_density(z.clone()),
                    None => row_sums(z.clone().square()).mul_scalar(-0.5),
                };
                let log_posterior = row_sums(eps.square() + posterior.log_var).mul_scalar(-0.5);
                (Some(latent.features.forward(z)), Some(log_prior - log_posterior))
            }
        };
        let hidden = self.decoder.forward(joined(drawn.clone(), h)); // [rows, features]
        let mut log_weight = self.output.log_prob(hidden, x); // [rows]
        if let Some(distance) = distance {
            log_weight = log_weight + distance;
        }
        (log_weight, self.recurrence.step(joined(drawn, input), state))
    }

    /// p(z_t | h_{t-1}) where it is not N(0, I).
    fn prior(&self, h: Tensor<B, 2>) -> Option<DiagonalGaussian<B>> {
        self.latent.as_ref()?.prior.as_ref().map(|prior| prior.forward(h))
    }
}

/// `[drawn, other]`, or `other` alone without latents.
fn joined<B: Backend>(drawn: Option<Tensor<B, 2>>, other: Tensor<B, 2>) -> Tensor<B, 2> {
    match drawn {
        Some(drawn) => join(drawn, other),
        None => other,
    }
}

impl<B: Backend> Sequential<B> for Model<B> {
    fn step_width(&self) -> usize {
        self.output.width()
    }

    fn step_latents(&self) -> usize {
        self.latent.as_ref().map_or(0, |latent| latent.posterior.outputs())
    }

    fn start(&self, rows: usize) -> Tensor<B, 2> {
        self.recurrence.start(rows)
    }

    fn weigh(
        &self,
        state: Tensor<B, 2>,
        x: Tensor<B, 2>,
        eps: Tensor<B, 2>,
    ) -> (Tensor<B, 1>, Tensor<B, 2>) {
        self.weigh_seen(state, x.clone(), x, eps)
    }

    fn terms_by_step(&self, x: Tensor<B, 2>, eps: Tensor<B, 2>) -> StepTerms<B> {
        self.terms(self.unroll(&x, &eps, None), &x)
    }

    fn draw(
        &self,
        state: &Tensor<B, 2>,
        eps: Tensor<B, 2>,
        generators: &mut [ChaCha8Rng],
        temperature: f32,
    ) -> Drawn<B> {
        let h = self.recurrence.output(state); // [rows, hidden]
        let drawn = self.latent.as_ref().map(|latent| {
            // [rows, latents]
            let z = match self.prior(h.clone()) {
                Some(prior) => prior.reparameterise(eps),
                None => eps,
            };
            latent.features.forward(z) // [rows, features]
        });
        let hidden = self.decoder.forward(joined(drawn.clone(), h)); // [rows, features]
        let x = self.output.draw(hidden, generators, temperature); // [rows, width]
        let input = self.input.forward(x.clone()); // [rows, features]
        Drawn { x, state: self.recurrence.step(joined(drawn, input), state.clone()) }
    }
}

impl<B: Backend> Autoencoder<B> for Model<B> {
    fn input_dim(&self) -> usize {
        self.output.width()
    }

    fn latent_dim(&self) -> usize {
        self.sentence.as_ref().map_or(self.step_latents(), Sentence::latents)
    }

    /// The posterior of a code of the whole sequence, as if all columns were steps of it. Otherwise the mean
    /// over the steps of the posteriors' means: a summary, for maps; of the baseline nothing.
    fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
        let [sequences, columns] = x.dims();
        if self.sentence.is_some() {
            let steps = vec![columns / self.output.width(); sequences];
            return Posterior::Gaussian(SequenceCode::posterior(self, x, &steps));
        }
        let (steps, latents) = (columns / self.output.width(), self.step_latents());
        let device = x.device();
        let posterior = self.latent.as_ref().and_then(|_| {
            let eps = Tensor::zeros([sequences, steps * latents], &device);
            self.unroll(&x, &eps, None).posterior
        });
        Posterior::Point(match posterior {
            None => matrix(Vec::new(), [sequences, 0], &device),
            Some(posterior) => {
                // The posterior's mean is [steps * sequences, latents], step-major.
                let by_step = posterior.mean.reshape([steps, sequences, latents]);
                by_step.mean_dim(0).reshape([sequences, latents])
            }
        })
    }

    /// The first step, with z as its latent.
    fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
        let state = Sequential::start(self, z.dims()[0]); // [rows, state]
        let h = self.recurrence.output(&state); // [rows, hidden]
        // phi_z(z), [rows, features]
        let drawn = self.latent.as_ref().map(|latent| latent.features.forward(z));
        // [rows, width]
        let mean = self.output.mean(self.decoder.forward(joined(drawn, h)));
        let log_var = mean.zeros_like();
        Likelihood::Gaussian { mean, log_var }
    }

    fn has_bound(&self) -> bool {
        false
    }

    fn sequential(&self) -> Option<&dyn Sequential<B>> {
        self.sentence.is_none().then_some(self)
    }

    fn sequence_code(&self) -> Option<&dyn SequenceCode<B>> {
        self.sentence.is_some().then_some(self)
    }

    fn steps(&self) -> Result<Steps, String> {
        let features_and_state = vec![Input::Image, Input::Condition];
        let latents = match (&self.latent, &self.sentence) {
            (Some(latent), _) => Latents::Step(StepLatent {
                posterior: Coder::gaussian(features_and_state, Vec::new(), &latent.posterior),
                prior: latent
                    .prior
                    .as_ref()
                    .map(|prior| Coder::gaussian(vec![Input::Condition], Vec::new(), prior)),
                features: layers_of(&latent.features),
            }),
            (None, Some(sentence)) => Latents::Whole(sentence.layers()),
            (None, None) => Latents::None,
        };
        Ok(Steps {
            width: self.output.width(),
            input: layers_of(&self.input),
            latents,
            recurrence: (&self.recurrence).into(),
            decoder: layers_of(&self.decoder),
            output: vec![self.output.layer()],
            distribution: self.output.distribution(),
        })
    }
}
