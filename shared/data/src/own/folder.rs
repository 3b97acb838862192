//! A folder of PNG and JPEG files; its subfolders are classes.

use std::{
    fs,
    io::{BufReader, Cursor},
    path::{Path, PathBuf},
};

use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits, Luma, Rgb, RgbImage,
    metadata::Orientation,
};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use terminal::progress;

use super::{Found, LONGEST_SIDE, ONE_CLASS, numbered, picture::Picture};
use crate::{all_told, name_of};

/// Bytes one picture may take when it is unpacked.
const LARGEST: u64 = 1 << 30;
/// What every JPEG begins with.
const JPEG: [u8; 2] = [0xff, 0xd8];

/// Refuses folders that share pictures out already: they would be two classes, and what is to be tested on trained on.
fn refuse_splits(folders: &[PathBuf]) -> Result<(), String> {
    let called = |names: &[&str]| {
        let own = folders.iter().filter_map(|folder| folder.file_name()?.to_str());
        own.into_iter().find(|own| names.iter().any(|name| own.eq_ignore_ascii_case(name)))
    };
    let held_out = ["test", "testing", "val", "valid", "validation"];
    match (called(&["train", "training"]), called(&held_out)) {
        (Some(train), Some(other)) => Err(format!(
            "its folders {train} and {other} would be two classes: name one of them; a model fitted to {train} is asked \
             about {other} by evaluate --on"
        )),
        _ => Ok(()),
    }
}

/// Every picture of the folder as `prepare` makes it, in the order of names.
pub(super) fn read(
    folder: &Path,
    prepare: impl Fn(Picture) -> Picture + Sync,
) -> Result<Found, String> {
    let mut files = Vec::new();
    let Listing { pictures, folders: subfolders, mut others } = listing(folder)?;
    let has_classes = !subfolders.is_empty();
    refuse_splits(&subfolders)?;
    for class in &subfolders {
        let inside = listing(class)?;
        if let Some(deeper) = inside.folders.first() {
            let name = deeper.strip_prefix(folder).unwrap_or(deeper).display();
            return Err(format!(
                "{name}: a folder in a folder; classes are subfolders of one level"
            ));
        }
        if inside.pictures.is_empty() {
            let name = class.strip_prefix(folder).unwrap_or(class).display();
            return Err(format!("{name}: a class without a PNG or JPEG file"));
        }
        others += inside.others;
        files.extend(inside.pictures);
    }
    if has_classes && !pictures.is_empty() {
        return Err(format!(
            "{} pictures beside subfolders: either all lie in the folder itself, or each in the \
             subfolder of its class",
            pictures.len()
        ));
    }
    files.extend(pictures);
    if files.is_empty() {
        return Err("no PNG or JPEG file in it".into());
    }
    if others > 0 {
        progress::line(&format!(
            "{}: passed over {others} {} no PNG or JPEG",
            folder.display(),
            if others == 1 { "file that is" } else { "files that are" }
        ));
    }
    let bar = progress::steps("reading", files.len() as u64, "images");
    let read: Vec<Result<(Picture, [u8; 32]), String>> = files
        .par_iter()
        .map(|path| {
            let picture = picture(path);
            bar.inc(1);
            let name = path.strip_prefix(folder).unwrap_or(path).display();
            let picture = picture.map(|(image, sha256)| (prepare(image), sha256));
            picture.map_err(|reason| format!("{name}: {reason}"))
        })
        .collect();
    bar.finish_and_clear();
    let faults: Vec<String> = read.iter().filter_map(|read| read.as_ref().err().cloned()).collect();
    if !faults.is_empty() {
        return Err(all_told(&faults));
    }
    let class = |path: &PathBuf| match path.parent().and_then(Path::file_name) {
        Some(class) if has_classes => class.to_string_lossy().into_owned(),
        _ => ONE_CLASS.into(),
    };
    let (labels, classes) = numbered(&files.iter().map(class).collect::<Vec<_>>())?;
    // One checksum of all names and contents: thousands of lines would help nobody.
    let mut digest = Sha256::new();
    let (mut images, mut names) = (Vec::new(), Vec::new());
    for (path, (image, sha256)) in files.iter().zip(read.into_iter().flatten()) {
        let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        digest.update(name.as_bytes());
        names.push(name);
        digest.update([0]);
        digest.update(sha256);
        images.push(image);
    }
    let files =
        [(format!("{}/", name_of(folder).unwrap_or_default()), hex::encode(digest.finalize()))]
            .into();
    Ok(Found { images, labels, classes, names, factors: None, files })
}

