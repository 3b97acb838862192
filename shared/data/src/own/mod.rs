//! Images of the user's: a folder of pictures, an npz archive, a pair of IDX files, or a table of pixels.
//!
//! What is there says which it is. Every reader gives the same: images as they are, grey or
//! coloured and of whatever size, with a class each. [`fit`] brings them to one size, and [`splits`] shares them out.

mod archive;
mod factors;
mod fit;
mod folder;
mod least;
mod pair;
mod picture;
mod pixels;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
    mem::take,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

pub use archive::IMAGE_ARRAYS;
use files::reading::Mistake;
use kernels::noise::{Noise, Stream};
use terminal::progress;

use super::{
    AtPath, DataConfig, DataError, ExampleSet, FactorGrid, FetchOptions, Knowledge, PixelShape,
    Preparation, Source, Split, Splits, at_key, column,
};
use factors::{FactorTable, OwnFactors};
use picture::Picture;

/// `[data.images]`: images of the user's, for `name = "images"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFiles {
    /// A folder of PNG or JPEG files, whose subfolders are classes if it has any; an npz archive with `x`
    /// and perhaps `y`; an IDX file of images, with its labels beside it; a CSV, a row an image.
    pub path: PathBuf,
    /// Height and width of what a model sees. Images of another size are cut to its proportions around
    /// their middle and scaled; left out, all must have the same size.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "two_sides")]
    pub size: Option<[usize; 2]>,
    /// Take colour images as grey ones, by their luma.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// The column of a CSV that has the class, by its name in the header or its number from 0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "column")]
    pub label: Option<String>,
}

/// Pixels a side may have.
const LONGEST_SIDE: u32 = 4096;
/// Fewer images have no three splits worth the name.
const FEWEST: usize = 10;
/// Classes are numbered by a byte.
const MOST_CLASSES: usize = 256;

/// Readers of single files, for fuzzing: sizes, levels and classes of what they hold.
#[allow(unreachable_pub)] // Public by way of `data::readers`.
pub mod readers {
    use super::*;

    /// Height, width, levels and class.
    type Plain = (u32, u32, Vec<u8>, String);
    type Read = Result<Vec<Plain>, String>;

    fn plain(found: Found) -> Vec<Plain> {
        assert_eq!(found.images.len(), found.labels.len());
        let of = |(image, label): (Picture, u8)| {
            let (height, width) = image.size();
            (height, width, image.into_levels(), found.classes[usize::from(label)].clone())
        };
        found.images.into_iter().zip(found.labels).map(of).collect()
    }

    /// An npz archive, and the names of its arrays that are passed over, as is said.
    pub fn archive(path: &Path) -> Result<(Vec<Plain>, Vec<String>), String> {
        let (found, passed_over) = super::archive::read_and_passed_over(path)?;
        Ok((plain(found), passed_over))
    }

    /// A table of pixels.
    pub fn pixels(path: &Path) -> Read {
        let files = ImageFiles { path: path.into(), size: None, grey: true, label: None };
        super::pixels::read(path, &files, None).map(plain)
    }

    /// The pictures of a folder, of which this file is one.
    pub fn picture(path: &Path) -> Read {
        super::folder::read(path.parent().unwrap_or(path), |picture| picture).map(plain)
    }
}

/// Images of a source, before they have one size.
struct Found {
    images: Vec<Picture>,
    /// Class of each by its place in `classes`.
    labels: Vec<u8>,
    /// Names of the classes, in their order; one if nothing tells them apart.
    classes: Vec<String>,
    /// What each is called: its file in the folder, or its number in the file, from 0.
    names: Vec<String>,
    /// Factors that made them, where they are known.
    factors: Option<FactorTable>,
    /// sha256 of the files they come from.
    files: BTreeMap<String, String>,
}

/// What is known of images of the user's.
#[derive(Clone, Debug)]
pub struct OwnImages {
    /// Names of the classes, by number.
    pub classes: Vec<String>,
}

/// What the class of pictures without one is called.
pub const ONE_CLASS: &str = "all";

