//! What a new crate begins as, with placeholders for what only its author can say.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{Citation, name::Name, place::files_under, rename::Renaming};

/// A crate of the workspace, as it is now, or the blank one that xtask carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Template {
    /// A variational autoencoder.
    Vae,
    /// A stack of layers and a classifier, trained in phases.
    DenoisingAe,
    /// A plain autoencoder, as small as can be.
    Blank,
}

macro_rules! blank {
    ($($file:literal),*) => {
        &[$(($file, include_str!(concat!("../../templates/blank/", $file)))),*]
    };
}

const BLANK: &[(&str, &str)] = blank![
    "Cargo.toml",
    "benches/step.rs",
    "configs/paper.toml",
    "configs/quick.toml",
    "src/config.rs",
    "src/lib.rs",
    "src/main.rs",
    "src/model.rs",
    "src/objective.rs",
    "tests/laws.rs",
    "tests/program.toml"
];
const PAGE: &str = include_str!("../../templates/page.md");

/// Heads what a manifest says of a crate that was made here.
pub(super) const MARK: &str = "[package.metadata.new-paper]";

/// A file of a crate.
pub(super) struct File {
    /// Within the crate, with `/` between folders.
    pub(super) path: String,
    pub(super) text: String,
}

impl Template {
    /// The crate's name.
    pub(super) fn name(self) -> Name {
        Name::known(match self {
            Self::Vae => "vae",
            Self::DenoisingAe => "denoising-ae",
            Self::Blank => "blank",
        })
    }

    /// Types that do not begin with the crate's name, and how they end in the new crate.
    pub(super) fn aliases(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::DenoisingAe => &[
                ("DenoisingConfig", "Config"),
                ("DenoisingObjective", "Objective"),
                ("StackedModel", "Model"),
            ],
            Self::Vae | Self::Blank => &[],
        }
    }

    /// Configurations that only the source's own paper needs.
    pub(super) fn own_presets(self) -> &'static [&'static str] {
        match self {
            Self::Vae => &["burda", "burda-stages"],
            Self::DenoisingAe | Self::Blank => &[],
        }
    }

    /// The files of the crate `name`.
    pub(super) fn crate_for(self, root: &Path, name: &Name, paper: &Citation) -> Result<Vec<File>> {
        let source = self.source(root)?;
        let renaming = Renaming { from: &self.name(), to: name, aliases: self.aliases() };
        renaming.check(source.iter().filter(|f| f.path.ends_with(".rs")).map(|f| &*f.text))?;
        let mut files = Vec::new();
        for File { path, text } in source {
            let text = renaming.apply(&text);
            let text = self.with_placeholders(&path, text, paper).with_context(|| {
                format!(
                    "{} has changed its form: {path}, of which new-paper makes a copy",
                    self.name()
                )
            })?;
            files.push(File { path, text });
        }
        let page = page(name, paper, &files);
        files.push(File { path: "README.md".into(), text: page });
        Ok(files)
    }

    /// The files that are copied: all but the page and the presets of its own paper.
    pub(super) fn source(self, root: &Path) -> Result<Vec<File>> {
        let all = match self {
            Self::Blank => BLANK
                .iter()
                .map(|(path, text)| File { path: (*path).into(), text: (*text).into() })
                .collect(),
            Self::Vae | Self::DenoisingAe => read(&root.join("crates").join(self.name().kebab))?,
        };
        let own = self.own_presets().iter().map(|preset| format!("configs/{preset}.toml"));
        let left_out: Vec<String> = own.chain(["README.md".into()]).collect();
        Ok(all.into_iter().filter(|file| !left_out.contains(&file.path)).collect())
    }

    fn with_placeholders(self, path: &str, text: String, paper: &Citation) -> Result<String> {
        Ok(match path {
            "Cargo.toml" => self.manifest(&text, paper)?,
            "src/lib.rs" => self.library(&text, paper)?,
            "src/main.rs" => {
                with_header(&text, "//!", "//! The program; what it does is in the library.")
            }
            "configs/paper.toml" => with_header(
                &text,
                "#",
                "# The paper's protocol: still to be written. Replace every value by the paper's, and say here in\n\
                 # which section it stands.",
            ),
            _ if path.starts_with("benches/") => with_header(
                &text,
                "//!",
                "//! How long a training step takes, and other work of a run, on both processor backends.",
            ),
            _ => text,
        })
    }

    fn manifest(self, text: &str, paper: &Citation) -> Result<String> {
        let metric =
            text.lines().find_map(|line| line.split_once("metric = ")?.1.split('"').nth(1));
        let metric = metric.context("no metric in the headline")?;
        let description = paper.title.as_deref().unwrap_or("What the paper is about, in a line");
        let authors = paper.authors.as_deref().unwrap_or("authors");
        let headline = format!("{{ run = \"quick\", metric = \"{metric}\" }}");
        let marked = format!("{headline}\n\n{MARK}\nfrom = \"{}\"", self.name());
        let text = with_value(text, "description", &toml_string(description))?;
        let text = with_value(&text, "paper", &toml_string(&format!("{authors}, year")))?;
        let text = with_value(&text, "shows", "\"what a reader learns from it, in a line\"")?;
        with_value(&text, "headline", &marked)
    }

    fn library(self, text: &str, paper: &Citation) -> Result<String> {
        let header = "//! What the paper asks and answers, in two lines: still to be written.";
        let mut text = with_header(text, "//!", header);
        for preset in self.own_presets() {
            text = without_line(&text, &format!("configs/{preset}.toml"))?;
        }
        let about = paper.title.as_deref().unwrap_or("What the model is, in a line");
        let authors = paper.authors.as_deref().unwrap_or("Authors");
        let title = paper.title.as_deref().unwrap_or("Title");
        let text = with_constant(&text, "ABOUT", about)?;
        with_constant(&text, "CITATION", &format!("{authors}: {title}. Venue, year."))
    }
}

