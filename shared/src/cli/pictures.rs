//! The commands that draw.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result, bail};
use ndarray::{Array1, Array2, Axis, concatenate, s};

use super::{
    Stop,
    asked::{Asked, To},
    explore,
    model::Loaded,
    options::{
        InterpolateArgs, LatentMapArgs, Pixels, SampleArgs, TraverseArgs, as_typed, refuse_zero,
    },
    paper::Paper,
    reconstruct::{self, Restoration},
    sheet::{Sheet, decoded, encoded, say_all, taken},
};
use crate::{
    data::{ClassNames, DataKind, Split},
    metrics::{LatentSteps, encode_split, nats_per_latent},
    noise::{Noise, Stream},
    plot::{self, Grid},
    principal::PrincipalComponents,
    progress,
    run::RunFolder,
    train::{FitReport, latent_curves, loss_curves, one_of_each_class, strip},
    trained::{Codes, Decoded},
};

/// Images in one picture, at most.
const MOST: usize = 10_000;
/// Images in a row, at most.
const MOST_STEPS: usize = 100;
/// Default latents of a traversal, and points of a map.
const LATENTS: usize = 12;
const POINTS: usize = 5000;
/// Images whose codes say how far latents reach, and what they tell.
const MEASURED: usize = 2000;
/// Images a row of samples.
const ROW: usize = 10;
/// Samples in a row of a model of more classes than those.
const WIDEST: usize = 20;
/// Side of the decoded grid of a 2-D code.
const GRID: usize = 20;

/// Says where a file is.
pub(super) fn say(path: &std::path::Path) -> Result<()> {
    progress::line(&format!("wrote {}", path.display()));
    Ok(())
}

/// Every picture of a fresh run; the names of their files.
pub(super) fn all<P: Paper>(loaded: &Loaded<P>, report: &FitReport) -> Result<Vec<String>> {
    let mut drawn = Vec::new();
    let own = Asked::default();
    let wanted = |command: &str| P::cannot(command, &loaded.config).is_none();
    if !report.lines.is_empty() {
        drawn.extend(draw_curves(loaded, report)?);
    }
    if wanted("reconstruct") {
        drawn.extend(reconstruct::draw(loaded, &Restoration::default())?);
    }
    if wanted("sample") {
        let count = samples_of(loaded);
        let how = Drawing { count, noise: loaded.noise(), class: None, pixels: Pixels::Mean };
        drawn.extend(draw_samples(loaded, &how, &To::default())?);
    }
    if wanted("interpolate") {
        drawn.extend(draw_interpolation(loaded, None, 11, &own, &To::default())?);
    }
    if wanted("traverse") {
        drawn.extend(draw_traversal(loaded, &Traversal::default())?);
    }
    // Of a single example there is no map.
    if wanted("latent-map") && loaded.examples(&own)?.split.len() > 1 {
        drawn.extend(draw_map(loaded, POINTS, &own, &To::default())?);
    }
    drawn.extend(P::pictures(loaded)?);
    if wanted("explore") {
        drawn.extend(explore::small(loaded)?);
    }
    if loaded.run.file(RunFolder::STRIP).is_file() {
        // Training knows neither the run's name nor its data.
        strip(&loaded.run, loaded.preparation.shape, &loaded.title())?;
        drawn.push(loaded.run.file(RunFolder::STRIP));
    }
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(drawn.iter().map(name).collect())
}

/// `sample`.
pub(super) fn sample<P: Paper>(args: SampleArgs) -> Result<()> {
    if let Some(count) = args.count.filter(|count| !(1..=MOST).contains(count)) {
        bail!("--count {count}: 1 to {MOST}");
    }
    let loaded = Loaded::<P>::open(&args.of, "sample")?;
    let noise = args.seed.map_or(loaded.noise(), Noise::new);
    let class = args.class.map(|class| class_of(&loaded, &class)).transpose()?;
    let count = args.count.unwrap_or_else(|| samples_of(&loaded));
    let how = Drawing { count, noise, class, pixels: args.pixels };
    say_all(&draw_samples(&loaded, &how, &args.to)?)
}

