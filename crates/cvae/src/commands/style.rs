//! `style`: encode a digit, keep z and vary the label, with scores.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;
use ndarray::{Array1, Array2, ArrayView1};
use shared::{
    classifier::judge,
    cli::{Asked, Loaded, OfRun, To},
    data::{ClassNames, PixelShape},
    metrics::classification_error,
    progress,
    run::{Better, Metric},
};

use crate::{
    Paper,
    handwriting::{correlation, slant, stroke_width},
};

/// Default number of images.
const IMAGES: usize = 8;
/// Default number of scored test images.
const MEASURED: usize = 1000;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// Images by index (default: the first eight).
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    indices: Option<Vec<usize>>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    to: To,
    /// Test images of the run to rewrite as every class and score; 0 to draw only the picture (default: 1000, or 0
    /// with --on).
    #[arg(long, value_name = "N")]
    measure: Option<usize>,
    /// Folder of all runs, which also holds the judging classifier (default: runs).
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Args {
    /// Images to score: beside other data only if they are asked for.
    fn measured(&self) -> usize {
        self.measure.unwrap_or(if self.asked.is_of_other_data() { 0 } else { MEASURED })
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<Paper>::open_to_add(&args.of, "style")?;
    let examples = loaded.examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "style.png")?;
    let split = &examples.split;
    let indices = examples.chosen(args.indices.as_deref(), IMAGES)?;
    let images = split.grey(&indices);
    let codes = codes_of(&loaded, &images, &split.labels_of(&indices));
    let made = loaded.as_every_class(&images, &codes);
    let names = ClassNames::of(&loaded.preparation);
    let [one, _] = classes(&loaded, &names);
    let caption = format!("One handwriting, every {one}: {}", loaded.title());
    let grid = examples.beside_classes(caption, &indices, &names, &made)?;
    grid.save(&path)?;
    progress::line(&format!("wrote {}", path.display()));
    // The figures are of the run's test images, whichever are drawn.
    if args.measured() > 0 {
        return measure(args, &loaded, &names);
    }
    if let Some(out) = &args.out {
        progress::line(&format!("--out {}: without effect, nothing is scored", out.display()));
    }
    Ok(())
}

/// The codes of images, told their own classes, `[images, latent]`.
fn codes_of(loaded: &Loaded<Paper>, images: &Array2<f32>, labels: &[u8]) -> Array2<f32> {
    let own = loaded.model.condition(images.view(), labels);
    loaded.model.encode(images.view().into(), own.as_ref().map(|given| given.view())).mean
}

/// What a class is called, and several.
fn classes(loaded: &Loaded<Paper>, names: &ClassNames) -> [&'static str; 2] {
    if names.are_digits(&loaded.preparation.classes) {
        ["digit", "digits"]
    } else {
        ["class", "classes"]
    }
}

