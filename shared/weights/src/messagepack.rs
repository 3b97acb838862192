//! Whether bytes are MessagePack, <https://github.com/msgpack/msgpack/blob/master/spec.md>, before Burn reads them:
//! its reader takes memory for as many items as a list says it has, were it 34 GB, and a tensor with fewer numbers
//! than its shape needs, at which a first product panics.

/// True if `bytes` are one value and nothing more, with lists, texts and blocks no longer than what follows, and every
/// block as long as the shape after it needs.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    // Values that must still come.
    let (mut rest, mut missing) = (bytes, 1u64);
    while missing > 0 {
        let Some((marker, after)) = rest.split_first() else { return false };
        rest = after;
        missing -= 1;
        let mut length = |bytes: usize| {
            let (length, after) = number(rest, bytes)?;
            rest = after;
            Some(length)
        };
        let small = u64::from(marker & 0xf);
        // Bytes of the value itself, and values in it.
        let found = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Some((0, 0)),
            0x80..=0x8f => Some((0, 2 * small)),
            0x90..=0x9f => Some((0, small)),
            0xa0..=0xbf => Some((u64::from(marker & 0x1f), 0)),
            0xc1 => None,
            0xc4 | 0xd9 => length(1).map(|bytes| (bytes, 0)),
            0xc5 | 0xda => length(2).map(|bytes| (bytes, 0)),
            0xc6 | 0xdb => length(4).map(|bytes| (bytes, 0)),
            0xc7 => length(1).map(|bytes| (bytes + 1, 0)),
            0xc8 => length(2).map(|bytes| (bytes + 1, 0)),
            0xc9 => length(4).map(|bytes| (bytes + 1, 0)),
            0xcc | 0xd0 => Some((1, 0)),
            0xcd | 0xd1 => Some((2, 0)),
            0xca | 0xce | 0xd2 => Some((4, 0)),
            0xcb | 0xcf | 0xd3 => Some((8, 0)),
            0xd4..=0xd8 => Some((1 + (1 << (marker - 0xd4)), 0)),
            0xdc => length(2).map(|values| (0, values)),
            0xdd => length(4).map(|values| (0, values)),
            0xde => length(2).map(|pairs| (0, 2 * pairs)),
            0xdf => length(4).map(|pairs| (0, 2 * pairs)),
        };
        let Some((bytes, values)) = found else { return false };
        let Some(after) = usize::try_from(bytes).ok().and_then(|bytes| rest.get(bytes..)) else {
            return false;
        };
        rest = after;
        if matches!(marker, 0xc4..=0xc6) && !has_its_shape(bytes, rest) {
            return false;
        }
        missing += values;
        // Each value takes a byte.
        if missing > rest.len() as u64 {
            return false;
        }
    }
    rest.is_empty()
}

/// True if a block of so many bytes holds the numbers of a tensor of single precision: in a record its shape and type
/// follow.
fn has_its_shape(bytes: u64, after: &[u8]) -> bool {
    let shape = after.strip_prefix(b"\xa5shape").and_then(|shape| shape.split_first());
    let Some((&marker, mut sizes)) = shape else { return false };
    // A list of up to fifteen sizes.
    let Some(rank) = marker.checked_sub(0x90).filter(|&rank| rank < 16) else { return false };
    let mut expected = Some(size_of::<f32>() as u64);
    for _ in 0..rank {
        let Some((size, after)) = natural(sizes) else { return false };
        expected = expected.and_then(|expected| expected.checked_mul(size));
        sizes = after;
    }
    expected == Some(bytes) && sizes.starts_with(b"\xa5dtype\xa3F32")
}

/// A natural number, and what follows it.
fn natural(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&marker, after) = bytes.split_first()?;
    match marker {
        0x00..=0x7f => Some((u64::from(marker), after)),
        0xcc => number(after, 1),
        0xcd => number(after, 2),
        0xce => number(after, 4),
        0xcf => number(after, 8),
        _ => None,
    }
}

