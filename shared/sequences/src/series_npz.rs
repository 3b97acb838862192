//! Series in an npz archive: an array for each, `arr_0`, `arr_1` and so on.

use super::{archive::Archive, series::Table};
use shared::{
    data::Numbers,
    reading::{listed, short},
};

/// Bytes of an array.
const LARGEST: u64 = 1 << 30;

/// n of `arr_n.npy`.
pub(super) fn number_of(name: &str) -> Option<usize> {
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
        return Err(format!(
            "no array arr_0, only {}: np.savez(\"series.npz\", *series)",
            listed(archive.names())
        ));
    }
    names.sort_unstable();
    if let Some(missing) = (0..names.len()).find(|&number| names[number].0 != number) {
        return Err(format!("{} arrays, and no arr_{missing}", names.len()));
    }
    let (mut width, mut series) = (None, Vec::with_capacity(names.len()));
    for (_, name) in &names {
        let array = name.trim_end_matches(".npy");
        let bytes = archive.member(name, LARGEST)?;
        let (columns, values) = numbers(&bytes).map_err(|reason| format!("{array} {reason}"))?;
        match width {
            Some(width) if width != columns => {
                return Err(format!(
                    "{array} has {columns} columns, and arr_{} has {width}",
                    names[0].0
                ));
            }
            _ => width = Some(columns),
        }
        series.push((array.to_owned(), values));
    }
    let columns = (0..width.unwrap_or(0)).map(|column| format!("x{column}")).collect();
    Ok(Table { columns, series })
}

/// The columns of an array and its numbers, step by step.
fn numbers(npy: &[u8]) -> Result<(usize, Vec<f64>), String> {
    let array = Numbers::read(&mut &npy[..], LARGEST)?;
    let columns = match *array.shape.as_slice() {
        [_] => 1,
        [_, columns] => columns,
        _ => {
            return Err(format!(
                "has the shape {:?}; expected [steps] or [steps, columns]",
                array.shape
            ));
        }
    };
    let values = array.floats();
    if values.is_empty() {
        return Err("has no step".into());
    }
    if let Some(place) = values.iter().position(|value| !(*value as f32).is_finite()) {
        let (step, value) = (place / columns, short(values[place]));
        return Err(format!("has {value} at step {step}: it is no finite number of 32 bits"));
    }
    Ok((columns, values))
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
            (
                vec!["x0".into(), "x1".into()],
                vec![("arr_0".into(), vec![1., 2., 3., 4.]), ("arr_1".into(), vec![5., 6.])]
            )
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
            (floats("(2,)", &[1.0, f64::NAN]), "arr_1 has NaN at step 1"),
            (floats("(1, 2)", &[1.0, 2.0]), "arr_1 has 2 columns, and arr_0 has 1"),
            (floats("(2,)", &[1.0, 1e300]), "arr_1 has 1e300 at step 1"),
            (floats("(2, 0)", &[]), "arr_1 has no step"),
            (floats("(0,)", &[]), "arr_1 has no step"),
            (floats("(3,)", &[1.0, 2.0]), "arr_1 does not have the 24 bytes its shape [3]"),
            (floats("(1, 1, 1)", &[1.0]), "expected [steps] or [steps, columns]"),
            (shared::data::npy::array("<U3", "(1,)", b"abc"), "arr_1 is an array of texts"),
            (b"no".to_vec(), "arr_1 is not a numpy array"),
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
