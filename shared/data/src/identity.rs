//! The identity of the data of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Preparation, Split, Splits};

/// Distinguishes data from other data of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// sha256 of each file they come from; none if they are drawn.
    pub files: BTreeMap<String, String>,
    /// The training split.
    pub train: SplitIdentity,
    /// The validation split.
    pub valid: SplitIdentity,
    /// The test split.
    pub test: SplitIdentity,
    /// sha256 of the [`Preparation`].
    pub preparation: String,
    /// sha256 of the factors in a file of the user's, if it has some; earlier versions did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<String>,
}

/// One split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitIdentity {
    /// Number of examples.
    pub examples: usize,
    /// sha256 of the examples and labels as they are held in memory, before binarisation.
    pub sha256: String,
}

impl SplitIdentity {
    fn of(split: &Split) -> Self {
        let mut digest = Sha256::new();
        split.feed(&mut |bytes| digest.update(bytes));
        Self { examples: split.len(), sha256: hex::encode(digest.finalize()) }
    }
}

impl Identity {
    /// That of these splits, which are prepared like this.
    pub fn of(data: &Splits, preparation: &Preparation) -> Self {
        let [train, valid, test] = [&data.train, &data.valid, &data.test].map(SplitIdentity::of);
        // What consists of numbers and strings always has a JSON.
        let text = serde_json::to_vec(preparation).unwrap_or_default();
        let factors = data.factors.as_ref().and_then(|factors| {
            let (mut digest, mut is_fed) = (Sha256::new(), false);
            factors.feed(&mut |bytes| {
                digest.update(bytes);
                is_fed = true;
            });
            is_fed.then(|| hex::encode(digest.finalize()))
        });
        Self {
            files: data.files.clone(),
            train,
            valid,
            test,
            preparation: hex::encode(Sha256::digest(text)),
            factors,
        }
    }

    /// True if a model sees the same examples, whatever the files look like.
    pub fn same_contents(&self, other: &Self) -> bool {
        let seen = |of: &Self| Self { files: BTreeMap::new(), factors: None, ..of.clone() };
        !self.has_other_factors(other) && seen(self) == seen(other)
    }

    fn has_other_factors(&self, other: &Self) -> bool {
        self.factors.as_ref().zip(other.factors.as_ref()).is_some_and(|(own, other)| own != other)
    }

    /// How `found` differs, with both checksums, on one line; `None` if it does not at all.
    pub fn difference(&self, found: &Self) -> Option<String> {
        let generated = |what: &Self| {
            what.files.is_empty().then(|| {
                format!("are generated, with sha256 {} of the training split", what.train.sha256)
            })
        };
        if let (Some(drawn), Some((file, sha256))) =
            (generated(found), self.files.first_key_value())
        {
            return Some(format!("these {drawn}; the run's come from {file} with sha256 {sha256}"));
        }
        if let (Some(drawn), Some((file, sha256))) =
            (generated(self), found.files.first_key_value())
        {
            return Some(format!("these come from {file} with sha256 {sha256}; the run's {drawn}"));
        }
        files_differ(&self.files, &found.files).or_else(|| {
            [
                ("training", &self.train, &found.train),
                ("validation", &self.valid, &found.valid),
                ("test", &self.test, &found.test),
            ]
            .into_iter()
            .find(|(_, own, found)| own != found)
            .map(|(name, own, found)| {
                format!(
                    "the {name} split has {} examples with sha256 {}, the run's has {} with {}",
                    found.examples, found.sha256, own.examples, own.sha256
                )
            })
            .or_else(|| {
                (self.preparation != found.preparation).then(|| {
                    format!(
                        "their vocabulary or statistics have sha256 {}, the run's have {}",
                        found.preparation, self.preparation
                    )
                })
            })
            .or_else(|| {
                let told = || "their factors are others than the run's".to_owned();
                self.has_other_factors(found).then(told)
            })
        })
    }
}

/// The first file that differs, and how many others do.
pub fn files_differ(
    own: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Option<String> {
    let mut names: Vec<&String> = own.keys().chain(found.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| own.get(*name) != found.get(*name));
    let first = *names.first()?;
    let told = match (own.get(first), found.get(first)) {
        (Some(own), Some(found)) => format!("{first} has sha256 {found}, the run's has {own}"),
        (Some(own), None) if found.is_empty() => {
            format!("these are generated, and the run's come from {first} with sha256 {own}")
        }
        (Some(own), None) => format!("{first} with sha256 {own} is not among these files"),
        (None, found) => {
            let found = found.map_or("", String::as_str);
            format!("these come from {first} with sha256 {found}, and the run's do not")
        }
    };
    Some(match names.len() - 1 {
        0 => told,
        1 => format!("{told} (1 other file differs too)"),
        more => format!("{told} ({more} other files differ too)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binarise, DataConfig, FetchOptions, IMAGE_SOURCES, load};

    fn identity(config: &DataConfig) -> Identity {
        let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
        let data = load(IMAGE_SOURCES, config, &options, None).unwrap();
        Identity::of(&data, &Preparation::of(&data))
    }

    #[test]
    fn the_same_data_are_the_same_and_fewer_or_others_are_not() {
        let config = DataConfig::new("segments", Binarise::Dynamic);
        let own = identity(&config);
        assert_eq!(own.difference(&identity(&config)), None);
        let fewer = identity(&DataConfig { train_examples: Some(100), ..config });
        let told = own.difference(&fewer).unwrap();
        assert!(told.contains("training split has 100 examples"), "{told}");
        assert!(told.contains(&own.train.sha256) && told.contains(&fewer.train.sha256), "{told}");
    }

    #[test]
    fn generated_data_and_files_tell_both_checksums() {
        let drawn = identity(&DataConfig::new("segments", Binarise::Dynamic));
        let sha256 = "0f".repeat(32);
        let files = BTreeMap::from([("segments.amat".to_owned(), sha256.clone())]);
        let read = Identity { files, ..drawn.clone() };
        for (own, found) in [(&drawn, &read), (&read, &drawn)] {
            let told = own.difference(found).unwrap();
            assert!(told.contains(&sha256) && told.contains(&drawn.train.sha256), "{told}");
            assert!(!told.contains('\n'), "{told}");
        }
    }
}
