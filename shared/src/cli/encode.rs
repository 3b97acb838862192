//! `encode`: the code of every example, for other programs.

use std::{
    io::{Cursor, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, anyhow, bail};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    Stop,
    model::Loaded,
    options::{EncodeArgs, SplitChoice},
    paper::Paper,
    pictures::say,
};
use crate::{
    data::{ClassNames, npy},
    files::write_atomic,
    metrics::encode_split,
    progress,
    trained::Codes,
};

/// Codes of a split, with their examples.
struct Encoded {
    split: SplitChoice,
    labels: Vec<u8>,
    codes: Codes,
}

/// `encode`.
pub(super) fn encode<P: Paper>(args: EncodeArgs) -> Result<()> {
    let loaded = Loaded::<P>::open(&args.of, "encode")?;
    refuse_sequences(&loaded)?;
    let path = destination(&loaded, args.to, "codes.csv")?;
    let is_archive = match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => false,
        Some("npz") => true,
        _ => bail!("--to {}: a name that ends in .csv or .npz", path.display()),
    };
    let data = loaded.data()?;
    let splits = args.split.map_or_else(|| SplitChoice::ALL.to_vec(), |split| vec![split]);
    let encoded: Vec<Encoded> = splits
        .into_iter()
        .map(|choice| {
            let split = choice.of(data);
            progress::line(&format!("encoding {} {} examples", split.len(), choice.name()));
            let all: Vec<usize> = (0..split.len()).collect();
            let codes = encode_split(loaded.model.as_ref(), split, &all);
            Encoded { split: choice, labels: split.labels(), codes }
        })
        .collect();
    let bytes = if is_archive {
        archive(&encoded).with_context(|| format!("cannot pack {}", path.display()))?
    } else {
        table(&encoded, &ClassNames::of(&loaded.preparation))?
    };
    write_atomic(&path, &bytes)?;
    say(&path)
}

/// Refuses a model that has a code per step but none of the whole sequence.
pub(super) fn refuse_sequences<P: Paper>(loaded: &Loaded<P>) -> Result<()> {
    if loaded.model.step_widths().is_some() {
        let reason = "a model of sequences has a code at each step and none of the whole; surprise has \
                      the nats of each step";
        return Err(Stop::Cannot(reason.into()).into());
    }
    Ok(())
}

/// One row per example: split, index, class, mean of the code, and log-variance unless the code is a
/// point.
fn table(encoded: &[Encoded], names: &ClassNames) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let first = encoded.first();
    let latent = first.map_or(0, |first| first.codes.mean.ncols());
    let mut header: Vec<String> = ["split", "index", "class"].map(String::from).to_vec();
    header.extend((0..latent).map(|z| format!("z{z}")));
    if first.is_some_and(|first| first.codes.log_var.is_some()) {
        header.extend((0..latent).map(|z| format!("log_var{z}")));
    }
    writer.write_record(&header)?;
    for Encoded { split, labels, codes } in encoded {
        for (index, &label) in labels.iter().enumerate() {
            let mut row = vec![split.name().to_owned(), index.to_string(), names.name(label)];
            row.extend(codes.mean.row(index).iter().map(f32::to_string));
            if let Some(log_var) = &codes.log_var {
                row.extend(log_var.row(index).iter().map(f32::to_string));
            }
            writer.write_record(&row)?;
        }
    }
    finished(writer)
}

/// The same as arrays: `mean` and `log_var` `[examples, latent]`, `label`, `index`, and `split`, 0 for
/// training, 1 for validation, 2 for test.
fn archive(encoded: &[Encoded]) -> Result<Vec<u8>> {
    let count: usize = encoded.iter().map(|part| part.labels.len()).sum();
    let latent = encoded.first().map_or(0, |first| first.codes.mean.ncols());
    let floats = |of: &dyn Fn(&Codes) -> Option<Vec<u8>>| -> Option<Vec<u8>> {
        let parts: Option<Vec<Vec<u8>>> = encoded.iter().map(|part| of(&part.codes)).collect();
        Some(npy::array("<f4", &format!("({count}, {latent})"), &parts?.concat()))
    };
    let bytes =
        |array: &ndarray::Array2<f32>| array.iter().flat_map(|value| value.to_le_bytes()).collect();
    let whole = format!("({count},)");
    let labels: Vec<u8> = encoded.iter().flat_map(|part| part.labels.iter().copied()).collect();
    let places: Vec<u8> =
        encoded.iter().flat_map(|part| (0..part.labels.len()).map(|_| part.split as u8)).collect();
    let indices: Vec<u8> = encoded
        .iter()
        .flat_map(|part| (0..part.labels.len() as u32).flat_map(u32::to_le_bytes))
        .collect();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in [
        ("mean", floats(&|codes| Some(bytes(&codes.mean)))),
        ("log_var", floats(&|codes| codes.log_var.as_ref().map(bytes))),
        ("label", Some(npy::array("|u1", &whole, &labels))),
        ("split", Some(npy::array("|u1", &whole, &places))),
        ("index", Some(npy::array("<u4", &whole, &indices))),
    ] {
        let Some(array) = array else { continue };
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
        writer.write_all(&array)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The file that the user named, which must not exist yet, or the one of this name in the run's folder.
pub(super) fn destination<P: Paper>(
    loaded: &Loaded<P>,
    to: Option<PathBuf>,
    name: &str,
) -> Result<PathBuf> {
    match to {
        Some(path) if path.exists() => {
            bail!("--to {}: it exists already; delete it, or give another name", path.display())
        }
        Some(path) => Ok(path),
        None => Ok(loaded.run.file(name)),
    }
}

/// The bytes of a CSV.
pub(super) fn finished(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>> {
    writer.into_inner().map_err(|error| anyhow!("{error}"))
}
