use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use ndarray::{Array2, s};

use super::{Fairness, ForestProbe, Neighbours, OwnNeighbour, Predictions, groups, majority};
use shared::{
    data::{Split, Splits},
    metrics::{EvaluateConfig, Evaluating, LinearProbe},
    noise::Noise,
    progress,
    run::{Better, Metric},
    trained::{Codes, Trained},
};

/// Neighbours of the consistency, as in Zemel et al. 2013 and AIF360.
const NEIGHBOURS: usize = 5;
/// Trees of the forest unless configured otherwise.
const TREES: u16 = 100;

/// p(yes) of each row of a table, by the model's own classifier.
///
/// # Errors
/// If it has none.
pub fn probabilities(model: &dyn Trained, split: &Split) -> Result<Vec<f64>> {
    let classes = model
        .log_classes(split.all_grey().view())
        .filter(|classes| classes.ncols() == 2)
        .ok_or_else(|| anyhow!("the model does not predict the target of a table"))?;
    // Rounding may leave a little above 1.
    Ok(classes.column(1).iter().map(|log| f64::from(*log).exp().min(1.0)).collect())
}

/// How fair the model's predictions on a split are.
///
/// # Errors
/// If it predicts nothing, or a group has nobody.
pub fn fairness(model: &dyn Trained, split: &Split) -> Result<Fairness> {
    judged(&probabilities(model, split)?, &split.labels(), split)
}

/// How fair predictions of `targets` of the people of a split are.
fn judged(probabilities: &[f64], targets: &[u8], split: &Split) -> Result<Fairness> {
    Ok(Predictions { probabilities, targets, groups: &groups(split) }.fairness()?)
}

/// How fair a logistic regression on codes `[people, latent]` predicts the people of `test`; codes
/// and targets are those of training and test split.
///
/// # Errors
/// If all training rows have the same target, the regression cannot be fitted, or a group has nobody.
pub fn probe_fairness(
    codes: [&Array2<f32>; 2],
    targets: [&[u8]; 2],
    test: &Split,
) -> Result<Fairness> {
    let (rows, yes) = (targets[0].len(), targets[0].iter().filter(|y| **y == 1).count());
    ensure!(
        (1..rows).contains(&yes),
        "{yes} of {rows} training rows are in the positive class: a regression needs some in and some not"
    );
    let probe = LinearProbe::fit(codes[0].view(), targets[0])?;
    judged(&probe.probabilities(codes[1].view()).column(1).to_vec(), targets[1], test)
}

impl Fairness {
    /// As metrics of a record.
    pub fn metrics(&self) -> Vec<(&'static str, f64, Better, &'static str)> {
        use Better::{Higher, Lower, Neither};
        vec![
            ("accuracy", self.accuracy, Higher, "share predicted rightly, at one half"),
            (
                "accuracy_expected",
                self.accuracy_expected,
                Higher,
                "the same of decisions drawn with p(yes), on average over draws",
            ),
            ("majority", self.majority, Neither, "accuracy of the same answer for everybody"),
            ("discrimination", self.discrimination, Lower, "|E[p(yes)|s=1] - E[p(yes)|s=0]|"),
            (
                "discrimination_by_chance",
                self.discrimination_by_chance,
                Neither,
                "the mean of that if the same predictions were dealt out at random",
            ),
            (
                "discrimination_thresholded",
                self.discrimination_thresholded,
                Lower,
                "the same of predictions at one half: demographic parity's gap",
            ),
            (
                "equal_opportunity_gap",
                self.equal_opportunity_gap,
                Lower,
                "gap of the share predicted yes among those whose truth is yes",
            ),
            (
                "equalised_odds_gap",
                self.equalised_odds_gap,
                Lower,
                "the larger of that gap and of the same among those whose truth is no",
            ),
            (
                "group_majority",
                self.group_majority,
                Neither,
                "share of the larger sensitive group: what guessing it for everybody reaches",
            ),
        ]
    }
}