/// `interpolate`.
pub(super) fn interpolate<P: Paper>(args: InterpolateArgs) -> Result<()> {
    refuse_steps(args.steps)?;
    let loaded = Loaded::<P>::open(&args.of, "interpolate")?;
    let InterpolateArgs { indices, steps, asked, to, .. } = args;
    let examples = loaded.examples(&asked)?;
    if indices.is_none() && examples.split.len() < 2 {
        bail!("{} has one example: interpolate goes from one to another", examples.whole());
    }
    say_all(&draw_interpolation(&loaded, indices.as_deref(), steps, &asked, &to)?)
}

/// Refuses a row without two ends, or one that is too wide.
fn refuse_steps(steps: usize) -> Result<()> {
    if !(2..=MOST_STEPS).contains(&steps) {
        bail!("--steps {steps}: 2 to {MOST_STEPS}");
    }
    Ok(())
}

/// What is traversed, and how.
struct Traversal {
    index: Option<usize>,
    span: f32,
    steps: usize,
    latents: usize,
    asked: Asked,
    to: To,
}

impl Default for Traversal {
    fn default() -> Self {
        let (asked, to) = (Asked::default(), To::default());
        Self { index: None, span: 3.0, steps: 11, latents: LATENTS, asked, to }
    }
}

/// `traverse`.
pub(super) fn traverse<P: Paper>(args: TraverseArgs) -> Result<()> {
    let TraverseArgs { of, index, span, steps, latents: wanted, asked, to } = args;
    let latents = wanted.unwrap_or(LATENTS);
    refuse_steps(steps)?;
    refuse_zero("--latents", latents)?;
    if !(span > 0.0 && span.is_finite()) {
        bail!("--span {span}: a number above 0");
    }
    let loaded = Loaded::<P>::open(&of, "traverse")?;
    let all = loaded.model.latent_dim();
    if wanted.is_some_and(|latents| latents > all) {
        progress::line(&format!("--latents {latents}: the model has {all}, all are drawn"));
    }
    draw_traversal(&loaded, &Traversal { index, span, steps, latents, asked, to })?
        .iter()
        .try_for_each(|path| say(path))
}

/// `latent-map`.
pub(super) fn latent_map<P: Paper>(args: LatentMapArgs) -> Result<()> {
    let points = args.points.unwrap_or(POINTS);
    if points < 2 {
        bail!("--points {points}: at least 2");
    }
    let loaded = Loaded::<P>::open(&args.of, "latent-map")?;
    let examples = loaded.examples(&args.asked)?;
    let (of, all) = (examples.whole(), examples.split.len());
    if args.points.is_some_and(|points| points > all) {
        progress::line(&format!("--points {points}: {of} has {all}, all are drawn"));
    }
    draw_map(&loaded, points, &args.asked, &args.to)?.iter().try_for_each(|path| say(path))
}

/// The conditions of a model, `[conditions, width]`, and what the first is called: its classes, or if they need pixels
/// images of each class from the validation split.
fn conditions<P: Paper>(loaded: &Loaded<P>) -> Result<Option<(Array2<f32>, String)>> {
    let (model, known) = (&loaded.model, &loaded.preparation.classes);
    if model.condition(Array2::zeros((1, model.input_dim())).view(), &[0]).is_none() {
        return Ok(None);
    }
    if let Some(given) = model.condition_of_classes(known) {
        let first = known.first().map(|&class| ClassNames::of(&loaded.preparation).name(class));
        return Ok(Some((given, format!("class {}", first.unwrap_or_default()))));
    }
    let valid = &loaded.data()?.valid;
    let indices = one_of_each_class(valid).indices;
    let given = model.condition(valid.grey(&indices).view(), &valid.labels_of(&indices));
    let first = indices.first().copied().unwrap_or_default();
    Ok(given.map(|given| (given, format!("given validation #{first}"))))
}

/// The condition for one image of each of these classes, counted among those of the data; classes beyond the last start
/// over.
fn given_classes<P: Paper>(loaded: &Loaded<P>, classes: &[usize]) -> Result<Option<Array2<f32>>> {
    let Some((given, _)) = conditions(loaded)? else { return Ok(None) };
    let rows: Vec<usize> = classes.iter().map(|class| class % given.nrows().max(1)).collect();
    Ok(Some(given.select(Axis(0), &rows)))
}

