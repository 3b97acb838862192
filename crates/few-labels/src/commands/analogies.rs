//! `analogies`: encode an image, keep z and vary the class (Kingma et al. 2014, figure 1b).

use anyhow::Result;
use ndarray::{Axis, concatenate};
use shared::{
    cli::{Asked, Loaded, OfRun, To},
    plot::Grid,
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
    let classes = loaded.config.labels.classes;
    let examples = loaded.examples(&args.asked)?;
    let path = examples.file(&args.to, &loaded.run, "analogies.png")?;
    let split = &examples.split;
    let indices = match &args.indices {
        Some(indices) => examples.indices("--indices", indices)?,
        None => (0..split.len().min(IMAGES)).collect(),
    };
    let images = split.grey(&indices);
    // The style is read without the label: the model has to find the class itself.
    let codes = loaded.model.encode(images.view(), None).mean;
    let drawn: Vec<_> = (0..classes)
        .map(|class| {
            let labels = vec![class as u8; indices.len()];
            let given = loaded.model.condition(images.view(), &labels);
            loaded.model.decode(codes.view(), given.as_ref().map(|given| given.view()))
        })
        .collect();
    let columns = std::iter::once("image".to_owned()).chain((0..classes).map(|c| c.to_string()));
    let caption = format!("One style, every class: {}", loaded.title());
    let mut grid = Grid::new(split.shape(), caption).columns(columns);
    for (row, (image, &index)) in images.rows().into_iter().zip(&indices).enumerate() {
        let images: Vec<_> = std::iter::once(image)
            .chain(drawn.iter().map(|drawn| drawn.row(row)))
            .map(|image| image.insert_axis(Axis(0)))
            .collect();
        grid = grid.row(examples.title(index), concatenate(Axis(0), &images)?);
    }
    grid.save(&path)?;
    progress::line(&format!("wrote {}", path.display()));
    Ok(())
}
