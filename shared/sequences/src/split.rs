//! Sequences by split, with their names, and files that a configuration names.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use shared::{
    data::{DataConfig, DataError, ExampleSet, Sequences, Splits},
    noise::{Noise, Stream},
};

/// A sequence and what it is called where it comes from: a file, a line; nothing in published sets.
pub(crate) type Named<T> = (String, T);

/// What the sequences of a file are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Three splits.
    Fit,
    /// Questions to a model that is fitted: all are the test split, in the order of the file, so that one is
    /// enough.
    Ask,
}

impl Purpose {
    /// Refuses `count` sequences, which are called so in the singular and in the plural, if there are to be three
    /// splits and they are fewer than `fewest`.
    ///
    /// # Errors
    /// How many there are and how many are needed.
    pub(crate) fn check(self, count: usize, fewest: usize, names: [&str; 2]) -> Result<(), String> {
        if self == Self::Ask || count >= fewest {
            return Ok(());
        }
        let name = names[usize::from(count != 1)];
        Err(format!(
            "{count} {name}: at least {fewest} are needed for training, validation and test"
        ))
    }

    /// Sequences as three splits, a tenth each for validation and test in an order drawn by `seed`, or as one.
    pub(crate) fn dealt<T>(self, items: Vec<Named<T>>, seed: u64) -> Parts<T> {
        match self {
            Self::Ask => Parts::asked(items),
            Self::Fit => Parts::dealt(items, seed),
        }
    }

    /// Sequences of a file that has three splits of its own.
    ///
    /// # Errors
    /// A split that is empty, where there are to be three.
    pub(crate) fn of_three<T>(self, [train, valid, test]: [Vec<T>; 3]) -> Result<Parts<T>, String> {
        let named = |split: &str, items: Vec<T>| -> Vec<Named<T>> {
            let name = |(at, item)| (format!("{split}[{at}]"), item);
            items.into_iter().enumerate().map(name).collect()
        };
        let parts = Parts {
            train: named("train", train),
            valid: named("valid", valid),
            test: named("test", test),
        };
        match self {
            Self::Ask => {
                Ok(Parts::asked([parts.train, parts.valid, parts.test].into_iter().flatten()))
            }
            Self::Fit => {
                let lengths = [parts.train.len(), parts.valid.len(), parts.test.len()];
                let mut splits = lengths.into_iter().zip(["training", "validation", "test"]);
                match splits.find(|(length, _)| *length == 0) {
                    Some((_, split)) => Err(format!("its {split} split is empty")),
                    None => Ok(parts),
                }
            }
        }
    }
}

/// Sequences of three splits.
#[derive(Clone, Debug)]
pub(crate) struct Parts<T> {
    pub(crate) train: Vec<Named<T>>,
    pub(crate) valid: Vec<Named<T>>,
    pub(crate) test: Vec<Named<T>>,
}

impl<T> Parts<T> {
    fn asked(items: impl IntoIterator<Item = Named<T>>) -> Self {
        Self { train: Vec::new(), valid: Vec::new(), test: items.into_iter().collect() }
    }

    /// A tenth of the items each for validation and test, one at least, in an order drawn by `seed`.
    pub(crate) fn dealt(items: Vec<Named<T>>, seed: u64) -> Self {
        let held_out = (items.len() / 10).max(1);
        let order = Noise::new(seed).permutation(Stream::Split, 0, items.len());
        let mut items: Vec<Option<Named<T>>> = items.into_iter().map(Some).collect();
        let mut train: Vec<Named<T>> =
            order.into_iter().filter_map(|index| items[index].take()).collect();
        let test = train.split_off(train.len().saturating_sub(held_out));
        let valid = train.split_off(train.len().saturating_sub(held_out));
        Self { train, valid, test }
    }

    /// The sequences of a published set, which have no names; `valid` of the pool are for validation, the last
    /// ones.
    pub(crate) fn published(pool: Vec<T>, test: Vec<T>, valid: usize) -> Self {
        let unnamed = |items: Vec<T>| items.into_iter().map(|item| (String::new(), item)).collect();
        let mut train: Vec<Named<T>> = unnamed(pool);
        let valid = train.split_off(train.len().saturating_sub(valid));
        Self { train, valid, test: unnamed(test) }
    }

    /// Each split changed by `change`.
    pub(crate) fn map<U>(self, change: impl Fn(Vec<Named<T>>) -> Vec<Named<U>>) -> Parts<U> {
        Parts { train: change(self.train), valid: change(self.valid), test: change(self.test) }
    }