/// The first of the [`conditions`], for a caption: ", class 0"; nothing without one.
fn first_given<P: Paper>(loaded: &Loaded<P>) -> Result<String> {
    Ok(conditions(loaded)?.map_or_else(String::new, |(_, first)| format!(", {first}")))
}

/// Codes of all images of a split.
fn encode_part<P: Paper>(loaded: &Loaded<P>, part: &Split) -> Codes {
    encode_split(loaded.model.as_ref(), part, &(0..part.len()).collect::<Vec<_>>())
}

fn draw_curves<P: Paper>(loaded: &Loaded<P>, report: &FitReport) -> Result<Vec<PathBuf>> {
    let mut drawn = vec![loaded.run.file("loss.png")];
    loss_curves(&drawn[0], &format!("Loss: {}", loaded.title()), &report.lines)?;
    let path = loaded.run.file("kl.png");
    let caption = format!("KL of each latent while training: {}", loaded.title());
    if latent_curves(&path, &caption, &report.lines)? {
        drawn.push(path);
    }
    Ok(drawn)
}

/// The place of a class, by name or number, among those a model is conditional on.
fn class_of<P: Paper>(loaded: &Loaded<P>, wanted: &str) -> Result<usize> {
    let known = &loaded.preparation.classes;
    if loaded.model.condition_of_classes(known).is_none() {
        let reason = format!("--class {wanted}: this model is not conditional on classes");
        return Err(Stop::Cannot(reason).into());
    }
    let names = ClassNames::of(&loaded.preparation);
    let place = known.iter().position(|&class| names.name(class) == wanted);
    let Some(place) = place.or_else(|| known.iter().position(|class| class.to_string() == wanted))
    else {
        let all: Vec<String> = known.iter().map(|&class| names.name(class)).collect();
        bail!("--class {wanted}: the model knows {}", all.join(", "))
    };
    Ok(place)
}

/// What is drawn from a model.
struct Drawing {
    count: usize,
    noise: Noise,
    /// The place of one class, or all in turn.
    class: Option<usize>,
    pixels: Pixels,
}

fn draw_samples<P: Paper>(loaded: &Loaded<P>, how: &Drawing, to: &To) -> Result<Vec<PathBuf>> {
    let Drawing { count, noise, class, pixels } = *how;
    let path = to.file(&loaded.run, &loaded.drawn_as("samples"))?;
    let latent = loaded.model.latent_dim();
    let keys: Vec<u64> = (0..count as u64).collect();
    let eps = noise.normal(Stream::Prior, 0, &keys, latent);
    let eps = Array2::from_shape_vec((count, latent), eps)?;
    let classes = (0..count).map(|sample| class.unwrap_or(sample)).collect::<Vec<_>>();
    let given = given_classes(loaded, &classes)?;
    let given = given.as_ref().map(|given| given.view());
    let codes = loaded.model.sample_prior(eps.view(), given);
    let steps = vec![loaded.preparation.steps; count];
    if let Some(codes) = loaded.model.sequence_codes() {
        let (what, bytes) = (format!("--count {count}"), codes.bytes_of_decoded(&steps));
        memory::refuse_beyond_available(&what, bytes).map_err(Error::msg)?;
    }
    let is_of_sequences = loaded.is_of_sequences();
    let drawn = match pixels {
        Pixels::Mean => decoded(loaded, codes.view(), given, &steps),
        Pixels::Drawn if is_of_sequences => {
            return Err(Stop::Cannot(
                "--pixels drawn: only for images, and these are sequences".into(),
            )
            .into());
        }
        Pixels::Drawn => match loaded.model.draw_pixels(codes.view(), given, noise, &keys) {
            Some(x) => Decoded { x, steps },
            None => {
                let reason =
                    "--pixels drawn: the distribution of this model's pixels has means only";
                return Err(Stop::Cannot(reason.into()).into());
            }
        },
    };
    let known = &loaded.preparation.classes;
    let is_told = loaded.model.condition_of_classes(known).is_some();
    let classes = if is_told { known.len() } else { 0 };
    let of = match class {
        Some(class) => {
            let names = ClassNames::of(&loaded.preparation);
            format!(" of class {}", known.get(class).map(|&c| names.name(c)).unwrap_or_default())
        }
        None if classes > count => format!(" of the first {count} of {classes} classes"),
        None if classes > WIDEST => format!(" of {classes} classes in turn"),
        None => String::new(),
    };
    let what = match pixels {
        _ if is_of_sequences => "",
        Pixels::Mean => ", means of p(x|z)",
        Pixels::Drawn => ", pixels drawn from p(x|z)",
    };
    let mut sheet = Sheet::new(format!("Samples{of}{what}: {}", loaded.title()));
    let mut width = ROW;
    if class.is_none() && (1..=WIDEST).contains(&classes) {
        // A class has its columns.
        width = classes * (ROW / classes).max(1);
        let names = ClassNames::of(&loaded.preparation);
        sheet = sheet.columns(known.iter().cycle().take(width).map(|&class| names.name(class)));
    }
    for (row, steps) in drawn.x.axis_chunks_iter(Axis(0), width).zip(drawn.steps.chunks(width)) {
        sheet = sheet.row("", Decoded { x: row.to_owned(), steps: steps.to_vec() });
    }
    sheet.save(loaded, &path)
}

