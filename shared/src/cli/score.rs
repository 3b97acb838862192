//! `score`: how likely each example is under the model.

use anyhow::{Result, bail};
use ndarray::Axis;

use super::{
    Stop,
    encode::{refuse_existing, refuse_sequences},
    model::Loaded,
    options::ScoreArgs,
    paper::{Paper, RunConfig},
};
use crate::{
    data::{DataKind, OwnImages},
    files::write_atomic,
    metrics::scores,
    plot::Grid,
    progress,
};

/// Images of a row of the picture.
const SHOWN: usize = 10;

/// `score`.
pub(super) fn score<P: Paper>(args: ScoreArgs) -> Result<()> {
    if args.samples == 0 {
        bail!("--samples 0: at least 1");
    }
    if let Some(path) = &args.to {
        refuse_existing(path)?;
    }
    let loaded = Loaded::<P>::open(&args.of, "score")?;
    refuse_sequences(&loaded)?;
    let (data, binarise) = (loaded.data()?, loaded.config.data().binarise);
    let whole = args.split.of(data);
    let split = args.examples.map_or_else(|| whole.clone(), |count| whole.take(count));
    if split.is_empty() {
        bail!("--examples 0: at least 1");
    }
    let (model, noise) = (loaded.model.as_ref(), loaded.noise());
    let Some(found) = scores(model, &split, binarise, noise, args.samples) else {
        let reason = "the model gives an example no likelihood: it has no prior of its code";
        return Err(Stop::Cannot(reason.into()).into());
    };
    if let Some(index) = found.nll.iter().position(|nll| !nll.is_finite()) {
        bail!(
            "{} example {index} has an infinite -log p(x): the model is broken",
            args.split.name()
        );
    }
    let mut ranked: Vec<usize> = (0..split.len()).collect();
    ranked.sort_by(|&a, &b| found.nll[a].total_cmp(&found.nll[b]).then(a.cmp(&b)));
    let names = OwnImages::classes_of(&loaded.preparation).unwrap_or_default();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["rank", "index", "class", "nll", "negative_elbo"])?;
    for (rank, &index) in ranked.iter().enumerate() {
        let label = split.label(index);
        let class = names.get(usize::from(label)).cloned().unwrap_or(label.to_string());
        let elbo = found.negative_elbo.as_ref().map_or(String::new(), |e| e[index].to_string());
        let (rank, place) = ((rank + 1).to_string(), index.to_string());
        writer.write_record([rank, place, class, found.nll[index].to_string(), elbo])?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    let path = args.to.unwrap_or_else(|| loaded.run.file("scores.csv"));
    write_atomic(&path, &bytes)?;
    progress::line(&format!("wrote {}: -log p(x), {}, nats", path.display(), found.about));
    if P::KIND.examples() == DataKind::Images {
        let images = split.all_grey();
        let row = |indices: &[usize]| images.select(Axis(0), indices);
        let shown = SHOWN.min(ranked.len());
        let caption =
            format!("{} images by -log p(x), nats: {}", args.split.name(), loaded.title());
        let range = |indices: &[usize]| {
            let nats = |index: Option<&usize>| index.map_or(0.0, |&index| found.nll[index]);
            format!("{:.1} to {:.1}", nats(indices.first()), nats(indices.last()))
        };
        let (likely, unlikely) = (&ranked[..shown], &ranked[ranked.len() - shown..]);
        let picture = path.with_extension("png");
        Grid::new(split.shape(), caption)
            .row(format!("most likely: {}", range(likely)), row(likely))
            .row(format!("least likely: {}", range(unlikely)), row(unlikely))
            .save(&picture)?;
        progress::line(&format!("wrote {}", picture.display()));
    }
    Ok(())
}
