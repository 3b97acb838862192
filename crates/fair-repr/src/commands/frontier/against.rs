//! Candidates against the reduction: what accuracy it has where they are.

use super::Decisions;

/// The accuracy that decisions by a reduction have at no more than this discrimination: the best of its points, and of
/// draws between two of them, whose accuracy and discrimination are the averages of theirs (a signed gap averages to no
/// more). Deciding alike for everybody, right for the `majority`, is one of the points.
pub(super) fn accuracy_within(points: &[Decisions], majority: f64, discrimination: f64) -> f64 {
    let nobody_is_told_apart = Decisions { accuracy: majority, discrimination: 0.0 };
    let all = || points.iter().chain([&nobody_is_told_apart]);
    let within = all().filter(|point| point.discrimination <= discrimination);
    let mut best = within.clone().map(|point| point.accuracy).fold(majority, f64::max);
    for fair in within {
        for other in all().filter(|point| point.discrimination > discrimination) {
            let share = (discrimination - fair.discrimination)
                / (other.discrimination - fair.discrimination);
            best = best.max(fair.accuracy + share * (other.accuracy - fair.accuracy));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_between_two_points_lie_on_the_line_between_them() {
        let points = [(0.8, 0.01), (0.9, 0.21), (0.7, 0.05)]
            .map(|(accuracy, discrimination)| Decisions { accuracy, discrimination });
        let at = |discrimination| accuracy_within(&points, 0.6, discrimination);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(at(0.0), 0.6);
        close(at(0.005), 0.7);
        close(at(0.01), 0.8);
        close(at(0.11), 0.85);
        // A point below the line is of no use, and beyond the last nothing is gained.
        close(at(0.05), 0.82);
        close(at(0.5), 0.9);
        close(accuracy_within(&[], 0.6, 0.1), 0.6);
    }
}
