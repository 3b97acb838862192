use ndarray::{Array2, ArrayView2};

/// A fitted classifier; arrays are `[images, width]`, grey levels in [0, 1].
pub trait Judge: Sync {
    /// log p(class|x).
    fn log_classes(&self, x: ArrayView2<'_, f32>) -> Array2<f32>;
    /// The last hidden layer.
    fn features(&self, x: ArrayView2<'_, f32>) -> Array2<f32>;
}
