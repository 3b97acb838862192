//! Drawings as sketch-rnn and Quick, Draw! publish them: an npz archive of pickled arrays of
//! strokes.
//!
//! The format is that of <https://github.com/magenta/magenta/tree/main/magenta/models/sketch_rnn>:
//! members `train.npy`, `valid.npy` and `test.npy`, each a numpy array of objects, one array a
//! drawing.

use super::{
    archive::Archive,
    pickle::{self, Array, Dtype, Id, Value, Values},
};
use shared::data::npy::Header;

/// Bytes of an unpacked member; more than Quick, Draw!'s largest category has by far.
const LARGEST_MEMBER: u64 = 1 << 30;

/// A step of a drawing: x and y offset from the point before, y downwards, and 1 if the pen is
/// lifted after this point, 0 if it draws on.
type Step = [f32; 3];

/// Training, validation and test drawings, each `[steps][dx, dy, pen]`: offsets in the file's
/// units, and the pen 1 where it is lifted after the point, else 0.
///
/// # Errors
/// What is wrong, with its member, drawing and step, counted from 0, or the offset in the unpacked
/// member; without the file's name. A drawing without steps, a number that is not finite and a pen
/// that is not 0 or 1 are wrong.
pub fn parse(npz: &[u8]) -> Result<[Vec<Vec<Step>>; 3], String> {
    let mut archive = Archive::open(npz, "npz")?;
    let mut drawings = |name: &str| {
        let bytes = archive.member(name, LARGEST_MEMBER)?;
        drawings(&bytes).map_err(|reason| format!("{name}: {reason}"))
    };
    Ok([drawings("train.npy")?, drawings("valid.npy")?, drawings("test.npy")?])
}

/// The drawings of a member.
pub fn drawings(npy: &[u8]) -> Result<Vec<Vec<Step>>, String> {
    let mut rest = npy;
    let Header { descr, shape, .. } =
        Header::read(&mut rest).map_err(|reason| format!("it is {reason}"))?;
    if !descr.contains("|O") {
        return Err(format!(
            "an array of type {descr} and shape {shape:?}; expected an array of objects, one array \
             [steps, 3] for each drawing"
        ));
    }
    let (values, root) = pickle::read(npy, npy.len() - rest.len())?;
    let all = array(&values, root)?;
    let ([_], Some(drawings)) = (all.shape.as_slice(), all.objects(&values)) else {
        return Err(format!(
            "an array of {}s of shape {:?}; expected a row of drawings. Where all drawings have \
             the same length numpy makes one block of them, unless they are put one by one into \
             np.empty(count, dtype=object)",
            all.dtype, all.shape
        ));
    };
    let mut total = 0;
    let drawing = |(index, &id): (usize, &Id)| {
        let drawing = array(&values, id).and_then(|array| {
            total += array.shape.first().copied().unwrap_or(0);
            // A step takes three bytes at least, but a drawing may be named again and again.
            if total > npy.len() {
                return Err("a small file repeats its drawings at will: write each one once".into());
            }
            steps(&values, array)
        });
        drawing.map_err(|reason| format!("drawing {index}: {reason}"))
    };
    drawings.iter().enumerate().map(drawing).collect()
}

fn array<'v>(values: &'v Values<'_>, id: Id) -> Result<&'v Array, String> {
    match values.get(id) {
        Value::Array(Some(array)) => Ok(array),
        other => Err(format!("{} in place of an array", other.describe())),
    }
}

