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

/// Metrics by name.
type Metrics = BTreeMap<String, Metric>;

/// A metric that is a share.
fn share(value: f64, better: Better, about: String) -> Metric {
    Metric { value, standard_error: None, unit: "share".into(), better, about }
}

/// What is asked of a model of a table besides what every model is asked: how well and how fairly it
/// predicts, and whether its codes of training and test split tell the sensitive group: the mean code,
/// and one draw from the posterior where it is not a point.
pub(super) fn people(of: &Evaluating<'_>, codes: [&Codes; 2]) -> Result<Metrics> {
    progress::line("evaluating: fairness");
    let test = &of.data.test;
    let mut metrics = of_predictions(&probabilities(of.model, test)?, test)?;
    progress::line("evaluating: does the code tell the sensitive group?");
    metrics.extend(of_codes(codes, of.data, of.config, of.noise)?);
    Ok(metrics)
}

/// How well, how fairly and how consistently the people of the test split are predicted.
fn of_predictions(predictions: &[f64], test: &Split) -> Result<Metrics> {
    let rows = format!("{} test rows", test.len());
    let judged = judged(predictions, &test.labels(), test).map_err(|error| {
        anyhow!(
            "{error}: evaluate needs rows of both groups in both classes; predict takes any rows"
        )
    })?;
    let mut metrics = Metrics::new();
    for (name, value, better, about) in judged.metrics() {
        metrics.insert(name.into(), share(value, better, format!("{about}, {rows}")));
    }
    let inputs = test.all_grey();
    let neighbours = Neighbours::of(inputs.slice(s![.., ..inputs.ncols() - 1]), NEIGHBOURS);
    for own in OwnNeighbour::BOTH {
        let (name, what) = own.metric();
        let about = format!(
            "1 - mean |p(yes) - its mean over the {NEIGHBOURS} nearest|, {what}, by features \
             without the sensitive one, {rows}"
        );
        let value = neighbours.consistency(predictions, own);
        metrics.insert(name.into(), share(value, Better::Higher, about));
    }
    Ok(metrics)
}

