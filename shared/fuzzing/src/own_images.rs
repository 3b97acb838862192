//! Readers of the user's images: pictures, archives of arrays, tables of pixels.

use std::io::Cursor;

use image::{GrayAlphaImage, GrayImage, ImageFormat, RgbImage};
use shared::data::{npy, readers};
use zip::CompressionMethod::{Deflated, Stored};

use super::{Target, archives::zip, bytes, hashed, outcome};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "picture",
        file: "picture.png",
        seeds: pictures,
        words: &["IHDR", "IDAT", "IEND", "PLTE", "tRNS", "eXIf", "Exif\0\0", "acTL"],
        read: |path| outcome(readers::picture(path)),
        // A byte of a picture of one colour unpacks to a thousand.
        memory: 1 << 13,
        ..Target::BYTES
    },
    Target {
        name: "own-array",
        file: "images.npz",
        seeds: || {
            vec![
                npy::array("|u1", "(4, 3, 2)", &[7; 24]),
                npy::array("<f4", "(2, 3, 2, 1)", &[0; 48]),
                npy::array("<f8", "(1, 2, 2, 3)", &[0; 96]),
                npy::array("<i2", "(3, 2, 2)", &[1, 0].repeat(12)),
            ]
        },
        words: &[
            "'descr': '<i8'",
            "'|b1'",
            "'<U3'",
            "True",
            "(4, 3, 2)",
            "(4,)",
            "(0, 3, 2)",
            "(-1,)",
        ],
        read: |path| {
            let array = bytes(path)?;
            let archive = zip(&[("x.npy", &array)], Stored);
            std::fs::write(path, archive).map_err(|error| error.to_string())?;
            outcome(readers::archive(path))
        },
        ..Target::BYTES
    },
    Target {
        name: "own-archive",
        file: "images.npz",
        seeds: || {
            let x = npy::array("|u1", "(4, 3, 2)", &[7; 24]);
            let y = npy::array("<i8", "(4,)", &[3i64, 1, 4, 1].map(i64::to_le_bytes).concat());
            [Deflated, Stored].map(|method| zip(&[("x.npy", &x), ("y.npy", &y)], method)).to_vec()
        },
        words: &["x.npy", "y.npy", "PK\x01\x02", "PK\x03\x04", "PK\x05\x06"],
        // An archive may have other arrays, and a damaged name may be that of one: the reader says
        // that it passes over it, so this damage, and no other, counts as found.
        read: |path| match readers::archive(path)? {
            (images, passed_over) if passed_over.is_empty() => Ok(hashed(&images)),
            (_, passed_over) => Err(format!("passed over {}", passed_over.join(", "))),
        },
        ..Target::ZIPPED
    },
    Target {
        name: "pixels",
        file: "pixels.csv",
        seeds: || {
            vec![b"label,a,b,c,d\n1,0,0.5,1,1\n2,1,0,0,1\n".into(), b"1,2,3,4\n5,6,7,8\n".into()]
        },
        words: &["label", "class", ",", "\n", "\"", "255", "256", "-1", "nan", "1e3", "\r"],
        read: |path| outcome(readers::pixels(path)),
        memory: 1 << 10,
        ..Target::TEXT
    },
];

fn pictures() -> Vec<Vec<u8>> {
    let written = |write: &dyn Fn(&mut Cursor<Vec<u8>>) -> image::ImageResult<()>| {
        let mut bytes = Cursor::new(Vec::new());
        write(&mut bytes).is_ok().then(|| bytes.into_inner())
    };
    let (grey, alpha, rgb) = (GrayImage::new(5, 3), GrayAlphaImage::new(4, 4), RgbImage::new(6, 2));
    [
        written(&|to| grey.write_to(to, ImageFormat::Png)),
        written(&|to| alpha.write_to(to, ImageFormat::Png)),
        written(&|to| rgb.write_to(to, ImageFormat::Png)),
        written(&|to| grey.write_to(to, ImageFormat::Jpeg)),
        written(&|to| rgb.write_to(to, ImageFormat::Jpeg)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
