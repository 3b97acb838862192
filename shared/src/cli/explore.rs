//! `explore`: a page in which the model runs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::{
    Stop,
    asked::{Asked, Examples},
    model::Loaded,
    options::{ExploreArgs, OfRun},
    paper::{Paper, RunConfig},
    pictures::say,
};
use crate::{
    explore::{
        Content, Differences, Precision, Subject, at_most, content, content_of, content_of_steps,
        expected, expected_of_steps, page, page_of_steps,
    },
    files::write_atomic,
    network::{Network, Steps},
    progress,
    run::{Bundle, RunFolder},
};

/// The page in a run's folder.
const PAGE: &str = "explore.html";
/// A page that `train` writes has at most this many bytes.
const SMALL: usize = 3_000_000;
/// Images and codes that a page is tested by.
const TESTED: usize = 100;

/// `explore`.
pub(super) fn explore<P: Paper>(args: ExploreArgs) -> Result<()> {
    let loaded = Loaded::<P>::open(&args.of, "explore")?;
    // The page scores what it shows.
    let examples = loaded.scored_examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, PAGE)?;
    if args.expected.as_ref() == Some(&path) {
        bail!("--expected {}: the page goes there; give another name", path.display());
    }
    if let Some(path) = args.expected.as_ref().filter(|path| path.exists()) {
        bail!("--expected {}: it exists already; delete it, or give another name", path.display());
    }
    let precision = precision(&args);
    let subject = subject(&loaded, &examples);
    let (own, apart) = described(&loaded, &subject, precision)?;
    let other = args.beside.as_deref().map(|beside| -> Result<Content> {
        let other = other::<P>(beside, &args.of, precision)?;
        alike(&own, &other).with_context(|| format!("--beside {}", beside.display()))?;
        Ok(other)
    });
    let other = other.transpose()?;
    let runs: Vec<&Content> = std::iter::once(&own).chain(&other).collect();
    let is_of_sequences = loaded.model.is_of_sequences();
    let html = if is_of_sequences { page_of_steps(&runs) } else { page(&runs) };
    write_atomic(&path, html.as_bytes())?;
    let size = html.len() as f64 / 1e6;
    progress::line(&format!(
        "wrote {}: {size:.1} MB, open it in a browser; {apart}",
        path.display()
    ));
    if let Some(path) = args.expected {
        let expected = if is_of_sequences {
            expected_of_steps(&subject, &steps(&loaded)?.0, TESTED)
        } else {
            expected(&subject, TESTED)
        };
        write_atomic(&path, expected.to_string().as_bytes())?;
        say(&path)?;
    }
    Ok(())
}

fn precision(args: &ExploreArgs) -> Precision {
    if args.half { Precision::Half } else { Precision::Single }
}

/// A run as a page has it, and in words how far the numbers of the page are from the program's.
fn described<P: Paper>(
    loaded: &Loaded<P>,
    subject: &Subject<'_>,
    precision: Precision,
) -> Result<(Content, String)> {
    if loaded.model.is_of_sequences() {
        let (network, shown) = steps(loaded)?;
        let (content, apart) = content_of_steps(subject, &network, &shown, precision);
        let apart = format!(
            "its numbers differ from the program's by {} on {}",
            at_most(apart),
            compared(&content, "sequence")
        );
        return Ok((content, apart));
    }
    let (content, Differences { code, image, .. }) =
        content(subject, &network(loaded)?, precision)?;
    let apart = format!(
        "its codes differ from the program's by {}, its pixels by {} on {}",
        at_most(code),
        at_most(image),
        compared(&content, "image")
    );
    Ok((content, apart))
}

/// On how many of these a page was compared with the program.
fn compared(content: &Content, what: &str) -> String {
    let count = &content.json["precision"]["compared"];
    let plural = if *count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// An error if two runs have no input in common that a page could give to both.
fn alike(own: &Content, other: &Content) -> Result<()> {
    let differ = |key: &str| own.json[key] != other.json[key];
    let distribution = |content: &Content| {
        let steps = &content.json["steps"];
        (steps["width"].clone(), steps["distribution"]["kind"].clone())
    };
    let is_of_sequences = |content: &Content| !content.json["steps"].is_null();
    if is_of_sequences(own) != is_of_sequences(other) {
        bail!("one run is of images and the other of sequences");
    }
    if differ("image") {
        bail!("its images have another size or other colours than those of this run");
    }
    if differ("shown") || distribution(own) != distribution(other) {
        bail!("its steps are of another kind, or mean something else, than those of this run");
    }
    let lacking = lacking(own, other);
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        bail!("it is conditional on the class, and lacks classes of this page: {lacking}");
    }
    Ok(())
}

