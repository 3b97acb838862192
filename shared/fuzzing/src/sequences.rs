//! Readers of sequences: drawings, songs, chorales, text.

use std::io::{Cursor, Read};

use zip::{
    CompressionMethod::{Deflated, Stored},
    ZipArchive,
};

use super::{Target, archives::zip, bytes, outcome};
use sequences::TextLevel;
use sequences::readers;

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "strokes",
        seeds: || NUMPY.map(<[u8]>::to_vec).to_vec(),
        words: &["train.npy", "valid.npy", "test.npy", "PK\x01\x02", "PK\x03\x04", "PK\x05\x06"],
        // A byte unpacks to hundreds, each of which may be a value.
        memory: 1 << 15,
        read: |path| {
            let splits = readers::strokes(&bytes(path)?);
            outcome(splits.map(|splits| splits.map(|drawings| bits(&drawings))))
        },
        ..Target::ZIPPED
    },
    Target {
        name: "strokes-pickle",
        seeds: || NUMPY.iter().flat_map(|npz| members(npz)).collect(),
        words: PICKLE,
        memory: 512,
        read: |path| outcome(readers::drawings(&bytes(path)?).map(|drawings| bits(&drawings))),
        ..Target::BYTES
    },
    Target {
        name: "midi",
        file: "song.mid",
        seeds: || vec![MIDI.to_vec()],
        words: &["MThd", "MTrk", "\x60\x3c\x50", "\x60\x3c\x00", "\x00\x2f\x00"],
        // A delta of four bytes is up to 2^28 ticks, and each step of them a chord.
        memory: 1 << 19,
        read: |path| outcome(readers::midi(&bytes(path)?, 1.0)),
        ..Target::BYTES
    },
    Target {
        name: "mat",
        file: "rolls.mat",
        seeds: || vec![rolls()],
        words: &["MATLAB 5.0 MAT-file", "traindata", "validdata", "testdata"],
        memory: 1 << 12,
        read: |path| outcome(readers::mat(&bytes(path)?)),
        ..Target::BYTES
    },
    Target {
        name: "jsb",
        file: "jsb.json",
        seeds: || {
            let json = br#"{"train": [[[60, 64], [], [21]], [[108]]], "valid": [[[21, 22]]], "test": [[[50]]]}"#;
            vec![json.to_vec()]
        },
        words: &[
            "\"train\"",
            "\"valid\"",
            "\"test\"",
            "[[60]]",
            "[]",
            "{",
            "}",
            "null",
            "1e2",
            "\"\\ud800\"",
        ],
        read: |path| outcome(readers::jsb(&bytes(path)?)),
        ..Target::TEXT
    },
    Target {
        name: "series-csv",
        file: "series.csv",
        seeds: || vec![b"series,x,y\na,1,2.5\nb,-3e2,4\na,5,6\n\n\"c\",7,8\n".to_vec()],
        words: &["series", "id", ",", "\n", "\"", "NaN", "inf", "1e400", "-0", "\u{feff}"],
        memory: 2048,
        read: |path| {
            let table = readers::series_csv(&bytes(path)?, None);
            outcome(table.map(|table| (table.columns, bits_of(&table.series))))
        },
        ..Target::TEXT
    },
    Target {
        name: "series-npz",
        file: "series.npz",
        seeds: || {
            let floats: Vec<u8> =
                [1.5f32, 2.0, -3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
            let array = |shape: &str| shared::data::npy::array("<f4", shape, &floats);
            let members: &[(&str, &[u8])] =
                &[("arr_0.npy", &array("(4, 1)")), ("arr_1.npy", &array("(4,)"))];
            vec![zip(members, Deflated), zip(members, Stored)]
        },
        words: &[
            "arr_0.npy",
            "arr_1.npy",
            "<f8",
            "|u1",
            "True",
            "(4,)",
            "PK\x01\x02",
            "PK\x05\x06",
        ],
        // A name that is damaged may be that of another array.
        memory: 1 << 15,
        read: |path| {
            let table = readers::series_npz(&bytes(path)?);
            outcome(table.map(|table| (table.columns, bits_of(&table.series))))
        },
        ..Target::BYTES
    },
    Target {
        name: "census",
        file: "dist.female.first",
        seeds: || {
            let lines = b"MARY           2.629  2.629      1\nPATRICIA       1.073  3.702      2\n\nJO 0.1 3.8 3\n";
            vec![lines.to_vec()]
        },
        words: &["MARY", " ", "\n", "\r\n", "\u{feff}", "\u{2028}", "\u{c9}LISE", "0.1"],
        memory: 512,
        read: |path| outcome(readers::census(&bytes(path)?)),
        ..Target::TEXT
    },
    Target {
        name: "text",
        file: "poems.txt",
        seeds: || {
            let line =
                |at: usize| format!("the {at} quick brown foxes; été\n{}", "\n".repeat(at % 2));
            vec![
                (0..40).map(line).collect::<String>().into_bytes(),
                "a b\n".repeat(30).into_bytes(),
            ]
        },
        words: &["\n", "\r\n", "\u{feff}", "\u{2028}", "e\u{301}", "<unk>", " "],
        memory: 512,
        read: |path| {
            let bytes = bytes(path)?;
            for level in [TextLevel::Characters, TextLevel::Words] {
                let (lines, vocabulary) = readers::text(&bytes, level, None)?;
                let mut symbols = lines.iter().flat_map(|(_, line)| line);
                assert!(symbols.all(|&symbol| (symbol as usize) < vocabulary.len()));
                assert!(lines.iter().all(|(_, line)| line.len() > 1));
            }
            Ok(0)
        },
        ..Target::TEXT
    },
];

