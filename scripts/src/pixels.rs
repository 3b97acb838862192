//! The images of a set as arrays, for programs that cannot draw or read it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use shared::{
    data::{Binarise, DataConfig, FetchOptions, Split, npy},
    files::write_atomic,
    kind::Images,
};

/// Images that are held as floats.
const AT_A_TIME: usize = 10_000;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A set of images by name, as `--data` has it.
    name: String,
    /// The archive: x, bytes [n, height, width] with a last dimension of three for colours; y, classes; and split, 0
    /// for training, 1 for validation, 2 for test. `--data FILE` reads it, and splits it anew.
    #[arg(long, value_name = "FILE.npz")]
    to: PathBuf,
    /// Folder that may hold the files of the set already.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if args.to.extension().is_none_or(|ending| ending != "npz") {
        bail!("--to {}: its name ends with .npz", args.to.display());
    }
    let config = DataConfig::new(&args.name, Binarise::None);
    let data = Images::load(&config, &FetchOptions::named(args.data_dir.clone())?)?;
    write_atomic(&args.to, &archive(&[&data.train, &data.valid, &data.test])?)?;
    shared::print_line!("wrote {}", args.to.display());
    Ok(())
}

/// The images of these splits.
fn archive(splits: &[&Split]) -> Result<Vec<u8>> {
    let Some(first) = splits.first() else { return Ok(Vec::new()) };
    let (shape, mut x, mut y, mut split) = (first.shape(), Vec::new(), Vec::new(), Vec::new());
    for (number, part) in (0..).zip(splits) {
        let all: Vec<usize> = (0..part.len()).collect();
        for some in all.chunks(AT_A_TIME) {
            x.extend(part.grey(some).iter().map(|grey| (grey * 255.0).round() as u8));
        }
        y.extend(part.labels());
        split.resize(y.len(), number);
    }
    let count = y.len();
    let colours = if shape.is_coloured() { format!(", {}", shape.channels) } else { String::new() };
    let images = format!("({count}, {}, {}{colours})", shape.height, shape.width);
    let each = format!("({count},)");
    let arrays = [("x", &images, &x), ("y", &each, &y), ("split", &each, &split)];
    let arrays = arrays.map(|(name, shape, values)| (name, npy::array("|u1", shape, values)));
    Ok(npy::archive(arrays)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_was_written_is_read_with_the_same_pixels_and_classes() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("segments.npz");
        let args = Args { name: "segments".into(), to: to.clone(), data_dir: None };
        run(&args).unwrap();
        let load = |config: &DataConfig| Images::load(config, &FetchOptions::named(None).unwrap());
        let own = load(&DataConfig::new("segments", Binarise::None)).unwrap();
        // As another program reads it: row by row, the splits one after another.
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&to).unwrap()).unwrap();
        let mut values = |name: &str, count: usize| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut zip.by_name(name).unwrap(), &mut bytes).unwrap();
            bytes.split_off(bytes.len() - count)
        };
        let splits = [&own.train, &own.valid, &own.test];
        let (mut first, pixels) = (0, own.train.input_dim());
        let count = splits.iter().map(|split| split.len()).sum::<usize>();
        let (x, y) = (values("x.npy", count * pixels), values("y.npy", count));
        let split = values("split.npy", count);
        for (number, part) in (0..).zip(splits) {
            let rows = first..first + part.len();
            assert_eq!(y[rows.clone()], part.labels());
            assert!(split[rows.clone()].iter().all(|&own| own == number));
            let grey = part.all_grey().into_iter().map(|grey| (grey * 255.0).round() as u8);
            assert!(x[rows.start * pixels..rows.end * pixels].iter().copied().eq(grey));
            first = rows.end;
        }
        let path = toml::Table::from_iter([("path".into(), to.display().to_string().into())]);
        let config = DataConfig::new("images", Binarise::None).with("images", path);
        let read = load(&config).unwrap().all();
        let all = own.all();
        assert_eq!((read.len(), read.shape()), (all.len(), all.shape()));
        let ink = |split: &Split| -> f64 { split.all_grey().iter().map(|&v| f64::from(v)).sum() };
        assert_eq!(ink(&read), ink(&all));
        let classes = |split: &Split| {
            let mut labels = split.labels();
            labels.sort_unstable();
            labels
        };
        assert_eq!(classes(&read), classes(&all));
        let refused = run(&Args { to: "pixels.csv".into(), ..args }).unwrap_err().to_string();
        assert!(refused.contains("--to pixels.csv"), "{refused}");
    }
}
