use std::collections::BTreeMap;

use anyhow::{Result, bail};
use ndarray::{Array2, s};

use super::{
    CodeStatistics, Estimate, Estimator, EvaluateConfig, LinearProbe, balanced_subset,
    classification_error, code_statistics, elbo, encode_split, marginal,
    nearest_neighbour_accuracy, negative_log_likelihood,
    reconstruction::{gap, per_number, restored},
    samples::{Judge, sample_quality},
};
use crate::{
    autoencoder::Measure,
    data::{Binarise, DataConfig, Split, Splits},
    metric::{Better, Metric},
    noise::Noise,
    progress,
    trained::{Codes, Trained},
};

/// The results of `evaluate`.
pub struct Evaluation {
    /// Metrics by name.
    pub metrics: BTreeMap<String, Metric>,
    /// Statistics of the test codes, by latent; none of models with a latent at each step.
    pub codes: Option<CodeStatistics>,
    /// Mean KL of each latent on the test split, where the posterior is Gaussian; a step, where each has latents.
    pub kl_per_latent: Option<Vec<f64>>,
}

/// A model, its data and the settings of an evaluation; the methods are the parts of an evaluation.
pub struct Evaluating<'a> {
    /// The model.
    pub model: &'a dyn Trained,
    /// Its data; metrics are those of the test split, probes are fitted on codes of the training split.
    pub data: &'a Splits,
    /// Which data they are, and how grey levels become inputs.
    pub of: &'a DataConfig,
    /// True if the test split is of other data, which lie as their source has them: by class, for instance.
    pub is_other: bool,
    /// True if it has classes that the model was not fitted to: then nothing that needs classes is measured.
    pub has_strange: bool,
    /// The requested metrics.
    pub config: &'a EvaluateConfig,
    /// Randomness of samples and subsets.
    pub noise: Noise,
    /// The classifier for `[evaluate.samples]`.
    pub judge: Option<&'a dyn Judge>,
}

/// Metrics by name.
type Metrics = BTreeMap<String, Metric>;

/// The training examples of the probes.
pub struct Subsets {
    /// Indices of the largest subset, which begins with the others.
    pub chosen: Vec<usize>,
    /// Sizes and their names.
    counts: Vec<(String, usize)>,
}

/// A figure with its standard error, lower is better.
pub(super) fn measured(estimate: Estimate, unit: &str, about: String) -> Metric {
    Metric {
        value: estimate.mean,
        standard_error: estimate.standard_error,
        unit: unit.into(),
        better: Better::Lower,
        about,
    }
}

/// A figure without a standard error.
pub(super) fn plain(value: f64, unit: &str, better: Better, about: String) -> Metric {
    Metric { value, standard_error: None, unit: unit.into(), better, about }
}

/// What a likelihood of images of so many numbers is in bits for each.
fn bits_per_dimension(nll: &Metric, numbers: usize) -> Metric {
    let scale = 1.0 / (numbers.max(1) as f64 * std::f64::consts::LN_2);
    Metric {
        value: nll.value * scale,
        standard_error: nll.standard_error.map(|error| error * scale),
        unit: "bits".into(),
        better: Better::Lower,
        about: format!("per number of an image: {}", nll.about),
    }
}

/// Refuses what a broken model comes to: figures, or codes, that are no finite numbers. Before anything is fitted to
/// such codes, which might never end.
///
/// # Errors
/// The first such figure, or that codes are such.
pub fn refuse_broken(metrics: &Metrics, codes: Option<&Codes>) -> Result<()> {
    let why = "the model is broken, or the data lie far outside of what it was trained on; no record is written";
    if let Some((name, metric)) = metrics.iter().find(|(_, metric)| !metric.value.is_finite()) {
        bail!("{name} is {}: {why}", metric.value);
    }
    if codes.is_some_and(|codes| codes.mean.iter().any(|z| !z.is_finite())) {
        bail!("a code is no finite number: {why}");
    }
    Ok(())
}