/// Samples in a picture by default: a sequence takes more room than an image.
fn samples_of<P: Paper>(loaded: &Loaded<P>) -> usize {
    if loaded.is_of_sequences() { 20 } else { 100 }
}

fn draw_interpolation<P: Paper>(
    loaded: &Loaded<P>,
    indices: Option<&[usize]>,
    steps: usize,
    asked: &Asked,
    to: &To,
) -> Result<Vec<PathBuf>> {
    let examples = loaded.examples(asked)?;
    let path = examples.file(to, &loaded.run, &loaded.drawn_as("interpolation"))?;
    let images = &examples.split;
    let [from, to] = match indices {
        Some(indices) => match *examples.indices("--indices", indices)? {
            [from, to] => [from, to],
            _ => bail!("--indices {}: two, the first image and the last", as_typed(indices)),
        },
        // A 2 turns into a 7: two shapes with something in common and something not.
        None => {
            let classes = one_of_each_class(images).indices;
            let ends = [2, 7].map(|class| classes.get(class).or(classes.last()).copied());
            // Of two or three images both would be the last.
            if ends[0] == ends[1] {
                [0, images.len() - 1]
            } else {
                ends.map(Option::unwrap_or_default)
            }
        }
    };
    let ends = taken(images, &[from, to]);
    let given = loaded.model.condition(ends.x.view(), &images.labels_of(&[from, to]));
    let codes = encoded(loaded, &ends, given.as_ref().map(|given| given.view())).mean;
    let share = |step: usize| step as f32 / (steps - 1) as f32;
    let blend = |ends: &Array2<f32>| {
        Array2::from_shape_fn((steps, ends.ncols()), |(step, column)| {
            let t = share(step);
            (1.0 - t) * ends[[0, column]] + t * ends[[1, column]]
        })
    };
    // Sequences between two lengths have lengths between them.
    let [first, last] = [0, 1].map(|end: usize| ends.steps[end] as f32);
    let length = |step| ((1.0 - share(step)) * first + share(step) * last).round() as usize;
    let lengths: Vec<usize> = (0..steps).map(length).collect();
    // A condition is blended as the code is, so that both ends are reconstructions.
    let between = given.as_ref().map(blend);
    let between = between.as_ref().map(|given| given.view());
    let (is_sequence, what) = (loaded.is_of_sequences(), loaded.example());
    let ends_of = format!("{} {what} {} to", examples.name, examples.title(from));
    let caption = format!("From {ends_of} {}: {}", examples.title(to), loaded.title());
    let mut sheet = Sheet::new(caption)
        .columns((0..steps).map(|step| format!("{:.2}", share(step))))
        .row("codes", decoded(loaded, blend(&codes).view(), between, &lengths));
    if !is_sequence {
        sheet = sheet.row("pixels", Decoded { x: blend(&ends.x), steps: lengths });
    }
    sheet.save(loaded, &path)
}