/// Names of the classes that a page of `own` may tell `other`, which was not fitted to them.
fn lacking(own: &Content, other: &Content) -> Vec<String> {
    let is_told = |content: &Content| content.json["network"]["condition"]["kind"] == "class";
    if !is_told(other) {
        return Vec::new();
    }
    let named = |content: &Content, key: &str| -> BTreeMap<u64, String> {
        let of =
            |class: &Value| Some((class["class"].as_u64()?, class["name"].as_str()?.to_owned()));
        content.json[key].as_array().into_iter().flatten().filter_map(of).collect()
    };
    // An image of no class of the first run, if that is conditional too, is taken for one of its classes.
    let mut told = named(own, if is_told(own) { "model_classes" } else { "classes" });
    // Older pages do not tell a model's classes from those of the images.
    let is_older = other.json["model_classes"].is_null();
    let known = named(other, if is_older { "classes" } else { "model_classes" });
    told.retain(|class, _| !known.contains_key(class));
    told.into_values().collect()
}

/// The networks of a model of sequences, and what a step is.
fn steps<P: Paper>(loaded: &Loaded<P>) -> Result<(Steps, Value)> {
    let steps = loaded.model.steps();
    let steps = steps
        .map_err(|reason| Stop::Cannot(format!("explore cannot show this model: {reason}")))?;
    Ok((steps, P::shown_steps(&loaded.config, &loaded.preparation)))
}

/// The page of a fresh run, in half precision if it is large; none if it is still too large, or if the
/// networks cannot be written as layers.
pub(super) fn small<P: Paper>(loaded: &Loaded<P>) -> Result<Option<PathBuf>> {
    let examples = loaded.examples(&Asked::default())?;
    let subject = subject(loaded, &examples);
    let html = if loaded.model.is_of_sequences() {
        let Ok((network, shown)) = steps(loaded) else { return Ok(None) };
        small_page(
            |precision| precision.bytes(|packer| packer.steps(&network)),
            |precision| {
                let (content, _) = content_of_steps(&subject, &network, &shown, precision);
                Ok(page_of_steps(&[&content]))
            },
        )?
    } else {
        let Ok(network) = loaded.model.network() else { return Ok(None) };
        small_page(
            |precision| precision.bytes(|packer| packer.network(&network)),
            |precision| Ok(page(&[&content(&subject, &network, precision)?.0])),
        )?
    };
    let Some(html) = html else { return Ok(None) };
    let path = loaded.run.file(PAGE);
    write_atomic(&path, html.as_bytes())?;
    Ok(Some(path))
}

/// The page in the best precision in which it is small; `bytes` are those of the weights alone, which tell most that
/// are not.
fn small_page(
    bytes: impl Fn(Precision) -> usize,
    page: impl Fn(Precision) -> Result<String>,
) -> Result<Option<String>> {
    for precision in [Precision::Single, Precision::Half] {
        if bytes(precision) * 4 / 3 <= SMALL {
            let html = page(precision)?;
            if html.len() <= SMALL {
                return Ok(Some(html));
            }
        }
    }
    Ok(None)
}

fn network<P: Paper>(loaded: &Loaded<P>) -> Result<Network> {
    let network = loaded.model.network();
    Ok(network
        .map_err(|reason| Stop::Cannot(format!("explore cannot show this model: {reason}")))?)
}