/// What classes are called: by their names where a run kept such, by their numbers otherwise.
#[derive(Clone, Debug, Default)]
pub struct ClassNames(Vec<String>);

impl ClassNames {
    const NAME: &str = "class_names";

    /// Of examples without classes.
    pub fn one() -> Self {
        Self(vec![ONE_CLASS.into()])
    }

    /// Those a run kept.
    pub fn of(preparation: &Preparation) -> Self {
        Self(preparation.own(Self::NAME).unwrap_or_default())
    }

    /// Those of data that were read for a model.
    pub fn of_data(data: &Splits) -> Self {
        Self::of(&Preparation::of(data))
    }

    /// True for examples without classes: their labels say nothing.
    pub fn are_unknown(&self) -> bool {
        self.0 == [ONE_CLASS]
    }

    /// What a run keeps of them.
    pub fn kept(self) -> (String, Value) {
        (Self::NAME.to_owned(), self.0.into())
    }

    /// True if each of these classes is named as the digit that is its number.
    pub fn are_digits(&self, classes: &[u8]) -> bool {
        classes.iter().all(|&class| class < 10 && self.name(class) == class.to_string())
    }

    /// The name of a class.
    pub fn name(&self, class: u8) -> String {
        self.0.get(usize::from(class)).cloned().unwrap_or_else(|| class.to_string())
    }
}

impl Knowledge for OwnImages {
    fn kept(&self) -> Map<String, Value> {
        [ClassNames(self.classes.clone()).kept()].into_iter().collect()
    }
}

/// Height and width; serde drops what an array has beyond its length.
fn two_sides<'de, D: Deserializer<'de>>(of: D) -> Result<Option<[usize; 2]>, D::Error> {
    let sides = Vec::deserialize(of)?;
    let found = sides.len();
    <[usize; 2]>::try_from(sides)
        .map(Some)
        .map_err(|_| D::Error::custom(format!("{found} numbers, and height and width are two")))
}

impl ImageFiles {
    /// What is wrong with the values, if anything.
    fn problem(&self) -> Option<String> {
        let side = |&side: &usize| side == 0 || side > LONGEST_SIDE as usize;
        let size = self.size.filter(|size| size.iter().any(side))?;
        Some(format!("images.size = {size:?}: height and width of 1 to {LONGEST_SIDE} pixels"))
    }
}

/// Images of the user's.
#[derive(Debug)]
pub(super) struct Own;

impl Own {
    /// Its name, and that of its section of `[data]`.
    pub(super) const NAME: &str = "images";
}

impl Source for Own {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn about(&self) -> &'static str {
        "Images of yours, as `[data.images]` says; `--data PATH` names them"
    }

    fn own_keys(&self) -> &'static [&'static str] {
        &[Self::NAME]
    }

    fn check(&self, config: &DataConfig) -> Result<(), Mistake> {
        let files = config.own::<ImageFiles>(Self::NAME)?;
        let wrong = |problem| Mistake::in_data(Self::NAME, "size", problem);
        files.and_then(|files| files.problem()).map_or(Ok(()), |problem| Err(wrong(problem)))
    }

    fn at_path(&self, path: &Path) -> Option<AtPath> {
        Some(at_key("data.images.path", path))
    }

    fn is_split_by_seed(&self) -> bool {
        true
    }

    fn least_memory(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        fitted: Option<PixelShape>,
    ) -> Option<(String, u64)> {
        let files = configured(config).ok()?;
        least::memory(&files, &options.locate(&files.path), fitted)
    }

    fn read(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        _: Option<&Preparation>,
    ) -> Result<Splits, DataError> {
        let files = configured(config)?;
        let path = options.locate(&files.path);
        splits(config, load(&files, &path, None)?)
    }

    fn read_for(
        &self,
        config: &DataConfig,
        options: &FetchOptions,
        known: &Preparation,
    ) -> Result<Splits, DataError> {
        let files = configured(config)?;
        let path = options.locate(&files.path);
        let (shape, pixels, mut found) = load(&files, &path, Some(known.shape))?;
        let classes = found.numbered_as(known);
        let classes = classes.map_err(|reason| DataError::Format { path, reason })?;
        let set = ExampleSet::images(shape, pixels, found.labels, true).named(found.names);
        let splits = Splits::consecutive(Arc::new(set), [0, 0], found.files);
        Ok(Splits { known: Some(Arc::new(OwnImages { classes })), ..splits })
    }
}

