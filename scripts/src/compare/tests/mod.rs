//! What a comparison must find, and what it must not.

mod formats;
mod league;
mod planted;
mod sets;
mod simulation;
pub(super) mod synthetic;