fn steps(values: &Values<'_>, array: &Array) -> Result<Vec<Step>, String> {
    let &[steps, 3] = array.shape.as_slice() else {
        return Err(format!(
            "its shape is {:?}; expected [steps, 3] with dx, dy and pen lifted. Drawings with five \
             columns (stroke-5) must be converted",
            array.shape
        ));
    };
    if array.dtype == Dtype::Object {
        return Err("its elements are objects; expected numbers".into());
    }
    if steps == 0 {
        return Err("it has no steps".into());
    }
    let step = |row: usize| {
        let mut step = [0.0; 3];
        for (column, value) in step.iter_mut().enumerate() {
            let number = array.number(values, row, column).unwrap_or(f64::NAN);
            *value = number as f32;
            if !value.is_finite() {
                return Err(format!("step {row}: {number} is not a finite 32-bit number"));
            }
        }
        if !matches!(step[2], 0.0 | 1.0) {
            return Err(format!(
                "step {row}: the pen is {}; expected 1 (lifted after this point) or 0",
                step[2]
            ));
        }
        Ok(step)
    };
    (0..steps).map(step).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{super::archive::tests::zipped as npz, *};
    use shared::data::npy::array as npy;

    /// An archive of a drawing of one step in each split.
    pub(crate) fn file(steps: [[f32; 3]; 3]) -> Vec<u8> {
        let [train, valid, test] = steps.map(|step| pickled_member(&[of_floats(1, 3, &step)]));
        npz(&[("train.npy", &train), ("valid.npy", &valid), ("test.npy", &test)])
    }

    fn string(bytes: &[u8]) -> Vec<u8> {
        [b"T", &(bytes.len() as u32).to_le_bytes()[..], bytes].concat()
    }

    /// A pickled array in the words of Python 2: an instruction for the order, and one for the
    /// data.
    fn pickled(shape: &[u8], dtype: &str, order: &[u8], by_columns: &[u8], data: &[u8]) -> Vec<u8> {
        let mut pickle = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85".to_vec();
        pickle.extend(string(b"b"));
        pickle.extend(b"\x87R(K\x01(");
        pickle.extend(shape.iter().flat_map(|&size| [b'K', size]));
        pickle.extend(b"tcnumpy\ndtype\n");
        pickle.extend(string(dtype.as_bytes()));
        pickle.extend(b"K\0K\x01\x87R(K\x03");
        pickle.extend(string(order));
        pickle.extend(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb");
        pickle.extend(by_columns);
        pickle.extend(data);
        pickle.extend(b"tb");
        pickle
    }

    /// A member with the drawings of these pickled arrays.
    fn pickled_member(arrays: &[Vec<u8>]) -> Vec<u8> {
        let list = [b"](", arrays.concat().as_slice(), b"e"].concat();
        let all = pickled(&[arrays.len() as u8], "O8", b"|", b"\x89", &list);
        npy("|O", &format!("({},)", arrays.len()), &[b"\x80\x02", &all[..], b"."].concat())
    }

    fn of_floats(rows: u8, columns: u8, numbers: &[f32]) -> Vec<u8> {
        let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        pickled(&[rows, columns], "f4", b"<", b"K\0", &string(&data))
    }

    /// The reason why an archive of three such members is refused.
    fn reason(member: &[u8]) -> String {
        let members = ["train.npy", "valid.npy", "test.npy"].map(|name| (name, member));
        parse(&npz(&members)).unwrap_err()
    }

    #[test]
    fn files_of_numpy_are_read_whatever_their_pickle_protocol() {
        let expected = [
            vec![
                vec![[3.0, -4.0, 0.0], [300.0, 0.0, 1.0]],
                vec![[1.0, 1.0, 0.0], [-2.0, 5.0, 0.0], [0.0, -7.0, 1.0]],
            ],
            vec![vec![[9.0, 8.0, 1.0]]],
            vec![vec![[0.0, 0.0, 0.0], [-128.0, 127.0, 1.0]]],
        ];
        for (name, bytes) in [
            ("savez_compressed", &include_bytes!("fixtures/default.npz")[..]),
            ("python 2", include_bytes!("fixtures/python2.npz")),
            ("protocol 2", include_bytes!("fixtures/protocol2.npz")),
            ("protocol 3", include_bytes!("fixtures/protocol3.npz")),
            ("protocol 5", include_bytes!("fixtures/protocol5.npz")),
            ("float32", include_bytes!("fixtures/float32.npz")),
        ] {
            assert_eq!(parse(bytes).as_ref(), Ok(&expected), "{name}");
        }
    }

    #[test]
    fn columns_may_run_first() {
        let data = string(&[1, 2, 3, 4, 0, 1]);
        let member = pickled_member(&[pickled(&[2, 3], "i1", b"|", b"\x88", &data)]);
        assert_eq!(drawings(&member), Ok(vec![vec![[1.0, 3.0, 0.0], [2.0, 4.0, 1.0]]]));
    }

    #[test]
    fn a_member_may_be_without_drawings() {
        assert_eq!(drawings(&pickled_member(&[])), Ok(vec![]));
    }

    #[test]
    fn wrong_drawings_are_named_with_their_place() {
        let good = of_floats(1, 3, &[1.0, 2.0, 1.0]);
        let with = |array: Vec<u8>| reason(&pickled_member(&[good.clone(), array]));
        let data = string(&[0; 6]);
        for (reason, part) in [
            (
                with(of_floats(2, 3, &[0.0, 0.0, 0.0, 0.0, f32::NAN, 1.0])),
                "train.npy: drawing 1: step 1: NaN is not a finite",
            ),
            (with(of_floats(1, 3, &[f32::INFINITY, 0.0, 0.0])), "step 0: inf is not"),
            (with(of_floats(1, 3, &[0.0, 0.0, 0.5])), "step 0: the pen is 0.5"),
            (with(of_floats(1, 5, &[0.0; 5])), "drawing 1: its shape is [1, 5]"),
            (with(of_floats(0, 3, &[])), "drawing 1: it has no steps"),
            (with(pickled(&[3], "i2", b"<", b"\x89", &data)), "its shape is [3]"),
            (with(pickled(&[1, 3], "i2", b">", b"\x89", &data)), "not little-endian"),
            (with(pickled(&[1, 3], "i2", b"<", b"\x89", &string(&[0; 5]))), "comes with"),
            (with(pickled(&[1, 3], "c8", b"<", b"\x89", &data)), "type c8"),
            (with(pickled(&[1, 3], "O8", b"|", b"\x89", b"(NNNl")), "are objects"),
            (with(b"N".to_vec()), "drawing 1: None in place of an array"),
            (with(b"(cos\nsystem\n".to_vec()), "refuses to run os.system"),
        ] {
            assert!(reason.contains(part), "{part}: {reason}");
        }
    }

    #[test]
    fn a_drawing_is_not_repeated_at_will() {
        let drawing = pickled(&[200, 3], "i1", b"|", b"K\0", &string(&[0; 600]));
        let times = |times: usize| {
            let first = [&drawing[..], b"q\x07"].concat();
            let arrays = [vec![first], vec![b"h\x07".to_vec(); times - 1]].concat();
            drawings(&pickled_member(&arrays))
        };
        assert_eq!(times(2).map(|drawings| drawings.len()), Ok(2));
        // Each of these names 2.4 kB of the memory with two bytes.
        assert!(times(250).unwrap_err().contains("repeats its drawings"));
    }

    #[test]
    fn other_arrays_are_refused() {
        let block = pickled(&[1, 1, 3], "O8", b"|", b"\x89", b"(NNNl");
        let block = npy("|O", "(1, 1, 3)", &[b"\x80\x02", &block[..], b"."].concat());
        assert!(reason(&block).contains("objects of shape [1, 1, 3]"), "{}", reason(&block));
        let numbers = npy("<i2", "(1, 3)", &[0; 6]);
        assert!(reason(&numbers).contains("type <i2"), "{}", reason(&numbers));
        assert!(reason(b"text").contains("train.npy: it is not a numpy array"));
        let empty = npy("|O", "(1,)", b"");
        let place = format!("byte {}: 1 bytes expected", empty.len());
        assert!(reason(&empty).contains(&place), "{}", reason(&empty));
    }

    #[test]
    fn damaged_archives_are_refused() {
        let whole = include_bytes!("fixtures/default.npz");
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length}");
        }
        let member = pickled_member(&[]);
        let reason = parse(&npz(&[("train.npy", &member), ("test.npy", &member)])).unwrap_err();
        assert!(reason.contains("no member valid.npy, only test.npy, train.npy"), "{reason}");
    }

    /// Wherever a byte is changed, the outcome is an error or drawings, never a panic.
    #[test]
    fn a_changed_byte_does_no_harm() {
        let whole = include_bytes!("fixtures/python2.npz");
        let train = Archive::open(whole, "npz").unwrap().member("train.npy", 1 << 20).unwrap();
        for at in 0..train.len() {
            for changed in [0, 1, b'.', b'(', b'b', b'R', 0x7f, 0xff, train[at] ^ 1] {
                let mut train = train.clone();
                train[at] = changed;
                drop(drawings(&train));
            }
            assert!(at == 0 || drawings(&train[..at]).is_err(), "{at}");
        }
    }
}
