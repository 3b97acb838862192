//! Images whose factors of variation are known: one of every combination of their values.

use std::fmt::Debug;

/// Images by their place in the grid of all combinations, the last factor fastest.
pub trait FactorGrid: Debug + Send + Sync {
    /// Names of the factors.
    fn names(&self) -> Vec<String>;

    /// How many values each factor takes.
    fn sizes(&self) -> Vec<usize>;

    /// Number of images.
    fn images(&self) -> usize {
        self.sizes().iter().product()
    }

    /// Feeds to a checksum which image lies where, if a file of the user's says so: of a data set
    /// whose examples are places in the grid, their own checksum says it.
    fn feed(&self, _sink: &mut dyn FnMut(&[u8])) {}

    /// Writes one image as a model sees it, levels in [0, 1].
    fn write_image(&self, index: usize, pixels: &mut [f32]);
}
