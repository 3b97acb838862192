//! The objective of M2 (Kingma et al. 2014, equations 8 and 9), divided by the number N of training images:
//!
//! ```text
//! J / N = U(x) + w L(x, y) + alpha / N (-log q(y|x))
//! ```
//!
//! The first term is of an unlabelled image, the others are means over labelled ones. In the paper w is the share of
//! the images that is labelled, and alpha = 0.1 N.

use burn::tensor::Tensor;
use shared::{
    Backend,
    data::Batch,
    train::{self, Moment, Terms},
};

use crate::{
    config::M2Config,
    labels::{LabelTerms, Labelled, spread},
    m2::{M2, UnlabelledTerms},
    stacked::Stacked,
};

/// The bounds of M2 on pixels.
#[derive(Clone, Debug)]
pub struct M2Objective {
    labelled: Labelled,
    /// Of the labelled images' mean L(x, y).
    weight: f64,
    /// alpha / N.
    alpha: f64,
}

/// The same on codes of a fixed M1.
#[derive(Clone, Debug)]
pub struct StackedObjective(pub M2Objective);

impl M2Objective {
    /// The configured objective with these labelled images.
    pub fn new(config: &M2Config, labelled: Labelled) -> Self {
        let weight = config.labelled.unwrap_or_else(|| labelled.share());
        Self { labelled, weight, alpha: config.alpha }
    }

    /// The terms of `model` for a batch and the labelled images of the step; `inputs` gives the x of each.
    fn terms_of<B: Backend>(
        &self,
        model: &M2<B>,
        batch: &Batch<B>,
        inputs: impl Fn(&Batch<B>) -> Tensor<B, 2>,
    ) -> Terms<B> {
        let (classes, latents) = (model.class_count(), model.latents());
        let labelled = self.labelled.draw(batch);
        let eps = batch.eps(classes, latents); // [classes * examples, latent]
        let UnlabelledTerms { bound, entropy } = model.unlabelled(inputs(batch), eps);
        let x = inputs(&labelled);
        let LabelTerms { label, error } =
            self.labelled.terms(model.log_q(x.clone()), &labelled, batch);
        let y = labelled.one_hot(classes);
        let known = spread(model.labelled(x, y, labelled.eps(1, latents)), batch);
        let loss = bound.clone()
            + known.clone().mul_scalar(self.weight)
            + label.clone().mul_scalar(self.alpha);
        let named = vec![
            ("unlabelled", bound),
            ("labelled", known),
            ("entropy", entropy),
            ("label", label),
            ("label_error", error),
        ];
        Terms { named, loss }
    }
}

impl<B: Backend> train::Objective<B, M2<B>> for M2Objective {
    fn terms(&self, model: &M2<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        self.terms_of(model, batch, |batch| batch.x.clone())
    }
}

impl<B: Backend> train::Objective<B, Stacked<B>> for StackedObjective {
    fn terms(&self, model: &Stacked<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        self.0.terms_of(&model.upper, batch, |batch| model.codes(batch))
    }
}
