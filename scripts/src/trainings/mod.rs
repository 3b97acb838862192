//! The trainings of a sweep and of the validation: what they are called, where they are, and the processes that do
//! them.

mod configuration;
mod program;
mod today;
mod training;

pub(crate) use self::{
    configuration::{Configurations, checked, differs},
    program::{built, copied, file_name},
    today::Today,
    training::{How, Training, here},
};