    /// The same with a change that may fail.
    pub(crate) fn try_map<U, E>(
        self,
        change: impl Fn(Vec<Named<T>>) -> Result<Vec<Named<U>>, E>,
    ) -> Result<Parts<U>, E> {
        Ok(Parts {
            train: change(self.train)?,
            valid: change(self.valid)?,
            test: change(self.test)?,
        })
    }

    /// Every sequence.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        [&self.train, &self.valid, &self.test].into_iter().flatten().map(|(_, item)| item)
    }

    /// The splits, of which `sequences` makes the examples.
    ///
    /// # Errors
    /// More training examples asked for than there are.
    pub(crate) fn splits(
        self,
        sequences: impl Fn(&[T]) -> Sequences,
        files: BTreeMap<String, String>,
        config: &DataConfig,
    ) -> Result<Splits, DataError> {
        let set = |items: Vec<Named<T>>, is_test: bool| {
            let (names, items): (Vec<String>, Vec<T>) = items.into_iter().unzip();
            let set = ExampleSet::sequences(sequences(&items), is_test);
            let is_named = names.iter().any(|name| !name.is_empty());
            Arc::new(if is_named { set.named(names) } else { set })
        };
        let valid = self.valid.len();
        if self.train.is_empty() && valid == 0 {
            return Ok(Splits::consecutive(set(self.test, true), [0, 0], files));
        }
        let pool = self.train.into_iter().chain(self.valid).collect();
        let splits = Splits::new(set(pool, false), set(self.test, true), Some(valid), config)?;
        Ok(Splits { files, ..splits })
    }
}

/// Sequences in parts of at most `longest` elements, which are numbered where there are several.
pub(crate) fn cut<T: Clone>(items: Vec<Named<Vec<T>>>, longest: usize) -> Vec<Named<Vec<T>>> {
    let parts = |(name, item): Named<Vec<T>>| -> Vec<Named<Vec<T>>> {
        if item.len() <= longest {
            return vec![(name, item)];
        }
        let parts = item.chunks(longest).enumerate();
        let called = |part: usize| match &*name {
            "" => String::new(),
            name => format!("{name}, part {}", part + 1),
        };
        parts.map(|(part, own)| (called(part), own.to_vec())).collect()
    };
    items.into_iter().flat_map(parts).collect()
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|source| DataError::unreadable(path, source))
}

/// A file the configuration names.
pub(crate) fn read_named(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|reason| DataError::Io {
        path: path.into(),
        action: "read it",
        hint: DataError::ELSEWHERE,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(count: usize) -> Vec<Named<usize>> {
        (0..count).map(|number| (number.to_string(), number)).collect()
    }

    #[test]
    fn three_splits_share_all_items_and_a_question_takes_them_in_their_order() {
        let parts = Purpose::Fit.dealt(named(25), 1);
        assert_eq!([parts.train.len(), parts.valid.len(), parts.test.len()], [21, 2, 2]);
        assert!(parts.clone().train.iter().all(|(name, item)| *name == item.to_string()));
        let mut all: Vec<usize> = parts.all().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..25).collect::<Vec<_>>());
        let few = Purpose::Fit.check(1, 3, ["file", "files"]).unwrap_err();
        assert!(few.contains("1 file: at least 3"), "{few}");
        assert!(Purpose::Ask.check(1, 3, ["file", "files"]).is_ok());
        let asked = Purpose::Ask.dealt(named(1), 1);
        assert_eq!((asked.train.len(), asked.valid.len(), asked.test), (0, 0, named(1)));
    }

    #[test]
    fn splits_of_a_file_may_be_empty_only_for_questions() {
        let three = || [vec!['a', 'b'], vec![], vec!['c']];
        assert!(Purpose::Fit.of_three(three()).unwrap_err().contains("validation split is empty"));
        let names: Vec<String> = Purpose::Ask
            .of_three(three())
            .unwrap()
            .test
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["train[0]", "train[1]", "test[0]"]);
    }

    #[test]
    fn parts_of_a_sequence_are_numbered() {
        let names = |items: Vec<Named<Vec<u8>>>| -> Vec<String> {
            cut(items, 2).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(vec![("a".into(), vec![0; 2])]), ["a"]);
        assert_eq!(names(vec![("a".into(), vec![0; 3])]), ["a, part 1", "a, part 2"]);
        assert_eq!(names(vec![(String::new(), vec![0; 3])]), ["", ""]);
    }
}