/// Mean KL of each latent in nats, on the first [`MEASURED`] images of a split, or, if the data are not available
/// and no image is requested, on the test split as `evaluate` computed it; `None` of a point code.
fn information<P: Paper>(
    loaded: &Loaded<P>,
    index: Option<usize>,
    asked: &Asked,
) -> Result<Option<Vec<f64>>> {
    let examples = match (loaded.examples(asked), index) {
        (Ok(examples), _) => examples,
        (Err(error), None) if asked.on.other.is_some() => return Err(error),
        (Err(error), Some(_)) => return Err(error),
        (Err(error), None) => {
            let path = loaded.run.file(RunFolder::LATENTS);
            let found = loaded.run.read(RunFolder::LATENTS).ok();
            let found = found.and_then(|bytes| String::from_utf8(bytes).ok());
            let Some(found) = found.and_then(|text| nats_of(&text, loaded.model.latent_dim()))
            else {
                return Err(error);
            };
            progress::line(&format!(
                "the data cannot be used: {error:#}; the KL of each latent is that of the test split, \
                 from {}",
                path.display()
            ));
            return Ok(found);
        }
    };
    let part = examples.split.take(MEASURED);
    Ok(nats_per_latent(loaded.model.as_ref(), &part, &encode_part(loaded, &part)))
}

/// The KL of each latent in the text of `latents.csv`, `Some(None)` of a point code; `None` if it is not
/// such a table.
fn nats_of(text: &str, latents: usize) -> Option<Option<Vec<f64>>> {
    let cells: Vec<&str> =
        text.lines().skip(1).map(|line| line.split(',').nth(1)).collect::<Option<_>>()?;
    if cells.len() != latents {
        return None;
    }
    if cells.iter().all(|cell| cell.is_empty()) {
        return Some(None);
    }
    cells.iter().map(|cell| cell.parse().ok()).collect::<Option<Vec<f64>>>().map(Some)
}

/// The least and greatest value of each latent in codes `[examples, latents]`.
fn ranges(codes: &Array2<f32>) -> Vec<(f32, f32)> {
    let ends = |latent: ndarray::ArrayView1<'_, f32>| {
        let ends = (f32::INFINITY, f32::NEG_INFINITY);
        latent.iter().fold(ends, |(low, high), &z| (low.min(z), high.max(z)))
    };
    codes.columns().into_iter().map(ends).collect()
}

