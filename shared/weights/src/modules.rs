//! What a model consists of, by plain names, and as Burn's own record.

use anyhow::{Result, anyhow};
use burn::{
    module::{Module, ModuleVisitor, Param},
    record::{FullPrecisionSettings, NamedMpkBytesRecorder, Record, Recorder},
    tensor::Tensor,
};
use kernels::backend::Backend;

/// A weight of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Plain name: the path of fields that leads to it, `layers` left out.
    pub name: String,
    /// Shape as PyTorch has it: the weight of a dense layer is `[outputs, inputs]`.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// A record in Burn's named MessagePack format, at full precision.
///
/// # Errors
/// If it cannot be encoded.
pub fn record_bytes<B: burn::prelude::Backend, R: Record<B>>(record: R) -> Result<Vec<u8>> {
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
    Recorder::<B>::record(&recorder, record, ()).map_err(|e| anyhow!("cannot encode weights: {e}"))
}

/// All weights of a module, by their plain names.
pub fn weights_of<B: Backend, M: Module<B>>(model: &M) -> Vec<NamedTensor> {
    let mut collector = Collector::default();
    model.visit(&mut collector);
    collector.tensors
}

/// Where a visitor is in the tree of modules.
#[derive(Default)]
pub(crate) struct ModulePath {
    names: Vec<String>,
    containers: Vec<String>,
}

impl ModulePath {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    pub(crate) fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// The plain name.
    pub(crate) fn name(&self) -> String {
        let plain = self.names.iter().filter(|name| *name != "layers");
        plain.cloned().collect::<Vec<_>>().join(".")
    }

    /// True for the weight of a layer, with or without a bias, which PyTorch keeps transposed.
    pub(crate) fn is_transposed(&self) -> bool {
        self.containers.last().is_some_and(|c| c == "Struct:Dense" || c == "Struct:Projection")
            && self.names.last().is_some_and(|n| n == "weight")
    }
}

#[derive(Default)]
struct Collector {
    path: ModulePath,
    tensors: Vec<NamedTensor>,
}

impl<B: Backend> ModuleVisitor<B> for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let mut tensor = param.val();
        if self.path.is_transposed() {
            tensor = tensor.swap_dims(0, 1);
        }
        self.tensors.push(NamedTensor {
            name: self.path.name(),
            shape: tensor.dims().to_vec(),
            values: tensor.into_data().iter::<f32>().collect(),
        });
    }
}
