//! Readers that put weights into models.

use super::{
    Target, outcome,
    runs::{LATENT, TENSORS, safetensors},
};
use crate::{backend::Flex, train::read_head};

pub(super) const TARGETS: &[Target] = &[Target {
    name: "label-head",
    file: "label-head.safetensors",
    seeds: || vec![safetensors()],
    words: TENSORS,
    read: |path| outcome(read_head::<Flex>(path, LATENT, &Default::default()).map(|_| 0)),
    ..Target::BYTES
}];
