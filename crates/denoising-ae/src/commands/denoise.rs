//! `denoise`: corrupted images and their reconstructions.

use anyhow::{Result, anyhow, bail};
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
    if let Some(fraction) = args.fraction.filter(|fraction| !(0.0..=1.0).contains(fraction)) {
        bail!("--fraction {fraction}: a number from 0 to 1");
    }
    let corruption = shown(loaded.config.pretraining, args.fraction)?;
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

/// The corruption of the picture, for a run that was trained like this.
fn shown(pretraining: Pretraining, fraction: Option<f64>) -> Result<Corruption> {
    let trained = match pretraining {
        Pretraining::Denoising { corruption, .. } => Some(corruption),
        Pretraining::None | Pretraining::Pca { .. } => None,
    };
    let trained = trained.filter(|corruption| !corruption.changes_nothing());
    match (trained, fraction) {
        (None, fraction) => Ok(Corruption::Masking { fraction: fraction.unwrap_or(0.25) }),
        (Some(corruption), None) => Ok(corruption),
        (Some(corruption), Some(fraction)) => corruption.with_fraction(fraction).ok_or_else(|| {
            anyhow!(
                "--fraction {fraction}: this run was trained with Gaussian noise, which has none"
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_corruption_is_shown_a_quarter_masked() {
        let of = |corruption, fraction| {
            let [corrupted_weight, clean_weight] = [1.0; 2];
            let trained = Pretraining::Denoising { corruption, corrupted_weight, clean_weight };
            shown(trained, fraction)
        };
        let masking = |fraction| Corruption::Masking { fraction };
        let salted = |fraction| Corruption::SaltAndPepper { fraction };
        for none in [masking(0.0), salted(0.0), Corruption::Gaussian { std: 0.0 }] {
            assert_eq!(of(none, None).unwrap(), masking(0.25));
            assert_eq!(of(none, Some(0.4)).unwrap(), masking(0.4));
        }
        assert_eq!(shown(Pretraining::None, None).unwrap(), masking(0.25));
        assert_eq!(of(salted(0.1), None).unwrap(), salted(0.1));
        assert_eq!(of(salted(0.1), Some(0.0)).unwrap(), salted(0.0));
        let noise = Corruption::Gaussian { std: 0.3 };
        assert_eq!(of(noise, None).unwrap(), noise);
        let said = of(noise, Some(0.4)).unwrap_err().to_string();
        assert!(said.starts_with("--fraction 0.4: this run was trained with Gaussian"), "{said}");
    }
}
