//! Weights as safetensors under plain names, readable from PyTorch and back.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, TensorData},
};
use files::{write_atomic, write_json};
use kernels::backend::Backend;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::json;

use crate::modules::{ModulePath, NamedTensor};

/// Name of the weights in a run's folder.
pub const WEIGHTS: &str = "weights.safetensors";
/// Name of the weights in Burn's own format beside them.
pub const BURN_WEIGHTS: &str = "model.mpk";
/// Name of the description beside them.
pub const DESCRIPTION: &str = "model.json";

/// Writes weights and a description of the architecture into `folder`, which is no run's.
///
/// # Errors
/// If the files cannot be written.
pub fn save(
    folder: &Path,
    tensors: &[NamedTensor],
    paper: &str,
    citation: &str,
    config: &serde_json::Value,
) -> Result<()> {
    write_tensors(&folder.join(WEIGHTS), tensors)?;
    write_json(&folder.join(DESCRIPTION), &description(tensors, paper, citation, config))
}

/// What the tensors are: the paper, its configuration, and names and shapes.
pub fn description(
    tensors: &[NamedTensor],
    paper: &str,
    citation: &str,
    config: &serde_json::Value,
) -> serde_json::Value {
    json!({
        "paper": paper,
        "citation": citation,
        "convention": "float32, little-endian; the weight of a dense layer is [outputs, inputs] as in \
                       torch.nn.Linear, y = f(x W^T + b); that of a convolution of windows s x s is \
                       [s * s * channels in, channels out], W.view(s, s, channels_in, channels_out).permute(3, 2, 0, 1) \
                       as torch.nn.Conv2d has it; that of a transposed convolution is [channels in, s * s * channels out], \
                       W.view(channels_in, s, s, channels_out).permute(0, 3, 1, 2); images are [height, width, channels]",
        "config": config,
        "tensors": tensors
            .iter()
            .map(|tensor| (tensor.name.clone(), json!(tensor.shape)))
            .collect::<serde_json::Map<_, _>>(),
    })
}

/// Writes tensors as a safetensors file.
///
/// # Errors
/// If the file cannot be written.
pub fn write_tensors(path: &Path, tensors: &[NamedTensor]) -> Result<()> {
    write_atomic(path, &tensor_bytes(tensors)?)
}

/// Tensors in the safetensors format.
///
/// # Errors
/// If a tensor has not as many numbers as its shape says.
pub fn tensor_bytes(tensors: &[NamedTensor]) -> Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| {
            TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
                .map(|view| (tensor.name.clone(), view))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(safetensors::serialize(views, None)?)
}

/// `model` with the weights of a safetensors file; names and shapes must match exactly.
///
/// # Errors
/// A file that cannot be read, or the names that are missing, left over or of another shape.
pub fn load<B: Backend, M: Module<B>>(model: M, path: &Path) -> Result<M> {
    fill(model, read_tensors(path)?, path)
}

/// `model` with weights that were read from a file.
///
/// # Errors
/// As [`load`].
fn fill<B: Backend, M: Module<B>>(model: M, tensors: Vec<NamedTensor>, path: &Path) -> Result<M> {
    let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
    let mut loader = Loader { path: ModulePath::default(), tensors, problems: Vec::new() };
    let model = model.map(&mut loader);
    loader.problems.extend(loader.tensors.keys().map(|name| format!("{name} is unknown")));
    if !loader.problems.is_empty() {
        bail!(
            "{} does not fit this architecture: {}; the names are listed in {DESCRIPTION} of an \
             export, the sizes follow from the configuration",
            path.display(),
            loader.problems.join(", ")
        );
    }
    Ok(model)
}

/// The tensors of a safetensors file.
///
/// # Errors
/// A file that cannot be read, and numbers that are no float32 or not finite.
pub fn read_tensors(path: &Path) -> Result<Vec<NamedTensor>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = SafeTensors::deserialize(&bytes)
        .with_context(|| format!("{} is not a whole safetensors file", path.display()))?;
    let mut tensors = Vec::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            bail!("{}: {name} is {:?}; save it as float32", path.display(), view.dtype());
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        if let Some(position) = values.iter().position(|v| !v.is_finite()) {
            bail!("{}: {name} holds {} at position {position}", path.display(), values[position]);
        }
        tensors.push(NamedTensor { name, shape: view.shape().to_vec(), values });
    }
    Ok(tensors)
}

struct Loader {
    path: ModulePath,
    tensors: BTreeMap<String, NamedTensor>,
    problems: Vec<String>,
}

impl<B: Backend> ModuleMapper<B> for Loader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let name = self.path.name();
        let mut expected = tensor.dims().to_vec();
        if self.path.is_transposed() {
            expected.reverse();
        }
        let loaded = match self.tensors.remove(&name) {
            None => {
                self.problems.push(format!("{name} is missing"));
                tensor
            }
            Some(found) if found.shape != expected => {
                self.problems.push(format!("{name} is {:?}, expected {expected:?}", found.shape));
                tensor
            }
            Some(found) => {
                let data = TensorData::new(found.values, found.shape);
                let loaded = Tensor::<B, D>::from_data(data, &tensor.device());
                let loaded =
                    if self.path.is_transposed() { loaded.swap_dims(0, 1) } else { loaded };
                // A transposed view would be slower in every product.
                Tensor::from_data(loaded.into_data(), &tensor.device())
                    .set_require_grad(tensor.is_require_grad())
            }
        };
        Param::from_mapped_value(id, loaded, mapper)
    }
}
