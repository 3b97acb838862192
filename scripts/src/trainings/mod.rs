//! The trainings of a sweep and of the validation: what they are called, where they are, and the processes that do
//! them.

mod program;
mod today;
mod training;

pub(crate) use self::{
    program::{built, copied, file_name, with_cache},
    today::Today,
    training::{How, Training, here},
};
