use std::ops::Range;

use plotters::coord::{
    ranged1d::{BoldPoints, DefaultFormatting, KeyPointHint, Ranged},
    types::RangedCoordf64,
};

/// Most ticks of a linear axis.
const TICKS: usize = 11;
/// Most labels of a logarithmic axis that have room beside one another.
const CLOSEST: f64 = 24.0;
/// From here on numbers are written as powers of ten.
const LONGEST: f64 = 1e7;
/// So are those of an axis that is all below.
const SHORTEST: f64 = 1e-6;

/// An axis of a chart: what is measured along it, with the unit, and how values lie on it.
#[derive(Clone, Copy, Debug)]
pub struct Axis<'a> {
    pub(super) name: &'a str,
    scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Whole,
    Logarithmic,
}

impl<'a> Axis<'a> {
    /// Equal differences are equally far apart.
    pub fn linear(name: &'a str) -> Self {
        Self { name, scale: Scale::Linear }
    }

    /// Linear, of what is counted: ticks stand at whole numbers.
    pub fn whole(name: &'a str) -> Self {
        Self { name, scale: Scale::Whole }
    }

    /// Equal ratios are equally far apart; ticks stand at the values that occur, which must be positive.
    pub fn logarithmic(name: &'a str) -> Self {
        Self { name, scale: Scale::Logarithmic }
    }

    /// Where a value lies along the axis.
    pub(super) fn position(self, value: f64) -> f64 {
        if self.scale == Scale::Logarithmic { value.ln() } else { value }
    }

    /// This axis over a range of positions in which values have these.
    pub(super) fn over(self, range: Range<f64>, positions: impl Iterator<Item = f64>) -> Ticked {
        let least = (range.end - range.start) / CLOSEST;
        let coordinate = RangedCoordf64::from(range);
        let mut ticks: Vec<f64> = match self.scale {
            Scale::Logarithmic => positions.collect(),
            Scale::Linear | Scale::Whole => coordinate.key_points(BoldPoints(TICKS)),
        };
        if self.scale == Scale::Whole {
            ticks.retain(|tick| (tick - tick.round()).abs() < 1e-9);
        }
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        if self.scale == Scale::Logarithmic {
            spaced(&mut ticks, least);
        }
        Ticked { coordinate, ticks }
    }

    /// The value at a position, as the axis says it over this range: no digits that mean nothing.
    pub(super) fn label(self, position: f64, range: &Range<f64>) -> String {
        let (value, largest) = if self.scale == Scale::Logarithmic {
            let value = rounded(position.exp(), position.exp().min(1.0));
            (value, value)
        } else {
            let largest = range.start.abs().max(range.end.abs());
            (rounded(position, range.end - range.start), largest)
        };
        let is_long = value.abs() >= LONGEST || (largest < SHORTEST && value != 0.0);
        if is_long { format!("{value:e}") } else { value.to_string() }
    }

    /// The labels of its ticks.
    pub(super) fn labels(self, ticked: &Ticked) -> Vec<String> {
        ticked.ticks.iter().map(|&at| self.label(at, &ticked.range())).collect()
    }
}

/// A value to a thousandth of the power of ten below the size of an axis, or to nine decimals where
/// that is finer and no axis of large numbers: too few to show that 0.3 is not a binary number.
fn rounded(value: f64, size: f64) -> f64 {
    let decimals = 3.0 - size.log10().floor();
    let decimals = if size < LONGEST { decimals.max(9.0) } else { decimals };
    // Those after the first digit: no more than a logarithm and its power keep, or a span needs.
    let digits = (value.abs().log10().floor() + decimals).min(13.0);
    if digits < 0.0 {
        return 0.0;
    }
    let digits = digits as usize;
    format!("{value:.digits$e}").parse().unwrap_or(value)
}

/// Leaves out ticks whose labels would lie over those before; the last stays.
fn spaced(ticks: &mut Vec<f64>, least: f64) {
    let Some(&last) = ticks.last() else { return };
    let mut before = f64::NEG_INFINITY;
    ticks.retain(|&tick| {
        let is_kept = tick - before >= least && last - tick >= least || tick == last;
        before = if is_kept { tick } else { before };
        is_kept
    });
}

