//! `transfer`: accuracy and fairness of a code on another target.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use ndarray::{Array2, s};
use shared::{
    cli::{Loaded, OfRun},
    run::Metric,
};
use tables::{People, probe_fairness};

use crate::Paper;

/// A logistic regression is fitted to the second target of the training split, on the code and on
/// the rows themselves, and evaluated on the test split.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<Paper>::open_to_add(&args.of, "transfer")?;
    let data = loaded.data()?;
    let second = data.known::<People>().and_then(|people| people.second.as_ref());
    let second = second.ok_or_else(|| {
        anyhow!(
            "{} has no second target: train with --data adult-age, or name one in the schema of a \
             table of yours (transfer = {{ column = \"…\", above = … }})",
            loaded.config.data.name
        )
    })?;
    let (train, test) = (data.train.all_grey(), data.test.all_grey());
    let codes = [&train, &test].map(|rows| loaded.model.encode(rows.view().into(), None));
    let plain = |rows: &Array2<f32>| rows.slice(s![.., ..rows.ncols() - 1]).to_owned();
    let judge = |train: &Array2<f32>, test: &Array2<f32>| {
        probe_fairness([train, test], [&second.train, &second.test], &data.test)
            .with_context(|| format!("second target '{}'", second.name))
    };
    let mut found = vec![
        ("raw", judge(&train, &test)?),
        ("without s", judge(&plain(&train), &plain(&test))?),
        ("code", judge(&codes[0].mean, &codes[1].mean)?),
    ];
    if codes[0].log_var.is_some() {
        let [train, test] = [&data.train, &data.test];
        let drawn = |i: usize, split| codes[i].drawn(loaded.noise(), split);
        found.push(("drawn code", judge(&drawn(0, train), &drawn(1, test))?));
    }
    shared::print_line!(
        "\n{}, predicted by logistic regression on {} training rows; {} test rows, majority {:.4}, \
         s: {}",
        second.name,
        train.nrows(),
        test.nrows(),
        found[0].1.majority,
        data.known::<People>().map_or("", |people| &people.sensitive)
    );
    shared::print_line!(
        "  {:<10} {:>9} {:>15} {:>12}",
        "from",
        "accuracy",
        "discrimination",
        "thresholded"
    );
    for (name, f) in &found {
        shared::print_line!(
            "  {name:<10} {:>9.4} {:>15.4} {:>12.4}",
            f.accuracy,
            f.discrimination,
            f.discrimination_thresholded
        );
    }
    let mut metrics = BTreeMap::new();
    for (from, fairness) in &found {
        for (name, value, better, about) in fairness.metrics() {
            let about = format!(
                "{about}; second target '{}' by logistic regression on {from}, {} test rows",
                second.name,
                test.nrows()
            );
            let name = format!("transfer_{}_{name}", from.replace(' ', "_"));
            let unit = "share".into();
            metrics.insert(name, Metric { value, standard_error: None, unit, better, about });
        }
    }
    loaded.add_metrics(metrics).context("cannot add to the run's record")
}
