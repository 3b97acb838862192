//! The original files of Larochelle et al. 2007: text, one example a line, pixels in [0, 1] and the
//! class at the end.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    super::{DataError, ExampleSet, FetchOptions, PixelShape, Source},
    Variant,
    draw::TEST,
};

/// One of the sets in its original files.
pub(super) struct Original {
    /// Examples for training and validation.
    pub(super) pool: ExampleSet,
    /// Examples for testing.
    pub(super) test: ExampleSet,
    /// Name and sha256 of each file.
    pub(super) files: Vec<(String, String)>,
}

/// The original files of a set, if they lie in the user's folder, in a folder of the set's name
/// there, or in the cache. Grey levels are rounded to 1/255.
pub(super) fn original(
    variant: Variant,
    set: &str,
    options: &FetchOptions,
) -> Result<Option<Original>, DataError> {
    of_sizes(variant, set, options, TEST)
}

/// The same with so many `tests`, for files of a few.
fn of_sizes(
    variant: Variant,
    set: &str,
    options: &FetchOptions,
    tests: usize,
) -> Result<Option<Original>, DataError> {
    let names = variant.original_files();
    let classes = if variant.has_digits() { 10 } else { 2 };
    let folders = options
        .data_dir
        .iter()
        .flat_map(|dir| [dir.clone(), dir.join(set)])
        .chain([options.cache_dir.join(set)]);
    let mut partial = None;
    for folder in folders {
        let paths = names.map(|name| folder.join(name));
        match paths.iter().filter(|path| path.is_file()).count() {
            0 => {}
            2 => {
                let (pool, first) = read(&paths[0], false, classes)?;
                let (test, second) = read(&paths[1], true, classes)?;
                let (train, valid) = variant.sizes();
                let expected = format!("{train} for training and {valid} for validation");
                check(&paths[0], pool.len(), train + valid, &expected)?;
                check(&paths[1], test.len(), tests, &format!("{tests} for testing"))?;
                let files = vec![(names[0].into(), first), (names[1].into(), second)];
                return Ok(Some(Original { pool, test, files }));
            }
            _ => partial = paths.into_iter().find(|path| !path.is_file()),
        }
    }
    match partial {
        None => Ok(None),
        Some(path) => Err(DataError::Format {
            path,
            reason: "missing, but the other file of the pair is there".into(),
        }),
    }
}

/// Refuses a file of more or fewer examples than were published: one that is cut off after a line looks whole.
fn check(path: &Path, found: usize, wanted: usize, expected: &str) -> Result<(), DataError> {
    if found == wanted {
        return Ok(());
    }
    let reason = format!("{found} examples, expected {expected}: cut off, or another file");
    Err(DataError::Format { path: path.into(), reason })
}