fn subject<'a, P: Paper>(loaded: &'a Loaded<P>, examples: &'a Examples) -> Subject<'a> {
    let model = loaded.model.as_ref();
    // Without the run's own data nothing is known of factors.
    let follows = |data| P::KIND.follows(model, data, loaded.noise());
    let own = if P::KIND.has_factors() { loaded.data().ok() } else { None };
    Subject {
        model,
        split: &examples.split,
        examples: examples.name.clone(),
        titles: Box::new(|index| examples.title(index)),
        classes: &examples.classes,
        preparation: &loaded.preparation,
        title: loaded.title(),
        paper: P::NAME,
        about: P::ABOUT,
        citation: P::CITATION,
        binarise: loaded.config.data().binarise,
        seed: loaded.config.seed(),
        scored: model.scored(),
        has_digits: loaded.has_digits(),
        follows: own.map(follows).unwrap_or_default(),
    }
}

/// The run to show beside: from a page, from the page in a run's folder, or, if it is a run of this paper or a
/// bundle of one, from the run.
fn other<P: Paper>(path: &Path, of: &OfRun, precision: Precision) -> Result<Content> {
    let named = || format!("--beside {}", path.display());
    if (path.is_dir() && is_of::<P>(path)) || Bundle::named(path).with_context(named)?.is_some() {
        let of = OfRun { run: Some(path.to_path_buf()), ..of.clone() };
        let loaded = Loaded::<P>::open(&of, "explore").with_context(named)?;
        let examples = loaded.examples(&Asked::default()).with_context(named)?;
        let made = described(&loaded, &subject(&loaded, &examples), precision);
        return made.map(|(content, _)| content).with_context(named);
    }
    let page = if path.is_dir() { path.join(PAGE) } else { path.to_path_buf() };
    if path.is_dir() && !page.is_file() {
        return Err(anyhow!(
            "{}: a run of another paper without a page: let its program write {PAGE} with explore",
            named()
        ));
    }
    let text = fs::read_to_string(&page).with_context(named)?;
    let content = content_of(&text)
        .map_err(|problem| anyhow!("{}: {} {problem}", named(), page.display()))?;
    // A run of this paper that cannot be read has a page of what it was.
    if path.is_dir() && content.json["paper"] == P::NAME {
        let of = OfRun { run: Some(path.to_path_buf()), ..of.clone() };
        Loaded::<P>::open(&of, "explore").with_context(named)?;
    }
    Ok(content)
}

/// True if the folder holds a run of this paper.
fn is_of<P: Paper>(path: &Path) -> bool {
    RunFolder::open(path.to_path_buf()).is_ok_and(|run| run.config::<P::Config>().is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(condition: &str, model_classes: &[u8], classes: &[u8]) -> Content {
        let named = |classes: &[u8]| -> Vec<Value> {
            let named = |class: &u8| json!({ "class": class, "name": format!("the {class}") });
            classes.iter().map(named).collect()
        };
        let json = json!({
            "network": { "condition": { "kind": condition } },
            "model_classes": named(model_classes),
            "classes": named(classes),
        });
        Content { json, bytes: Vec::new() }
    }

    #[test]
    fn a_run_beside_knows_the_classes_that_the_page_tells_it() {
        let conditional = run("class", &[0, 1], &[0, 1]);
        let refused = |own: &Content| {
            alike(own, &conditional).err().map_or(String::new(), |error| error.to_string())
        };
        assert_eq!(refused(&run("none", &[0, 1], &[0, 1])), "");
        // The page tells it classes of images, not those the first run was fitted to.
        assert_eq!(refused(&run("none", &[0, 1, 2], &[1])), "");
        assert!(refused(&run("none", &[0, 1], &[1, 2, 3])).ends_with("of this page: the 2, the 3"));
        // A conditional run takes images of other classes for its own.
        assert_eq!(refused(&run("class", &[0, 1], &[4, 5])), "");
        assert!(refused(&run("class", &[0, 1, 2], &[0])).ends_with("of this page: the 2"));
        // What is told no class needs to know none.
        assert!(alike(&conditional, &run("none", &[7], &[7])).is_ok());
        let mut older = run("class", &[], &[0, 1]);
        older.json["model_classes"] = Value::Null;
        assert!(alike(&conditional, &older).is_ok());
    }

    #[test]
    fn a_page_says_on_how_many_it_was_compared() {
        for (count, said) in [(1, "1 image"), (20, "20 images")] {
            let json = json!({ "precision": { "compared": count } });
            assert_eq!(compared(&Content { json, bytes: Vec::new() }, "image"), said);
        }
    }
}
