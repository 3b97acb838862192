//! Burn's records back into a model, whatever the file may hold: where Burn panics, this is an error.

use anyhow::{Result, anyhow, bail};
use burn::{
    module::{Module, ModuleVisitor, Param, ParamId},
    record::{FullPrecisionSettings, NamedMpkBytesRecorder, Record, Recorder},
    tensor::Tensor,
};
use kernels::backend::Backend;

use crate::{messagepack, panics::caught};

/// The record that [`record_bytes`](crate::record_bytes) wrote.
///
/// # Errors
/// If the bytes are no such record.
pub fn record_from<B: burn::prelude::Backend, R: Record<B>>(
    bytes: Vec<u8>,
    device: &B::Device,
) -> Result<R> {
    if !messagepack::is_whole(&bytes) {
        bail!("cannot decode weights: truncated or damaged");
    }
    let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
    Recorder::<B>::load(&recorder, bytes, device).map_err(|e| anyhow!("cannot decode weights: {e}"))
}

/// `model` with the weights of a record, which must be of the same architecture.
///
/// # Errors
/// If it is of another one, or no record.
pub fn restore<B: Backend, M: Module<B>>(
    model: &M,
    bytes: Vec<u8>,
    device: &B::Device,
) -> Result<M> {
    let restored = without_panic(|| {
        Ok(model.clone().load_record(record_from::<B, M::Record>(bytes, device)?))
    })?;
    if shapes::<B, M>(&restored) != shapes::<B, M>(model) {
        bail!("it is of another architecture");
    }
    Ok(restored)
}

/// What `work` comes to; a panic inside is an error and prints nothing. Burn panics at some
/// mistakes in a record, for instance an id of a parameter that is none.
///
/// # Errors
/// As `work`, and a panic.
pub fn without_panic<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = caught(work);
    result.unwrap_or_else(|_| Err(anyhow!("it is not a record of this model")))
}

/// Id and size of every parameter.
fn shapes<B: Backend, M: Module<B>>(model: &M) -> Vec<(ParamId, Vec<usize>)> {
    struct Shapes(Vec<(ParamId, Vec<usize>)>);
    impl<B: Backend> ModuleVisitor<B> for Shapes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push((param.id, param.val().dims().to_vec()));
        }
    }
    let mut shapes = Shapes(Vec::new());
    model.visit(&mut shapes);
    shapes.0
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use kernels::{
        backend::Flex,
        nn::{Activation, Dense, Init, Initialiser},
        noise::Noise,
    };

    use super::*;
    use crate::modules::record_bytes;

    fn layer(seed: u64, inputs: usize) -> Dense<Flex> {
        let device = Default::default();
        let mut init = Initialiser::new(Init::Glorot, Noise::new(seed), &device);
        Dense::new(inputs, 2, Activation::Linear, &mut init)
    }

    fn bytes(layer: &Dense<Flex>) -> Result<Vec<u8>> {
        record_bytes::<Flex, _>(layer.clone().into_record())
    }

    fn values(layer: &Dense<Flex>) -> Vec<f32> {
        layer.weight.val().into_data().iter::<f32>().collect()
    }

    #[test]
    fn a_record_is_restored_and_one_of_another_architecture_refused() {
        // A shape of small numbers, and one with a number of two bytes.
        for inputs in [3, 300] {
            let (old, fresh) = (layer(1, inputs), layer(2, inputs));
            let restored = restore(&fresh, bytes(&old).unwrap(), &Default::default()).unwrap();
            assert_eq!(values(&restored), values(&old));
        }
        let refused = restore(&layer(2, 4), bytes(&layer(1, 3)).unwrap(), &Default::default());
        assert!(refused.unwrap_err().to_string().contains("another architecture"));
    }

    /// Once it was restored, and the first product panicked.
    #[test]
    fn a_record_with_fewer_numbers_than_a_shape_needs_is_refused() {
        let (old, fresh) = (layer(1, 3), layer(2, 3));
        let weight: Vec<u8> = values(&old).iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut short = bytes(&old).unwrap();
        let start = short.windows(24).position(|window| window == weight).unwrap();
        // The length stands before the block.
        assert_eq!(short[start - 1], 24);
        short[start - 1] = 20;
        short.drain(start..start + 4);
        let refused = restore(&fresh, short, &Default::default());
        assert!(refused.unwrap_err().to_string().contains("truncated or damaged"));
    }

    #[test]
    fn no_damage_to_a_record_panics() {
        let fresh = layer(2, 3);
        let whole = bytes(&layer(1, 3)).unwrap();
        let restore = |bytes: &[u8]| restore(&fresh, bytes.to_vec(), &Default::default());
        for length in 0..whole.len() {
            assert!(restore(&whole[..length]).is_err(), "{length}");
        }
        let mut refused = 0;
        for bit in 0..8 * whole.len() {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match restore(&damaged) {
                Ok(restored) => {
                    let x = Tensor::zeros([1, 3], &Default::default());
                    assert_eq!(restored.forward(x).dims(), [1, 2], "bit {bit}");
                }
                Err(_) => refused += 1,
            }
        }
        // Bits of the weights themselves make another record, for the checksums to find.
        assert!(refused > whole.len(), "{refused} of {}", 8 * whole.len());
    }
}