/// What the codes of training and test split tell of the sensitive group, and, drawn, of the target.
fn of_codes(
    codes: [&Codes; 2],
    data: &Splits,
    config: &EvaluateConfig,
    noise: Noise,
) -> Result<Metrics> {
    let test = &data.test;
    let means = codes.map(|codes| codes.mean.clone());
    let splits = [&data.train, test];
    let drawn =
        codes[0].log_var.is_some().then(|| [0, 1].map(|i| codes[i].drawn(noise, splits[i])));
    let (of_means, of_drawn) = rayon::join(
        || sensitive(&means, data, config, noise),
        || drawn.as_ref().map(|drawn| sensitive(drawn, data, config, noise)).transpose(),
    );
    let mut metrics = Metrics::new();
    for (name, value, what) in of_means? {
        metrics.insert(name.into(), share(value, Better::Lower, what));
    }
    for (name, value, what) in of_drawn?.into_iter().flatten() {
        let about = format!("{what}; codes drawn");
        metrics.insert(format!("drawn_{name}"), share(value, Better::Lower, about));
    }
    if let Some(drawn) = &drawn {
        let targets = [data.train.labels(), test.labels()];
        let found = probe_fairness(drawn.each_ref(), [&targets[0], &targets[1]], test)?;
        for (name, value, better, about) in found.metrics() {
            if ["accuracy", "discrimination"].contains(&name) {
                let rows = test.len();
                let about =
                    format!("{about}, by logistic regression on drawn codes, {rows} test rows");
                metrics.insert(format!("drawn_{name}"), share(value, better, about));
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

    fn people() -> Splits {
        let options = FetchOptions::from_env(None);
        crate::load(&DataConfig::new("people", Binarise::None), &options).unwrap()
    }

    /// A number for each person of a split.
    type Of = fn(&Split) -> Vec<u8>;

    fn constant(split: &Split) -> Vec<u8> {
        vec![0; split.len()]
    }

    /// Codes of width 1.
    fn column(values: &[u8]) -> Array2<f32> {
        Array2::from_shape_fn((values.len(), 1), |(person, _)| f32::from(values[person]))
    }

    /// Metrics of codes that are such numbers: points, or means with this log-variance.
    fn told(data: &Splits, of: Of, log_var: Option<f32>) -> Metrics {
        let [train, test] = [&data.train, &data.test].map(|split| {
            let mean = column(&of(split));
            let log_var = log_var.map(|log_var| Array2::from_elem(mean.dim(), log_var));
            Codes { mean, log_var }
        });
        let config = EvaluateConfig { forest_trees: Some(5), ..EvaluateConfig::default() };
        of_codes([&train, &test], data, &config, Noise::new(1)).unwrap()
    }

    fn close(value: f64, expected: f64, by: f64) {
        assert!((value - expected).abs() <= by, "{value} {expected}");
    }

    #[test]
    fn a_code_that_is_s_tells_all_of_it_and_a_constant_one_nothing() {
        let data = people();
        let rest = 1.0 - majority(&groups(&data.test));
        let cases: [(Of, f64); 2] = [(groups, rest), (constant, 0.0)];
        for (of, expected) in cases {
            let found = told(&data, of, None);
            // A point is not drawn.
            assert_eq!(found.len(), 2, "{:?}", found.keys());
            for name in ["sensitive_linear", "sensitive_forest"] {
                close(found[name].value, expected, 1e-12);
            }
        }
    }

    #[test]
    fn draws_are_judged_apart_from_their_means() {
        let data = people();
        let rest = 1.0 - majority(&groups(&data.test));
        // Means that are s, and draws that hide it.
        let hidden = told(&data, groups, Some(20.0));
        close(hidden["sensitive_linear"].value, rest, 1e-12);
        close(hidden["sensitive_forest"].value, rest, 1e-12);
        for name in ["drawn_sensitive_linear", "drawn_sensitive_forest", "drawn_discrimination"] {
            assert!(hidden[name].value < 0.1, "{name}: {}", hidden[name].value);
        }
        // Draws that are s, but for a little noise.
        let shown = told(&data, groups, Some(-20.0));
        close(shown["drawn_sensitive_linear"].value, rest, 1e-12);
        close(shown["drawn_sensitive_forest"].value, rest, 1e-12);
        // Draws that are the target: it is predicted rightly, with the gap that it has itself.
        let target = told(&data, Split::labels, Some(-20.0));
        let (targets, groups) = (data.test.labels(), groups(&data.test));
        let truth: Vec<f64> = targets.iter().map(|&y| f64::from(y)).collect();
        let truth = Predictions { probabilities: &truth, targets: &targets, groups: &groups };
        let gap = truth.fairness().unwrap().discrimination;
        assert!(gap > 0.2, "{gap}");
        close(target["drawn_accuracy"].value, 1.0, 1e-12);
        close(target["drawn_discrimination"].value, gap, 0.02);
    }

    #[test]
    fn consistency_is_by_five_neighbours_in_features_without_the_sensitive_one() {
        let people = people().test.take(60);
        let rows = people.all_grey();
        let features = rows.slice(s![.., ..rows.ncols() - 1]);
        let predictions: Vec<f64> =
            (0..60).map(|person| f64::from(person * 37 % 60) / 60.0).collect();
        // By the five nearest, of whom a person itself is `own`, 0 or 1.
        let expected = |own: usize| {
            let distance = |person: usize| {
                let squares = |other: usize| {
                    (&features.row(person) - &features.row(other)).mapv(|d| d * d).sum()
                };
                let mut nearest: Vec<usize> = (0..60).filter(|&other| other != person).collect();
                nearest.sort_by(|&a, &b| squares(a).total_cmp(&squares(b)));
                let others =
                    nearest[..5 - own].iter().map(|&other| predictions[other]).sum::<f64>();
                (predictions[person] - (own as f64 * predictions[person] + others) / 5.0).abs()
            };
            1.0 - (0..60).map(distance).sum::<f64>() / 60.0
        };
        let found = of_predictions(&predictions, &people).unwrap();
        close(found["consistency"].value, expected(0), 1e-12);
        close(found["consistency_with_self"].value, expected(1), 1e-12);
        let same = of_predictions(&[0.3; 60], &people).unwrap();
        close(same["consistency"].value, 1.0, 1e-12);
        close(same["discrimination"].value, 0.0, 1e-12);
        let s: Vec<f64> = groups(&people).into_iter().map(f64::from).collect();
        close(of_predictions(&s, &people).unwrap()["discrimination"].value, 1.0, 1e-12);
    }

    #[test]
    fn a_probe_of_a_second_target_is_judged_by_that_target() {
        let data = people();
        let second = data.known::<crate::People>().unwrap().second.as_ref().unwrap();
        let targets = [&second.train[..], &second.test[..]];
        let judge = |codes: [&[u8]; 2]| {
            let codes = codes.map(column);
            probe_fairness(codes.each_ref(), targets, &data.test).unwrap()
        };
        let right = judge(targets);
        assert_eq!((right.accuracy, right.majority), (1.0, majority(&second.test)));
        // The same probability for everybody.
        let same = judge([&constant(&data.train), &constant(&data.test)]);
        close(same.discrimination, 0.0, 1e-12);
        assert_eq!(same.discrimination_thresholded, 0.0);
    }

    #[test]
    fn a_target_without_two_classes_is_refused_before_a_regression() {
        let test = people().test.take(3);
        let codes = array![[0.0], [1.0], [2.0]];
        for (targets, said) in [([0u8; 3], "0 of 3"), ([1; 3], "3 of 3")] {
            let error = probe_fairness([&codes, &codes], [&targets, &[0, 1, 0]], &test);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains('\n'), "{error}");
        }
    }
}