/// The text files of a crate's folder, hidden ones left out.
fn read(folder: &Path) -> Result<Vec<File>> {
    let is_hidden = |path: &str| path.split('/').any(|part| part.starts_with('.'));
    let paths = files_under(folder)?.into_iter().filter(|path| !is_hidden(path));
    let read = |path: String| -> Result<File> {
        let file = folder.join(&path);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(File { path, text })
    };
    paths.map(read).collect()
}

/// The page, with a line for each module of the library.
fn page(name: &Name, paper: &Citation, files: &[File]) -> String {
    let title = paper.title.as_deref().unwrap_or("TODO: title");
    let authors = paper.authors.as_deref().unwrap_or("TODO: authors");
    let modules = files.iter().filter_map(|file| file.path.strip_prefix("src/"));
    let modules =
        modules.filter(|path| !path.contains('/') && !["lib.rs", "main.rs"].contains(path));
    let line = |path| format!("| [`{path}`](src/{path}) | TODO: its sections and equations |");
    let lines: Vec<String> = modules.map(line).collect();
    PAGE.replace("{name}", &name.kebab)
        .replace("{files}", &lines.join("\n"))
        .replace("{citation}", &format!("{authors}: *{title}*, TODO: venue and year."))
        .replace("{title}", title)
}

/// The text with another first paragraph of the comment it begins with.
fn with_header(text: &str, mark: &str, header: &str) -> String {
    let is_header = |line: &&str| line.starts_with(mark) && line.trim_end() != mark;
    let old: usize = text.split_inclusive('\n').take_while(is_header).map(str::len).sum();
    format!("{header}\n{}", &text[old..])
}

/// The text with another value in the first line `key = value`.
fn with_value(text: &str, key: &str, value: &str) -> Result<String> {
    let beginning = format!("{key} = ");
    let old = text.lines().find(|line| line.starts_with(&beginning));
    let old = old.with_context(|| format!("no line '{beginning}...'"))?;
    Ok(text.replacen(old, &format!("{beginning}{value}"), 1))
}

/// The text without the one line that holds this.
fn without_line(text: &str, part: &str) -> Result<String> {
    let old = text.split_inclusive('\n').find(|line| line.contains(part));
    Ok(text.replacen(old.with_context(|| format!("no line with '{part}'"))?, "", 1))
}

/// The text with another string in `const NAME: &'static str = "...";`.
fn with_constant(text: &str, name: &str, value: &str) -> Result<String> {
    let declaration = format!("const {name}: &'static str = ");
    let start =
        text.find(&declaration).with_context(|| format!("no {declaration}"))? + declaration.len();
    let mut is_escaped = false;
    let end = text[start..].char_indices().skip(1).find(|&(_, c)| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    let (end, _) = end.with_context(|| format!("no string after {declaration}"))?;
    Ok(format!("{}{value:?}{}", &text[..start], &text[start + end + 1..]))
}

fn toml_string(text: &str) -> String {
    toml::Value::from(text).to_string()
}
