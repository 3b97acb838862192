//! The weights of a model: by plain names, as safetensors for other programs, and as Burn's own records.

mod messagepack;
pub mod modules;
pub mod panics;
mod restore;
mod safetensors;

pub use self::{
    modules::{NamedTensor, record_bytes, weights_of},
    restore::{record_from, restore, without_panic},
    safetensors::{
        BURN_WEIGHTS, DESCRIPTION, WEIGHTS, description, load, read_tensors, save, tensor_bytes,
        write_tensors,
    },
};
