//! The pictures of a frontier: accuracy against discrimination, of decisions at one half and of drawn ones.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;
use shared::plot::{Axis, Spread, error_bars};

use super::{Frontier, Rule, Summary, averaged};

/// Draws both, at these paths; those drawn. A frontier of an earlier version has decisions at one half alone.
pub(super) fn draw(frontier: &Frontier, paths: &[PathBuf; 2]) -> Result<Vec<PathBuf>> {
    let mut drawn = Vec::new();
    for (rule, path) in Rule::ALL.into_iter().zip(paths) {
        let lines = series(frontier, rule);
        if !lines.is_empty() {
            draw_one(frontier, rule, &lines, path)?;
            drawn.push(path.clone());
        }
    }
    Ok(drawn)
}

/// The share of the larger class, far below every method, is said and not drawn, so that the methods have the room.
fn draw_one(
    frontier: &Frontier,
    rule: Rule,
    lines: &[(String, Vec<Spread>)],
    path: &Path,
) -> Result<()> {
    let Frontier { data, splits, .. } = frontier;
    let larger = frontier
        .majority()
        .map_or_else(String::new, |share| format!("; the larger class alone: {:.3}", share.mean));
    let what = match rule {
        Rule::AtOneHalf => "yes from p = 1/2 on (reductions drawn)",
        Rule::Drawn => "yes drawn with p",
    };
    let caption = format!("{data}, {what}: {}{larger}", averaged(*splits));
    let axes = ["gap of the share of yes between the groups", "accuracy"].map(Axis::linear);
    error_bars(path, &caption, axes, lines)
}

/// A line of the picture: its candidates, by the weight that stands beside each, the fairest last.
type Line = Vec<(f64, Spread)>;

/// What a method is called in the picture, and the weight that varies along its line; none of a method without.
/// Candidates are named `METHOD`, `METHOD-WEIGHT`, `vfae-mmdWEIGHT`, `reduction-BOUND` and `lfr-ayWEIGHT-azWEIGHT`.
fn line_of(candidate: &str) -> (String, Option<f64>) {
    if let Some(weights) = candidate.strip_prefix("lfr-ay")
        && let Some((a_y, a_z)) = weights.split_once("-az")
    {
        return (format!("LFR, A_y = {a_y}, by A_z"), a_z.parse().ok());
    }
    if let Some(weight) = candidate.strip_prefix("vfae-mmd") {
        return ("VFAE, by MMD".into(), weight.parse().ok());
    }
    if let Some(weight) = candidate.strip_prefix("regularised-") {
        return ("regularised, by weight".into(), weight.parse().ok());
    }
    if let Some(bound) = candidate.strip_prefix("reduction-without-s-") {
        return ("reduction without s, by bound".into(), bound.parse().ok());
    }
    if let Some(bound) = candidate.strip_prefix("reduction-") {
        return ("reduction, by bound".into(), bound.parse().ok());
    }
    let name = match candidate {
        "raw" => "all columns",
        "without-s" => "without s",
        "pca" => "PCA",
        "vae" => "VAE",
        other => other,
    };
    (name.into(), None)
}

/// Every method's line; of LFR's one for each A_y. A reduction decides by drawing, in either picture.
fn series(frontier: &Frontier, rule: Rule) -> Vec<(String, Vec<Spread>)> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for (name, metrics) in &frontier.candidates {
        let (line, weight) = line_of(name);
        let rule = if name.starts_with("reduction") { Rule::Drawn } else { rule };
        let [Some(y), Some(x)] = rule.metrics().map(|name| metrics.get(name).copied()) else {
            continue;
        };
        let point = Spread::new(Summary::with_reach(x), Summary::with_reach(y));
        let label = weight.map_or_else(String::new, |weight| weight.to_string());
        lines.entry(line).or_default().push((weight.unwrap_or(0.0), point.labelled(label)));
    }
    for points in lines.values_mut() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let points = |line: Line| line.into_iter().map(|(_, point)| point).collect();
    lines.into_iter().map(|(name, line)| (name, points(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontier(metrics: &[(&str, f64)], names: &[&str]) -> Frontier {
        let value = |mean| Summary { mean, deviation: None };
        let found: BTreeMap<String, Summary> =
            metrics.iter().map(|&(name, mean)| (name.to_owned(), value(mean))).collect();
        Frontier {
            data: "adult".into(),
            splits: 3,
            candidates: names.iter().map(|&name| (name.to_owned(), found.clone())).collect(),
            chosen: BTreeMap::new(),
        }
    }

    const BOTH: [(&str, f64); 4] = [
        ("accuracy", 0.8),
        ("discrimination_thresholded", 0.1),
        ("accuracy_expected", 0.7),
        ("discrimination", 0.2),
    ];

    #[test]
    fn candidates_are_joined_by_method_in_the_order_of_their_weights() {
        let names = [
            "raw",
            "regularised-10",
            "regularised-0.1",
            "reduction-0.01",
            "reduction-0",
            "reduction-without-s-0.1",
            "vfae-mmd1000",
            "lfr-ay1-az5",
            "lfr-ay1-az0.5",
            "lfr-ay10-az0",
        ];
        let lines: Vec<(String, Vec<String>)> = series(&frontier(&BOTH, &names), Rule::AtOneHalf)
            .into_iter()
            .map(|(name, points)| (name, points.into_iter().map(|point| point.label).collect()))
            .collect();
        let wanted = [
            ("LFR, A_y = 1, by A_z", vec!["0.5", "5"]),
            ("LFR, A_y = 10, by A_z", vec!["0"]),
            ("VFAE, by MMD", vec!["1000"]),
            ("all columns", vec![""]),
            ("reduction without s, by bound", vec!["0.1"]),
            ("reduction, by bound", vec!["0", "0.01"]),
            ("regularised, by weight", vec!["0.1", "10"]),
        ];
        let wanted: Vec<(String, Vec<String>)> = wanted
            .into_iter()
            .map(|(name, labels)| (name.into(), labels.into_iter().map(String::from).collect()))
            .collect();
        assert_eq!(lines, wanted);
    }

    #[test]
    fn accuracy_and_gap_of_a_point_are_of_the_same_decisions() {
        let at = |rule, name: &str| {
            let (_, points) = series(&frontier(&BOTH, &[name]), rule).remove(0);
            (points[0].y.0, points[0].x.0)
        };
        assert_eq!(at(Rule::AtOneHalf, "raw"), (0.8, 0.1));
        assert_eq!(at(Rule::Drawn, "raw"), (0.7, 0.2));
        assert_eq!(at(Rule::AtOneHalf, "reduction-0"), (0.7, 0.2));
        // Of an earlier version.
        let old = [("accuracy", 0.8), ("discrimination_thresholded", 0.1), ("discrimination", 0.2)];
        assert_eq!(series(&frontier(&old, &["raw"]), Rule::AtOneHalf).len(), 1);
        assert!(series(&frontier(&old, &["raw"]), Rule::Drawn).is_empty());
    }
}
