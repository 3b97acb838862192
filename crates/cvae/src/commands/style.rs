//! `style`: encode a digit, keep z and vary the label, with scores.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Result;
use ndarray::Array2;
use shared::{
    classifier::judge,
    cli::{Asked, Loaded, OfRun, To},
    data::ClassNames,
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
    /// Test images to rewrite as every class and score; 0 to draw only the picture.
    #[arg(long, default_value_t = MEASURED, value_name = "N")]
    measure: usize,
    /// Folder of all runs, which also holds the judging classifier.
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<Paper>::open_to_add(&args.of, "style")?;
    let examples = loaded.examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "style.png")?;
    let split = &examples.split;
    let indices = examples.chosen(args.indices.as_deref(), IMAGES)?;
    let made = rewritten(&loaded, &split.grey(&indices), &split.labels_of(&indices));
    let names = ClassNames::of(&loaded.preparation);
    let [one, _] = classes(&loaded, &names);
    let caption = format!("One handwriting, every {one}: {}", loaded.title());
    let grid = examples.beside_classes(caption, &indices, &names, &made)?;
    grid.save(&path)?;
    progress::line(&format!("wrote {}", path.display()));
    // The figures are of the run's test images, whichever are drawn.
    if args.measure > 0 && !args.asked.is_of_other_data() {
        return measure(args, &loaded, &names);
    }
    Ok(())
}

/// The images rewritten as every class: `[images, pixels]` for each.
fn rewritten(
    loaded: &Loaded<Paper>,
    images: &Array2<f32>,
    labels: &[u8],
) -> Vec<(u8, Array2<f32>)> {
    let own = loaded.model.condition(images.view(), labels);
    let codes =
        loaded.model.encode(images.view().into(), own.as_ref().map(|given| given.view())).mean;
    loaded.as_every_class(images, &codes)
}

/// What a class is called, and several.
fn classes(loaded: &Loaded<Paper>, names: &ClassNames) -> [&'static str; 2] {
    if names.are_digits(&loaded.preparation.classes) {
        ["digit", "digits"]
    } else {
        ["class", "classes"]
    }
}

fn measure(args: &Args, loaded: &Loaded<Paper>, names: &ClassNames) -> Result<()> {
    let name = &loaded.config.data.name;
    let (judge, error) = judge(loaded.data()?, name, &args.out, loaded.device)?;
    let (asked, all) = (args.measure, loaded.data()?.test.len());
    if asked > all && asked != MEASURED {
        progress::line(&format!("--measure {asked}: the test split has {all}, all are rewritten"));
    }
    let test = loaded.data()?.test.take(asked);
    let (images, labels) = (test.all_grey(), test.labels());
    let made = rewritten(loaded, &images, &labels);
    let mut right = Vec::with_capacity(made.len());
    for (class, images) in &made {
        let asked = vec![*class; labels.len()];
        let wrong = classification_error(&judge.log_classes(images.view()), &asked);
        right.push(1.0 - wrong.mean);
    }
    let recovered = right.iter().sum::<f64>() / right.len().max(1) as f64;
    let judged = format!(
        "{} test images rewritten as {} {}, read by a classifier that has {:.2}% of \
         {} test images wrong",
        test.len(),
        made.len(),
        classes(loaded, names)[1],
        100.0 * error.mean,
        error.examples
    );
    let kept = |of: fn(ndarray::ArrayView1<'_, f32>, shared::data::PixelShape) -> f64| {
        let shape = test.shape();
        let sources: Vec<f64> = images.rows().into_iter().map(|image| of(image, shape)).collect();
        let made = Array2::from_shape_fn((labels.len(), made.len()), |(image, class)| {
            of(made[class].1.row(image), shape)
        });
        correlation(&sources, &made, &labels)
    };
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
                kept(slant),
                "correlation",
                format!("slant {within}, {} test images", test.len()),
            ),
        ),
        (
            "style_stroke_width".to_owned(),
            metric(
                kept(stroke_width),
                "correlation",
                format!("stroke width {within}, {} test images", test.len()),
            ),
        ),
    ]);
    for (name, metric) in &metrics {
        shared::print_line!("{name:20} {:.4} {:12} {}", metric.value, metric.unit, metric.about);
    }
    let worst = made.iter().zip(&right).min_by(|a, b| a.1.total_cmp(b.1));
    if let Some(((class, _), share)) = worst {
        shared::print_line!(
            "worst: {:.1}% of class {} are read as such",
            100.0 * share,
            names.name(*class)
        );
    }
    loaded.add_metrics(metrics)
}
