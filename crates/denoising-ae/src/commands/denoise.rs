//! `denoise`: corrupted images and their reconstructions.

use anyhow::{Result, bail};
use shared::{
    cli::{Asked, Loaded, OfRun, To},
    noise::Stream,
    plot::Grid,
    progress,
};

use crate::{Paper, config::Pretraining, corruption::Corruption};

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// Fraction of corrupted pixels (default: as in training; a quarter, masked, for a run without corruption).
    #[arg(long, value_name = "NU")]
    fraction: Option<f64>,
    /// Images by index (default: the first ten).
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    indices: Option<Vec<usize>>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    to: To,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<Paper>::open(&args.of, "denoise")?;
    let trained = match loaded.config.pretraining {
        Pretraining::Denoising { corruption, .. } => corruption,
        Pretraining::None | Pretraining::Pca { .. } => Corruption::Masking { fraction: 0.25 },
    };
    if let Some(fraction) = args.fraction.filter(|fraction| !(0.0..=1.0).contains(fraction)) {
        bail!("--fraction {fraction}: a number from 0 to 1");
    }
    let corruption = match (trained, args.fraction) {
        (corruption, None) => corruption,
        (Corruption::Masking { .. }, Some(fraction)) => Corruption::Masking { fraction },
        (Corruption::SaltAndPepper { .. }, Some(fraction)) => {
            Corruption::SaltAndPepper { fraction }
        }
        (Corruption::Gaussian { .. }, Some(_)) => {
            bail!("--fraction: this run was trained with Gaussian noise, which has none")
        }
    };
    let examples = loaded.examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "denoised.png")?;
    let split = &examples.split;
    let indices = examples.chosen(args.indices.as_deref(), 10)?;
    let clean = split.inputs(&indices, loaded.config.data.binarise, loaded.noise(), 0);
    let mut corrupted = clean.clone();
    for (mut row, &index) in corrupted.rows_mut().into_iter().zip(&indices) {
        let mut random = loaded.noise().generator(Stream::Corrupt, 0, split.key(index));
        if let Some(row) = row.as_slice_mut() {
            corruption.apply_to_row(&mut random, row);
        }
    }
    let restored =
        loaded.model.decode(loaded.model.encode(corrupted.view().into(), None).mean.view(), None);
    let caption = format!("{corruption}, {} images: {}", examples.name, loaded.title());
    let grid = Grid::new(split.shape(), caption)
        .columns(indices.iter().map(|&index| examples.title(index)))
        .row("clean", clean)
        .row("corrupted", corrupted)
        .row("restored", restored);
    grid.save(&path)?;
    progress::line(&format!("wrote {}", path.display()));
    Ok(())
}
