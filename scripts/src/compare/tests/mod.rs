//! What a comparison must find, and what it must not.

mod formats;
mod planted;
mod sets;
mod simulation;
pub(super) mod synthetic;
