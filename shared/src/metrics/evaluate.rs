use std::collections::BTreeMap;

use anyhow::Result;
use ndarray::{Axis, s};

use super::{
    CodeStatistics, CodeTable, Estimate, Estimator, EvaluateConfig, LinearProbe, balanced_subset,
    classification_error, code_statistics,
    disentanglement::disentanglement,
    elbo, encode_split, marginal, nearest_neighbour_accuracy, negative_log_likelihood,
    people::evaluate_people,
    reconstruction::{gap, restored},
    samples::sample_quality,
    sequences::evaluate_sequences,
};
use crate::{
    classifier::Judge,
    data::{Binarise, DataConfig, DataName, Splits},
    noise::Noise,
    progress,
    run::{Better, Metric},
    trained::Trained,
};

/// Everything `evaluate` finds out.
pub struct Evaluation {
    /// Metrics by name.
    pub metrics: BTreeMap<String, Metric>,
    /// Statistics of the test codes, by latent; none of sequences, which have a code at each step.
    pub codes: Option<CodeStatistics>,
    /// Mean KL of each latent on the test split, where the posterior is Gaussian; a step, of sequences.
    pub kl_per_latent: Option<Vec<f64>>,
}

/// Evaluates a model on the test split; probes are fitted on codes of the training split. `judge` is
/// the classifier of the images that `[evaluate.samples]` asks.
///
/// # Errors
/// If a probe cannot be fitted.
pub fn evaluate(
    model: &dyn Trained,
    data: &Splits,
    of: &DataConfig,
    config: &EvaluateConfig,
    noise: Noise,
    judge: Option<&dyn Judge>,
) -> Result<Evaluation> {
    let binarise = of.binarise;
    let mut metrics: BTreeMap<String, Metric> = model.own_metrics().into_iter().collect();
    if model.step_widths().is_some() {
        let about = (binarise, of.name);
        let (found, kl_per_latent) = evaluate_sequences(model, data, about, config, noise)?;
        metrics.extend(found);
        return Ok(Evaluation { metrics, codes: None, kl_per_latent });
    }
    let test = &data.test;
    let mut inputs = match binarise {
        _ if of.name == DataName::Dsprites => "black and white pixels",
        Binarise::Dynamic | Binarise::Static => "pixels binarised at random, once",
        Binarise::Threshold => "pixels binarised at one half",
        Binarise::None => "grey pixels: not comparable with binary pixels",
    }
    .to_owned();
    if let Some(scored) = model.scored() {
        inputs.push_str(&format!("; {scored}"));
    }
    let mut mean = |name: &str, estimate: Estimate, unit: &str, about: String| {
        let metric = Metric {
            value: estimate.mean,
            standard_error: Some(estimate.standard_error),
            unit: unit.into(),
            better: Better::Lower,
            about,
        };
        metrics.insert(name.to_owned(), metric);
    };

    progress::line("evaluating: bounds on the likelihood");
    let elbo = elbo(model, test, binarise, noise);
    if let Some(elbo) = &elbo {
        let about = |what: &str| format!("{what}, {} test images, {inputs}", test.len());
        mean("negative_elbo", elbo.negative_elbo, "nats", about("-ELBO, one sample"));
        mean("reconstruction", elbo.reconstruction, "nats", about("-E log p(x|z), one sample"));
        mean("kl", elbo.kl, "nats", about("KL(q(z|x) || p(z)), closed form"));
    }
    if let Some(exact) = marginal(model, test, binarise, noise) {
        let about = format!("-log p(x), exact, {} test images, {inputs}", test.len());
        mean("nll", exact, "nats", about);
    } else {
        let part = test.take(config.nll_images);
        let mut estimate = |name: &str, what: &str, estimator, samples| {
            let found = negative_log_likelihood(model, &part, binarise, noise, estimator, samples);
            if let Some(found) = found {
                let about = format!("{what}, K = {samples}, {} test images, {inputs}", part.len());
                mean(name, found, "nats", about);
            }
        };
        let what = "importance-weighted bound on -log p(x)";
        estimate("nll", what, Estimator::Importance, config.nll_samples);
        if let Some(samples) = config.prior_samples {
            let what = "Monte Carlo estimate of -log p(x), z from the prior";
            estimate("nll_prior", what, Estimator::Prior, samples);
        }
    }

    progress::line("evaluating: reconstructions and codes");
    let images = test.all_grey();
    if let Some(classes) = model.log_classes(images.view()) {
        let error = classification_error(&classes, &test.labels());
        let about = format!(
            "share of {} test {} classified wrongly, 95% interval ± {:.4}",
            test.len(),
            if test.is_table() { "rows" } else { "images" },
            1.96 * error.standard_error
        );
        mean("test_error", error, "share", about);
    }
    let (codes, restored) = restored(model, &images, &test.labels());
    let of = if test.is_table() { "test rows" } else { "grey test images" };
    let about = |what: &str| format!("{what} of the decoded mean code, {} {of}", test.len());
    mean("reconstruction_mse", restored.mse, "per pixel", about("mean squared error"));
    if !test.is_table() {
        mean("reconstruction_bce", restored.bce, "nats", about("binary cross-entropy"));
    }
    if config.gap {
        for (name, metric) in gap(model, &data.train.take(test.len()), restored.mse.mean) {
            metrics.insert(name, metric);
        }
    }
    let statistics = code_statistics(&codes);
    let mut more = BTreeMap::new();
    let mut plain = |name: String, value: f64, unit: &str, better: Better, about: String| {
        let unit = unit.into();
        more.insert(name, Metric { value, standard_error: None, unit, better, about });
    };
    plain(
        "active_units".into(),
        statistics.active_units() as f64,
        "latents",
        Better::Neither,
        format!(
            "latents of {} whose code varies by more than 0.01 over the grey test images",
            model.latent_dim()
        ),
    );
    let latents = model.latent_dim().max(1) as f64;
    let squares: f64 = statistics.aggregate_mean.iter().map(|m| m * m).sum();
    plain(
        "aggregate_mean".into(),
        (squares / latents).sqrt(),
        "root mean square",
        Better::Neither,
        "mean of the aggregate posterior over latents; 0 under the prior N(0, I)".into(),
    );
    plain(
        "aggregate_variance".into(),
        statistics.aggregate_variance.iter().sum::<f64>() / latents,
        "mean",
        Better::Neither,
        "variance of the aggregate posterior over latents; 1 under the prior N(0, I)".into(),
    );

    progress::line("evaluating: probes");
    let (labels, test_labels) = (data.train.labels(), test.labels());
    let mut counts: Vec<(String, usize)> = config
        .probe_labels
        .iter()
        .filter(|&&count| count < labels.len())
        .map(|&count| (count.to_string(), count))
        .collect();
    if config.probe_all {
        counts.push(("all".into(), labels.len()));
    }
    // The subsets are nested: the largest begins with the others.
    let largest = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let chosen = balanced_subset(&labels, largest, noise);
    let train_codes = if test.is_table() {
        let all: Vec<usize> = (0..labels.len()).collect();
        let train_codes = encode_split(model, &data.train, &all);
        metrics.extend(evaluate_people(model, data, [&train_codes, &codes], config, noise)?);
        train_codes.mean.select(Axis(0), &chosen)
    } else {
        encode_split(model, &data.train, &chosen).mean
    };
    for (name, count) in counts {
        let part = train_codes.slice(s![..count, ..]).to_owned();
        let part_labels = data.train.labels_of(&chosen[..count]);
        let probe = LinearProbe::fit(part.view(), &part_labels)?;
        plain(
            format!("probe_linear_{name}"),
            probe.accuracy(codes.mean.view(), &test_labels),
            "accuracy",
            Better::Higher,
            format!("logistic regression on {count} labelled training codes, test split"),
        );
        // With one example a class a vote of five would be noise.
        let k = if count < 100 { 1 } else { 5 };
        plain(
            format!("probe_knn_{name}"),
            nearest_neighbour_accuracy(&part, &part_labels, &codes.mean, &test_labels, k),
            "accuracy",
            Better::Higher,
            format!("{k}-nearest-neighbour vote on {count} labelled training codes, test split"),
        );
    }
    metrics.extend(more);
    if let (Some(config), Some(grid)) = (&config.disentanglement, &data.sprites) {
        progress::line("evaluating: disentanglement, over all images of the grid");
        metrics.extend(disentanglement(&CodeTable::new(model, grid), config, noise)?);
    }
    if let (Some(config), Some(judge)) = (&config.samples, judge) {
        progress::line("evaluating: samples and interpolations");
        metrics.extend(sample_quality(model, data, judge, config, noise)?);
    }
    Ok(Evaluation {
        metrics,
        codes: Some(statistics),
        kl_per_latent: elbo.map(|elbo| elbo.kl_per_latent),
    })
}
