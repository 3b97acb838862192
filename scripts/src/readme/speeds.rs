//! Tables of what `bench-peers` and `bench-run` timed.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::compare::number::brief;

/// What `bench-run` found.
pub(super) fn waits(result: &Value) -> Result<String> {
    let number = |value: &Value| value.as_f64().context("no number");
    let mut text = String::from("| `vae train` | |\n|---|---|\n");
    writeln!(text, "| first picture | {:.1} s |", number(&result["first_picture_seconds"])?)?;
    let [fit, evaluate] =
        [&result["quick"]["fit_seconds"], &result["quick"]["evaluate_seconds"]].map(number);
    writeln!(text, "| `quick`: fit, evaluation | {:.0} s, {:.0} s |", fit?, evaluate?)?;
    for size in result["sizes"].as_array().context("no sizes")? {
        writeln!(
            text,
            "| one epoch, {} images of {:.0} MB | {:.1}k a second, {:.0} MB at most |",
            size["images"],
            number(&size["data_megabytes"])?,
            number(&size["examples_per_second"])? / 1000.0,
            size["peak_megabytes"].as_f64().unwrap_or(f64::NAN),
        )?;
    }
    Ok(text)
}

/// A line for each case of `bench-peers`, a column for each contestant.
pub(super) fn peers(result: &Value) -> Result<String> {
    let cases = result["cases"].as_array().context("no cases")?;
    let mut names: Vec<&str> = Vec::new();
    for case in cases {
        for name in case["contestants"].as_object().context("no contestants")?.keys() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    // Of our first backend and of the first peer.
    let cost = |case: &Value, name: &str| {
        case["contestants"][name]["processor_seconds_per_1000"].as_f64().map(|s| s * 1000.0)
    };
    let has_costs = cases.iter().any(|case| cost(case, names[0]).is_some());
    let (last, columns) = if has_costs { (" processor |", 3) } else { ("", 2) };
    let mut text =
        format!("| examples a second | {} | ratio | memory |{last}\n", names.join(" | "));
    text.push_str(&format!("|---|{}\n", "---|".repeat(names.len() + columns)));
    for case in cases {
        write!(text, "| {} |", case["about"].as_str().unwrap_or_default())?;
        for name in &names {
            match case["contestants"][name]["per_second"].as_f64() {
                Some(rate) if rate < 1000.0 => write!(text, " {rate:.0} |")?,
                Some(rate) => write!(text, " {:.1}k |", rate / 1000.0)?,
                None => text.push_str(" |"),
            }
        }
        let ratio = case["ratio"].as_f64().context("no ratio")?;
        // On a GPU, what is held there.
        let memory = |name: &str| {
            let contestant = &case["contestants"][name];
            let held = ["card_megabytes", "peak_megabytes"].map(|key| contestant[key].as_f64());
            held[0].or(held[1])
        };
        let ours = memory(names[0]).unwrap_or(f64::NAN);
        let peer = ["torch", "sklearn"].into_iter().find(|name| memory(name).is_some());
        let theirs = peer.and_then(memory).unwrap_or(f64::NAN);
        write!(text, " **{ratio:.2}** | {ours:.0} / {theirs:.0} MB |")?;
        if has_costs {
            let [ours, theirs] = [Some(names[0]), peer]
                .map(|name| name.and_then(|name| cost(case, name)).map_or("-".into(), brief));
            write!(text, " {ours} / {theirs} µs |")?;
        }
        text.push('\n');
    }
    Ok(text)
}