/// One picture.
pub(super) fn read_one(path: &Path) -> Result<Found, String> {
    let (image, sha256) = picture(path)?;
    let name = name_of(path).unwrap_or_default();
    Ok(Found {
        images: vec![image],
        labels: vec![0],
        classes: vec![ONE_CLASS.into()],
        factors: None,
        files: [(name.clone(), hex::encode(sha256))].into(),
        names: vec![name],
    })
}

/// All pictures of a folder and its subfolders, if it can be looked into.
pub(super) fn pictures(folder: &Path) -> Option<Vec<PathBuf>> {
    let Listing { mut pictures, folders, .. } = listing(folder).ok()?;
    for class in &folders {
        pictures.extend(listing(class).ok()?.pictures);
    }
    Some(pictures)
}

/// Height and width of a picture by its header, as it lies; nothing of one that is too large for [`read`].
pub(super) fn size(path: &Path) -> Option<[u64; 2]> {
    let reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
    let (width, height) = reader.into_dimensions().ok()?;
    (width.max(height) <= LONGEST_SIDE).then_some([height, width].map(u64::from))
}

/// What lies in a folder, in the order of names, but for what is hidden.
struct Listing {
    pictures: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// Number of other files.
    others: usize,
}

fn listing(folder: &Path) -> Result<Listing, String> {
    let unreadable =
        |error: std::io::Error| format!("cannot look into {}: {error}", folder.display());
    let (mut pictures, mut folders, mut others) = (Vec::new(), Vec::new(), 0);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if [".png", ".jpg", ".jpeg"].iter().any(|ending| name.ends_with(ending))
            && path.is_file()
        {
            pictures.push(path);
        } else {
            others += 1;
        }
    }
    pictures.sort();
    folders.sort();
    Ok(Listing { pictures, folders, others })
}

/// A picture, upright, on white where it is transparent, 256 levels; and the file's sha256.
fn picture(path: &Path) -> Result<(Picture, [u8; 32]), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let sha256 = Sha256::digest(&bytes).into();
    if bytes.starts_with(&JPEG) && is_cut_off(&bytes) {
        return Err("cut off: the end marker of a JPEG is missing; copy it again".into());
    }
    let cannot = |error: image::ImageError| format!("cannot be read as a picture ({error})");
    let mut reader = ImageReader::new(BufReader::new(Cursor::new(bytes)));
    // By its content: a name may be wrong.
    reader = reader.with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("no PNG or JPEG".into());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(LARGEST);
    let mut decoder = reader.into_decoder().map_err(cannot)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > LONGEST_SIDE {
        return Err(format!("{height} x {width} pixels: a side has at most {LONGEST_SIDE}"));
    }
    decoder.set_limits(limits).map_err(cannot)?;
    // A picture without a note lies as it shall.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(cannot)?;
    image.apply_orientation(orientation);
    Ok((on_white(&image), sha256))
}

/// True if a JPEG ends before its end marker: decoders fill what is missing with grey. Pictures
/// within its notes have ends of their own, and what follows the end is nothing of the picture.
fn is_cut_off(jpeg: &[u8]) -> bool {
    const END: u8 = 0xd9;
    // Neither a byte FF of a scan, which 00 follows, nor a filling one, nor one without a length.
    let is_marker =
        |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0x01 | 0xd0..=0xd8 | 0xff);
    let mut rest = jpeg.get(JPEG.len()..).unwrap_or_default();
    while let Some(at) = rest.windows(2).position(is_marker) {
        if rest[at + 1] == END {
            return false;
        }
        // A segment is passed over by its length, which counts itself.
        let Some(&[high, low]) = rest.get(at + 2..at + 4) else { return true };
        let length = usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(at + 2 + length..).unwrap_or_default();
    }
    true
}

fn on_white(image: &DynamicImage) -> Picture {
    let blend = |level: u8, alpha: u8| {
        let (level, alpha) = (u32::from(level), u32::from(alpha));
        ((level * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    match (image.color().has_color(), image.color().has_alpha()) {
        (false, false) => image.to_luma8().into(),
        (true, false) => image.to_rgb8().into(),
        (false, true) => {
            let image = image.to_luma_alpha8();
            let pixel = |x, y| {
                let [grey, alpha] = image.get_pixel(x, y).0;
                Luma([blend(grey, alpha)])
            };
            GrayImage::from_fn(image.width(), image.height(), pixel).into()
        }
        (true, true) => {
            let image = image.to_rgba8();
            let pixel = |x, y| {
                let [red, green, blue, alpha] = image.get_pixel(x, y).0;
                Rgb([red, green, blue].map(|level| blend(level, alpha)))
            };
            RgbImage::from_fn(image.width(), image.height(), pixel).into()
        }
    }
}
