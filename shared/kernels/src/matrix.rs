use burn::tensor::{Tensor, TensorData};

use crate::Backend;

/// A matrix of numbers of the host, row by row, on a device.
///
/// # Panics
/// If there are not as many values as the shape has.
pub fn matrix<B: Backend>(values: Vec<f32>, shape: [usize; 2], device: &B::Device) -> Tensor<B, 2> {
    let data = TensorData::new(values, shape);
    // CUDA has no copy, and no kernel, of nothing: the noise of a model without latents.
    if shape.contains(&0) { Tensor::empty(shape, device) } else { Tensor::from_data(data, device) }
}
