//! `codes`: q(z|x) of every image of the grid.

use std::{collections::HashMap, path::PathBuf};

use anyhow::{Result, anyhow, bail};
use factors::{CodeTable, FactorCodes};
use ndarray::Array2;
use safetensors::tensor::{Dtype, TensorView, serialize};
use shared::{
    cli::{Loaded, OfRun, refuse_existing},
    metrics::WIDE,
    progress,
    run::write_atomic,
};

use crate::Paper;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// The file, which must not exist: `mean` and `log_var`, `[images, latent]`, in the order of the grid.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    refuse_existing(&args.to)?;
    let loaded = Loaded::<Paper>::open(&args.of, "codes")?;
    let Some(grid) = &loaded.data()?.factors else {
        bail!(
            "{} has no known factors: codes are written of dsprites, and of an archive with latents_classes",
            loaded.config.data.name
        );
    };
    // Pixels would take 12 GB.
    if loaded.model.latent_dim() > WIDE {
        bail!("codes of {} numbers are not written: at most {WIDE}", loaded.model.latent_dim());
    }
    progress::line(&format!("encoding {} images", grid.images()));
    let all: Vec<usize> = (0..grid.images()).collect();
    let codes = CodeTable::new(loaded.model.as_ref(), grid.as_ref()).codes(&all);
    let bytes = |array: &Array2<f32>| -> Vec<u8> {
        array.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    let shape = vec![codes.mean.nrows(), codes.mean.ncols()];
    let mut tensors = vec![("mean", bytes(&codes.mean))];
    tensors.extend(codes.log_var.as_ref().map(|log_var| ("log_var", bytes(log_var))));
    let views = tensors
        .iter()
        .map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| anyhow!("cannot lay out the codes: {e}"))?;
    // One entry: the order of several would not be the same in every file.
    let factors: Vec<(String, usize)> = grid.names().into_iter().zip(grid.sizes()).collect();
    let about = HashMap::from([("factors".to_owned(), serde_json::to_string(&factors)?)]);
    let file = serialize(views, Some(about)).map_err(|e| anyhow!("cannot encode: {e}"))?;
    write_atomic(&args.to, &file)?;
    progress::line(&format!("wrote {}", args.to.display()));
    Ok(())
}