fn draw_traversal<P: Paper>(loaded: &Loaded<P>, how: &Traversal) -> Result<Vec<PathBuf>> {
    let Traversal { index, span, steps, latents, asked, to } = how;
    let (index, span, steps, latents) = (*index, *span, *steps, *latents);
    let latent = loaded.model.latent_dim();
    // Without a prior no code stands out, and a unit is what codes of images say.
    let has_prior = loaded.model.has_prior();
    let index = index.or((!has_prior).then_some(0));
    let mut about = "around the prior's mean".to_owned();
    let name = &loaded.drawn_as("traversal");
    let (is_sequence, what) = (loaded.is_of_sequences(), loaded.example());
    let (path, image, given) = match index {
        Some(index) => {
            let examples = loaded.examples(asked)?;
            let images = &examples.split;
            let image = taken(images, &examples.indices("--index", &[index])?);
            let given = loaded.model.condition(image.x.view(), &images.labels_of(&[index]));
            about = format!("around {} {what} {}", examples.name, examples.title(index));
            (examples.file(to, &loaded.run, name)?, Some(image), given)
        }
        None => {
            about.push_str(&first_given(loaded)?);
            let path = if asked.is_of_other_data() {
                loaded.examples(asked)?.file(to, &loaded.run, name)?
            } else {
                to.file(&loaded.run, name)?
            };
            (path, None, given_classes(loaded, &[0])?)
        }
    };
    let animation = to.beside(path.with_extension("gif"))?;
    // The condition of one image, repeated for every row.
    let given =
        |rows: usize| given.as_ref().and_then(|given| given.broadcast((rows, given.ncols())));
    // What each latent tells is measured on the same images as its units.
    let (steps_along, range, nats) = if has_prior {
        if image.is_some() {
            about.push_str(" (sd from the prior's mean)");
        }
        (
            LatentSteps::of_prior(loaded.model.as_ref(), given(1)),
            None,
            information(loaded, index, asked)?,
        )
    } else {
        let examples = loaded.examples(asked)?;
        let images = examples.split.take(MEASURED);
        if images.len() < 2 {
            bail!(
                "{} has one example: without a prior a traversal needs the spread of two codes or more",
                examples.whole()
            );
        }
        about = format!("{about}, sd of {} codes", images.len());
        let codes = encode_part(loaded, &images);
        let nats = nats_per_latent(loaded.model.as_ref(), &images, &codes);
        (LatentSteps::of_codes(&codes.mean), Some(ranges(&codes.mean)), nats)
    };
    let length = image.as_ref().map_or(loaded.preparation.steps, |image| image.steps[0]);
    let lengths = vec![length; steps];
    let base = match &image {
        Some(image) => encoded(loaded, image, given(1)).mean.row(0).to_owned(),
        None => steps_along.origin.row(0).to_owned(),
    };
    let (information, unit_name): (Vec<f64>, &str) = match nats {
        Some(nats) => (nats, "nats"),
        None => (steps_along.changes(loaded.model.as_ref(), given(1)), "squared change"),
    };
    let mut order: Vec<usize> = (0..latent).collect();
    order.sort_by(|&a, &b| information[b].total_cmp(&information[a]));
    let position = |step: usize| span * (2.0 * step as f32 / (steps - 1) as f32 - 1.0);
    let caption = format!("Traversals {about}: {}", loaded.title());
    let mut sheet = Sheet::new(caption.clone())
        .columns((0..steps).map(|step| format!("{:+.1} sd", position(step))));
    // One column for each latent, what moves in the animation.
    let mut columns: Vec<(String, Array2<f32>)> = Vec::new();
    for &dimension in order.iter().take(latents) {
        let along = steps_along.unit.row(dimension);
        // The varied latent starts from the mean, the others stay at the base.
        let mut fixed = base.clone();
        fixed[dimension] = steps_along.origin[[0, dimension]];
        let codes = Array2::from_shape_fn((steps, latent), |(step, column)| {
            let z = fixed[column] + position(step) * along[column];
            match &range {
                Some(range) if column == dimension => z.clamp(range[column].0, range[column].1),
                _ => z,
            }
        });
        let label = format!("z{dimension} {:.2} {unit_name}", information[dimension]);
        let row = decoded(loaded, codes.view(), given(steps), &lengths);
        columns.push((format!("z{dimension}"), row.x.clone()));
        sheet = sheet.row(label, row);
    }
    let mut drawn = sheet.save(loaded, &path)?;
    if is_sequence {
        return Ok(drawn);
    }
    let frames = (0..steps).map(|step| {
        let views: Vec<_> = columns.iter().map(|(_, row)| row.slice(s![step..=step, ..])).collect();
        Grid::new(loaded.preparation.shape, caption.clone())
            .columns(columns.iter().map(|(name, _)| name.clone()))
            .row("", concatenate(Axis(0), &views)?)
            .painted()?
            .image()
    });
    plot::save_animation(&animation, &frames.collect::<Result<Vec<_>>>()?)?;
    drawn.push(animation);
    Ok(drawn)
}

