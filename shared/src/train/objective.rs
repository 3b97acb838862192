use std::sync::OnceLock;

use burn::tensor::Tensor;

use crate::{backend::Backend, data::Batch};

/// Position in the run, on which schedules of the objective depend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Epochs done, including the fraction of the current one.
    pub epochs: f64,
}

impl Moment {
    /// A weight that rises linearly from `from` to 1 over this many epochs, and then stays at 1.
    pub fn warmed_up(self, from: f64, epochs: f64) -> f64 {
        if self.epochs >= epochs {
            return 1.0;
        }
        from + (1.0 - from) * self.epochs / epochs
    }
}

/// The loss of a batch and its parts, in nats per example, `[examples]` each.
pub struct Terms<B: Backend> {
    /// The parts, by name: reconstruction, kl, ...
    pub named: Vec<(&'static str, Tensor<B, 1>)>,
    /// The minimised value, a function of the parts that the objective documents.
    pub loss: Tensor<B, 1>,
}

/// Prefix of the terms of single latents.
pub(super) const PER_LATENT: &str = "kl_z";

/// Latents whose KL has a name.
pub const MOST_LATENTS: usize = 1024;

/// Name of the KL of one latent, written to `metrics.jsonl` but not printed.
///
/// # Panics
/// From latent [`MOST_LATENTS`] on.
pub fn latent_term(latent: usize) -> &'static str {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    &NAMES.get_or_init(|| (0..MOST_LATENTS).map(|latent| format!("{PER_LATENT}{latent}")).collect())
        [latent]
}

/// A training objective, the same in training and in validation.
///
/// ```
/// use burn::tensor::Tensor;
/// use shared::{
///     Backend,
///     backend::Flex,
///     data::{Batch, BatchMaker, Binarise, ExampleSet, PixelShape},
///     likelihood::Likelihood,
///     noise::Noise,
///     train::{Moment, Objective, Terms},
/// };
///
/// /// -log p(x) per example, for a model that is nothing but a distribution of pixels.
/// struct NegativeLogLikelihood;
///
/// impl<B: Backend> Objective<B, Likelihood<B>> for NegativeLogLikelihood {
///     fn terms(&self, model: &Likelihood<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
///         let loss = model.log_prob(batch.x.clone()).neg(); // [examples], nats
///         Terms { named: vec![("nll", loss.clone())], loss }
///     }
/// }
///
/// let shape = PixelShape::grey(1, 2);
/// let images = ExampleSet::images(shape, vec![0, 255, 255, 255], vec![0, 1], false);
/// let device = Default::default();
/// let maker =
///     BatchMaker::<Flex>::new(images.into(), Binarise::Threshold, Noise::new(1), device);
/// let model = Likelihood::Bernoulli { logits: Tensor::zeros([2, 2], &device) };
/// let batch = maker.batch(&[0, 1], 1); // both images, epoch 1
/// let terms = NegativeLogLikelihood.terms(&model, &batch, Moment { epochs: 0.5 });
/// let mean = terms.loss.mean().into_scalar();
/// assert!((mean - 2.0 * 2f32.ln()).abs() < 1e-6); // two pixels, log 2 each
/// ```
pub trait Objective<B: Backend, M> {
    /// The terms of a batch.
    fn terms(&self, model: &M, batch: &Batch<B>, at: Moment) -> Terms<B>;

    /// The term whose validation mean selects the best epoch; by default the loss.
    fn criterion(&self) -> &'static str {
        "loss"
    }

    /// True if the mean loss depends on the size of the batch, because an example is compared with the others of it;
    /// validation then has batches of the training's size, else its objective would be another. Batch normalisation
    /// does not count: validation normalises by its own batches.
    fn depends_on_batch(&self, _model: &M) -> bool {
        false
    }

    /// False while a warm-up still changes the objective: values of such epochs are not comparable,
    /// so none of them is selected as the best.
    fn is_settled(&self, _model: &M, _at: Moment) -> bool {
        true
    }
}
