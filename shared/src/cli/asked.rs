//! The examples a command asks a model about, and the file its answer goes to.

use std::{
    path::{Path, PathBuf},
    sync::Once,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use ndarray::Array2;

use super::{
    configuration::insert,
    data_option::{DataChoice, DataParser, refuse_empty},
    model::Loaded,
    options::{Common, SplitChoice},
    own_data::{fetch_options, refuse_beyond_memory},
    paper::{Paper, RunConfig},
};
use crate::{
    data::{
        ClassNames, DataConfig, DataError, FetchOptions, ONE_CLASS, Preparation, Source, Split,
        Splits, name_of,
    },
    kind::{self, Images},
    plot::is_svg_wanted,
    progress,
    run::{RunData, RunFolder},
};

/// Endings of files that hold one example each.
const FILES: [&str; 5] = ["png", "jpg", "jpeg", "mid", "midi"];

/// Options that choose the examples: a split of the run's data, or other data.
#[derive(Args, Clone, Debug, Default)]
pub struct Asked {
    /// Split they come from (default: valid); `all` counts them as the data set does.
    #[arg(long, value_name = "SPLIT", conflicts_with = "other")]
    pub(super) split: Option<SplitChoice>,
    #[command(flatten)]
    pub(super) on: On,
}

impl Asked {
    /// True if they are not the run's.
    pub fn is_of_other_data(&self) -> bool {
        self.on.other.is_some()
    }

    /// A split of the run's data.
    pub(super) fn split(choice: SplitChoice) -> Self {
        Self { split: Some(choice), on: On::default() }
    }
}

/// Data that a model was not fitted to.
#[derive(Args, Clone, Debug, Default)]
pub struct On {
    /// Other data than the run's, read by its statistics: a path as for `train --data`, all of it, brought to the
    /// shape of the run's, or the name of a data set of that shape, its test split.
    #[arg(long = "on", value_name = "PATH|NAME", conflicts_with = "other_data",
          value_parser = DataParser(&Images))]
    pub(super) other: Option<DataChoice>,
}

/// Where a command's file goes.
#[derive(Args, Clone, Debug, Default)]
pub struct To {
    /// File to write, which must not exist (default: one in the folder of the run or runs, replaced).
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Data in place of the run's own.
pub(super) struct Other {
    /// All of them are its test split.
    pub(super) splits: Splits,
    pub(super) config: DataConfig,
    /// What they are called.
    pub(super) title: String,
    /// A class of theirs that the model was not fitted to.
    pub(super) strange: Option<Strange>,
}

impl Other {
    /// Refuses them where there are classes that the model is not conditional on: its likelihood is of x given the true
    /// class.
    ///
    /// # Errors
    /// A class, and those the model knows.
    pub(super) fn refuse_strange(&self, choice: &DataChoice) -> Result<()> {
        self.strange.as_ref().map_or(Ok(()), |strange| strange.refuse(choice))
    }
}

/// A class that a model was not fitted to.
pub(super) struct Strange {
    class: String,
    /// Those it is conditional on.
    conditions: Option<Vec<String>>,
    /// Whether it was said what is done with it.
    told: Once,
}

impl Strange {
    /// Says that the model takes another class in its place, where it is conditional on one.
    fn tell(&self, choice: &DataChoice) {
        if self.conditions.is_some() {
            self.told.call_once(|| {
                progress::line(&format!(
                    "--on {choice}: class '{}' is none of the model's, which takes the one it finds likeliest",
                    self.class
                ));
            });
        }
    }