/// Archives as numpy and sketch-rnn write them.
const NUMPY: [&[u8]; 6] = [
    include_bytes!("../../sequences/src/fixtures/default.npz"),
    include_bytes!("../../sequences/src/fixtures/python2.npz"),
    include_bytes!("../../sequences/src/fixtures/protocol2.npz"),
    include_bytes!("../../sequences/src/fixtures/protocol3.npz"),
    include_bytes!("../../sequences/src/fixtures/protocol5.npz"),
    include_bytes!("../../sequences/src/fixtures/float32.npz"),
];

/// Instructions of a pickle with their arguments.
const PICKLE: &[&str] = &[
    "N",
    "(",
    ")",
    "t",
    "]",
    "l",
    "a",
    "e",
    "R",
    "b",
    ".",
    "K\x01",
    "J\x01\0\0\0",
    "h\0",
    "h\x01",
    "j\0\0\0\0",
    "q\0",
    "q\x01",
    "r\x01\0\0\0",
    "X\x02\0\0\0O8",
    "cnumpy\nndarray\n",
    "cnumpy\ndtype\n",
    "cnumpy.core.multiarray\n_reconstruct\n",
    "c_codecs\nencode\n",
    "'descr': '|O'",
    "(1152921504606846976,)",
    "\x01\0",
    "\x02\0",
];

/// Drawings as bits, in which equal is equal.
fn bits(drawings: &[Vec<[f32; 3]>]) -> Vec<Vec<[u32; 3]>> {
    let step = |step: &[f32; 3]| step.map(f32::to_bits);
    drawings.iter().map(|steps| steps.iter().map(step).collect()).collect()
}

/// The unpacked members of an archive.
fn members(archive: &[u8]) -> Vec<Vec<u8>> {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(archive)) else { return Vec::new() };
    let count = archive.len();
    let unpacked = |index| {
        let mut bytes = Vec::new();
        archive.by_index(index).ok()?.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    };
    (0..count).map_while(unpacked).collect()
}

/// A chord of one quarter, 96 ticks a quarter.
const MIDI: &[u8] = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x12\0\x90\x3c\x50\0\x40\x50\x60\x90\x3c\0\0\x40\0\0\xff\x2f\0";

/// A MATLAB file whose splits have a roll of one step each.
fn rolls() -> Vec<u8> {
    let element = |kind: u32, content: &[u8]| {
        let mut bytes = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let array = |class: u8, columns: u32, name: &str, content: &[u8]| {
        let sizes = [1, columns].map(u32::to_le_bytes).concat();
        let flags = element(6, &[class, 0, 0, 0, 0, 0, 0, 0]);
        element(
            14,
            &[flags, element(5, &sizes), element(1, name.as_bytes()), content.to_vec()].concat(),
        )
    };
    let mut keys = [0u8; 88];
    keys[40] = 1;
    let roll = array(9, 88, "", &element(2, &keys));
    let mut file = b"MATLAB 5.0 MAT-file".to_vec();
    file.resize(124, b' ');
    file.extend(b"\0\x01IM");
    for name in ["traindata", "validdata", "testdata"] {
        file.extend(array(1, 1, name, &roll));
    }
    file
}

/// The numbers of series, as bits, which can be hashed.
fn bits_of(series: &[(String, Vec<f64>)]) -> Vec<Vec<u64>> {
    series.iter().map(|(_, own)| own.iter().map(|x| x.to_bits()).collect()).collect()
}
