//! A trained run as one file: what the commands need of it, to be attached to a release.
//!
//! `PAPER-NAME.tar.gz` holds `PAPER/NAME/FILE` for each of [`FILES`] that the run has and their `SHA256SUMS`, and
//! nothing else, so `tar xzf` makes a run of it too. The same run gives the same bytes.

mod address;
mod pack;
mod unpack;

pub use self::{
    address::Bundle,
    pack::{Packed, pack},
    unpack::{Member, UnpackError, unpack, unpack_members},
};

use weights::{DESCRIPTION, WEIGHTS};

use crate::{RunData, RunFolder};

/// Ending of a bundle's name.
pub const ENDING: &str = ".tar.gz";

/// The files of a run that a bundle holds, in this order.
pub const FILES: [&str; 6] =
    [RunFolder::CONFIG, RunData::FILE, RunFolder::RECORD, RunFolder::LATENTS, DESCRIPTION, WEIGHTS];

/// Those that it cannot do without; runs of earlier versions have no [`RunData::FILE`], and a run need not be
/// evaluated.
const NEEDED: [&str; 3] = [RunFolder::CONFIG, DESCRIPTION, WEIGHTS];

#[cfg(test)]
mod tests;
