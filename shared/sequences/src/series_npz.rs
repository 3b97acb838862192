//! Series in an npz archive: an array for each, `arr_0`, `arr_1` and so on.

use std::{fs::File, path::Path};

use zip::ZipArchive;

use super::{archive::Archive, series::Table};
use shared::data::npy::Header;

/// Bytes of an array.
const LARGEST: u64 = 1 << 30;

/// True if the archive has arrays without names, and nothing else.
pub(super) fn has_series(path: &Path) -> bool {
    let archive = File::open(path).ok().and_then(|file| ZipArchive::new(file).ok());
    archive.is_some_and(|archive| {
        let mut names = archive.file_names().peekable();
        names.peek().is_some() && names.all(|name| number_of(name).is_some())
    })
}

/// n of `arr_n.npy`.
fn number_of(name: &str) -> Option<usize> {
    name.strip_prefix("arr_")?.strip_suffix(".npy")?.parse().ok()
}

/// The series of an archive in the order of their numbers, `[steps]` or `[steps, columns]` each.
///
/// # Errors
/// What is wrong, with the array's name: no array, no numbers, unequal columns, no step, and what is no
/// finite number.
pub fn parse(npz: &[u8]) -> Result<Table, String> {
    let mut archive = Archive::open(npz, "npz")?;
    let mut names: Vec<(usize, String)> =
        archive.names().filter_map(|name| Some((number_of(name)?, name.to_owned()))).collect();
    if names.is_empty() {
        let others: Vec<&str> = archive.names().take(5).collect();
        return Err(format!(
            "no array arr_0, only {}: np.savez(\"series.npz\", *series)",
            others.join(", ")
        ));
    }
    names.sort_unstable();
    if let Some(missing) = (0..names.len()).find(|&number| names[number].0 != number) {
        return Err(format!("{} arrays, and no arr_{missing}", names.len()));
    }
    let (mut width, mut series) = (None, Vec::with_capacity(names.len()));
    for (_, name) in &names {
        let told = |reason: String| format!("{}: {reason}", name.trim_end_matches(".npy"));
        let bytes = archive.member(name, LARGEST)?;
        let (columns, values) = numbers(&bytes).map_err(told)?;
        match width {
            Some(width) if width != columns => {
                return Err(told(format!("{columns} columns, and arr_{} has {width}", names[0].0)));
            }
            _ => width = Some(columns),
        }
        series.push(values);
    }
    let columns = (0..width.unwrap_or(0)).map(|column| format!("x{column}")).collect();
    Ok(Table { columns, series })
}

/// The columns of an array and its numbers, step by step.
fn numbers(npy: &[u8]) -> Result<(usize, Vec<f64>), String> {
    let mut rest = npy;
    let Header { descr, shape, by_columns } = Header::read(&mut rest)?;
    let (steps, columns) = match *shape.as_slice() {
        [steps] => (steps, 1),
        [steps, columns] => (steps, columns),
        _ => return Err(format!("its shape is {shape:?}; expected [steps] or [steps, columns]")),
    };
    if steps == 0 || columns == 0 {
        return Err("it has no step".into());
    }
    let (size, read): (usize, fn(&[u8]) -> f64) = match &*descr {
        "<f8" => (8, |word| f64::from_le_bytes(fixed(word))),
        "<f4" => (4, |word| f64::from(f32::from_le_bytes(fixed(word)))),
        "<i8" => (8, |word| i64::from_le_bytes(fixed(word)) as f64),
        "<i4" => (4, |word| f64::from(i32::from_le_bytes(fixed(word)))),
        "<i2" => (2, |word| f64::from(i16::from_le_bytes(fixed(word)))),
        "|u1" => (1, |word| f64::from(word[0])),
        _ => {
            return Err(format!("its type is {descr}; save it with astype(np.float32)"));
        }
    };
    let count = steps.checked_mul(columns).and_then(|count| usize::try_from(count).ok());
    if count.and_then(|count| count.checked_mul(size)) != Some(rest.len()) {
        return Err(format!("its shape {shape:?} is not that of its {} bytes", rest.len()));
    }
    let values: Vec<f64> = rest.chunks_exact(size).map(read).collect();
    let (steps, columns) = (steps as usize, columns as usize);
    if let Some(place) = values.iter().position(|value| !(*value as f32).is_finite()) {
        let step = if by_columns { place % steps } else { place / columns };
        return Err(format!("step {step}: {} is no finite number", values[place]));
    }
    if !by_columns {
        return Ok((columns, values));
    }
    let by_step = (0..steps * columns).map(|at| values[at % columns * steps + at / columns]);
    Ok((columns, by_step.collect()))
}

/// A word of a known size.
fn fixed<const N: usize>(word: &[u8]) -> [u8; N] {
    let mut fixed = [0; N];
    fixed.copy_from_slice(&word[..N]);
    fixed
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zipped, *};
    use shared::data::npy::array;

    fn floats(shape: &str, values: &[f64]) -> Vec<u8> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        array("<f8", shape, &bytes)
    }

    #[test]
    fn arrays_are_series_in_the_order_of_their_numbers() {
        let (a, b) = (floats("(2, 2)", &[1., 2., 3., 4.]), floats("(1, 2)", &[5., 6.]));
        let npz = zipped(&[("arr_1.npy", &b), ("arr_0.npy", &a)]);
        let Table { columns, series } = parse(&npz).unwrap();
        assert_eq!(
            (columns, series),
            (vec!["x0".into(), "x1".into()], vec![vec![1., 2., 3., 4.], vec![5., 6.]])
        );
        // By columns it is the same.
        let by_columns: Vec<u8> = floats("(2, 2)", &[1., 3., 2., 4.]);
        let place = by_columns.windows(5).position(|word| word == b"False").unwrap();
        let by_columns = [&by_columns[..place], b"True ", &by_columns[place + 5..]].concat();
        assert_eq!(numbers(&by_columns).unwrap(), (2, vec![1., 2., 3., 4.]));
        let bytes = array("|u1", "(3,)", &[7, 8, 9]);
        assert_eq!(numbers(&bytes).unwrap(), (1, vec![7., 8., 9.]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_array() {
        let told = |arrays: &[(&str, &[u8])]| parse(&zipped(arrays)).unwrap_err();
        let one = floats("(2,)", &[1.0, 2.0]);
        for (array, part) in [
            (floats("(2,)", &[1.0, f64::NAN]), "arr_1: step 1: NaN is no finite number"),
            (floats("(1, 2)", &[1.0, 2.0]), "arr_1: 2 columns, and arr_0 has 1"),
            (floats("(0,)", &[]), "arr_1: it has no step"),
            (floats("(3,)", &[1.0, 2.0]), "arr_1: its shape [3] is not that of its 16 bytes"),
            (floats("(1, 1, 1)", &[1.0]), "expected [steps] or [steps, columns]"),
            (shared::data::npy::array("<U3", "(1,)", b"abc"), "its type is <U3"),
            (b"no".to_vec(), "arr_1: not a numpy array"),
        ] {
            let found = told(&[("arr_0.npy", &one), ("arr_1.npy", &array)]);
            assert!(found.contains(part) && !found.contains('\n'), "{found}");
        }
        assert!(told(&[("arr_0.npy", &one), ("arr_2.npy", &one)]).contains("no arr_1"));
        assert!(told(&[("train.npy", &one)]).contains("no array arr_0, only train.npy"));
        assert!(
            parse(b"no").unwrap_err().contains("no complete")
                || parse(b"no").unwrap_err().contains("not a complete")
        );
    }
}
