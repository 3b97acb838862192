//! Memory of tensors that are done with, kept for results of the same size.
//!
//! A training step makes the same tensors over and over. Fresh memory costs page faults and
//! zeroing; this memory costs neither.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use burn_flex::FlexTensor;

/// Buffers kept of one length.
const KEPT: usize = 8;
/// Lengths below which the allocator is as fast.
const LEAST: usize = 1 << 12;
/// Numbers taken or kept, in buffers of any length, after which those of a length that was not among them go: 256 MB.
/// Batches of sequences are as long as their longest, so lengths come that do not come back.
const AGE: usize = 1 << 26;

/// The buffers of one length.
#[derive(Default)]
struct Kept {
    buffers: Vec<Vec<f32>>,
    /// When one was last taken or kept, by the clock.
    touched: usize,
}

#[derive(Default)]
struct Buffers {
    /// Numbers of the buffers taken or kept so far.
    clock: usize,
    lengths: BTreeMap<usize, Kept>,
}

static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers { clock: 0, lengths: BTreeMap::new() });

impl Buffers {
    fn take(&mut self, length: usize) -> Option<Vec<f32>> {
        self.clock = self.clock.wrapping_add(length);
        let kept = self.lengths.get_mut(&length)?;
        kept.touched = self.clock;
        kept.buffers.pop()
    }

    fn keep(&mut self, buffer: Vec<f32>) {
        self.clock = self.clock.wrapping_add(buffer.len());
        let now = self.clock;
        if !self.lengths.contains_key(&buffer.len()) {
            self.lengths.retain(|_, kept| now.wrapping_sub(kept.touched) < AGE);
        }
        let kept = self.lengths.entry(buffer.len()).or_default();
        kept.touched = now;
        if kept.buffers.len() < KEPT {
            kept.buffers.push(buffer);
        }
    }
}

fn buffers() -> MutexGuard<'static, Buffers> {
    // Nothing that holds the lock can leave the map half changed.
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of `length` numbers, of no particular value: every one must be written.
pub(super) fn take(length: usize) -> Vec<f32> {
    let kept = (length >= LEAST).then(|| buffers().take(length)).flatten();
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
    buffers().keep(buffer);
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

    #[test]
    fn lengths_that_do_not_come_back_are_let_go() {
        let mut buffers = Buffers::default();
        let held = |buffers: &Buffers| -> usize {
            buffers.lengths.iter().map(|(length, kept)| length * kept.buffers.len()).sum()
        };
        for length in (LEAST..).step_by(16).take(4000) {
            buffers.keep(vec![0.0; length]);
            // One of every step stays.
            let own = buffers.take(LEAST - 1);
            assert!(own.is_some() || length == LEAST);
            buffers.keep(vec![0.0; LEAST - 1]);
            assert!(held(&buffers) <= AGE + length, "{}", held(&buffers));
        }
        assert!(held(&buffers) > AGE / 4);
        // One that is as large as all of it lets the others go.
        buffers.keep(vec![0.0; AGE]);
        assert_eq!(buffers.lengths.len(), 1);
    }
}
