//! Tables of what `fair-repr frontier` found.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, Result};
use serde_json::Value;

/// Metrics of chosen candidates: of decisions at one half, of drawn ones, and chance.
const METRICS: [&str; 5] = [
    "accuracy",
    "discrimination_thresholded",
    "accuracy_expected",
    "discrimination",
    "discrimination_by_chance",
];
/// Accuracy above the reduction's, of decisions at one half and of drawn ones.
const ABOVE: [&str; 2] = ["above_reduction_thresholded", "above_reduction"];

/// A line for each method and rule of selection.
pub(super) fn chosen(result: &Value) -> Result<String> {
    let mut text = String::from("| method | chosen by |");
    METRICS.iter().for_each(|metric| text.push_str(&format!(" {} |", metric.replace('_', " "))));
    text.push_str(&format!("\n|---|---|{}\n", "---|".repeat(METRICS.len())));
    for (method, rules) in result["chosen"].as_object().context("no chosen")? {
        let rules = rules.as_object().context("no rules")?;
        // Rules that choose the same share a line.
        let mut lines: Vec<(Vec<&str>, &Value)> = Vec::new();
        for (rule, chosen) in rules.iter().rev() {
            let test = &chosen["test"];
            match lines.iter_mut().find(|(_, found)| *found == test) {
                Some((rules, _)) => rules.push(rule),
                None => lines.push((vec![rule], test)),
            }
        }
        // With one candidate there is nothing to choose.
        let is_single = lines.len() == 1;
        for (rules, test) in lines {
            let rules = if is_single { "-".into() } else { rules.join("; ") };
            write!(text, "| {method} | {rules} |")?;
            for metric in METRICS {
                write!(text, " {} |", summary(&test[metric]))?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// A line for each method: how many of its points are above the reduction, and the one that is furthest.
pub(super) fn points(result: &Value) -> Result<String> {
    let methods = result["chosen"].as_object().context("no chosen")?;
    let mut of_method: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for (name, metrics) in result["candidates"].as_object().context("no candidates")? {
        // reduction-without-s-0.1 is a point of reduction-without-s, not of reduction.
        let method = methods.keys().filter(|method| name.starts_with(method.as_str()));
        let method = method.max_by_key(|method| method.len()).context("a point of no method")?;
        of_method.entry(method).or_default().push((name, metrics));
    }
    let mut text = String::from(
        "| method | points | above, at one half | furthest | by | above, drawn | furthest | by |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (method, points) in of_method {
        write!(text, "| {method} | {} |", points.len())?;
        for metric in ABOVE {
            let mean = |metrics: &Value| metrics[metric]["mean"].as_f64();
            let above =
                points.iter().filter(|(_, m)| mean(m).is_some_and(|mean| mean > 0.0)).count();
            let best = points
                .iter()
                .filter_map(|(name, metrics)| mean(metrics).map(|mean| (mean, name, metrics)))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            match best {
                Some((_, name, metrics)) => {
                    write!(text, " {above} | {name} | {} |", summary(&metrics[metric]))?;
                }
                None => text.push_str(" - | - | - |"),
            }
        }
        text.push('\n');
    }
    Ok(text)
}

/// Mean and standard deviation; a dash where an earlier version did not compute it.
fn summary(value: &Value) -> String {
    match ["mean", "deviation"].map(|name| value[name].as_f64()) {
        [Some(mean), Some(deviation)] => format!("{mean:.4} ± {deviation:.4}"),
        [Some(mean), None] => format!("{mean:.4}"),
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn points_are_counted_by_method() {
        let above = |half: f64, drawn: f64| {
            json!({
                "above_reduction_thresholded": { "mean": half, "deviation": 0.001 },
                "above_reduction": { "mean": drawn, "deviation": null },
            })
        };
        let result = json!({
            "chosen": { "reduction": {}, "reduction-without-s": {}, "lfr": {} },
            "candidates": {
                "lfr-ay1-az1": above(0.01, -0.05),
                "lfr-ay1-az5": above(0.02, -0.04),
                "lfr-ay5-az5": above(-0.01, -0.06),
                "reduction-without-s-0.1": above(-0.2, -0.1),
                "reduction-0.1": {},
            },
        });
        let text = points(&result).unwrap();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let expected = [
            "| lfr | 3 | 2 | lfr-ay1-az5 | 0.0200 ± 0.0010 | 0 | lfr-ay1-az5 | -0.0400 |",
            "| reduction | 1 | - | - | - | - | - | - |",
            "| reduction-without-s | 1 | 0 | reduction-without-s-0.1 | -0.2000 ± 0.0010 | 0 | \
             reduction-without-s-0.1 | -0.1000 |",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn rules_that_choose_the_same_share_a_line() {
        let test = |accuracy: f64| json!({ "test": { "accuracy": { "mean": accuracy } } });
        let rules = json!({ "by a": test(0.8), "by b": test(0.7), "by c": test(0.8) });
        let result =
            json!({ "chosen": { "lfr": rules, "pca": { "by a": test(0.6), "by b": test(0.6) } } });
        let text = chosen(&result).unwrap();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let expected = [
            "| lfr | by c; by a | 0.8000 | - | - | - | - |",
            "| lfr | by b | 0.7000 | - | - | - | - |",
            "| pca | - | 0.6000 | - | - | - | - |",
        ];
        assert_eq!(lines, expected);
    }
}