/// Positions with ticks.
pub(super) struct Ticked {
    coordinate: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.coordinate.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.coordinate.range()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Axis;

    #[test]
    fn labels_say_values() {
        let linear = Axis::linear("error");
        for range in [0.0..1e-5, 0.0..1.0, -2.0..60_000.0, -4e6..4e6] {
            let said: Vec<String> = [0.1 + 0.2, 0.0, -0.0, 35.0, -1.25, 1e-3, 60_000.0, -1.7e9]
                .map(|at| linear.label(at, &range))
                .into();
            assert_eq!(said, ["0.3", "0", "0", "35", "-1.25", "0.001", "60000", "-1.7e9"]);
        }
    }

    #[test]
    fn ticks_of_a_small_a_large_and_a_far_range_have_short_labels_of_their_own() {
        for (range, wanted) in [
            (0.0..5e-12, "2e-12"),
            (-3e-9..3e-9, "-2e-9"),
            (0.0..3e-7, "1e-7"),
            (0.0..3e-5, "0.00001"),
            (0.0..5e22, "3e22"),
            (1.0..1.0 + 2e-8, "1.00000001"),
        ] {
            let axis = Axis::linear("error");
            let ticks = axis.over(range.clone(), [].into_iter()).ticks;
            let labels: Vec<String> = ticks.iter().map(|&at| axis.label(at, &range)).collect();
            assert!(labels.iter().any(|label| label == wanted), "{labels:?}");
            assert!(labels.iter().all(|label| label.len() <= 11), "{labels:?}");
            let different: BTreeSet<&String> = labels.iter().collect();
            assert!(labels.len() > 2 && different.len() == labels.len(), "{labels:?}");
            assert_eq!(labels.iter().any(|label| label == "0"), range.contains(&0.0), "{labels:?}");
        }
        let axis = Axis::logarithmic("rate");
        let said =
            [2e-12, 3e-7, 1e-6, 1e-3, 1e7].map(|at| axis.label(axis.position(at), &(0.0..1.0)));
        assert_eq!(said, ["2e-12", "3e-7", "0.000001", "0.001", "1e7"]);
    }

    #[test]
    fn labels_of_a_logarithmic_axis_do_not_lie_over_one_another() {
        let axis = Axis::logarithmic("samples");
        let positions = (1..=1000).map(|value| axis.position(f64::from(value)));
        let range = axis.position(1.0)..axis.position(1000.0);
        let ticked = axis.over(range.clone(), positions);
        let least = axis.position(1000.0) / super::CLOSEST;
        assert!(ticked.ticks.windows(2).all(|pair| pair[1] - pair[0] >= least - 1e-12));
        let labels: Vec<String> = ticked.ticks.iter().map(|&at| axis.label(at, &range)).collect();
        assert_eq!((&*labels[0], &*labels[labels.len() - 1]), ("1", "1000"));
    }

    #[test]
    fn a_logarithmic_axis_is_labelled_by_its_values() {
        let axis = Axis::logarithmic("code size");
        let positions = [256.0, 2.0, 16.0, 2.0].map(|value| axis.position(value));
        let range = axis.position(1.0)..axis.position(300.0);
        let ticked = axis.over(range.clone(), positions.into_iter());
        let labels: Vec<String> = ticked.ticks.iter().map(|&at| axis.label(at, &range)).collect();
        assert_eq!(labels, ["2", "16", "256"]);
        let [low, middle, high] = [2.0, 16.0, 128.0].map(|value| axis.position(value));
        assert!(((middle - low) - (high - middle)).abs() < 1e-12);
    }

    #[test]
    fn what_is_counted_has_ticks_at_whole_numbers() {
        for last in [2.0, 3.0, 6.0, 150.0] {
            let ticks = Axis::whole("epoch").over(0.9..last + 0.1, [].into_iter()).ticks;
            assert!(!ticks.is_empty() && ticks.iter().all(|at| at.fract() == 0.0), "{ticks:?}");
        }
    }

    #[test]
    fn a_linear_axis_has_ticks_within_its_range() {
        let range = 0.013..0.068;
        let ticks = Axis::linear("error").over(range.clone(), [].into_iter()).ticks;
        assert!(ticks.len() > 2 && ticks.iter().all(|at| range.contains(at)), "{ticks:?}");
    }
}
