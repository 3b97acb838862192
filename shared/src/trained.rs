//! A fitted model seen from the host: arrays in, arrays out, whatever backend computes.
//!
//! Metrics, pictures and commands are written once against [`Trained`] and compiled once.

mod sequences;

use sequences::CodesOnDevice;
pub use sequences::{Decoded, SequenceCodes};

use std::ops::Range;

use anyhow::Result;
use burn::{module::Module, tensor::Tensor};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, CowArray, Ix2, concatenate, s};

use crate::{
    autoencoder::{Autoencoder, Given, Measure},
    backend::Backend,
    bound::{elbo_terms, log_likelihoods_from_prior, log_weights},
    data::Split,
    matrix,
    metric::Metric,
    modules::{NamedTensor, record_bytes, weights_of},
    network::{Network, Steps},
    noise::{Noise, Stream},
    posterior::{DiagonalGaussian, Posterior},
    sequence_code,
    sequential::{self, Resampling},
};

/// Rows a backend is given at once.
pub(crate) const CHUNK: usize = 1000;

/// Codes of some examples, `[examples, latent]`.
#[derive(Clone, Debug)]
pub struct Codes {
    /// The posterior's mean.
    pub mean: Array2<f32>,
    /// The posterior's log-variance, unless the code is a point.
    pub log_var: Option<Array2<f32>>,
}

impl Codes {
    /// The codes of parts of some data, one after another, `latent` wide if there are none.
    pub(crate) fn concatenated(parts: Vec<Self>, latent: usize) -> Self {
        let join = |parts: Vec<ArrayView2<'_, f32>>| {
            // Parts of one model are equally wide.
            concatenate(Axis(0), &parts).unwrap_or_else(|_| Array2::zeros((0, latent)))
        };
        let log_var: Option<Vec<_>> =
            parts.iter().map(|part| part.log_var.as_ref().map(|log_var| log_var.view())).collect();
        Self {
            mean: join(parts.iter().map(|part| part.mean.view()).collect()),
            log_var: log_var.filter(|parts| !parts.is_empty()).map(join),
        }
    }

    /// One draw from the posterior of each example of the split they are codes of; the code itself
    /// where it is a point.
    pub fn drawn(&self, noise: Noise, split: &Split) -> Array2<f32> {
        let keys: Vec<u64> = (0..split.len()).map(|index| split.key(index)).collect();
        self.reparameterised(noise, Stream::Posterior, 0, &keys)
            .unwrap_or_else(|| self.mean.clone())
    }

    /// mean + sigma eps, with the noise of this stream and epoch for the examples of these keys; `None` of points.
    pub(crate) fn reparameterised(
        &self,
        noise: Noise,
        stream: Stream,
        epoch: u64,
        keys: &[u64],
    ) -> Option<Array2<f32>> {
        let log_var = self.log_var.as_ref()?;
        let eps = noise.normal(stream, epoch, keys, self.mean.ncols());
        let mut z = self.mean.clone();
        for ((z, log_var), eps) in z.iter_mut().zip(log_var).zip(eps) {
            *z += (0.5 * log_var).exp() * eps;
        }
        Some(z)
    }
}

/// -ELBO of some examples in its two terms, nats.
#[derive(Clone, Debug)]
pub struct ElboValues {
    /// -E_q log p(x|z), `[examples]`.
    pub reconstruction: Array1<f32>,
    /// KL of each latent, `[examples, latent]`.
    pub kl_per_latent: Array2<f32>,
}

/// -ELBO of some sequences by step in its two terms, nats, `[sequences, steps]`; beyond the end of a
/// sequence it means nothing.
#[derive(Clone, Debug)]
pub struct StepValues {
    /// -log p(x_t | z_t, before).
    pub reconstruction: Array2<f32>,
    /// KL(q(z_t | x_t, before) || p(z_t | before)) of each latent, `[sequences, steps, latents]`.
    pub kl_per_latent: Array3<f32>,
}

/// The condition c, `[examples, width]`; `None` for unconditional models.
pub type GivenArray<'a> = Option<ArrayView2<'a, f32>>;

