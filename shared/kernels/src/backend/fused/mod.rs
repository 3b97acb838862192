//! Operations in one pass over memory, each with the plain composition of Burn operations as its
//! reference and as the fallback of every backend that has no kernel of its own.
//!
//! Forward passes and the element-wise parts of backward passes are methods of
//! [`crate::backend::Backend`]; [`autodiff`] ties each pair together into one node of the graph.
//! On the processor, element-wise operations and sums over rows are plain loops, compiled for AVX-512,
//! AVX2 and the baseline and chosen at run time by [`pulp`]. They use no fused multiply-add and a fixed
//! order of summation, so that all three give the same bits, at any number of threads. Products of
//! matrices, and with them convolutions and recurrences, are by faer's kernels, which fuse where the
//! processor can: their bits do not depend on threads, but may differ between processors.

mod adagrad;
mod adam;
mod approach;
mod autodiff;
#[cfg(feature = "flex")]
mod awake;
#[cfg(feature = "flex")]
mod buffers;
mod combine;
#[cfg(feature = "flex")]
mod combine_flex;
mod composed;
#[cfg(feature = "flex")]
mod convolution;
#[cfg(feature = "cube")]
mod cube;
#[cfg(feature = "flex")]
mod elementary;
#[cfg(feature = "flex")]
mod flex;
mod join;
#[cfg(feature = "flex")]
mod kernels;
mod normalise;
#[cfg(feature = "flex")]
mod normalise_flex;
#[cfg(feature = "flex")]
mod patches;
#[cfg(feature = "flex")]
mod product;
mod recurrent;
#[cfg(feature = "flex")]
mod recurrent_flex;
#[cfg(feature = "flex")]
mod tiles;
#[cfg(feature = "flex")]
mod total;
mod unroll;
#[cfg(feature = "flex")]
mod unroll_flex;
mod window;

pub use adagrad::AdagradStep;
pub(crate) use adagrad::adagrad_composed;
#[cfg(feature = "flex")]
pub(crate) use adagrad::adagrad_flex;
pub use adam::AdamStep;
pub(crate) use adam::adam_composed;
#[cfg(feature = "flex")]
pub(crate) use adam::adam_flex;
pub(crate) use approach::approach_composed;
#[cfg(feature = "flex")]
pub(crate) use approach::approach_flex;
pub(crate) use autodiff::{
    autodiff_activate, autodiff_bernoulli_log_prob, autodiff_convolve,
    autodiff_convolve_transposed, autodiff_dense, autodiff_dense_transposed, autodiff_product,
};
pub(crate) use combine::{autodiff_combine, combine_composed, combine_gradient_composed};
#[cfg(feature = "flex")]
pub(crate) use combine_flex::{combine_flex, combine_gradient_flex};
#[cfg(feature = "cube")]
pub(crate) use composed::row_sums;
pub(crate) use composed::{
    activate_composed, bernoulli_gradient_composed, bernoulli_log_prob_composed,
    bias_gradient_composed, dense_composed, dense_gradient_composed,
};
#[cfg(feature = "flex")]
pub(crate) use convolution::{convolve_flex, convolve_transposed_flex, convolve_weight_flex};
#[cfg(feature = "cube")]
pub(crate) use cube::{
    activate_cube, adagrad_cube, adam_cube, approach_cube, bernoulli_gradient_cube,
    bernoulli_terms_cube, combine_cube, combine_gradient_cube, dense_slope_cube, normalise_cube,
    normalise_gradient_cube, product_cube, recur_cube, recur_gradient_cube,
};
#[cfg(feature = "flex")]
pub(crate) use flex::{
    activate_flex, bernoulli_gradient_flex, bernoulli_log_prob_flex, bias_gradient_flex,
    dense_flex, dense_gradient_flex,
};
pub(crate) use join::{autodiff_join, columns_composed};
#[cfg(feature = "flex")]
pub(crate) use join::{columns_flex, join_flex};
pub(crate) use normalise::{autodiff_normalise, normalise_composed, normalise_gradient_composed};
#[cfg(feature = "flex")]
pub(crate) use normalise_flex::{normalise_flex, normalise_gradient_flex};
#[cfg(feature = "flex")]
pub(crate) use product::{add_product_flex, product_flex};
pub(crate) use recurrent::{autodiff_recur, recur_composed, recur_gradient_composed};
#[cfg(feature = "flex")]
pub(crate) use recurrent_flex::{recur_flex, recur_gradient_flex};
#[cfg(feature = "flex")]
pub(crate) use total::total_in_blocks;
pub(crate) use unroll::{
    autodiff_unroll, unroll_composed, unroll_gradient_composed, unroll_keeping_composed,
};
#[cfg(feature = "flex")]
pub(crate) use unroll_flex::{unroll_flex, unroll_gradient_flex, unroll_keeping_flex};
pub use window::{Geometry, Window};
pub(crate) use window::{overlap_composed, patches_composed};
