//! `bounds`: how the estimates of log p(x) tighten with the number of weights.

use anyhow::{Result, bail};

use super::{
    Stop,
    encode::finished,
    model::Loaded,
    options::{BoundsArgs, as_typed, refuse_samples, refuse_zero, say_all_are_taken},
    paper::{Paper, RunConfig},
    score::without_likelihood,
};
use crate::{
    files::write_atomic,
    metrics::{Estimator, bound_curve, marginal},
    plot::{Axis, Spread, error_bars},
    progress,
};

/// Examples, if no option says how many.
const EXAMPLES: usize = 500;

/// `bounds`.
pub(super) fn bounds<P: Paper>(args: BoundsArgs) -> Result<()> {
    let samples = &args.samples;
    if samples.first() == Some(&0) || samples.is_empty() || !samples.is_sorted_by(|a, b| a < b) {
        bail!(
            "--samples {}: whole numbers from 1 on, each larger than the one before",
            as_typed(samples)
        );
    }
    refuse_samples(samples.last().copied())?;
    let loaded = Loaded::<P>::open(&args.of, "bounds")?;
    let examples = loaded.scored_examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "bounds.png")?;
    let table = args.to.beside(path.with_extension("csv"))?;
    let (binarise, noise) = (loaded.config.data().binarise, loaded.noise());
    let split = examples.split.take(args.examples.unwrap_or(EXAMPLES));
    refuse_zero("--examples", split.len())?;
    say_all_are_taken("--examples", args.examples, examples.split.len(), &examples.whole());
    let model = loaded.model.as_ref();
    let cannot = |reason: &str| Err(Stop::Cannot(reason.into()).into());
    if model.is_of_sequences() {
        return cannot("a model of sequences has bounds of its own: evaluate gives them");
    }
    if marginal(model, &split.take(1), binarise, noise).is_some() {
        return cannot("log p(x) has a closed form here, so nothing is estimated: score gives it");
    }
    let (mut writer, mut series) = (csv::Writer::from_writer(Vec::new()), Vec::new());
    writer.write_record(["proposal", "samples", "nats", "standard_error"])?;
    for (proposal, name, estimator) in [
        ("posterior", "z from q(z|x): importance-weighted", Estimator::Importance),
        ("prior", "z from the prior: Monte Carlo", Estimator::Prior),
    ] {
        let Some(found) = bound_curve(model, &split, binarise, noise, estimator, samples) else {
            return cannot(without_likelihood(model));
        };
        let mut points = Vec::new();
        for (count, estimate) in samples.iter().zip(&found) {
            if !estimate.mean.is_finite() {
                bail!("an infinite -log p(x): the model is broken");
            }
            // One example has none: an empty cell, and a point without a bar.
            let error = estimate.standard_error;
            writer.serialize((proposal, count, estimate.mean, error))?;
            points.push(Spread::new((*count as f64, 0.0), (estimate.mean, error.unwrap_or(0.0))));
        }
        series.push((name.to_owned(), points));
    }
    write_atomic(&table, &finished(writer)?)?;
    let first = split.inputs(&[0], binarise, noise, 0);
    let is_conditional = model.condition(first.view(), &[split.label(0)]).is_some();
    let what = if is_conditional { "-log p(x|c), estimated" } else { "Bounds on -log p(x)" };
    let caption = format!(
        "{what}: {}, {} {} {}",
        loaded.title(),
        split.len(),
        examples.name,
        P::KIND.examples().plural()
    );
    let axes = [Axis::logarithmic("draws of z for an example"), Axis::linear("nats")];
    error_bars(&path, &caption, axes, &series)?;
    progress::line(&format!("wrote {} and {}", path.display(), table.display()));
    Ok(())
}
