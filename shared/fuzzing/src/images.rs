//! Readers of images: IDX, the text of Larochelle et al., the archive of dSprites.

use zip::CompressionMethod::{Deflated, Stored};

use super::{Target, archives::zip, bytes, outcome};
use shared::{
    data::{FactorGrid, PixelShape, Sprites, readers},
    plot::{read_row, save_row},
};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "idx-images",
        seeds: || vec![idx(&[3, 4, 5], 60), idx(&[2, 28, 28], 1568)],
        read: |path| {
            outcome(readers::idx_images(path).map(|(count, shape, pixels)| {
                assert_eq!(count * shape.pixels(), pixels.len());
                (count, shape.height, pixels)
            }))
        },
        ..Target::BYTES
    },
    Target {
        name: "idx-labels",
        seeds: || vec![idx(&[60], 60)],
        read: |path| outcome(readers::idx_labels(path, 60)),
        ..Target::BYTES
    },
    Target {
        name: "amat",
        words: &["0.5", "1", "0", "9", "1e-3", " ", "\n"],
        seeds: amat,
        read: |path| {
            let set = readers::amat(path, false, 10).map(|(set, digest)| {
                assert!(!set.is_empty() && set.shape().pixels() == 784);
                digest
            });
            outcome(set)
        },
        ..Target::TEXT
    },
    Target {
        name: "dsprites",
        seeds: || {
            [Deflated, Stored].map(|method| zip(&[("imgs.npy", &sprites())], method)).to_vec()
        },
        words: &["imgs.npy", "PK\x01\x02", "PK\x03\x04", "PK\x05\x06"],
        read: |path| outcome(readers::dsprites(path, SPRITES)),
        ..Target::ZIPPED
    },
    Target {
        name: "dsprites-array",
        seeds: || vec![sprites()],
        words: &["\x01\0", "\x02\0", "{'descr': '|u1'", "'fortran_order': True", "(4, 64, 64)"],
        read: |path| {
            std::fs::write(path, zip(&[("imgs.npy", &bytes(path)?)], Stored))
                .map_err(|e| e.to_string())?;
            outcome(readers::dsprites(path, SPRITES))
        },
        ..Target::BYTES
    },
    Target {
        name: "snapshot",
        file: "input.png",
        seeds: snapshot,
        words: &["IHDR", "IDAT", "PLTE", "tRNS", "acTL", "iCCP", "IEND"],
        has_checksum: true,
        read: |path| {
            let row = read_row(path, SNAPSHOT);
            outcome(row.map(|row| row.iter().map(|value| value.to_bits()).collect::<Vec<_>>()))
        },
        ..Target::BYTES
    },
];

/// Images in an archive of dSprites.
const SPRITES: usize = 4;
/// Images of a snapshot.
const SNAPSHOT: PixelShape = PixelShape::grey(5, 4);

/// A row of images that training leaves.
fn snapshot() -> Vec<Vec<u8>> {
    let written = || -> anyhow::Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("input.png");
        let images = ndarray::Array2::from_shape_fn((3, 20), |(a, b)| (a * b % 7) as f32 / 6.0);
        save_row(&path, &images, SNAPSHOT)?;
        Ok(std::fs::read(path)?)
    };
    written().into_iter().collect()
}

fn idx(sizes: &[u32], bytes: usize) -> Vec<u8> {
    let mut file = (0x0800 + sizes.len() as u32).to_be_bytes().to_vec();
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend((0..bytes).map(|at| (at % 10) as u8));
    file
}

fn amat() -> Vec<Vec<u8>> {
    let line = |label: usize| {
        let pixels = (0..784).map(|at| format!("{:.2} ", (at * label % 100) as f32 / 100.0));
        pixels.collect::<String>() + &format!("{label}\n")
    };
    vec![(line(3) + &line(7)).into_bytes(), line(0).replace(".00", "").into_bytes()]
}

/// The numpy array of the first images.
fn sprites() -> Vec<u8> {
    let grid = Sprites::drawn(false);
    let mut pixels = vec![0f32; SPRITES * 4096];
    for (index, image) in pixels.chunks_mut(4096).enumerate() {
        grid.write_image(index * 1000, image);
    }
    shared::data::npy::array(
        "|u1",
        &format!("({SPRITES}, 64, 64)"),
        &pixels.iter().map(|&pixel| pixel as u8).collect::<Vec<_>>(),
    )
}