fn draw_map<P: Paper>(
    loaded: &Loaded<P>,
    points: usize,
    asked: &Asked,
    to: &To,
) -> Result<Vec<PathBuf>> {
    let examples = loaded.examples(asked)?;
    let path = examples.file(to, &loaded.run, "latent-map.png")?;
    let grid = to.beside(path.with_file_name(format!(
        "{}-grid.png",
        path.file_stem().unwrap_or_default().to_string_lossy().trim_end_matches("-map")
    )))?;
    let part = examples.split.take(points);
    let codes = encode_part(loaded, &part).mean;
    let latent = codes.ncols();
    if latent > 2 && part.len() < 2 {
        bail!(
            "{} has one example: a map of {latent} latents is drawn along the principal components of the \
             codes of two or more",
            examples.whole()
        );
    }
    let (plane, axes) = if latent > 2 {
        (
            PrincipalComponents::of(&codes)?.plane(&codes),
            ["first principal component of the codes", "second principal component"],
        )
    } else {
        let column = |j: usize| {
            if j < latent { codes.column(j).to_owned() } else { Array1::zeros(codes.nrows()) }
        };
        let plane = codes.rows().into_iter().enumerate();
        let (first, second) = (column(0), column(1));
        let up = if latent == 1 { "nothing: there is one latent" } else { "z1" };
        (plane.map(|(i, _)| [first[i], second[i]]).collect(), ["z0", up])
    };
    let is_sequence = loaded.is_of_sequences();
    let what = match P::KIND.examples() {
        DataKind::Tables => "rows",
        DataKind::Sequences if is_sequence => "sequences",
        _ => "images",
    };
    let caption = format!("Codes of {} {} {what}: {}", part.len(), examples.name, loaded.title());
    plot::scatter(&path, &caption, axes, &plane, &part.labels(), &examples.classes)?;
    let mut drawn = vec![path];
    // The code of a sequence is a latent at each step: no one point of the plane is decoded. A code without a prior
    // has no quantiles, and a classifier's cannot be decoded.
    let model = loaded.model.as_ref();
    let is_drawn = model.has_prior() && model.has_decoder() && model.step_widths().is_none();
    if latent == 2 && !is_sequence && is_drawn {
        draw_grid(loaded, &grid)?;
        drawn.push(grid);
    }
    Ok(drawn)
}

/// The decoded plane of a 2-D code: equal shares of the prior (Kingma & Welling 2014, figure 4).
fn draw_grid<P: Paper>(loaded: &Loaded<P>, path: &Path) -> Result<()> {
    let quantile = |i: usize| normal_quantile((i as f64 + 0.5) / GRID as f64) as f32;
    let eps = Array2::from_shape_fn((GRID * GRID, 2), |(cell, axis)| {
        if axis == 0 { quantile(cell % GRID) } else { -quantile(cell / GRID) }
    });
    let given = given_classes(loaded, &[0; GRID * GRID])?;
    let given = given.as_ref().map(|given| given.view());
    let codes = loaded.model.sample_prior(eps.view(), given);
    let images = loaded.model.decode(codes.view(), given);
    let mut grid = Grid::new(
        loaded.preparation.shape,
        format!(
            "The decoded plane at quantiles of the prior, z0 to the right and z1 up{}: {}",
            first_given(loaded)?,
            loaded.title()
        ),
    )
    .columns((0..GRID).map(|column| format!("{:+.2}", quantile(column))));
    for row in 0..GRID {
        grid = grid.row(
            format!("{:+.2}", -quantile(row)),
            images.slice(s![row * GRID..(row + 1) * GRID, ..]).to_owned(),
        );
    }
    grid.save(path)
}

/// The point a standard normal number is below with probability `p`, by bisection.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    while high - low > 1e-12 {
        let middle: f64 = 0.5 * (low + high);
        let below = 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2);
        if below < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::{nats_of, normal_quantile};

    #[test]
    fn the_table_of_latents_is_read_or_refused() {
        let header = "latent,kl_nats,variance_of_mean,aggregate_mean,aggregate_variance\n";
        let of = |rows: &str, latents| nats_of(&(header.to_owned() + rows), latents);
        assert_eq!(of("0,0.5,1,0,1\n1,2,1,0,1\n", 2), Some(Some(vec![0.5, 2.0])));
        assert_eq!(of("0,,1,0,1\n1,,1,0,1\n", 2), Some(None));
        for damaged in ["0,0.5,1,0,1\n", "0,0.5\n1\n", "0,0.5,1\n1,x,1\n"] {
            assert_eq!(of(damaged, 2), None);
        }
    }

    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_964), (0.025, -1.959_964), (0.841_344_7, 1.0)] {
            assert!((normal_quantile(p) - z).abs() < 1e-6, "{p}");
        }
    }
}