impl Evaluating<'_> {
    /// The test examples whose likelihood is estimated: those that `nll_images` counts.
    pub fn estimated(&self) -> Split {
        let (test, count) = (&self.data.test, self.config.nll_images);
        if self.is_other { test.spread(count) } else { test.take(count) }
    }

    /// A model of images.
    ///
    /// # Errors
    /// If a probe cannot be fitted.
    pub fn images(&self) -> Result<Evaluation> {
        let (mut metrics, kl_per_latent) = self.bounds();
        let (found, codes) = self.reconstructions();
        metrics.extend(found);
        let (found, statistics) = self.codes(&codes);
        metrics.extend(found);
        refuse_broken(&metrics, Some(&codes))?;
        if self.data.has_classes() {
            progress::line("evaluating: probes");
            let subsets = self.subsets();
            let train_codes = encode_split(self.model, &self.data.train, &subsets.chosen);
            metrics.extend(self.probes(&subsets, &train_codes.mean, &codes)?);
        } else if !self.data.train.is_empty() {
            progress::line(
                "evaluating: the training split has one class, so there is nothing to probe",
            );
        }
        if let (Some(config), Some(judge)) = (&self.config.samples, self.judge) {
            progress::line("evaluating: samples and interpolations");
            metrics.extend(sample_quality(self.model, self.data, judge, config, self.noise)?);
        }
        Ok(Evaluation { metrics, codes: Some(statistics), kl_per_latent })
    }

    /// Bounds on the likelihood, or the likelihood itself, with figures that only this kind of model
    /// has; and the mean KL of each latent.
    pub fn bounds(&self) -> (Metrics, Option<Vec<f64>>) {
        let (model, test, noise) = (self.model, &self.data.test, self.noise);
        let binarise = self.of.binarise;
        let mut metrics: Metrics = model.own_metrics().into_iter().collect();
        let measure = model.measure();
        let mut inputs = match binarise {
            _ if self.data.test.is_rows() => "columns of a table: not comparable with pixels",
            _ if self.data.test.is_black_and_white() => "black and white pixels",
            Binarise::Dynamic | Binarise::Static => "pixels binarised at random, once",
            Binarise::Threshold => "pixels binarised at one half",
            Binarise::None if measure == Measure::Levels => "256 levels a channel",
            Binarise::None => "grey pixels: not comparable with binary pixels",
        }
        .to_owned();
        let is_binary = binarise != Binarise::None || self.data.test.is_black_and_white();
        if measure == Measure::Density && is_binary {
            inputs.push_str("; a density, not comparable with the probability of binary pixels");
        }
        if let Some(scored) = model.scored() {
            inputs.push_str(&format!("; {scored}"));
        }
        let mut add = |name: &str, estimate: Estimate, about: String| {
            metrics.insert(name.to_owned(), measured(estimate, "nats", about));
        };
        let examples = self.data.test.examples();

        progress::line("evaluating: bounds on the likelihood");
        let elbo = elbo(model, test, binarise, noise);
        if let Some(elbo) = &elbo {
            let about = |what: &str| format!("{what}, {} test {examples}, {inputs}", test.len());
            add("negative_elbo", elbo.negative_elbo, about("-ELBO, one sample"));
            add("reconstruction", elbo.reconstruction, about("-E log p(x|z), one sample"));
            add("kl", elbo.kl, about("KL(q(z|x) || p(z)), closed form"));
        }
        if let Some(exact) = marginal(model, test, binarise, noise) {
            let about = format!("-log p(x), exact, {} test {examples}, {inputs}", test.len());
            add("nll", exact, about);
        } else {
            let part = self.estimated();
            let mut estimate = |name: &str, what: &str, estimator, samples| {
                let found =
                    negative_log_likelihood(model, &part, binarise, noise, estimator, samples);
                if let Some(found) = found {
                    let about =
                        format!("{what}, K = {samples}, {} test {examples}, {inputs}", part.len());
                    add(name, found, about);
                }
            };
            let what = "importance-weighted bound on -log p(x)";
            estimate("nll", what, Estimator::Importance, self.config.nll_samples);
            if let Some(samples) = self.config.prior_samples {
                let what = "Monte Carlo estimate of -log p(x), z from the prior";
                estimate("nll_prior", what, Estimator::Prior, samples);
            }
        }
        if measure == Measure::Levels
            && let Some(bits) =
                metrics.get("nll").map(|nll| bits_per_dimension(nll, test.input_dim()))
        {
            metrics.insert("bits_per_dimension".into(), bits);
        }
        (metrics, elbo.map(|elbo| elbo.kl_per_latent))
    }

    /// What a model without drawn pixels sees: "grey test images".
    fn inputs(&self) -> String {
        let test = &self.data.test;
        let is_grey = !test.is_rows() && !test.shape().is_coloured();
        format!("{}test {}", if is_grey { "grey " } else { "" }, self.data.test.examples())
    }

    /// Reconstruction and classification of the test split, and its codes.
    pub fn reconstructions(&self) -> (Metrics, Codes) {
        let (model, test, examples) = (self.model, &self.data.test, self.data.test.examples());
        let inputs = self.inputs();
        let mut metrics = Metrics::new();
        progress::line("evaluating: reconstructions and codes");
        let images = test.all_grey();
        let labels = test.labels();
        let knows = |classes: &Array2<f32>| {
            !self.has_strange && labels.iter().all(|&label| usize::from(label) < classes.ncols())
        };
        let thresholded =
            (self.of.binarise == Binarise::Threshold).then(|| test.undrawn(Binarise::Threshold));
        let classified = thresholded.as_ref().unwrap_or(&images);
        if let Some(classes) = model.log_classes(classified.view()).filter(knows) {
            let error = classification_error(&classes, &labels);
            let interval = match error.standard_error {
                // The rule of three.
                Some(_) if error.mean == 0.0 => {
                    format!(", 95% interval up to {:.4}", 3.0 / test.len() as f64)
                }
                Some(error) => format!(", 95% interval ± {:.4}", 1.96 * error),
                None => String::new(),
            };
            let about =
                format!("share of {} test {examples} classified wrongly{interval}", test.len());
            metrics.insert("test_error".into(), measured(error, "share", about));
        }
        if !model.has_decoder() {
            let given = model.condition(images.view(), &test.labels());
            let codes =
                model.encode(images.view().into(), given.as_ref().map(|given| given.view()));
            return (metrics, codes);
        }
        let (codes, restored) = restored(model, &images, &test.labels());
        let about =
            |what: &str| format!("{what} of the decoded mean code, {} {inputs}", test.len());
        let mse = measured(restored.mse, per_number(test), about("mean squared error"));
        metrics.insert("reconstruction_mse".into(), mse);
        let bce = measured(restored.bce, "nats", about("binary cross-entropy"));
        metrics.insert("reconstruction_bce".into(), bce);
        if self.config.gap && !self.data.train.is_empty() {
            metrics.extend(gap(model, &self.data.train.take(test.len()), restored.mse.mean));
        }
        (metrics, codes)
    }

    /// Statistics of the codes of the test split.
    pub fn codes(&self, codes: &Codes) -> (Metrics, CodeStatistics) {
        let statistics = code_statistics(codes);
        let latents = self.model.latent_dim().max(1) as f64;
        let squares: f64 = statistics.aggregate_mean.iter().map(|m| m * m).sum();
        let figures = [
            (
                "active_units",
                statistics.active_units() as f64,
                "latents",
                format!(
                    "latents of {} whose code varies by more than 0.01 over the {}",
                    self.model.latent_dim(),
                    self.inputs()
                ),
            ),
            (
                "aggregate_mean",
                (squares / latents).sqrt(),
                "root mean square",
                "mean of the aggregate posterior over latents; 0 under the prior N(0, I)".into(),
            ),
            (
                "aggregate_variance",
                statistics.aggregate_variance.iter().sum::<f64>() / latents,
                "mean",
                "variance of the aggregate posterior over latents; 1 under the prior N(0, I)"
                    .into(),
            ),
        ];
        let named = |(name, value, unit, about): (&str, f64, &str, String)| {
            (name.to_owned(), plain(value, unit, Better::Neither, about))
        };
        // How codes vary, one example does not tell.
        let figures = figures.into_iter().filter(|_| self.data.test.len() > 1);
        (figures.map(named).collect(), statistics)
    }

    /// The labelled training examples of `[evaluate]`, an equal share of every class.
    pub fn subsets(&self) -> Subsets {
        let labels = self.data.train.labels();
        let counts = self.config.probed(labels.len());
        let mut counts: Vec<(String, usize)> =
            counts.map(|count| (count.to_string(), count)).collect();
        if self.config.probe_all {
            counts.push(("all".into(), labels.len()));
        }
        let largest = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        Subsets { chosen: balanced_subset(&labels, largest, self.noise), counts }
    }

    /// Probes that predict the class from the code: fitted on codes of the chosen training examples, in their
    /// order, tested on those of the test split.
    ///
    /// # Errors
    /// If a probe cannot be fitted.
    pub fn probes(&self, subsets: &Subsets, train: &Array2<f32>, test: &Codes) -> Result<Metrics> {
        let mut metrics = Metrics::new();
        let test_labels = self.data.test.labels();
        for (name, count) in &subsets.counts {
            let count = *count;
            let part = train.slice(s![..count, ..]).to_owned();
            let part_labels = self.data.train.labels_of(&subsets.chosen[..count]);
            let probe = LinearProbe::fit(part.view(), &part_labels)?;
            let value = probe.accuracy(test.mean.view(), &test_labels);
            let about =
                format!("logistic regression on {count} labelled training codes, test split");
            let metric = plain(value, "accuracy", Better::Higher, about);
            metrics.insert(format!("probe_linear_{name}"), metric);
            // With one example a class a vote of five would be noise.
            let k = if count < 100 { 1 } else { 5 };
            let value =
                nearest_neighbour_accuracy(&part, &part_labels, &test.mean, &test_labels, k);
            let about = format!(
                "{k}-nearest-neighbour vote on {count} labelled training codes, test split"
            );
            let metric = plain(value, "accuracy", Better::Higher, about);
            metrics.insert(format!("probe_knn_{name}"), metric);
        }
        Ok(metrics)
    }
}

