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
    unpack::{Member, unpack, unpack_members},
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

/// True for a part of a path that can be a folder's name on any system: a paper's or a run's.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

#[cfg(test)]
mod tests;
