use ndarray::ArrayView2;

use shared::metrics::nearest;

/// Predictions of yes or no, with what they are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Predictions<'a> {
    /// p(yes) of each person, in [0, 1].
    pub probabilities: &'a [f64],
    /// 1 where the truth is yes.
    pub targets: &'a [u8],
    /// 1 for members of the sensitive group.
    pub groups: &'a [u8],
}

/// How fair predictions are; every gap is a distance of two shares, 0 at best and 1 at worst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fairness {
    /// Share of people predicted rightly, at one half.
    pub accuracy: f64,
    /// Share of people expected to be decided rightly if each decision is drawn with p(yes), 1 - E|y - p(yes)|
    /// (Zemel et al. 2013, yAcc): the accuracy of the decisions whose gap is `discrimination`.
    pub accuracy_expected: f64,
    /// Share of the larger class of the target: what predicting it for everybody reaches.
    pub majority: f64,
    /// Share of the larger group: what guessing it for everybody reaches when groups are probed.
    pub group_majority: f64,
    /// |E[p(yes) | s = 1] - E[p(yes) | s = 0]| (Zemel et al. 2013, yDiscrim).
    pub discrimination: f64,
    /// What that gap is on average when the same predictions are dealt out to people at random: with
    /// few people no smaller one can be told from none.
    pub discrimination_by_chance: f64,
    /// The same of the predictions at one half: the gap of demographic parity.
    pub discrimination_thresholded: f64,
    /// Gap of the share predicted yes among those whose truth is yes (Hardt et al. 2016).
    pub equal_opportunity_gap: f64,
    /// The larger of that gap and of the same among those whose truth is no (equalised odds).
    pub equalised_odds_gap: f64,
}

/// Why predictions cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FairnessError {
    /// Not one probability, target and group for each person.
    #[error(
        "{probabilities} predictions, {targets} targets and {groups} groups: there must be one of each per \
         person"
    )]
    Lengths {
        /// Number of predictions.
        probabilities: usize,
        /// Number of targets.
        targets: usize,
        /// Number of groups.
        groups: usize,
    },
    /// A prediction that is not a probability.
    #[error("prediction {index} is {value}: probabilities lie in [0, 1]")]
    NoProbability {
        /// Its place, from 0.
        index: usize,
        /// Its value, as text.
        value: String,
    },
    /// A share of nobody.
    #[error("there is nobody with {0}: a gap has no meaning")]
    Nobody(&'static str),
}

impl Predictions<'_> {
    /// Judges the predictions.
    ///
    /// # Errors
    /// Numbers that do not belong together, and a group or a class of a group without members.
    pub fn fairness(&self) -> Result<Fairness, FairnessError> {
        let Self { probabilities, targets, groups } = *self;
        if probabilities.len() != targets.len() || targets.len() != groups.len() {
            return Err(FairnessError::Lengths {
                probabilities: probabilities.len(),
                targets: targets.len(),
                groups: groups.len(),
            });
        }
        let bad = probabilities.iter().position(|p| !(0.0..=1.0).contains(p));
        if let Some(index) = bad {
            let value = probabilities[index].to_string();
            return Err(FairnessError::NoProbability { index, value });
        }
        let is_yes = |person: usize| f64::from(u8::from(probabilities[person] >= 0.5));
        let mean = |of: &dyn Fn(usize) -> f64, whom: &dyn Fn(usize) -> bool, what: &'static str| {
            let chosen: Vec<usize> = (0..targets.len()).filter(|&person| whom(person)).collect();
            if chosen.is_empty() {
                return Err(FairnessError::Nobody(what));
            }
            Ok(chosen.iter().map(|&person| of(person)).sum::<f64>() / chosen.len() as f64)
        };
        let gap = |of: &dyn Fn(usize) -> f64| {
            let of_group = |s: u8, what| mean(of, &|person| groups[person] == s, what);
            Ok::<_, FairnessError>((of_group(1, "s = 1")? - of_group(0, "s = 0")?).abs())
        };
        let gap_of_class = |y: u8, names: [&'static str; 2]| {
            let of_group = |s: u8| {
                let whom = |person: usize| groups[person] == s && targets[person] == y;
                mean(&is_yes, &whom, names[usize::from(s)])
            };
            Ok::<_, FairnessError>((of_group(1)? - of_group(0)?).abs())
        };
        let opportunity = gap_of_class(1, ["s = 0 and y = 1", "s = 1 and y = 1"])?;
        let other = gap_of_class(0, ["s = 0 and y = 0", "s = 1 and y = 0"])?;
        let everybody = |_: usize| true;
        let is_right =
            |person: usize| f64::from(u8::from(is_yes(person) == f64::from(targets[person])));
        let probability = |person: usize| probabilities[person];
        let is_drawn_right = |person: usize| {
            if targets[person] == 1 { probability(person) } else { 1.0 - probability(person) }
        };
        let centre = mean(&probability, &everybody, "a prediction")?;
        let squares =
            mean(&|person| (probability(person) - centre).powi(2), &everybody, "a prediction")?;
        let people = targets.len() as f64;
        let members = groups.iter().filter(|s| **s == 1).count() as f64;
        // Variance of the gap over permutations, and the mean distance of a Gaussian from 0.
        let variance =
            squares * people / (people - 1.0).max(1.0) * (1.0 / members + 1.0 / (people - members));
        Ok(Fairness {
            accuracy: mean(&is_right, &everybody, "a prediction")?,
            accuracy_expected: mean(&is_drawn_right, &everybody, "a prediction")?,
            majority: majority(targets),
            group_majority: majority(groups),
            discrimination: gap(&probability)?,
            discrimination_by_chance: (variance * 2.0 / std::f64::consts::PI).sqrt(),
            discrimination_thresholded: gap(&is_yes)?,
            equal_opportunity_gap: opportunity,
            equalised_odds_gap: opportunity.max(other),
        })
    }
}