    /// Refuses examples of it where the model has to be told the class.
    ///
    /// # Errors
    /// The class, and those the model knows.
    fn refuse(&self, choice: &DataChoice) -> Result<()> {
        let Some(conditions) = &self.conditions else { return Ok(()) };
        let without_folders = matches!(choice, DataChoice::Path(_)) && self.class == ONE_CLASS;
        bail!(
            "--on {choice}: class '{}', and the model is conditional on the classes {}{}",
            self.class,
            conditions.join(", "),
            if without_folders {
                "; a folder of each class, in the one that is named, says it"
            } else {
                ""
            }
        );
    }
}

/// The examples a command asks about.
pub struct Examples {
    /// The examples.
    pub split: Split,
    /// What they are called, for captions: `validation`, or the name of other data.
    pub name: String,
    /// Names of their classes.
    pub classes: ClassNames,
    /// The same for names of files; empty for the run's own data.
    suffix: String,
    /// Sizes of the run's splits.
    sizes: Option<[usize; 3]>,
}

impl Examples {
    pub(super) fn of<P: Paper>(loaded: &Loaded<P>, asked: &Asked) -> Result<Self> {
        if let Some(choice) = &asked.on.other {
            let other = loaded.other(choice)?;
            other.strange.iter().for_each(|strange| strange.tell(choice));
            // What follows a folder's last dot is no ending.
            let is_file = matches!(choice, DataChoice::Path(path) if path.is_file());
            let called = if is_file { stem(&other.title) } else { &other.title };
            return Ok(Self {
                split: other.splits.test.clone(),
                name: other.title.clone(),
                classes: ClassNames::of_data(&other.splits),
                suffix: format!("-on-{}", plain(called)),
                sizes: None,
            });
        }
        let (data, split) = (loaded.data()?, asked.split.unwrap_or(SplitChoice::Valid));
        Ok(Self {
            split: split.of(data),
            name: split.name().into(),
            classes: ClassNames::of(&loaded.preparation),
            suffix: String::new(),
            sizes: Some([data.train.len(), data.valid.len(), data.test.len()]),
        })
    }

    /// Indices that an option names, checked.
    ///
    /// # Errors
    /// An index that no example has, with the splits that have one.
    pub fn indices(&self, option: &str, indices: &[usize]) -> Result<Vec<usize>> {
        let Some(index) = indices.iter().find(|&&index| index >= self.split.len()) else {
            return Ok(indices.to_vec());
        };
        let last = |count: usize| count.saturating_sub(1);
        let mut reason =
            format!("{option} {index}: {} has 0 to {}", self.whole(), last(self.split.len()));
        if let Some([train, valid, test]) = self.sizes {
            reason += &format!(
                "; --split train has 0 to {}, valid 0 to {}, test 0 to {}, and all counts every \
                 example",
                last(train),
                last(valid),
                last(test)
            );
        }
        bail!(reason)
    }

    /// The examples that `--indices` names, or the first `few`.
    ///
    /// # Errors
    /// As [`Self::indices`].
    pub fn chosen(&self, indices: Option<&[usize]>, few: usize) -> Result<Vec<usize>> {
        match indices {
            Some(indices) => self.indices("--indices", indices),
            None => Ok((0..self.split.len().min(few)).collect()),
        }
    }

    /// What they are called as a whole.
    pub(super) fn whole(&self) -> String {
        match (self.sizes, &*self.name) {
            (None, name) => name.to_owned(),
            (Some(_), "all") => "the whole set".into(),
            (Some(_), name) => format!("the {name} split"),
        }
    }

    /// What an example is called in a picture: its number, and its name where it has one.
    pub fn title(&self, index: usize) -> String {
        match self.split.name(index).filter(|name| name.parse::<u64>().is_err()) {
            Some(name) if !self.suffix.is_empty() => {
                // Of a file, its name without folder and ending; what an id or a line is called stays whole.
                match name.rsplit_once('.') {
                    Some((stem, ending)) if FILES.contains(&&*ending.to_ascii_lowercase()) => {
                        name_of(Path::new(stem)).unwrap_or_default()
                    }
                    _ => name.into(),
                }
            }
            _ => format!("#{index}"),
        }
    }

    /// The file for an answer about them: where `to` says, otherwise `name` in the run's folder, for other
    /// data with theirs added.
    ///
    /// # Errors
    /// As [`To::file`].
    pub fn file(&self, to: &To, run: &RunFolder, name: &str) -> Result<PathBuf> {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        self.any_file(to, run, stem, &of_kind(ending))
    }

    /// The same with one of several endings, the first by default.
    pub(super) fn any_file(
        &self,
        to: &To,
        run: &RunFolder,
        stem: &str,
        endings: &[&str],
    ) -> Result<PathBuf> {
        let ending = endings.first().copied().unwrap_or_default();
        to.ending_in(|| Ok(run.new_file(&format!("{stem}{}.{ending}", self.suffix))?), endings)
    }
}

impl To {
    /// The file that the user named, or the one of this name in the run's folder.
    ///
    /// # Errors
    /// If it exists, or has another ending than `name`; if there is none and the run is never written to.
    pub fn file(&self, run: &RunFolder, name: &str) -> Result<PathBuf> {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        self.ending_in(|| Ok(run.new_file(name)?), &of_kind(ending))
    }

