//! What a kind of data knows of its examples; it travels with their splits.

use std::{any::Any, fmt};

use serde_json::{Map, Value};

/// What a kind of data knows of its examples beyond shape and classes.
pub trait Knowledge: Any + fmt::Debug + Send + Sync {
    /// The part of it that a run keeps, by name.
    fn kept(&self) -> Map<String, Value>;
}