/// A fitted model. Arrays are `[examples, width]`.
pub trait Trained: Sync {
    /// Width of an input.
    fn input_dim(&self) -> usize;
    /// Width of the code.
    fn latent_dim(&self) -> usize;
    /// Number of fitted numbers.
    fn parameters(&self) -> usize;
    /// The condition for images of these classes, if the model has one.
    fn condition(&self, x: ArrayView2<'_, f32>, labels: &[u8]) -> Option<Array2<f32>>;
    /// The same of these classes, where the class alone says it; `None` where the pixels do.
    fn condition_of_classes(&self, labels: &[u8]) -> Option<Array2<f32>>;
    /// Codes of inputs. Where they are given away and fit at once, they are not copied.
    fn encode(&self, x: CowArray<'_, f32, Ix2>, given: GivenArray<'_>) -> Codes;
    /// The location of p(x|z): its mean, but for logistic pixels, whose levels are clamped.
    fn decode(&self, z: ArrayView2<'_, f32>, given: GivenArray<'_>) -> Array2<f32>;
    /// A draw of x from p(x|z) for each code, with noise of these keys; `None` of a distribution that cannot be
    /// drawn from.
    fn draw_pixels(
        &self,
        z: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        noise: Noise,
        keys: &[u64],
    ) -> Option<Array2<f32>>;
    /// See [`Autoencoder::has_decoder`].
    fn has_decoder(&self) -> bool;
    /// True if the model says how codes are distributed.
    fn has_prior(&self) -> bool;
    /// See [`Autoencoder::has_bound`].
    fn has_bound(&self) -> bool;
    /// Draws from the prior made from standard normal numbers.
    fn sample_prior(&self, eps: ArrayView2<'_, f32>, given: GivenArray<'_>) -> Array2<f32>;
    /// KL of each latent of codes to the prior of what is given, nats `[examples, latents]`; `None` of points, and where
    /// the prior is N(0, I) whatever is given.
    fn kl_to_prior(&self, codes: &Codes, given: GivenArray<'_>) -> Option<Array2<f32>>;
    /// -ELBO with `eps` `[samples * examples, latent]`, sample-major; `None` for a point code.
    fn elbo(
        &self,
        x: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        eps: ArrayView2<'_, f32>,
    ) -> Option<ElboValues>;
    /// Log importance weights `[samples, examples]`; `None` for a point code.
    fn log_weights(
        &self,
        x: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        eps: ArrayView2<'_, f32>,
    ) -> Option<Array2<f32>>;
    /// log p(x|z) with z from the prior, `[samples, examples]`; `None` for a point code.
    fn log_likelihoods_from_prior(
        &self,
        x: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        eps: ArrayView2<'_, f32>,
    ) -> Option<Array2<f32>>;
    /// log p(x) where it is known exactly.
    fn log_marginal(&self, x: ArrayView2<'_, f32>, given: GivenArray<'_>) -> Option<Array1<f32>>;
    /// See [`Autoencoder::measure`].
    fn measure(&self) -> Measure;
    /// Which part of an image likelihoods are about, where it is not the whole.
    fn scored(&self) -> Option<String>;
    /// Width of a step and of its latent, where the model is one of sequences.
    fn step_widths(&self) -> Option<(usize, usize)>;
    /// -ELBO by step of sequences `[sequences, steps * width]` with `eps` `[sequences, steps *
    /// latents]`; `None` unless the model is one of sequences.
    fn terms_by_step(&self, x: &Array2<f32>, eps: &Array2<f32>) -> Option<StepValues>;
    /// The interface of a model with one code for a whole sequence.
    fn sequence_codes(&self) -> Option<Box<dyn SequenceCodes + '_>>;
    /// True if the model is one of sequences, with codes at each step or one for all.
    fn is_of_sequences(&self) -> bool {
        self.step_widths().is_some() || self.sequence_codes().is_some()
    }
    /// See [`sequential::filter`], and [`sequence_code::filter`], which never resamples; `None` unless the
    /// model is one of sequences.
    fn filter(
        &self,
        x: &Array2<f32>,
        steps: &[usize],
        particles: usize,
        resampling: Resampling,
        noise: (Noise, &[u64]),
    ) -> Option<Array2<f64>>;
    /// See [`sequential::continued`] and [`sequence_code::continued`]; `None` unless the model is one of
    /// sequences.
    fn continued(
        &self,
        prefix: &Array2<f32>,
        steps: usize,
        temperature: f32,
        noise: (Noise, &[u64]),
    ) -> Option<Array2<f32>>;
    /// log p(class|x), `[examples, classes]`, where the model classifies.
    fn log_classes(&self, x: ArrayView2<'_, f32>) -> Option<Array2<f32>>;
    /// Figures only this kind of model has, by name.
    fn own_metrics(&self) -> Vec<(String, Metric)>;
    /// See [`Autoencoder::network`].
    ///
    /// # Errors
    /// Why it cannot be written as layers.
    fn network(&self) -> Result<Network, String>;
    /// See [`Autoencoder::steps`].
    ///
    /// # Errors
    /// Why they cannot be written as layers.
    fn steps(&self) -> Result<Steps, String>;
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
        tensor(array, &self.device)
    }

    fn given(&self, given: GivenArray<'_>) -> Option<Tensor<B, 2>> {
        given.map(|given| self.tensor(given))
    }

    fn gaussian(&self, x: &Tensor<B, 2>, given: Given<'_, B>) -> Option<DiagonalGaussian<B>> {
        match self.model.encode(x.clone(), given) {
            Posterior::Gaussian(gaussian) if self.model.has_bound() => Some(gaussian),
            _ => None,
        }
    }

    fn by_rows(
        &self,
        array: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        width: usize,
        f: impl Fn(Tensor<B, 2>, Given<'_, B>) -> Tensor<B, 2>,
    ) -> Array2<f32> {
        by_rows(array, given, width, &self.device, f)
    }
}

/// Applies `f` to chunks of rows, with what is given for them, and stacks the results, `width`
/// wide.
pub(crate) fn by_rows<B: Backend>(
    array: ArrayView2<'_, f32>,
    given: GivenArray<'_>,
    width: usize,
    device: &B::Device,
    f: impl Fn(Tensor<B, 2>, Given<'_, B>) -> Tensor<B, 2>,
) -> Array2<f32> {
    let mut result = Array2::zeros((array.nrows(), width));
    for range in chunks(array.nrows()) {
        let given = rows_of(given, &range).map(|given| tensor(given, device));
        let rows = f(tensor(array.slice(s![range.clone(), ..]), device), given.as_ref());
        result.slice_mut(s![range, ..]).assign(&array2(rows));
    }
    result
}

fn tensor<B: Backend>(array: ArrayView2<'_, f32>, device: &B::Device) -> Tensor<B, 2> {
    let (rows, columns) = array.dim();
    // Number by number it took a third of the time of encoding images.
    let values = array.as_slice().map_or_else(|| array.iter().copied().collect(), <[f32]>::to_vec);
    matrix(values, [rows, columns], device)
}

/// Ranges of at most [`CHUNK`] rows.
fn chunks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(CHUNK).map(move |start| start..rows.min(start + CHUNK))
}

fn rows_of<'a>(given: GivenArray<'a>, range: &Range<usize>) -> GivenArray<'a> {
    given.map(|given| given.slice_move(s![range.clone(), ..]))
}

fn array2<B: Backend>(tensor: Tensor<B, 2>) -> Array2<f32> {
    let [rows, columns] = tensor.dims();
    let values = tensor.into_data().convert::<f32>().into_vec().unwrap_or_default();
    // As many values as the tensor has.
    Array2::from_shape_vec((rows, columns), values).unwrap_or_default()
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
        Module::num_params(&self.model)
    }