    /// The file that the user named, or this one, which a command of several runs writes.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub fn instead_of(&self, own: PathBuf) -> Result<PathBuf> {
        let ending = own.extension().unwrap_or_default().to_string_lossy().into_owned();
        self.ending_in(|| Ok(own), &of_kind(&ending))
    }

    fn ending_in(
        &self,
        own: impl FnOnce() -> Result<PathBuf>,
        endings: &[&str],
    ) -> Result<PathBuf> {
        let Some(path) = &self.to else { return own() };
        new_file(path, endings)?;
        Ok(path.clone())
    }

    /// A file that is written beside the first, under this name.
    ///
    /// # Errors
    /// If it exists and the user named the first.
    pub fn beside(&self, path: PathBuf) -> Result<PathBuf> {
        if self.to.is_some() {
            refuse_existing(&path)?;
        }
        Ok(path)
    }
}

/// Refuses a picture that `--to` names, if it exists or is neither PNG nor SVG.
///
/// # Errors
/// The reason, with the name.
pub fn new_picture(path: &Path) -> Result<()> {
    new_file(path, &of_kind("png"))
}

fn new_file(path: &Path, endings: &[&str]) -> Result<()> {
    let found = path.extension().and_then(|ending| ending.to_str());
    if !found.is_some_and(|found| endings.contains(&found)) {
        bail!("--to {}: a name that ends in .{}", path.display(), endings.join(" or ."));
    }
    refuse_existing(path)
}

/// Refuses to write over a file, or over the SVG of a picture where one is wanted.
///
/// # Errors
/// Its name.
pub fn refuse_existing(path: &Path) -> Result<()> {
    let is_picture = path.extension().is_some_and(|ending| ending == "png");
    let svg = Some(path.with_extension("svg")).filter(|_| is_picture && is_svg_wanted());
    match [Some(path), svg.as_deref()].into_iter().flatten().find(|path| path.exists()) {
        Some(found) => {
            bail!("--to: {} exists already; delete it, or give another name", found.display())
        }
        None => Ok(()),
    }
}

/// Endings that a file with this one may have: a picture may be SVG.
fn of_kind(ending: &str) -> Vec<&str> {
    if ending == "png" { vec!["png", "svg"] } else { vec![ending] }
}

/// A name without its ending.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Letters, digits and points of a name.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
}