fn configured(config: &DataConfig) -> Result<ImageFiles, DataError> {
    config.named(Own::NAME, "a folder or file of images", "PATH")
}

/// Images of one shape, and what is known of each.
type Images = (PixelShape, Vec<u8>, Found);

/// Reads what lies at `path`, in the shape of a model that was fitted to other images if there is one.
fn load(files: &ImageFiles, path: &Path, fitted: Option<PixelShape>) -> Result<Images, DataError> {
    let wrong = |reason: String| DataError::Format { path: path.into(), reason };
    if fitted.is_none() {
        refuse_label(files, path).map_err(wrong)?;
    }
    let (size, channels) = match fitted {
        Some(shape) => (Some([shape.height, shape.width]), Some(shape.channels)),
        None => (files.size, files.grey.then_some(1)),
    };
    let mut found = match path.is_dir() {
        true => folder::read(path, |image| fit::one(image, size, channels)),
        false => read(path, files, fitted),
    }
    .map_err(wrong)?;
    if found.images.len() < FEWEST && fitted.is_none() {
        return Err(wrong(format!(
            "{}: at least {FEWEST} are needed for training, validation and test",
            terminal::counted(found.images.len(), "image")
        )));
    }
    let (shape, pixels) = fit::fit(take(&mut found.images), size, channels).map_err(wrong)?;
    progress::line(&format!(
        "{}: {} of {} x {} pixels in {} class{}",
        path.display(),
        terminal::counted(
            found.labels.len(),
            if shape.is_coloured() { "coloured image" } else { "image" }
        ),
        shape.height,
        shape.width,
        found.classes.len(),
        if found.classes.len() == 1 { "" } else { "es" }
    ));
    Ok((shape, pixels, found))
}

/// From pixels to levels of 0 to 255, for pixels of which this is the largest: fractions of 1, or levels.
///
/// # Errors
/// If it is hardly above 1: taken as levels, the images would be black.
fn scale_of(largest: f64) -> Result<f64, String> {
    if largest <= 1.0 {
        Ok(255.0)
    } else if largest < 2.0 {
        Err(format!("has {largest} as its largest pixel: pixels are 0 to 1, or 0 to 255"))
    } else {
        Ok(1.0)
    }
}

/// Refuses a column of labels for what has no columns; other data of a model are read without.
fn refuse_label(files: &ImageFiles, path: &Path) -> Result<(), String> {
    let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    match &files.label {
        Some(label) if !is_csv && path.exists() => Err(format!(
            "data.images.label = \"{label}\" names a column of a CSV file: a folder has classes in its subfolders, an \
             .npz in an array y, labels, label or arr_1, an IDX file in the one beside it"
        )),
        _ => Ok(()),
    }
}

/// Reads what lies at `path`; one picture alone is enough for a model that is fitted already, to images of this shape.
fn read(path: &Path, files: &ImageFiles, fitted: Option<PixelShape>) -> Result<Found, String> {
    if !path.exists() {
        return Err("no such file or folder; name another with --data or data.images.path, or \
                    the folder it is in with --data-dir; a model that is fitted is asked about other data by --on"
            .into());
    }
    if !path.is_file() {
        // A pipe, for instance, which might never end.
        return Err("neither a folder nor a plain file".into());
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("npz") => archive::read(path),
        Some("csv") => pixels::read(path, files, fitted),
        Some("png" | "jpg" | "jpeg") if fitted.is_some() => folder::read_one(path),
        Some("png" | "jpg" | "jpeg") => {
            Err("one picture: name the folder that has all of them".into())
        }
        _ if pair::is_images(path) => pair::read(path),
        Some("gz") => Err("packed: unpack it, and its labels beside it, with gunzip".into()),
        _ => Err(
            "neither a folder of PNG or JPEG files nor an .npz, a .csv or an IDX file of images"
                .into(),
        ),
    }
}

