//! A fitted model seen from the host: arrays in, arrays out, whatever backend computes.
//!
//! Metrics, pictures and commands are written once against [`Trained`] and compiled once.

use anyhow::Result;
use burn::{
    module::{ModuleVisitor, Param},
    tensor::{Tensor, TensorData},
};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};

use crate::{
    autoencoder::Autoencoder,
    backend::Backend,
    bound::{elbo_terms, log_weights},
    posterior::{DiagonalGaussian, Posterior},
    run::Metric,
    train::record_bytes,
};

/// Rows a backend is given at once.
const CHUNK: usize = 1000;

/// Codes of some examples, `[examples, latent]`.
#[derive(Clone, Debug)]
pub struct Codes {
    /// The posterior's mean.
    pub mean: Array2<f32>,
    /// The posterior's log-variance, unless the code is a point.
    pub log_var: Option<Array2<f32>>,
}

/// -ELBO of some examples in its two terms, nats.
#[derive(Clone, Debug)]
pub struct ElboValues {
    /// -E_q log p(x|z), `[examples]`.
    pub reconstruction: Array1<f32>,
    /// KL of each latent, `[examples, latent]`.
    pub kl_per_latent: Array2<f32>,
}

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

/// A fitted model. Arrays are `[examples, width]`.
pub trait Trained: Sync {
    /// Width of an input.
    fn input_dim(&self) -> usize;
    /// Width of the code.
    fn latent_dim(&self) -> usize;
    /// Number of fitted numbers.
    fn parameters(&self) -> usize;
    /// Codes of inputs.
    fn encode(&self, x: ArrayView2<'_, f32>) -> Codes;
    /// E[x|z].
    fn decode(&self, z: ArrayView2<'_, f32>) -> Array2<f32>;
    /// Draws from the prior made from standard normal numbers.
    fn sample_prior(&self, eps: ArrayView2<'_, f32>) -> Array2<f32>;
    /// -ELBO with `eps` `[samples * examples, latent]`, sample-major; `None` for a point code.
    fn elbo(&self, x: ArrayView2<'_, f32>, eps: ArrayView2<'_, f32>) -> Option<ElboValues>;
    /// Log importance weights `[samples, examples]`; `None` for a point code.
    fn log_weights(&self, x: ArrayView2<'_, f32>, eps: ArrayView2<'_, f32>) -> Option<Array2<f32>>;
    /// log p(x) where it is known exactly.
    fn log_marginal(&self, x: ArrayView2<'_, f32>) -> Option<Array1<f32>>;
    /// log p(class|x), `[examples, classes]`, where the model classifies.
    fn log_classes(&self, x: ArrayView2<'_, f32>) -> Option<Array2<f32>>;
    /// Figures only this kind of model has, by name.
    fn own_metrics(&self) -> Vec<(String, Metric)>;
    /// All weights.
    fn weights(&self) -> Vec<NamedTensor>;
    /// The model's record in Burn's own format.
    ///
    /// # Errors
    /// If it cannot be encoded.
    fn burn_record(&self) -> Result<Vec<u8>>;
}

/// A model on one device.
pub struct OnDevice<B: Backend, M> {
    model: M,
    device: B::Device,
}

impl<B: Backend, M: Autoencoder<B>> OnDevice<B, M> {
    /// `model`, whose tensors are on `device`.
    pub fn new(model: M, device: B::Device) -> Self {
        Self { model, device }
    }

    fn tensor(&self, array: ArrayView2<'_, f32>) -> Tensor<B, 2> {
        let (rows, columns) = array.dim();
        let values: Vec<f32> = array.iter().copied().collect();
        Tensor::from_data(TensorData::new(values, [rows, columns]), &self.device)
    }

    fn gaussian(&self, x: &Tensor<B, 2>) -> Option<DiagonalGaussian<B>> {
        match self.model.encode(x.clone()) {
            Posterior::Gaussian(gaussian) => Some(gaussian),
            Posterior::Point(_) => None,
        }
    }

    /// Applies `f` to chunks of rows and stacks the results, `width` wide.
    fn by_rows(
        &self,
        array: ArrayView2<'_, f32>,
        width: usize,
        f: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Array2<f32> {
        let mut result = Array2::zeros((array.nrows(), width));
        for (mut target, rows) in
            result.axis_chunks_iter_mut(Axis(0), CHUNK).zip(array.axis_chunks_iter(Axis(0), CHUNK))
        {
            target.assign(&array2(f(self.tensor(rows))));
        }
        result
    }
}

fn array2<B: Backend>(tensor: Tensor<B, 2>) -> Array2<f32> {
    let [rows, columns] = tensor.dims();
    let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
    Array2::from_shape_fn((rows, columns), |(row, column)| values[row * columns + column])
}

fn array1<B: Backend>(tensor: Tensor<B, 1>) -> Array1<f32> {
    tensor.into_data().iter::<f32>().collect()
}

impl<B: Backend, M: Autoencoder<B> + Sync> Trained for OnDevice<B, M>
where
    B::Device: Sync,
{
    fn input_dim(&self) -> usize {
        self.model.input_dim()
    }

    fn latent_dim(&self) -> usize {
        self.model.latent_dim()
    }

    fn parameters(&self) -> usize {
        self.model.num_params()
    }

    fn encode(&self, x: ArrayView2<'_, f32>) -> Codes {
        let latent = self.latent_dim();
        let mut mean = Array2::zeros((x.nrows(), latent));
        let mut log_var: Option<Array2<f32>> = None;
        for (chunk, rows) in x.axis_chunks_iter(Axis(0), CHUNK).enumerate() {
            let range = chunk * CHUNK..chunk * CHUNK + rows.nrows();
            match self.model.encode(self.tensor(rows)) {
                Posterior::Point(code) => mean.slice_mut(s![range, ..]).assign(&array2(code)),
                Posterior::Gaussian(gaussian) => {
                    mean.slice_mut(s![range.clone(), ..]).assign(&array2(gaussian.mean));
                    log_var
                        .get_or_insert_with(|| Array2::zeros((x.nrows(), latent)))
                        .slice_mut(s![range, ..])
                        .assign(&array2(gaussian.log_var));
                }
            }
        }
        Codes { mean, log_var }
    }

    fn decode(&self, z: ArrayView2<'_, f32>) -> Array2<f32> {
        self.by_rows(z, self.input_dim(), |z| self.model.decode(z).mean())
    }

    fn sample_prior(&self, eps: ArrayView2<'_, f32>) -> Array2<f32> {
        self.by_rows(eps, self.latent_dim(), |eps| self.model.sample_prior(eps))
    }

    fn elbo(&self, x: ArrayView2<'_, f32>, eps: ArrayView2<'_, f32>) -> Option<ElboValues> {
        let x = self.tensor(x);
        let posterior = self.gaussian(&x)?;
        let terms = elbo_terms(&self.model, &posterior, x, self.tensor(eps));
        Some(ElboValues {
            reconstruction: array1(terms.reconstruction),
            kl_per_latent: array2(terms.kl_per_latent),
        })
    }

    fn log_weights(&self, x: ArrayView2<'_, f32>, eps: ArrayView2<'_, f32>) -> Option<Array2<f32>> {
        let x = self.tensor(x);
        let posterior = self.gaussian(&x)?;
        Some(array2(log_weights(&self.model, &posterior, x, self.tensor(eps))))
    }

    fn log_marginal(&self, x: ArrayView2<'_, f32>) -> Option<Array1<f32>> {
        let mut values = Vec::with_capacity(x.nrows());
        for rows in x.axis_chunks_iter(Axis(0), CHUNK) {
            values.extend(array1(self.model.log_marginal(self.tensor(rows))?));
        }
        Some(values.into())
    }

    fn log_classes(&self, x: ArrayView2<'_, f32>) -> Option<Array2<f32>> {
        let mut chunks = Vec::new();
        for rows in x.axis_chunks_iter(Axis(0), CHUNK) {
            chunks.push(array2(self.model.log_classes(self.tensor(rows))?));
        }
        let views: Vec<_> = chunks.iter().map(|chunk| chunk.view()).collect();
        concatenate(Axis(0), &views).ok()
    }

    fn own_metrics(&self) -> Vec<(String, Metric)> {
        self.model.own_metrics()
    }

    fn weights(&self) -> Vec<NamedTensor> {
        let mut collector = Collector::default();
        self.model.visit(&mut collector);
        collector.tensors
    }

    fn burn_record(&self) -> Result<Vec<u8>> {
        record_bytes::<B, _>(self.model.clone().into_record())
    }
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

    /// True for the weight of a dense layer, which PyTorch keeps transposed.
    pub(crate) fn is_transposed(&self) -> bool {
        self.containers.last().is_some_and(|c| c == "Struct:Dense")
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
