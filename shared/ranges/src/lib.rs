//! The ranges of settings, checked where they are read: a number out of range is refused with its key, as a
//! misspelt key is, and no configuration that was read holds one. What depends on two settings is checked by
//! the configuration itself.
//!
//! ```
//! #[derive(serde::Deserialize)]
//! struct Model {
//!     #[serde(deserialize_with = "ranges::at_least_one")]
//!     latent: usize,
//!     #[serde(deserialize_with = "ranges::at_least_one")]
//!     hidden: Vec<usize>,
//! }
//!
//! assert!(toml::from_str::<Model>("latent = 20\nhidden = []").is_ok());
//! assert!(toml::from_str::<Model>("latent = 0\nhidden = []").is_err());
//! assert!(toml::from_str::<Model>("latent = 20\nhidden = [400, 0]").is_err());
//! ```

mod numbers;

use serde::{Deserialize, Deserializer, de::Error};

pub use numbers::{Number, Numbers};

/// The numbers of a setting, if all are in the range.
fn within<'de, D: Deserializer<'de>, T: Numbers + Deserialize<'de>>(
    deserializer: D,
    wanted: &str,
    fits: impl Fn(f64) -> bool,
) -> Result<T, D::Error> {
    let setting = T::deserialize(deserializer)?;
    match setting.first(|number| !fits(number.value())) {
        Some(unfit) => Err(D::Error::invalid_value(unfit.described(), &wanted)),
        None => Ok(setting),
    }
}

/// Whole numbers from `LEAST` to `MOST`.
///
/// # Errors
/// For another number.
pub fn between<'de, const LEAST: u32, const MOST: u32, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Numbers + Deserialize<'de>,
{
    let wanted = format!("a whole number from {LEAST} to {MOST}");
    within(deserializer, &wanted, |number| (f64::from(LEAST)..=f64::from(MOST)).contains(&number))
}

/// Whole numbers from `LEAST`.
///
/// # Errors
/// For another number.
pub fn at_least<'de, const LEAST: u32, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Numbers + Deserialize<'de>,
{
    let wanted = format!("a whole number, {LEAST} or more,");
    within(deserializer, &wanted, |number| number >= f64::from(LEAST))
}

/// Whole numbers from 1: widths, counts.
///
/// # Errors
/// For another number.
pub fn at_least_one<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Numbers + Deserialize<'de>,
{
    at_least::<1, D, T>(deserializer)
}

/// Numbers of classes: a label is one byte.
///
/// # Errors
/// For another number.
pub fn classes<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Numbers + Deserialize<'de>,
{
    between::<2, 256, D, T>(deserializer)
}

macro_rules! ranges {
    ($($(#[$doc:meta])* $name:ident: $wanted:literal, $fits:expr;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// For another number.
        pub fn $name<'de, D, T>(deserializer: D) -> Result<T, D::Error>
        where
            D: Deserializer<'de>,
            T: Numbers + Deserialize<'de>,
        {
            within(deserializer, $wanted, $fits)
        })*
    };
}

ranges! {
    /// Numbers from 0 that single precision has: weights of terms, durations.
    not_negative: "a number of single precision, 0 or more,", |number| number >= 0.0 && (number as f32).is_finite();
    /// Numbers above 0 that single precision has: rates, standard deviations.
    positive: "a number of single precision above 0", |number| number as f32 > 0.0 && (number as f32).is_finite();
    /// Numbers from 0 to 1: shares, probabilities.
    share: "a number from 0 to 1", |number| (0.0..=1.0).contains(&number);
    /// Numbers from 0 to below 1: what must leave something.
    share_below_one: "a number from 0 to below 1", |number| (0.0..1.0).contains(&number);
    /// Numbers above 0 up to 1: factors, shares that must not be empty.
    share_above_zero: "a number above 0, at most 1,", |number| number > 0.0 && number <= 1.0;
    /// Numbers above 0 and below 1: decays of averages.
    proper_share: "a number above 0 and below 1", |number| number > 0.0 && number < 1.0;
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, de::DeserializeOwned};

    use super::*;

    /// Reads `value` under this range.
    macro_rules! read {
        ($range:literal, $type:ty, $value:expr) => {{
            #[derive(Deserialize)]
            struct Section {
                #[serde(default, deserialize_with = $range)]
                x: $type,
            }
            from::<Section>($value).map(|section| section.x)
        }};
    }

    fn from<T: DeserializeOwned>(value: &str) -> Result<T, String> {
        toml::from_str(&format!("x = {value}")).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn each_range_ends_where_it_says() {
        let whole = |value: &str| {
            [
                read!("at_least_one", usize, value).is_ok(),
                read!("classes", usize, value).is_ok(),
                read!("between::<3, 8, _, _>", u32, value).is_ok(),
                read!("at_least::<10, _, _>", u64, value).is_ok(),
            ]
        };
        assert_eq!(whole("0"), [false, false, false, false]);
        assert_eq!(whole("1"), [true, false, false, false]);
        assert_eq!(whole("3"), [true, true, true, false]);
        assert_eq!(whole("8"), [true, true, true, false]);
        assert_eq!(whole("10"), [true, true, false, true]);
        assert_eq!(whole("256"), [true, true, false, true]);
        assert_eq!(whole("257"), [true, false, false, true]);
        let real = |value: &str| {
            [
                read!("not_negative", f64, value).is_ok(),
                read!("positive", f32, value).is_ok(),
                read!("share", f64, value).is_ok(),
                read!("share_below_one", f64, value).is_ok(),
                read!("share_above_zero", f64, value).is_ok(),
                read!("proper_share", f64, value).is_ok(),
            ]
        };
        assert_eq!(real("-0.1"), [false; 6]);
        assert_eq!(real("0.0"), [true, false, true, true, false, false]);
        assert_eq!(real("0.5"), [true; 6]);
        assert_eq!(real("1.0"), [true, true, true, false, true, false]);
        assert_eq!(real("1.5"), [true, true, false, false, false, false]);
        assert_eq!(real("nan"), [false; 6]);
        assert_eq!(real("inf"), [false; 6]);
        // Infinite and 0 in single precision, in which networks compute.
        assert!(read!("not_negative", f64, "1e39").is_err());
        assert!(read!("positive", f64, "1e39").is_err());
        assert!(read!("positive", f64, "1e-50").is_err());
    }

    #[test]
    fn lists_and_options_are_checked_and_the_number_is_named() {
        assert_eq!(read!("at_least_one", Vec<usize>, "[]"), Ok(vec![]));
        let wrong = read!("at_least_one", Vec<usize>, "[3, 0]").unwrap_err();
        assert!(wrong.contains("`0`") && wrong.contains("1 or more"), "{wrong}");
        assert!(read!("at_least_one", Option<usize>, "0").is_err());
        assert_eq!(read!("at_least_one", Option<usize>, "2"), Ok(Some(2)));
        let wrong = read!("share", f32, "1.1").unwrap_err();
        assert!(wrong.contains("`1.1`"), "{wrong}");
    }
}
