//! `predict`: the prediction for every row, as `audit` reads it where the target is known.

use anyhow::Result;
use shared::{
    cli::{Asked, Loaded, OfRun, To},
    files::write_atomic,
    progress,
};
use tables::{groups, probabilities};

use crate::Paper;

/// One line per row of the table: where it stands, p(yes), its target, unless that is not known of every row, and its
/// sensitive attribute.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    to: To,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<Paper>::open(&args.of, "predict")?;
    let examples = loaded.examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "predictions.csv")?;
    let (split, has_target) = (&examples.split, !examples.classes.are_unknown());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["row", "prediction", "target", "sensitive"];
    writer.write_record(header.into_iter().filter(|&column| has_target || column != "target"))?;
    let predicted = probabilities(loaded.model.as_ref(), split)?;
    for (index, (p, group)) in predicted.into_iter().zip(groups(split)).enumerate() {
        let row = split.name(index).map_or_else(|| index.to_string(), str::to_owned);
        let target = has_target.then(|| split.label(index).to_string());
        let cells = [Some(row), Some(p.to_string()), target, Some(group.to_string())];
        writer.write_record(cells.into_iter().flatten())?;
    }
    write_atomic(&path, &writer.into_inner()?)?;
    let (people, name) = (split.len(), &examples.name);
    progress::line(&format!("wrote {}: {people} {name} rows", path.display()));
    Ok(())
}
