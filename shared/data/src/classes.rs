//! The number of classes of a data set, and models configured for fewer.

use super::{ClassNames, Splits};

impl Splits {
    /// True if the training split has examples of at least two classes.
    pub fn has_classes(&self) -> bool {
        let labels = self.train.labels();
        labels.iter().any(|label| *label != labels[0])
    }

    /// Classes over all three splits: one more than the greatest label; 0 without examples.
    pub fn classes(&self) -> usize {
        let greatest = |split: &super::Split| split.labels().into_iter().max();
        let splits = [&self.train, &self.valid, &self.test];
        splits.into_iter().filter_map(greatest).max().map_or(0, |label| usize::from(label) + 1)
    }
}

/// Why what `option` configures cannot be learned from these data, if they are without classes.
pub fn without_classes(option: &str, data: &Splits) -> Option<String> {
    (!data.has_classes()).then(|| format!("{option}: the training images are all of one class"))
}

/// Why the classes of these data are not among those of a model with `classes`, the value of this key, if they are not:
/// there are more, and an example beyond would belong to none, or the examples have none.
pub fn foreign_classes(key: &str, classes: usize, data: &Splits) -> Option<String> {
    if ClassNames::of_data(data).are_unknown() {
        return Some(format!("{key} = {classes}: these examples have no classes"));
    }
    let found = data.classes();
    (found > classes)
        .then(|| format!("{key} = {classes}: the data have {found} classes, --set {key}={found}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binarise, DataConfig, FetchOptions, IMAGE_SOURCES, load};

    #[test]
    fn classes_are_counted_over_all_splits_and_too_few_are_refused() {
        let config = DataConfig::new("segments", Binarise::None);
        let options = FetchOptions::from_env(None);
        let data = load(IMAGE_SOURCES, &config, &options, None).unwrap();
        assert_eq!(data.classes(), 10);
        assert_eq!(foreign_classes("classes", 10, &data), None);
        let said = foreign_classes("model.classes", 2, &data).unwrap();
        assert_eq!(said, "model.classes = 2: the data have 10 classes, --set model.classes=10");
        // One that only the test split has counts too.
        let train = data.train.take(1);
        assert_eq!(Splits { valid: train.clone(), train, ..data }.classes(), 10);
    }
}
