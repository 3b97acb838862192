//! `analogies`: encode an image, keep z and vary the class (Kingma et al. 2014, figure 1b).

use anyhow::Result;
use shared::{
    cli::{Asked, Loaded, OfRun, To},
    data::ClassNames,
    progress,
};

use crate::Paper;

/// Default number of images.
const IMAGES: usize = 8;

/// Its options.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: OfRun,
    /// Images by index (default: the first eight).
    #[arg(long, value_delimiter = ',', value_name = "I,J,...")]
    indices: Option<Vec<usize>>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    to: To,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let loaded = Loaded::<Paper>::open(&args.of, "analogies")?;
    let examples = loaded.examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "analogies.png")?;
    let split = &examples.split;
    let indices = examples.chosen(args.indices.as_deref(), IMAGES)?;
    let images = split.grey(&indices);
    // The style is read without the label: the model has to find the class itself.
    let codes = loaded.model.encode(images.view().into(), None).mean;
    let drawn = loaded.as_every_class(&images, &codes);
    let caption = format!("One style, every class: {}", loaded.title());
    let names = ClassNames::of(&loaded.preparation);
    let grid = examples.beside_classes(caption, &indices, &names, &drawn)?;
    grid.save(&path)?;
    progress::line(&format!("wrote {}", path.display()));
    Ok(())
}
