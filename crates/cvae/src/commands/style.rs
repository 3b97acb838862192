//! `style`: encode a digit, keep z and vary the label, with scores.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

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
    let made = rewritten(&loaded, &split.grey(&indices), &split.labels_of(&indices));
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
    let out = args.out.as_deref().unwrap_or(Path::new("runs"));
    let (judge, error) = judge(loaded.data()?, name, out, loaded.device)?;
    let all = loaded.data()?.test.len();
    if let Some(asked) = args.measure.filter(|asked| *asked > all) {
        progress::line(&format!("--measure {asked}: the test split has {all}, all are rewritten"));
    }
    let test = loaded.data()?.test.take(args.measured());
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

#[cfg(test)]
mod tests {
    use shared::laws;

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
}