/// A number of so many bytes, big-endian, and what follows it.
fn number(bytes: &[u8], length: usize) -> Option<(u64, &[u8])> {
    let (number, after) = bytes.split_at_checked(length)?;
    Some((number.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values_of_every_kind_and_nothing_else() {
        for whole in [
            &[0x07][..],
            &[0xc0],
            &[0x82, 0xa1, b'a', 0x01, 0xa1, b'b', 0x90],
            &[0xdd, 0, 0, 0, 2, 0xcd, 1, 2, 0xc3],
            &[0xde, 0, 1, 0xd9, 1, b'a', 0xc7, 1, 9, 1],
            &tensor(8, &[1, 2]),
            &[0x93, 0xca, 1, 2, 3, 4, 0xcb, 1, 2, 3, 4, 5, 6, 7, 8, 0xd5, 9, 1, 2],
            &[0xc7, 2, 9, 1, 2],
        ] {
            assert!(is_whole(whole), "{whole:x?}");
            for length in 0..whole.len() {
                assert!(!is_whole(&whole[..length]), "{whole:x?} {length}");
            }
            assert!(!is_whole(&[whole, &[0]].concat()), "{whole:x?}");
        }
        assert!(!is_whole(&[0xc1]));
    }

    /// A tensor of this shape in a record, with a block of so many bytes.
    fn tensor(block: u8, shape: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x83\xa5bytes\xc4".to_vec();
        bytes.push(block);
        bytes.resize(bytes.len() + usize::from(block), 7);
        bytes.extend(b"\xa5shape");
        bytes.push(0x90 + shape.len() as u8);
        bytes.extend(shape);
        bytes.extend(b"\xa5dtype\xa3F32");
        bytes
    }

    #[test]
    fn a_block_is_as_long_as_its_shape_needs() {
        for (block, shape, is_right) in [
            (24, &[3, 2][..], true),
            (20, &[3, 2], false),
            (28, &[3, 2], false),
            (4, &[], true),
            (0, &[], false),
            (0, &[5, 0], true),
        ] {
            assert_eq!(is_whole(&tensor(block, shape)), is_right, "{block} {shape:?}");
        }
        let mut double = tensor(24, &[3, 2]);
        let kind = double.len() - 3;
        double[kind..].copy_from_slice(b"F64");
        assert!(!is_whole(&double));
        assert!(!is_whole(&[0xc4, 4, 1, 2, 3, 4]));
        // A size of 2^62: the product of this and 4 is 2^64.
        let size = [0xcf, 0x40, 0, 0, 0, 0, 0, 0, 0];
        let after = [&b"\xa5shape\x91"[..], &size, b"\xa5dtype\xa3F32"].concat();
        assert!(!has_its_shape(0, &after));
    }

    #[test]
    fn natural_numbers_have_up_to_eight_bytes() {
        for (bytes, value) in [
            (&[0x7f][..], 127),
            (&[0xcc, 200], 200),
            (&[0xcd, 1, 2], 258),
            (&[0xce, 0, 1, 0, 0], 1 << 16),
            (&[0xcf, 0, 0, 0, 1, 0, 0, 0, 0], 1 << 32),
        ] {
            assert_eq!(natural(bytes), Some((value, &[0u8; 0][..])), "{bytes:x?}");
        }
        assert_eq!(natural(&[0xff]), None);
        assert_eq!(natural(&[0xcd, 1]), None);
    }

    /// Found by fuzzing: a shape of 2^25 numbers in a record of 458 bytes took 512 MB.
    #[test]
    fn a_list_is_no_longer_than_what_follows() {
        for marker in [0xdd, 0xdf, 0xc6, 0xdb, 0xc9] {
            assert!(!is_whole(&[marker, 0xff, 0xff, 0xff, 0xff, 0, 0]), "{marker:x}");
        }
    }
}
