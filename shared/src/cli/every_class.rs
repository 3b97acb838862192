//! Images drawn as every class, by a model that is told the class.

use anyhow::Result;
use ndarray::{Array2, Axis, concatenate};

use super::{asked::Examples, model::Loaded, paper::Paper};
use crate::{data::ClassNames, plot::Grid};

impl<P: Paper> Loaded<P> {
    /// What codes `[images, latent]` of `images` `[images, pixels]` decode to as this class,
    /// `[images, pixels]`.
    pub fn as_class(&self, images: &Array2<f32>, codes: &Array2<f32>, class: u8) -> Array2<f32> {
        let labels = vec![class; images.nrows()];
        let given = self.model.condition(images.view(), &labels);
        self.model.decode(codes.view(), given.as_ref().map(|given| given.view()))
    }

    /// The same for each class of the training data, whatever number of classes the model has room
    /// for. All are held at once: for many images, call [`Self::as_class`] for one after another.
    pub fn as_every_class(
        &self,
        images: &Array2<f32>,
        codes: &Array2<f32>,
    ) -> Vec<(u8, Array2<f32>)> {
        let of_class = |&class: &u8| (class, self.as_class(images, codes, class));
        self.preparation.classes.iter().map(of_class).collect()
    }
}

impl Examples {
    /// The chosen examples, each beside what was made of it as every class of these `names`.
    ///
    /// # Errors
    /// If there are not as many of each.
    pub fn beside_classes(
        &self,
        caption: String,
        indices: &[usize],
        names: &ClassNames,
        made: &[(u8, Array2<f32>)],
    ) -> Result<Grid> {
        let images = self.split.grey(indices);
        let classes = made.iter().map(|(class, _)| names.name(*class));
        let mut grid = Grid::new(self.split.shape(), caption)
            .columns(std::iter::once("image".to_owned()).chain(classes));
        for (row, (image, &index)) in images.rows().into_iter().zip(indices).enumerate() {
            let images: Vec<_> = std::iter::once(image)
                .chain(made.iter().map(|(_, images)| images.row(row)))
                .map(|image| image.insert_axis(Axis(0)))
                .collect();
            grid = grid.row(self.title(index), concatenate(Axis(0), &images)?);
        }
        Ok(grid)
    }
}