/// Loads other data for the model of a run.
pub(super) fn load_other<P: Paper>(
    loaded: &Loaded<P>,
    kept: Option<&RunData>,
    common: &Common,
    choice: &DataChoice,
) -> Result<Other> {
    let own = loaded.config.data();
    let option = format!("--on {choice}");
    let (config, title) = match choice {
        DataChoice::Name(name) => {
            let same = own.name == *name;
            let config = if same { own.clone() } else { DataConfig::new(name, own.binarise) };
            (config, (*name).to_owned())
        }
        DataChoice::Path(path) => {
            let config = at_path::<P>(own, path, &option)?;
            (config, name_of(path).unwrap_or_else(|| "other data".into()))
        }
    };
    let source = P::KIND.source(&config).map_err(DataError::from)?;
    let known = &loaded.preparation;
    let fitted = P::KIND.source(own).map_err(DataError::from)?;
    if fitted.examples() != source.examples() {
        if let DataChoice::Path(path) = choice {
            refuse_empty(path, &option)?;
        }
        bail!(
            "{option}: these are {}, and the run was fitted to {}",
            source.examples().plural(),
            fitted.examples().plural()
        );
    }
    if fitted.steps() != source.steps() {
        bail!(
            "{option}: these are sequences of {}, and the run was fitted to sequences of {}",
            source.steps().plural(),
            fitted.steps().plural()
        );
    }
    let splits = match choice {
        DataChoice::Name(_) => {
            let options = if own.name == config.name {
                fetch_options::<P>(&config, common, kept)?
            } else {
                FetchOptions::named(common.data_dir.clone())?
            };
            refuse_beyond_memory(source, &config, &options, None)
                .with_context(|| option.clone())?;
            let splits = kind::load(P::KIND, &config, &options, Some(known));
            let splits = splits.map_err(|error| match error {
                DataError::NoPath { wanted, .. } => {
                    anyhow!("{option}: these are data of yours; name {wanted}: --on PATH")
                }
                error => anyhow!(error).context(option.clone()),
            })?;
            let none = splits.test.take(0);
            Splits { train: none.clone(), valid: none, factors: None, ..splits }
        }
        // The path, not a file of its name in the folder of the run's data, where a schema may lie.
        DataChoice::Path(path) => {
            let options = fetch_options::<P>(&config, common, kept)?;
            let options = FetchOptions { as_it_is: Some(absolute(path)), ..options };
            refuse_beyond_memory(source, &config, &options, Some(known.shape))
                .with_context(|| option.clone())?;
            source.read_for(&config, &options, known).with_context(|| option.clone())?
        }
    };
    if splits.test.is_empty() {
        bail!("{option}: there is no example");
    }
    if let Some(problem) = known.problem(&splits) {
        bail!("{option}: {problem}");
    }
    let names = ClassNames::of_data(&splits);
    let mut strange = splits.test.labels();
    // Of a named set a class is a number, which says the same only where both number digits.
    let is_named = matches!(choice, DataChoice::Name(_)) && source.name() != fitted.name();
    let means_other = is_named && !(source.has_digits() && has_digits(fitted, known));
    strange.retain(|class| means_other || !known.classes.contains(class));
    // The least decides: in place of a class beyond its own a model may find another.
    let strange = match strange.iter().min() {
        Some(&class) => {
            let own = ClassNames::of(known);
            let is_told = loaded.model.condition_of_classes(&known.classes).is_some();
            let conditions =
                is_told.then(|| known.classes.iter().map(|&class| own.name(class)).collect());
            let strange = Strange { class: names.name(class), conditions, told: Once::new() };
            if !finds_in_place_of(loaded, class) {
                strange.refuse(choice)?;
            }
            Some(strange)
        }
        None => None,
    };
    Ok(Other { strange, splits, config, title })
}

/// True if the model takes another class in place of this one, the likeliest of x.
fn finds_in_place_of<P: Paper>(loaded: &Loaded<P>, class: u8) -> bool {
    let x = Array2::zeros((1, loaded.model.input_dim()));
    let found = loaded.model.log_classes(x.view());
    found.is_some_and(|classes| usize::from(class) >= classes.ncols())
}

impl<P: Paper> Loaded<P> {
    /// True if the run was fitted to a set of digits. Of data of the user's own it is not known, whatever their classes
    /// are called.
    pub(super) fn has_digits(&self) -> bool {
        P::KIND.source(self.config.data()).is_ok_and(|fitted| fitted.has_digits())
    }
}

/// True if class n of the data a model was fitted to is the digit n, as far as names tell.
fn has_digits(fitted: &dyn Source, known: &Preparation) -> bool {
    if fitted.is_split_by_seed() {
        known.classes.len() > 1 && ClassNames::of(known).are_digits(&known.classes)
    } else {
        fitted.has_digits()
    }
}

/// A path of `--on` as the configuration of other data has it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// The configuration that reads what lies at a path for a model fitted to `own`.
fn at_path<P: Paper>(own: &DataConfig, path: &Path, option: &str) -> Result<DataConfig> {
    let absolute = absolute(path);
    let sources = P::KIND.sources();
    // A source of the same kind of file as the run's is the likelier reading of a path.
    let is_own = |name: &str| name == own.name;
    let found = sources
        .iter()
        .filter(|source| is_own(source.name()))
        .chain(sources.iter().filter(|source| !is_own(source.name())))
        .find_map(|source| Some((source.name(), source.at_path_for(&absolute, own)?)));
    let Some((name, values)) = found else {
        bail!("{option}: no data of {} are read from such a path", P::KIND.examples().plural());
    };
    let mut config = DataConfig::new(name, own.binarise);
    if is_own(name) {
        config.own.clone_from(&own.own);
    }
    for (key, value) in values.map_err(|reason| anyhow!("{option}: {reason}"))? {
        insert(&mut config.own, key.trim_start_matches("data."), value)?;
    }
    Ok(config)
}
