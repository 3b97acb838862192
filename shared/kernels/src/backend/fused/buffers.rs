//! Memory of tensors that are done with, kept for results of the same size.
//!
//! A training step makes the same tensors over and over. Fresh memory costs page faults and
//! zeroing; this memory costs neither.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use burn_flex::FlexTensor;

/// Buffers kept of one length.
const KEPT: usize = 8;
/// Lengths below which the allocator is as fast.
const LEAST: usize = 1 << 12;

static BUFFERS: Mutex<Option<HashMap<usize, Vec<Vec<f32>>>>> = Mutex::new(None);

fn buffers() -> MutexGuard<'static, Option<HashMap<usize, Vec<Vec<f32>>>>> {
    // Nothing that holds the lock can leave the map half changed.
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of `length` numbers, of no particular value: every one must be written.
pub(super) fn take(length: usize) -> Vec<f32> {
    let kept = (length >= LEAST)
        .then(|| buffers().as_mut().and_then(|map| map.get_mut(&length)?.pop()))
        .flatten();
    kept.unwrap_or_else(|| vec![0.0; length])
}

/// Keeps the memory of a tensor for later, if nothing else holds it.
pub(super) fn give_back(tensor: FlexTensor) {
    let data = tensor.data_arc();
    drop(tensor);
    let Ok(bytes) = Arc::try_unwrap(data) else { return };
    if bytes.len() < LEAST * size_of::<f32>() {
        return;
    }
    if let Ok(buffer) = bytes.try_into_vec::<f32>() {
        keep(buffer);
    }
}

/// Keeps a buffer for later.
pub(super) fn keep(buffer: Vec<f32>) {
    if buffer.len() < LEAST {
        return;
    }
    let mut buffers = buffers();
    let kept = buffers.get_or_insert_default().entry(buffer.len()).or_default();
    if kept.len() < KEPT {
        kept.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn memory_comes_back_unless_somebody_holds_it() {
        // A length that no other test uses.
        let length = LEAST + 4321;
        let buffer = take(length);
        let address = buffer.as_ptr();
        let tensor = FlexTensor::from_data(TensorData::new(buffer, [length]));
        let held = tensor.clone();
        give_back(tensor);
        let other = take(length);
        assert_ne!(other.as_ptr(), address);
        give_back(held);
        let again = take(length);
        assert_eq!(again.as_ptr(), address);
    }
}