#[cfg(test)]
mod tests {
    use std::{f64::consts::LN_2, sync::Arc};

    use super::*;
    use crate::{backend::Flex, data::ExampleSet, identity::Identity, trained::OnDevice};

    #[test]
    fn an_image_of_as_many_bits_as_numbers_has_one_bit_a_number() {
        let nats = 784.0 * LN_2;
        let nll = Estimate { mean: nats, standard_error: Some(0.1 * nats), examples: 2 };
        let bits = bits_per_dimension(&measured(nll, "nats", String::new()), 784);
        assert!((bits.value - 1.0).abs() < 1e-12, "{bits:?}");
        assert!((bits.standard_error.unwrap() - 0.1).abs() < 1e-12, "{bits:?}");
    }

    #[test]
    fn probes_learn_the_classes_of_training_codes_and_are_tested_on_those_of_the_test_split() {
        let class = |row: usize| row / 10 % 4;
        let one_hot = |(row, column)| f32::from(u8::from(class(row) == column));
        let codes = Array2::from_shape_fn((160, 4), one_hot);
        let model = OnDevice::<Flex, _>::new(Identity::new(4), Default::default());
        let of = DataConfig::new("", Binarise::None);
        let config = EvaluateConfig { probe_labels: vec![12], ..Default::default() };
        // The class of a test code, or the next one.
        for (shift, accuracy) in [(0, 1.0), (1, 0.0)] {
            let label = |row| (class(row) + if row < 120 { 0 } else { shift }) % 4;
            let rows = ExampleSet::rows(&codes, (0..160).map(|row| label(row) as u8).collect());
            let data = Splits::consecutive(Arc::new(rows), [120, 0], BTreeMap::new());
            let evaluating = Evaluating {
                model: &model,
                data: &data,
                of: &of,
                is_other: false,
                has_strange: false,
                config: &config,
                noise: Noise::new(1),
                judge: None,
            };
            let subsets = evaluating.subsets();
            let train = encode_split(&model, &data.train, &subsets.chosen).mean;
            let (_, test) = evaluating.reconstructions();
            let found = evaluating.probes(&subsets, &train, &test).unwrap();
            let found = found.into_iter().map(|(name, metric)| (name, metric.value));
            let names = ["probe_knn_12", "probe_knn_all", "probe_linear_12", "probe_linear_all"];
            let wanted = names.map(|name| (name.to_owned(), accuracy));
            assert_eq!(found.collect::<Vec<_>>(), wanted);
        }
    }
}