/// Reads one file of so many classes; its digest comes along.
pub fn read(path: &Path, test: bool, classes: u8) -> Result<(ExampleSet, String), DataError> {
    const SHAPE: PixelShape = PixelShape::grey(28, 28);
    let width = SHAPE.pixels();
    let io = |source| DataError::unreadable(path, source);
    let wrong = |line: usize, what: String| DataError::Format {
        path: PathBuf::from(path),
        reason: format!("line {line}: {what}"),
    };
    let is_class = |value: f32| value.fract() == 0.0 && (0.0..f32::from(classes)).contains(&value);
    let mut source = BufReader::with_capacity(1 << 20, File::open(path).map_err(io)?);
    let (mut pixels, mut labels, mut digest) = (Vec::new(), Vec::new(), Sha256::new());
    let (mut text, mut line) = (String::new(), 0);
    loop {
        text.clear();
        line += 1;
        if source.read_line(&mut text).map_err(io)? == 0 {
            break;
        }
        digest.update(text.as_bytes());
        let mut count = 0;
        for word in text.split_ascii_whitespace() {
            let value: f32 =
                word.parse().map_err(|_| wrong(line, format!("'{word}' is not a number")))?;
            if count < width && (0.0..=1.0).contains(&value) {
                pixels.push((value * 255.0).round() as u8);
            } else if count == width && is_class(value) {
                labels.push(value as u8);
            } else if count < width {
                return Err(wrong(line, format!("pixel {}: {value} is not in [0, 1]", count + 1)));
            } else {
                let last = classes - 1;
                return Err(wrong(
                    line,
                    format!("'{word}' is not a class, 0 to {last}, or the line is too long"),
                ));
            }
            count += 1;
        }
        if count > 0 && count != width + 1 {
            let what = format!("{count} numbers, expected {width} pixels and a class");
            return Err(wrong(line, what));
        }
    }
    if labels.is_empty() {
        return Err(wrong(1, "no example".into()));
    }
    Ok((ExampleSet::images(SHAPE, pixels, labels, test), hex::encode(digest.finalize())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(first: &str, label: &str) -> String {
        format!("{first} {} {label}\n", vec!["0.5"; 783].join(" "))
    }

    fn options(dir: &Path) -> FetchOptions {
        FetchOptions {
            data_dir: Some(dir.into()),
            cache_dir: dir.join("cache"),
            offline: true,
            ..FetchOptions::from_env(None)
        }
    }

    #[test]
    fn a_file_is_read_and_its_mistakes_are_named_with_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set.amat");
        fs::write(&path, line("1.0", "7") + &line("0.0", "3.0")).unwrap();
        let (images, digest) = read(&path, false, 10).unwrap();
        assert_eq!((images.len(), images.label(0), images.label(1)), (2, 7, 3));
        assert_eq!((images.image(0)[0], images.image(0)[1], images.image(1)[0]), (255, 128, 0));
        assert_eq!(digest.len(), 64);
        for (text, message) in [
            (line("1.5", "7"), "line 1: pixel 1: 1.5"),
            (line("0", "7") + &line("NaN", "7"), "line 2: pixel 1: NaN"),
            (line("x", "7"), "'x' is not a number"),
            (line("0", "seven"), "'seven' is not a number"),
            (line("0", "7.5"), "not a class"),
            ("0 0 1\n".into(), "3 numbers"),
            (String::new(), "no example"),
        ] {
            fs::write(&path, text).unwrap();
            let Err(error) = read(&path, false, 10) else { panic!("{message}: read") };
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[test]
    fn a_class_that_a_set_does_not_have_is_refused_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        for (variant, most, beyond) in [
            (Variant::Basic, "9", "10"),
            (Variant::ImageBackground, "9", "255"),
            (Variant::Rectangles, "1", "2"),
            (Variant::Convex, "1", "2"),
            (Variant::ImageRectangles, "1", "9"),
        ] {
            let names = variant.original_files();
            let train = line("0", most) + &line("0", beyond);
            for (name, text) in names.into_iter().zip([train, line("0", "0")]) {
                fs::write(folder.path().join(name), text).unwrap();
            }
            let found = of_sizes(variant, variant.name(), &options(folder.path()), 1);
            let message = found.err().unwrap().to_string();
            let expected = format!("line 2: '{beyond}' is not a class, 0 to {most}");
            assert!(message.contains(&expected) && message.contains(names[0]), "{message}");
        }
    }

    #[test]
    fn a_pair_of_the_right_size_is_used_and_half_a_pair_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let [train, test] = Variant::Rectangles.original_files();
        let found = |f: &Path| of_sizes(Variant::Rectangles, "rectangles", &options(f), 3);
        assert!(found(folder.path()).unwrap().is_none());
        fs::write(folder.path().join(train), line("0", "1").repeat(1200)).unwrap();
        let message = found(folder.path()).err().unwrap().to_string();
        assert!(message.contains(test) && message.contains("missing"), "{message}");
        fs::write(folder.path().join(test), line("0", "0").repeat(3)).unwrap();
        let both = found(folder.path()).unwrap().unwrap();
        assert_eq!((both.pool.len(), both.test.len(), both.files.len()), (1200, 3, 2));
        let published = original(Variant::Rectangles, "rectangles", &options(folder.path()));
        let message = published.err().unwrap().to_string();
        assert!(message.contains(test), "{message}");
        assert!(message.contains("3 examples, expected 50000 for testing"), "{message}");
        fs::write(folder.path().join(train), line("0", "1")).unwrap();
        let message = found(folder.path()).err().unwrap().to_string();
        assert!(message.contains("1 examples, expected 1000"), "{message}");
    }
}
