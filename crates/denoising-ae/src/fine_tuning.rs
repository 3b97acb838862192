//! Supervised fine-tuning of the whole network (Vincent et al. 2010, section 3.5).

use shared::{
    Backend,
    classifier::classification,
    data::Batch,
    train::{self, Moment, Terms},
};

use crate::model::Classifier;

/// -log p(class|x), nats; the epoch with the fewest validation errors is kept.
#[derive(Clone, Copy, Debug)]
pub struct ClassificationObjective {
    /// Number of classes.
    pub classes: usize,
}

impl<B: Backend> train::Objective<B, Classifier<B>> for ClassificationObjective {
    fn terms(&self, model: &Classifier<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
        let log_p = model.log_p_class(batch.x.clone());
        let [loss, error] = classification(log_p, batch.one_hot(self.classes));
        Terms { named: vec![("error", error)], loss }
    }

    fn criterion(&self) -> &'static str {
        "error"
    }
}
