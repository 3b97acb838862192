use shared::data::{DataConfig, Steps, source_of};

use crate::sources;

/// What a step is in the set that a configuration names.
pub fn steps_of(data: &DataConfig) -> Steps {
    source_of(&sources(), &data.name).map_or(Steps::Rows, |source| source.steps())
}
