//! Whether bytes are MessagePack, <https://github.com/msgpack/msgpack/blob/master/spec.md>, before Burn reads them:
//! its reader takes memory for as many items as a list says it has, were it 34 GB.

/// True if `bytes` are one value and nothing more, with lists, texts and blocks no longer than what follows.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    // Values that must still come.
    let (mut rest, mut missing) = (bytes, 1u64);
    while missing > 0 {
        let Some((marker, after)) = rest.split_first() else { return false };
        rest = after;
        missing -= 1;
        // A length of so many bytes, big-endian.
        let mut length = |bytes: usize| {
            let (number, after) = rest.split_at_checked(bytes)?;
            rest = after;
            Some(number.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte)))
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
        missing += values;
        // Each value takes a byte.
        if missing > rest.len() as u64 {
            return false;
        }
    }
    rest.is_empty()
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
            &[0xde, 0, 1, 0xd9, 1, b'a', 0xc4, 2, 1, 2],
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

    /// Found by fuzzing: a shape of 2^25 numbers in a record of 458 bytes took 512 MB.
    #[test]
    fn a_list_is_no_longer_than_what_follows() {
        for marker in [0xdd, 0xdf, 0xc6, 0xdb, 0xc9] {
            assert!(!is_whole(&[marker, 0xff, 0xff, 0xff, 0xff, 0, 0]), "{marker:x}");
        }
    }
}