/// Share of the larger of two classes; 0 of nobody.
pub fn majority(labels: &[u8]) -> f64 {
    let ones = labels.iter().filter(|label| **label == 1).count();
    ones.max(labels.len() - ones) as f64 / labels.len().max(1) as f64
}

/// Whether a person is a neighbour of itself when consistency is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnNeighbour {
    /// It is the nearest of its k neighbours: what AIF360 computes, and larger.
    Counted,
    /// It is left out: k others.
    LeftOut,
}

impl OwnNeighbour {
    /// Both, as they are told one after the other.
    pub const BOTH: [Self; 2] = [Self::LeftOut, Self::Counted];

    /// The name of this consistency among the metrics, and what sets it apart from the other.
    pub fn metric(self) -> (&'static str, &'static str) {
        match self {
            Self::LeftOut => ("consistency", "not counting oneself"),
            Self::Counted => ("consistency_with_self", "oneself counted, as AIF360 does"),
        }
    }
}

/// The people nearest to each.
pub struct Neighbours {
    k: usize,
    /// One more than k, in case a person is its own.
    nearest: Vec<Vec<usize>>,
}

impl Neighbours {
    /// The `k` nearest by Euclidean distance of `features` `[people, features]`, those before
    /// treatment.
    pub fn of(features: ArrayView2<'_, f32>, k: usize) -> Self {
        Self { k, nearest: nearest(features, features, k.saturating_add(1)) }
    }

