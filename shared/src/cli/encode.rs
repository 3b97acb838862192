//! `encode`: the code of every example, for other programs.

use anyhow::{Context, Result, anyhow, bail};

use super::{
    Stop,
    asked::{Asked, Examples},
    model::Loaded,
    options::{EncodeArgs, SplitChoice},
    paper::Paper,
    pictures::say,
};
use crate::{data::npy, files::write_atomic, metrics::encode_split, progress, trained::Codes};

/// The number of other data in an archive, and of all of a set.
const OTHER: u8 = 3;

/// Codes of a split, with their examples.
struct Encoded {
    examples: Examples,
    /// 0 for training, 1 for validation, 2 for test, 3 for other data or the whole set.
    place: u8,
    codes: Codes,
}

/// `encode`.
pub(super) fn encode<P: Paper>(args: EncodeArgs) -> Result<()> {
    let loaded = Loaded::<P>::open(&args.of, "encode")?;
    refuse_sequences(&loaded)?;
    let parts = match (&args.asked.on.other, args.asked.split) {
        (None, None) => SplitChoice::THREE.map(Asked::split).to_vec(),
        _ => vec![args.asked.clone()],
    };
    let encode = |asked: Asked| {
        let place = match asked.split {
            Some(split) => split as u8,
            None => OTHER,
        };
        let examples = loaded.examples(&asked)?;
        let split = &examples.split;
        progress::line(&format!("encoding {} {} examples", split.len(), examples.name));
        let all: Vec<usize> = (0..split.len()).collect();
        let codes = encode_split(loaded.model.as_ref(), split, &all);
        let numbers = codes.mean.rows().into_iter();
        if let Some((index, _)) =
            numbers.enumerate().find(|(_, z)| z.iter().any(|z| !z.is_finite()))
        {
            bail!(
                "the code of {} example {index} is not a finite number: its values are too large for \
                 the model",
                examples.name
            );
        }
        Ok(Encoded { examples, place, codes })
    };
    // Where it goes is settled before anything is encoded.
    let path =
        loaded.examples(&parts[0])?.any_file(&args.to, &loaded.run, "codes", &["csv", "npz"])?;
    let encoded = parts.into_iter().map(encode).collect::<Result<Vec<_>>>()?;
    let is_archive = path.extension().is_some_and(|ending| ending == "npz");
    let bytes = if is_archive {
        archive(&encoded).with_context(|| format!("cannot pack {}", path.display()))?
    } else {
        table(&encoded)?
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

/// One row per example: split, index, its name where its data name it, class, mean of the code, and
/// log-variance unless the code is a point.
fn table(encoded: &[Encoded]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let first = encoded.first();
    let latent = first.map_or(0, |first| first.codes.mean.ncols());
    let is_named = encoded.iter().any(|part| part.examples.split.name(0).is_some());
    let mut header = vec!["split".to_owned(), "index".into()];
    header.extend(is_named.then(|| "name".into()));
    header.push("class".into());
    header.extend((0..latent).map(|z| format!("z{z}")));
    if first.is_some_and(|first| first.codes.log_var.is_some()) {
        header.extend((0..latent).map(|z| format!("log_var{z}")));
    }
    writer.write_record(&header)?;
    for Encoded { examples, codes, .. } in encoded {
        for (index, label) in examples.split.labels().into_iter().enumerate() {
            let mut row = vec![examples.name.clone(), index.to_string()];
            row.extend(is_named.then(|| examples.split.name(index).unwrap_or_default().into()));
            row.push(examples.classes.name(label));
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
/// training, 1 for validation, 2 for test, 3 for other data or the whole set; and where their data name them `name`.
fn archive(encoded: &[Encoded]) -> Result<Vec<u8>> {
    let parts: Vec<Vec<u8>> = encoded.iter().map(|part| part.examples.split.labels()).collect();
    let count: usize = parts.iter().map(Vec::len).sum();
    let latent = encoded.first().map_or(0, |first| first.codes.mean.ncols());
    let floats = |of: &dyn Fn(&Codes) -> Option<Vec<u8>>| -> Option<Vec<u8>> {
        let parts: Option<Vec<Vec<u8>>> = encoded.iter().map(|part| of(&part.codes)).collect();
        Some(npy::array("<f4", &format!("({count}, {latent})"), &parts?.concat()))
    };
    let bytes =
        |array: &ndarray::Array2<f32>| array.iter().flat_map(|value| value.to_le_bytes()).collect();
    let whole = format!("({count},)");
    let places = encoded.iter().zip(&parts).flat_map(|(part, of)| vec![part.place; of.len()]);
    let places: Vec<u8> = places.collect();
    let indices: Vec<u8> =
        parts.iter().flat_map(|of| (0..of.len() as u32).flat_map(u32::to_le_bytes)).collect();
    let labels = parts.concat();
    let names = encoded.iter().flat_map(|part| {
        let split = &part.examples.split;
        (0..split.len()).map(|index| split.name(index).unwrap_or_default())
    });
    let arrays = [
        ("mean", floats(&|codes| Some(bytes(&codes.mean)))),
        ("log_var", floats(&|codes| codes.log_var.as_ref().map(bytes))),
        ("label", Some(npy::array("|u1", &whole, &labels))),
        ("split", Some(npy::array("|u1", &whole, &places))),
        ("index", Some(npy::array("<u4", &whole, &indices))),
        ("name", texts(&names.collect::<Vec<_>>())),
    ];
    let arrays = arrays.into_iter().filter_map(|(name, array)| Some((name, array?)));
    Ok(npy::archive(arrays)?)
}

/// Texts as numpy has them, four bytes a character and all as long as the longest; none if all are empty.
fn texts(texts: &[&str]) -> Option<Vec<u8>> {
    let longest = texts.iter().map(|text| text.chars().count()).max().filter(|&most| most > 0)?;
    let characters = |text: &&str| {
        let text: Vec<char> = text.chars().collect();
        (0..longest)
            .flat_map(move |place| text.get(place).map_or(0, |&c| u32::from(c)).to_le_bytes())
    };
    let bytes: Vec<u8> = texts.iter().flat_map(characters).collect();
    Some(npy::array(&format!("<U{longest}"), &format!("({},)", texts.len()), &bytes))
}

/// The bytes of a CSV.
pub(super) fn finished(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>> {
    writer.into_inner().map_err(|error| anyhow!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::texts;

    #[test]
    fn texts_are_as_long_as_the_longest() {
        let array = texts(&["é", "ab", ""]).unwrap();
        let expected =
            [0xe9, 0, 0, 0, 0, 0, 0, 0, b'a', 0, 0, 0, b'b', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(array.ends_with(&expected));
        let header = String::from_utf8_lossy(&array).into_owned();
        assert!(header.contains("'<U2'") && header.contains("(3,)"), "{header}");
        assert_eq!(texts(&["", ""]), None);
    }
}