    fn condition(&self, x: ArrayView2<'_, f32>, labels: &[u8]) -> Option<Array2<f32>> {
        // Most models have none: one example says so, without a copy of all.
        let one = x.nrows().min(1);
        self.model.condition(&self.tensor(x.slice(s![..one, ..])), labels.get(..one)?)?;
        Some(array2(self.model.condition(&self.tensor(x), labels)?))
    }

    fn condition_of_classes(&self, labels: &[u8]) -> Option<Array2<f32>> {
        Some(array2(self.model.condition_of_classes(labels, &self.device)?))
    }

    fn encode(&self, x: CowArray<'_, f32, Ix2>, given: GivenArray<'_>) -> Codes {
        let codes =
            |x, given: GivenArray<'_>| match self.model.encode(x, self.given(given).as_ref()) {
                Posterior::Point(code) => Codes { mean: array2(code), log_var: None },
                Posterior::Gaussian(gaussian) => {
                    Codes { mean: array2(gaussian.mean), log_var: Some(array2(gaussian.log_var)) }
                }
            };
        if x.nrows() <= CHUNK && x.is_standard_layout() {
            let (rows, columns) = x.dim();
            let (values, _) = x.into_owned().into_raw_vec_and_offset();
            return codes(matrix(values, [rows, columns], &self.device), given);
        }
        let parts = chunks(x.nrows()).map(|range| {
            codes(self.tensor(x.slice(s![range.clone(), ..])), rows_of(given, &range))
        });
        Codes::concatenated(parts.collect(), self.latent_dim())
    }

    fn decode(&self, z: ArrayView2<'_, f32>, given: GivenArray<'_>) -> Array2<f32> {
        let width = self.input_dim();
        self.by_rows(z, given, width, |z, given| self.model.decode(z, given).mean())
    }

    fn draw_pixels(
        &self,
        z: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        noise: Noise,
        keys: &[u64],
    ) -> Option<Array2<f32>> {
        let width = self.input_dim();
        let mut drawn = Array2::zeros((z.nrows(), width));
        for range in chunks(z.nrows()) {
            let given = rows_of(given, &range).map(|given| self.tensor(given));
            let codes = self.tensor(z.slice(s![range.clone(), ..]));
            let keys = &keys[range.clone()];
            let numbers = |values: Vec<f32>| matrix(values, [range.len(), width], &self.device);
            let logistic = noise.logistic(Stream::Pixel, 0, keys, width);
            let normal = noise.normal(Stream::Pixel, 0, keys, width);
            let p = self.model.decode(codes, given.as_ref());
            let rows = array2(p.drawn(numbers(logistic), numbers(normal))?);
            drawn.slice_mut(s![range, ..]).assign(&rows);
        }
        Some(drawn)
    }

    fn has_decoder(&self) -> bool {
        self.model.has_decoder()
    }

    fn has_prior(&self) -> bool {
        self.model.has_prior()
    }

    fn has_bound(&self) -> bool {
        self.model.has_bound()
    }

    fn sample_prior(&self, eps: ArrayView2<'_, f32>, given: GivenArray<'_>) -> Array2<f32> {
        let width = self.latent_dim();
        self.by_rows(eps, given, width, |eps, given| self.model.sample_prior(eps, given))
    }

    fn kl_to_prior(&self, codes: &Codes, given: GivenArray<'_>) -> Option<Array2<f32>> {
        let prior = self.model.prior(self.given(given).as_ref())?;
        let log_var = self.tensor(codes.log_var.as_ref()?.view());
        let posterior = DiagonalGaussian { mean: self.tensor(codes.mean.view()), log_var };
        Some(array2(posterior.kl_to(&prior)))
    }

    fn elbo(
        &self,
        x: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        eps: ArrayView2<'_, f32>,
    ) -> Option<ElboValues> {
        let (x, given) = (self.tensor(x), self.given(given));
        let posterior = self.gaussian(&x, given.as_ref())?;
        let terms = elbo_terms(&self.model, &posterior, x, given.as_ref(), self.tensor(eps));
        Some(ElboValues {
            reconstruction: array1(terms.reconstruction),
            kl_per_latent: array2(terms.kl_per_latent),
        })
    }

    fn log_weights(
        &self,
        x: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        eps: ArrayView2<'_, f32>,
    ) -> Option<Array2<f32>> {
        let (x, given) = (self.tensor(x), self.given(given));
        let posterior = self.gaussian(&x, given.as_ref())?;
        Some(array2(log_weights(&self.model, &posterior, x, given.as_ref(), self.tensor(eps))))
    }

    fn log_likelihoods_from_prior(
        &self,
        x: ArrayView2<'_, f32>,
        given: GivenArray<'_>,
        eps: ArrayView2<'_, f32>,
    ) -> Option<Array2<f32>> {
        let (x, given) = (self.tensor(x), self.given(given));
        self.gaussian(&x, given.as_ref())?;
        let eps = self.tensor(eps);
        Some(array2(log_likelihoods_from_prior(&self.model, x, given.as_ref(), eps)))
    }

    fn log_marginal(&self, x: ArrayView2<'_, f32>, given: GivenArray<'_>) -> Option<Array1<f32>> {
        let mut values = Vec::with_capacity(x.nrows());
        for range in chunks(x.nrows()) {
            let given = self.given(rows_of(given, &range));
            let rows = self.tensor(x.slice(s![range, ..]));
            values.extend(array1(self.model.log_marginal(rows, given.as_ref())?));
        }
        Some(values.into())
    }

    fn measure(&self) -> Measure {
        self.model.measure()
    }

    fn scored(&self) -> Option<String> {
        self.model.scored()
    }

    fn step_widths(&self) -> Option<(usize, usize)> {
        let model = self.model.sequential()?;
        Some((model.step_width(), model.step_latents()))
    }

    fn sequence_codes(&self) -> Option<Box<dyn SequenceCodes + '_>> {
        let (latents, device) = (self.latent_dim(), &self.device);
        let on_device = |model| CodesOnDevice { model, latents, device };
        self.model.sequence_code().map(|model| Box::new(on_device(model)) as Box<_>)
    }

    fn terms_by_step(&self, x: &Array2<f32>, eps: &Array2<f32>) -> Option<StepValues> {
        let model = self.model.sequential()?;
        let (rows, latents) = (x.nrows(), model.step_latents());
        let steps = x.ncols() / model.step_width().max(1);
        let mut found = StepValues {
            reconstruction: Array2::zeros((rows, steps)),
            kl_per_latent: Array3::zeros((rows, steps, latents)),
        };
        for range in chunks(rows) {
            let part = |array: &Array2<f32>| self.tensor(array.slice(s![range.clone(), ..]));
            let terms = model.terms_by_step(part(x), part(eps));
            let count = range.len();
            let reconstruction = array1(terms.reconstruction);
            let kl = terms.kl_per_latent.map(array2);
            for (row, place) in range.clone().enumerate() {
                for step in 0..steps {
                    let at = step * count + row;
                    found.reconstruction[[place, step]] = reconstruction[at];
                    if let Some(kl) = &kl {
                        found.kl_per_latent.slice_mut(s![place, step, ..]).assign(&kl.row(at));
                    }
                }
            }
        }
        Some(found)
    }

    fn filter(
        &self,
        x: &Array2<f32>,
        steps: &[usize],
        particles: usize,
        resampling: Resampling,
        noise: (Noise, &[u64]),
    ) -> Option<Array2<f64>> {
        if let Some(model) = self.model.sequence_code() {
            return Some(sequence_code::filter(model, x, steps, particles, noise, &self.device));
        }
        let model = self.model.sequential()?;
        Some(sequential::filter(model, x, steps, particles, resampling, noise, &self.device))
    }

    fn continued(
        &self,
        prefix: &Array2<f32>,
        steps: usize,
        temperature: f32,
        noise: (Noise, &[u64]),
    ) -> Option<Array2<f32>> {
        if let Some(model) = self.model.sequence_code() {
            let (latents, device) = (self.latent_dim(), &self.device);
            return Some(sequence_code::continued(
                model,
                latents,
                prefix,
                steps,
                temperature,
                noise,
                device,
            ));
        }
        let model = self.model.sequential()?;
        Some(sequential::continued(model, prefix, steps, temperature, noise, &self.device))
    }

    fn log_classes(&self, x: ArrayView2<'_, f32>) -> Option<Array2<f32>> {
        let mut parts = Vec::new();
        for range in chunks(x.nrows()) {
            parts.push(array2(self.model.log_classes(self.tensor(x.slice(s![range, ..])))?));
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        concatenate(Axis(0), &views).ok()
    }

    fn own_metrics(&self) -> Vec<(String, Metric)> {
        self.model.own_metrics()
    }

    fn network(&self) -> Result<Network, String> {
        self.model.network()
    }

    fn steps(&self) -> Result<Steps, String> {
        self.model.steps()
    }

    fn weights(&self) -> Vec<NamedTensor> {
        weights_of(&self.model)
    }

    fn burn_record(&self) -> Result<Vec<u8>> {
        record_bytes::<B, _>(self.model.clone().into_record())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_drawn_with_the_deviation_of_their_log_variance_and_points_are_not() {
        let mean = Array2::zeros((10_000, 1));
        let log_var = Some(Array2::from_elem(mean.dim(), 4f32.ln()));
        let keys: Vec<u64> = (0..10_000).collect();
        let drawn =
            |codes: Codes| codes.reparameterised(Noise::new(1), Stream::Posterior, 0, &keys);
        let deviation = drawn(Codes { mean: mean.clone(), log_var }).unwrap().std(0.0);
        assert!((deviation - 2.0).abs() < 0.06, "{deviation}");
        assert_eq!(drawn(Codes { mean, log_var: None }), None);
    }
}
