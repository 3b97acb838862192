//! The few images whose label is known.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use shared::{
    Backend,
    classifier::classification,
    data::{Batch, Binarise, ClassNames, Split},
    metrics::balanced_subset,
    noise::Noise,
};

use crate::config::LabelsConfig;

/// The labelled images of a training split, an equal share of every class.
///
/// The draw depends on the seed alone, is the same for every model, and is a part of each larger draw.
#[derive(Clone, Debug)]
pub struct Labelled {
    split: Split,
    known: Vec<usize>,
    batch: usize,
    classes: usize,
    binarise: Binarise,
}

/// What the labels cost, `[examples]`.
pub struct LabelTerms<B: Backend> {
    /// -log p(label|x), nats.
    pub label: Tensor<B, 1>,
    /// 1 where another class is likelier, 0 elsewhere.
    pub error: Tensor<B, 1>,
}

impl Labelled {
    /// The labels of `config` among the images of `split`.
    pub fn new(config: LabelsConfig, split: &Split, binarise: Binarise, noise: Noise) -> Self {
        let known = balanced_subset(&split.labels(), config.count, noise);
        let LabelsConfig { batch, classes, .. } = config;
        Self { split: split.clone(), known, batch, classes, binarise }
    }

    /// Indices of the labelled images in their split.
    pub fn known(&self) -> &[usize] {
        &self.known
    }

    /// What to tell where a class has too few images for its share.
    pub fn unequal(&self, names: &ClassNames) -> Option<String> {
        let mut sizes = [0; 256];
        self.known.iter().for_each(|&image| sizes[usize::from(self.split.label(image))] += 1);
        let classes = self.split.labels().into_iter().collect::<BTreeSet<u8>>();
        let size = |&class: &u8| sizes[usize::from(class)];
        let (few, many) =
            (*classes.iter().min_by_key(|class| size(class))?, classes.iter().map(size).max()?);
        (size(&few) + 1 < many).then(|| {
            format!(
                "[labels] count = {}: the training images have {} of class '{}', so classes have up to {many} labels",
                self.known.len(),
                size(&few),
                names.name(few)
            )
        })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The share of the training images that is labelled.
    pub fn share(&self) -> f64 {
        self.known.len() as f64 / self.split.len().max(1) as f64
    }

    /// The labelled images of the step that `batch` is for. In validation, where all labels are shown, they are
    /// the batch itself.
    pub fn draw<B: Backend>(&self, batch: &Batch<B>) -> Batch<B> {
        if batch.is_validation() {
            batch.clone()
        } else {
            batch.beside(&self.split, self.binarise, &self.known, self.batch)
        }
    }

    /// The terms of log p(class|x) `[labelled, classes]`, for each example of `batch`: its own in validation, the
    /// mean over the labelled images in training.
    pub fn terms<B: Backend>(
        &self,
        log_p: Tensor<B, 2>,
        labelled: &Batch<B>,
        batch: &Batch<B>,
    ) -> LabelTerms<B> {
        let [label, error] = classification(log_p, labelled.one_hot(self.classes));
        LabelTerms { label: spread(label, batch), error: spread(error, batch) }
    }
}

/// In validation the values themselves, in training their mean for each example of the batch.
pub fn spread<B: Backend>(values: Tensor<B, 1>, batch: &Batch<B>) -> Tensor<B, 1> {
    if batch.is_validation() { values } else { values.mean().expand([batch.len()]) }
}
