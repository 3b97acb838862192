use ndarray::Array2;

use super::Estimate;

/// Fraction of examples whose likeliest class is not their label, from log p(class|x)
/// `[examples, classes]`.
pub fn classification_error(log_classes: &Array2<f32>, labels: &[u8]) -> Estimate {
    let wrong: Vec<f64> = log_classes
        .rows()
        .into_iter()
        .zip(labels)
        .map(|(row, &label)| {
            let likeliest = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            f64::from(likeliest.is_none_or(|(class, _)| class != usize::from(label)))
        })
        .collect();
    Estimate::of(&wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_four_are_wrong() {
        let log_p = ndarray::arr2(&[[0.0, -1.0], [-2.0, -1.0], [-0.5, -0.7], [-0.7, -0.5]]);
        let error = classification_error(&log_p, &[0, 0, 1, 1]);
        assert_eq!((error.mean, error.examples), (0.5, 4));
    }
}