    /// 1 - mean over people of |prediction - mean prediction of their neighbours| (Zemel et al. 2013,
    /// yNN). The paper prints 1 - 1/(N k) sum_n |y_n - sum_j y_j|, where the mean of the neighbours is meant and 1/k
    /// belongs to the inner sum, as in AIF360.
    pub fn consistency(&self, predictions: &[f64], own: OwnNeighbour) -> f64 {
        let distance = |(person, nearest): (usize, &Vec<usize>)| {
            let mut neighbours = nearest.clone();
            if own == OwnNeighbour::Counted {
                neighbours.truncate(self.k);
            }
            match (own, neighbours.iter().position(|&neighbour| neighbour == person)) {
                (OwnNeighbour::LeftOut, Some(place)) => {
                    neighbours.remove(place);
                }
                // Identical rows may replace each other.
                (OwnNeighbour::Counted, None) => {
                    neighbours.pop();
                    neighbours.push(person);
                }
                _ => {}
            }
            neighbours.truncate(self.k);
            let count = neighbours.len().max(1) as f64;
            let mean = neighbours.iter().map(|&j| predictions[j]).sum::<f64>() / count;
            (predictions[person] - mean).abs()
        };
        let total: f64 = self.nearest.iter().enumerate().map(distance).sum();
        1.0 - total / predictions.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn metrics_at_known_values() {
        let found = Predictions {
            probabilities: &[0.9, 0.6, 0.2, 0.8, 0.4, 0.1],
            targets: &[1, 0, 0, 1, 1, 0],
            groups: &[1, 1, 1, 0, 0, 0],
        }
        .fairness()
        .unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(found.accuracy, 4.0 / 6.0);
        close(found.accuracy_expected, (0.9 + 0.4 + 0.8 + 0.8 + 0.4 + 0.9) / 6.0);
        close(found.majority, 0.5);
        close(found.group_majority, 0.5);
        close(found.discrimination, (1.7 - 1.3) / 3.0);
        close(found.discrimination_thresholded, 1.0 / 3.0);
        // Yes among the truly positive: 1 of 1 and 1 of 2; among the negative: 1 of 2 and 0 of 1.
        close(found.equal_opportunity_gap, 0.5);
        close(found.equalised_odds_gap, 0.5);
    }

    #[test]
    fn odds_are_those_of_both_classes_and_opportunity_that_of_the_positive_one() {
        let found = Predictions {
            probabilities: &[0.9, 0.8, 0.7, 0.6, 0.9, 0.1, 0.2, 0.7],
            targets: &[1, 0, 0, 0, 1, 0, 0, 0],
            groups: &[1, 1, 1, 1, 0, 0, 0, 0],
        }
        .fairness()
        .unwrap();
        // Yes among the truly positive: 1 of 1 in both groups; among the negative: 3 of 3 and 1 of 3.
        assert_eq!(found.equal_opportunity_gap, 0.0);
        assert!((found.equalised_odds_gap - 2.0 / 3.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn chance_is_the_mean_gap_over_permutations() {
        use shared::noise::{Noise, Stream};
        let probabilities: Vec<f64> = (0..80).map(|i| f64::from(i * 37 % 80) / 80.0).collect();
        let groups: Vec<u8> = (0..80).map(|i| u8::from(i < 25)).collect();
        let targets: Vec<u8> = (0..80).map(|i| u8::from(i % 2 == 0)).collect();
        let judge = |groups: &[u8]| {
            Predictions { probabilities: &probabilities, targets: &targets, groups }
                .fairness()
                .unwrap()
        };
        let rounds = 4000;
        let gaps = (0..rounds).map(|round| {
            let order = Noise::new(1).permutation(Stream::Subset, round, 80);
            judge(&order.iter().map(|&i| groups[i]).collect::<Vec<u8>>()).discrimination
        });
        let (mean, expected) =
            (gaps.sum::<f64>() / rounds as f64, judge(&groups).discrimination_by_chance);
        assert!((mean / expected - 1.0).abs() < 0.05, "{mean} {expected}");
    }

    #[test]
    fn the_same_for_everybody_is_fair_and_the_group_itself_is_not() {
        let groups = [1, 1, 0, 0, 0, 1];
        let targets = [1, 0, 1, 0, 1, 1];
        let judge = |probabilities: &[f64]| {
            Predictions { probabilities, targets: &targets, groups: &groups }.fairness().unwrap()
        };
        let same = judge(&[0.7; 6]);
        assert!(same.discrimination.abs() < 1e-12 && same.equalised_odds_gap == 0.0);
        assert_eq!(same.accuracy, same.majority);
        let copied = judge(&groups.map(f64::from));
        assert_eq!([copied.discrimination, copied.equalised_odds_gap], [1.0, 1.0]);
    }

    #[test]
    fn what_cannot_be_judged_says_why() {
        let say = |probabilities: &[f64], targets: &[u8], groups: &[u8]| {
            Predictions { probabilities, targets, groups }.fairness().unwrap_err().to_string()
        };
        assert!(say(&[0.5], &[1, 0], &[1, 0]).contains("1 predictions, 2 targets"));
        assert!(say(&[0.5, 1.5], &[1, 0], &[1, 0]).contains("prediction 1 is 1.5"));
        assert!(say(&[0.5, f64::NAN], &[1, 0], &[1, 0]).contains("NaN"));
        assert!(say(&[0.5, 0.5], &[1, 1], &[1, 1]).contains("nobody with s = 0"));
        assert!(say(&[0.5, 0.5], &[1, 0], &[1, 0]).contains("s = 0 and y = 1"));
    }

    #[test]
    fn consistency_with_and_without_oneself() {
        // Two pairs far apart.
        let features = arr2(&[[0.0f32], [1.0], [100.0], [101.0]]);
        let predictions = [0.0, 1.0, 1.0, 1.0];
        let of = |k, own| Neighbours::of(features.view(), k).consistency(&predictions, own);
        // Left out: the first two differ by 1 from their neighbour. Counted: by one half.
        assert_eq!(of(1, OwnNeighbour::LeftOut), 0.5);
        assert_eq!(of(1, OwnNeighbour::Counted), 1.0);
        assert_eq!(of(2, OwnNeighbour::Counted), 0.75);
        // Of identical rows the first is everybody's nearest, unless each is its own: then 0.25 becomes 1.
        let same = Neighbours::of(arr2(&[[0.0f32]; 4]).view(), 1);
        assert_eq!(same.consistency(&predictions, OwnNeighbour::Counted), 1.0);
        // The distance is that from the neighbours' mean, here 0, and not the mean of the distances, here 0.4.
        let alone = Neighbours { k: 5, nearest: vec![vec![1, 2, 3, 4, 5]] };
        let around = [0.5, 0.0, 1.0, 0.0, 1.0, 0.5];
        assert_eq!(alone.consistency(&around, OwnNeighbour::LeftOut), 1.0);
    }
}