/// A measure of an image that does not depend on its class.
type Measure = fn(ArrayView1<'_, f32>, PixelShape) -> f64;

/// The measure of each image.
fn measured(images: &Array2<f32>, shape: PixelShape, of: Measure) -> Vec<f64> {
    images.rows().into_iter().map(|image| of(image, shape)).collect()
}

/// What is measured of images rewritten as every class.
struct Rewritten {
    /// Share of each class that is read as such.
    right: Vec<f64>,
    /// Slant of each image as each class, `[images, classes]`.
    slants: Array2<f64>,
    /// The same of its strokes' width.
    stroke_widths: Array2<f64>,
}

impl Rewritten {
    /// Measures what `made` makes of `count` images as each of `classes`; `right` is the share of
    /// them that is read as such. The images of one class are held at a time: those of all may be
    /// more than there is memory for.
    fn of(
        count: usize,
        classes: &[u8],
        shape: PixelShape,
        made: impl Fn(u8) -> Array2<f32>,
        right: impl Fn(u8, &Array2<f32>) -> f64,
    ) -> Self {
        let none = || Array2::<f64>::zeros((count, classes.len()));
        let (mut slants, mut stroke_widths) = (none(), none());
        let mut shares = Vec::with_capacity(classes.len());
        for (place, &class) in classes.iter().enumerate() {
            let images = made(class);
            shares.push(right(class, &images));
            let measured = |of: Measure| Array1::from(measured(&images, shape, of));
            slants.column_mut(place).assign(&measured(slant));
            stroke_widths.column_mut(place).assign(&measured(stroke_width));
        }
        Self { right: shares, slants, stroke_widths }
    }
}

fn measure(args: &Args, loaded: &Loaded<Paper>, names: &ClassNames) -> Result<()> {
    let name = &loaded.config.data.name;
    let out = args.out.as_deref().unwrap_or(Path::new("runs"));
    let (judge, error) = judge(loaded.data()?, name, out, loaded.device)?;
    let all = loaded.data()?.test.len();
    if let Some(asked) = args.measure.filter(|asked| *asked > all) {
        progress::line(&format!("--measure {asked}: the test split has {all}, all are rewritten"));
    }
    let test = loaded.data()?.test.take(args.measured());
    let (images, labels) = (test.all_grey(), test.labels());
    let codes = codes_of(loaded, &images, &labels);
    let made = |class: u8| loaded.as_class(&images, &codes, class);
    let read_as_such = |class: u8, drawn: &Array2<f32>| {
        let asked = vec![class; labels.len()];
        1.0 - classification_error(&judge.log_classes(drawn.view()), &asked).mean
    };
    let (shape, fitted) = (test.shape(), &loaded.preparation.classes);
    let Rewritten { right, slants, stroke_widths } =
        Rewritten::of(labels.len(), fitted, shape, made, read_as_such);
    let recovered = right.iter().sum::<f64>() / right.len().max(1) as f64;
    let judged = format!(
        "{} test images rewritten as {} {}, read by a classifier that has {:.2}% of \
         {} test images wrong",
        test.len(),
        fitted.len(),
        classes(loaded, names)[1],
        100.0 * error.mean,
        error.examples
    );
    let kept =
        |of: Measure, made: &Array2<f64>| correlation(&measured(&images, shape, of), made, &labels);
    let metric = |value: f64, unit: &str, about: String| Metric {
        value,
        standard_error: None,
        unit: unit.into(),
        better: Better::Higher,
        about,
    };
    let within = "of image and rewritten digit, within a class and a label";
    let metrics = BTreeMap::from([
        ("style_labels".to_owned(), metric(recovered, "share", format!("read as asked; {judged}"))),
        (
            "style_slant".to_owned(),
            metric(
                kept(slant, &slants),
                "correlation",
                format!("slant {within}, {} test images", test.len()),
            ),
        ),
        (
            "style_stroke_width".to_owned(),
            metric(
                kept(stroke_width, &stroke_widths),
                "correlation",
                format!("stroke width {within}, {} test images", test.len()),
            ),
        ),
    ]);
    for (name, metric) in &metrics {
        shared::print_line!("{name:20} {:.4} {:12} {}", metric.value, metric.unit, metric.about);
    }
    let worst = fitted.iter().zip(&right).min_by(|a, b| a.1.total_cmp(b.1));
    if let Some((class, share)) = worst {
        shared::print_line!(
            "worst: {:.1}% of class {} are read as such",
            100.0 * share,
            names.name(*class)
        );
    }
    loaded.add_metrics(metrics)
}

#[cfg(test)]
mod tests {
    use shared::{allocation, laws};

    use super::*;

    #[test]
    fn beside_other_data_images_are_scored_where_they_are_asked_for() {
        let cases: [(&[&str], usize); 4] = [
            (&[], MEASURED),
            (&["--measure", "40"], 40),
            (&["--on", "segments"], 0),
            (&["--on", "segments", "--measure", "40"], 40),
        ];
        for (options, wanted) in cases {
            let args: Args = laws::options(options).unwrap();
            assert_eq!(args.measured(), wanted, "{options:?}");
        }
    }

    #[test]
    fn images_of_one_class_are_held_at_a_time_and_measured_as_that_class() {
        let (count, shape) = (20, PixelShape::grey(64, 64));
        let classes: Vec<u8> = (0..40).collect();
        // A bar that is as wide as its image and class say.
        let made = |class: u8| {
            Array2::from_shape_fn((count, shape.pixels()), |(image, pixel)| {
                f32::from(u8::from(pixel % 64 < 1 + image + usize::from(class)))
            })
        };
        let right = |class: u8, _: &Array2<f32>| f64::from(class);
        let (found, peak) =
            allocation::peak_of(1 << 30, || Rewritten::of(count, &classes, shape, made, right));
        let of_one_class = 4 * count * shape.pixels();
        assert!((of_one_class..2 * of_one_class).contains(&peak), "{peak}");
        for (place, &class) in classes.iter().enumerate() {
            let images = made(class);
            assert_eq!(found.right[place], f64::from(class));
            for image in 0..count {
                let at = [image, place];
                assert_eq!(found.slants[at], slant(images.row(image), shape));
                assert_eq!(found.stroke_widths[at], stroke_width(images.row(image), shape));
            }
        }
    }
}
