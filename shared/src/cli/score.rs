//! `score`: how likely each example is under the model.

use anyhow::{Result, bail};

use super::{
    Stop,
    encode::finished,
    model::Loaded,
    options::{ScoreArgs, refuse_samples, refuse_zero, say_all_are_taken},
    paper::{Paper, RunConfig},
    sheet::{Sheet, say_all, taken},
};
use crate::{
    counted, data::DataKind, files::write_atomic, metrics::scores, progress, trained::Trained,
};

/// Samples of a bound, if no option says how many.
const SAMPLES: usize = 100;

/// Images of a row of the picture.
const SHOWN: usize = 10;

/// Why a model gives an example no likelihood.
pub(super) fn without_likelihood(model: &dyn Trained) -> &'static str {
    if model.has_prior() {
        "the model has no bound on the likelihood of an example: its code has latents above or below it, no variance \
         is left for its noise, or it is no probabilistic model"
    } else {
        "the model gives an example no likelihood: it has no prior of its code"
    }
}

/// `score`.
pub(super) fn score<P: Paper>(args: ScoreArgs) -> Result<()> {
    refuse_samples(args.samples)?;
    let loaded = Loaded::<P>::open(&args.of, "score")?;
    let examples = loaded.scored_examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "scores.csv")?;
    let picture = args.to.beside(path.with_extension(P::ending(&loaded.config)))?;
    let (whole, binarise) = (&examples.split, loaded.config.data().binarise);
    let split = args.examples.map_or_else(|| whole.clone(), |count| whole.take(count));
    refuse_zero("--examples", split.len())?;
    say_all_are_taken("--examples", args.examples, whole.len(), &examples.whole());
    let (model, noise) = (loaded.model.as_ref(), loaded.noise());
    let samples = args.samples.unwrap_or(SAMPLES);
    let Some(mut found) = scores(model, &split, binarise, noise, samples) else {
        return Err(Stop::Cannot(without_likelihood(model).into()).into());
    };
    if let (None, Some(samples)) = (found.samples, args.samples) {
        progress::line(&format!("--samples {samples}: without effect, log p(x) is exact here"));
    }
    let name = |index: usize| split.name(index).map_or_else(|| index.to_string(), str::to_owned);
    let beyond: Vec<usize> =
        (0..split.len()).filter(|&index| !found.nll[index].is_finite()).collect();
    if let Some(&first) = beyond.first() {
        if beyond.len() == split.len() {
            bail!(
                "no {} example has a finite -log p(x): all lie far outside of what the model was trained on, or the \
                 model is broken",
                examples.name
            );
        }
        progress::line(&format!(
            "-log p(x) is beyond what can be computed for {} of {}, the first is {}: far outside of what the model was \
             trained on; inf, and last",
            beyond.len(),
            counted(split.len(), "example"),
            name(first)
        ));
    }
    beyond.into_iter().for_each(|index| found.nll[index] = f64::INFINITY);
    let mut ranked: Vec<usize> = (0..split.len()).collect();
    ranked.sort_by(|&a, &b| found.nll[a].total_cmp(&found.nll[b]).then(a.cmp(&b)));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let is_named = split.name(0).is_some();
    let header = ["rank", "index", "name", "class", "nll", "negative_elbo"];
    writer.write_record(header.into_iter().filter(|&column| is_named || column != "name"))?;
    for (rank, &index) in ranked.iter().enumerate() {
        let elbo = found.negative_elbo.as_ref().map_or(String::new(), |e| e[index].to_string());
        let mut row = vec![(rank + 1).to_string(), index.to_string()];
        row.extend(is_named.then(|| split.name(index).unwrap_or_default().into()));
        row.extend([examples.classes.name(split.label(index)), found.nll[index].to_string(), elbo]);
        writer.write_record(row)?;
    }
    // Drawn first: where a paper refuses a file of its picture, nothing is written.
    let mut drawn = Vec::new();
    if P::KIND.examples() != DataKind::Tables {
        // None in both rows, unless it is the only one.
        let shown = SHOWN.min((ranked.len() / 2).max(1));
        let caption = format!(
            "Most and least likely {} {} by -log p(x), nats: {}",
            examples.name,
            P::KIND.examples().plural(),
            loaded.title()
        );
        let range = |indices: &[usize]| {
            let nats = |index: Option<&usize>| index.map_or(0.0, |&index| found.nll[index]);
            format!("{:.1} to {:.1}", nats(indices.first()), nats(indices.last()))
        };
        let (likely, unlikely) = (&ranked[..shown], &ranked[ranked.len() - shown..]);
        let sheet = Sheet::new(caption)
            .row(format!("most likely: {}", range(likely)), taken(&split, likely))
            .row(format!("least likely: {}", range(unlikely)), taken(&split, unlikely));
        drawn = sheet.save(&loaded, &picture)?;
    }
    write_atomic(&path, &finished(writer)?)?;
    progress::line(&format!("wrote {}: -log p(x), {}, nats", path.display(), found.about()));
    say_all(&drawn)
}
