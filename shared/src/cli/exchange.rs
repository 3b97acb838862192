//! Weights out of and into the workspace.

use anyhow::{Context, Result, bail};

use super::{
    evaluate::{Evaluated, finish},
    model::{Loaded, load},
    options::{ExportArgs, ImportArgs},
};
use crate::{
    data,
    paper::{Paper, RunConfig},
    progress,
    run::{RunFolder, write_atomic},
    weights,
};

/// `export`.
pub(super) fn export<P: Paper>(args: ExportArgs) -> Result<()> {
    let loaded = Loaded::<P>::open(&args.of, "export")?;
    if args.to.is_file() {
        bail!("--to {}: is a file; name a folder", args.to.display());
    }
    weights::save(
        &args.to,
        &loaded.model.weights(),
        P::NAME,
        P::CITATION,
        &serde_json::to_value(&loaded.config)?,
    )?;
    progress::line(&format!(
        "wrote {} and {}",
        args.to.join(weights::WEIGHTS).display(),
        args.to.join(weights::DESCRIPTION).display()
    ));
    Ok(())
}

/// `import`.
pub(super) fn import<P: Paper>(args: ImportArgs) -> Result<()> {
    let device = args.common.device()?;
    let resolved = args.configuration.resolve::<P>()?;
    let path = args.target.folder(P::NAME, "imported")?;
    let data = data::load(resolved.config.data(), &args.common.fetch_options())?;
    // The weights must fit before anything is written.
    let model = load::<P>(&resolved.config, data.train.input_dim(), device, &args.weights)
        .context("the weights are not imported")?;
    let run = RunFolder::create(path, &resolved.text, args.target.force)?;
    weights::save(
        run.path(),
        &model.weights(),
        P::NAME,
        P::CITATION,
        &serde_json::to_value(&resolved.config)?,
    )?;
    write_atomic(&run.file("model.mpk"), &model.burn_record()?)?;
    let settings = resolved.config.evaluate().clone();
    let loaded = Loaded::<P> { run, config: resolved.config, data, model, device };
    print!("{}", finish(&loaded, Evaluated::Again(settings))?);
    println!("\nimported into {}", loaded.run.path().display());
    Ok(())
}