/// A tenth of the images each for validation and test, drawn by `split_seed`.
fn splits(config: &DataConfig, (shape, pixels, found): Images) -> Result<Splits, DataError> {
    let count = found.labels.len();
    let held_out = (count / 10).max(1);
    let order = Noise::new(config.split_seed.unwrap_or(1)).permutation(Stream::Split, 0, count);
    let set = |order: &[usize], test: bool| {
        let size = shape.pixels();
        let pixels: Vec<&[u8]> =
            order.iter().map(|&image| &pixels[image * size..(image + 1) * size]).collect();
        let labels = order.iter().map(|&image| found.labels[image]).collect();
        let names = order.iter().map(|&image| found.names[image].clone()).collect();
        Arc::new(ExampleSet::images(shape, pixels.concat(), labels, test).named(names))
    };
    let (pool, test) = order.split_at(count - held_out);
    let splits = Splits::new(set(pool, false), set(test, true), Some(held_out), config)?;
    let factors = found.factors.map(|table| -> Arc<dyn FactorGrid> {
        let mut places = vec![0; count];
        (0..).zip(&order).for_each(|(place, &image)| places[image] = place);
        Arc::new(OwnFactors { all: splits.all(), places, table })
    });
    let known = Arc::new(OwnImages { classes: found.classes });
    if let Some(said) = repeated(&splits) {
        progress::line(&said);
    }
    Ok(Splits { files: found.files, known: Some(known), factors, ..splits })
}

/// What to say of images for validation and test that are training images too, copies of the same picture.
fn repeated(splits: &Splits) -> Option<String> {
    fn images(split: &Split) -> impl Iterator<Item = &[u8]> {
        (0..split.len()).filter_map(|index| split.levels(index))
    }
    let seen: HashSet<&[u8]> = images(&splits.train).collect();
    let count = |split| images(split).filter(|image| seen.contains(image)).count();
    let (valid, test) = (count(&splits.valid), count(&splits.test));
    (valid + test > 0).then(|| {
        format!(
            "{valid} of {} validation and {test} of {} test images equal a training image, so their figures say less about \
             new ones; leave one of each picture",
            splits.valid.len(),
            splits.test.len()
        )
    })
}

impl Found {
    /// Numbers its classes as those a model was fitted to, by their names; names of all of them. Classes
    /// that it was not fitted to come after those.
    fn numbered_as(&mut self, known: &Preparation) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = known.own(ClassNames::NAME).unwrap_or_else(|| {
            let last = known.classes.last().copied().unwrap_or_default();
            (0..=last).map(|class| class.to_string()).collect()
        });
        let place = |name: &String| {
            let found = names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            });
            u8::try_from(found).map_err(|_| format!("more than {MOST_CLASSES} classes"))
        };
        let places = self.classes.iter().map(place).collect::<Result<Vec<u8>, String>>()?;
        self.labels.iter_mut().for_each(|label| *label = places[usize::from(*label)]);
        Ok(names)
    }
}

/// Numbers of the images of a file, from 0.
fn counted(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Classes by name, numbered in the order of their names: numbers first, in that of their values.
fn numbered(names: &[String]) -> Result<(Vec<u8>, Vec<String>), String> {
    if let Some(place) = names.iter().position(String::is_empty) {
        return Err(format!("the label of image {place} (from 0) is empty"));
    }
    let mut classes: Vec<String> = names.to_vec();
    let number = |name: &String| name.parse::<f64>().ok();
    classes.sort_by(|a, b| match (number(a), number(b)) {
        // Two ways to write one number are two names.
        (Some(of_a), Some(of_b)) => of_a.total_cmp(&of_b).then_with(|| a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    });
    classes.dedup();
    if classes.len() > MOST_CLASSES {
        return Err(format!("{} classes: at most {MOST_CLASSES}", classes.len()));
    }
    let places: BTreeMap<&str, u8> =
        classes.iter().zip(0..=u8::MAX).map(|(name, number)| (name.as_str(), number)).collect();
    Ok((names.iter().map(|name| places[name.as_str()]).collect(), classes))
}

#[cfg(test)]
mod tests;