/// What is asked of a model of a table besides what every model is asked: how well and how fairly it
/// predicts, and whether its codes of training and test split tell the sensitive group: the mean code,
/// and one draw from the posterior where it is not a point.
pub(super) fn people(of: &Evaluating<'_>, codes: [&Codes; 2]) -> Result<BTreeMap<String, Metric>> {
    let (data, noise) = (of.data, of.noise);
    let test = &data.test;
    let rows = format!("{} test rows", test.len());
    let mut metrics = BTreeMap::new();
    let mut add = |name: &str, value: f64, better: Better, about: String| {
        let unit = "share".into();
        metrics
            .insert(name.to_owned(), Metric { value, standard_error: None, unit, better, about });
    };
    progress::line("evaluating: fairness");
    let predictions = probabilities(of.model, test)?;
    let judged = judged(&predictions, &test.labels(), test).map_err(|error| {
        anyhow!(
            "{error}: evaluate needs rows of both groups in both classes; predict takes any rows"
        )
    })?;
    for (name, value, better, about) in judged.metrics() {
        add(name, value, better, format!("{about}, {rows}"));
    }
    let inputs = test.all_grey();
    let neighbours = Neighbours::of(inputs.slice(s![.., ..inputs.ncols() - 1]), NEIGHBOURS);
    for own in OwnNeighbour::BOTH {
        let (name, what) = own.metric();
        add(
            name,
            neighbours.consistency(&predictions, own),
            Better::Higher,
            format!(
                "1 - mean |p(yes) - its mean over the {NEIGHBOURS} nearest|, {what}, by features \
                 without the sensitive one, {rows}"
            ),
        );
    }

    progress::line("evaluating: does the code tell the sensitive group?");
    let means = codes.map(|codes| codes.mean.clone());
    let splits = [&data.train, test];
    let drawn =
        codes[0].log_var.is_some().then(|| [0, 1].map(|i| codes[i].drawn(noise, splits[i])));
    let (of_means, of_drawn) = rayon::join(
        || sensitive(&means, data, of.config, noise),
        || drawn.as_ref().map(|drawn| sensitive(drawn, data, of.config, noise)).transpose(),
    );
    for (name, value, what) in of_means? {
        add(name, value, Better::Lower, what);
    }
    for (name, value, what) in of_drawn?.into_iter().flatten() {
        add(&format!("drawn_{name}"), value, Better::Lower, format!("{what}; codes drawn"));
    }
    if let Some(drawn) = &drawn {
        let targets = [data.train.labels(), test.labels()];
        let found = probe_fairness(drawn.each_ref(), [&targets[0], &targets[1]], test)?;
        for (name, value, better, about) in found.metrics() {
            if ["accuracy", "discrimination"].contains(&name) {
                let about = format!("{about}, by logistic regression on drawn codes, {rows}");
                add(&format!("drawn_{name}"), value, better, about);
            }
        }
    }
    Ok(metrics)
}

/// How much better than the larger group two probes guess the group by codes of training and test
/// split: name, share, and what it is.
fn sensitive(
    codes: &[Array2<f32>; 2],
    data: &Splits,
    config: &EvaluateConfig,
    noise: Noise,
) -> Result<[(&'static str, f64, String); 2]> {
    let [train, test] = codes;
    let (groups, test_groups) = (groups(&data.train), groups(&data.test));
    let most = majority(&test_groups);
    let about = |what: &str| {
        format!("accuracy of {what} that guesses the sensitive group by the code, minus {most:.4}")
    };
    let linear = LinearProbe::fit(train.view(), &groups)?.accuracy(test.view(), &test_groups);
    let trees = config.forest_trees.unwrap_or(TREES);
    let forest = ForestProbe::fit(train.view(), &groups, trees, noise)?
        .accuracy(test.view(), &test_groups)?;
    let forest_about = about(&format!("a random forest of {trees} trees"));
    Ok([
        ("sensitive_linear", linear - most, about("logistic regression")),
        ("sensitive_forest", forest - most, forest_about),
    ])
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use shared::data::{Binarise, DataConfig, FetchOptions};

    #[test]
    fn a_target_without_two_classes_is_refused_before_a_regression() {
        let data =
            crate::load(&DataConfig::new("people", Binarise::None), &FetchOptions::from_env(None));
        let test = data.unwrap().test.take(3);
        let codes = array![[0.0], [1.0], [2.0]];
        for (targets, said) in [([0u8; 3], "0 of 3"), ([1; 3], "3 of 3")] {
            let error = probe_fairness([&codes, &codes], [&targets, &[0, 1, 0]], &test);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains('\n'), "{error}");
        }
    }
}
