//! Numbers as people read them.

use shared::run::Better;

/// An arrow that points where a metric is better.
pub(crate) fn arrow(better: Better) -> &'static str {
    match better {
        Better::Lower => " ↓",
        Better::Higher => " ↑",
        Better::Neither => "",
    }
}

/// Four significant digits, and no more than eight decimals.
pub(super) fn short(value: f64) -> String {
    rounded(value, decimals(value, 4))
}

/// Three significant digits.
pub(crate) fn brief(value: f64) -> String {
    rounded(value, decimals(value, 3))
}

/// Two significant digits, for what is only roughly known.
pub(super) fn rough(value: f64) -> String {
    rounded(value, decimals(value, 2))
}

/// Mean and, of several seeds, their standard deviation, to the same decimals.
pub(super) fn with_deviation(mean: f64, deviation: Option<f64>) -> String {
    let decimals = decimals(mean, 4);
    match deviation {
        Some(deviation) => {
            format!("{} ± {}", rounded(mean, decimals), rounded(deviation, decimals))
        }
        None => rounded(mean, decimals),
    }
}

/// A difference, with its sign.
pub(super) fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", short(value)) } else { short(value) }
}

fn decimals(value: f64, digits: i32) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let magnitude = value.abs().log10().floor() as i32;
    (digits - 1 - magnitude).clamp(0, 8) as usize
}

fn rounded(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_whatever_the_magnitude() {
        assert_eq!(
            [98.7912, 0.0081379, 36_621.6, 0.0, -1.5, 1e-12].map(short),
            ["98.79", "0.008138", "36622", "0", "-1.500", "0.00000000"]
        );
        assert_eq!([0.0049801, 1.323, 14.9].map(rough), ["0.0050", "1.3", "15"]);
        assert_eq!(with_deviation(93.54, Some(0.2214)), "93.54 ± 0.22");
        assert_eq!([signed(1.5), signed(-1.5)], ["+1.500", "-1.500"]);
    }
}
