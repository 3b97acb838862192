//! Pictures of a training, from its epochs.

use std::path::Path;

use anyhow::Result;

use super::{EpochLine, MOST_LATENTS, latent_term};
use crate::plot::{COLOURS, Series, curves};

/// KL of each latent on the validation split by epoch, of the ten that end highest; nothing if the
/// objective does not tell latents apart.
///
/// # Errors
/// If the file cannot be written.
pub fn latent_curves(path: &Path, caption: &str, lines: &[EpochLine]) -> Result<bool> {
    let last = lines.last().map(|line| line.valid.clone()).unwrap_or_default();
    let mut latents: Vec<(usize, f64)> = (0..MOST_LATENTS)
        .map_while(|latent| Some((latent, *last.get(latent_term(latent))?)))
        .collect();
    if latents.is_empty() {
        return Ok(false);
    }
    latents.sort_by(|a, b| b.1.total_cmp(&a.1));
    // As many as there are colours.
    let shown = COLOURS.len();
    let caption = if latents.len() > shown {
        format!("{caption}, the {shown} highest of {}", latents.len())
    } else {
        caption.to_owned()
    };
    latents.truncate(shown);
    let series: Vec<Series> = latents
        .into_iter()
        .map(|(latent, _)| Series {
            name: format!("z{latent}"),
            points: lines
                .iter()
                .filter_map(|line| Some((line.epoch as f64, *line.valid.get(latent_term(latent))?)))
                .collect(),
        })
        .collect();
    curves(path, &caption, ["epoch", "KL, nats"], &series)?;
    Ok(true)
}

/// Training and validation loss by epoch.
///
/// # Errors
/// If the file cannot be written.
pub fn loss_curves(path: &Path, caption: &str, lines: &[EpochLine]) -> Result<()> {
    let series = |name: &str, of: fn(&EpochLine) -> Option<&f64>| Series {
        name: name.into(),
        points: lines.iter().filter_map(|line| Some((line.epoch as f64, *of(line)?))).collect(),
    };
    let both = [
        series("training", |line| line.train.get("loss")),
        series("validation", |line| line.valid.get("loss")),
    ];
    curves(path, caption, ["epoch", "loss per example"], &both)
}
