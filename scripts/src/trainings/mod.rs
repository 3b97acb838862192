//! Trainings as processes of their own: started or continued, several at a time, each with its log. A sweep and
//! the validation run theirs by it.

mod local;
mod program;
mod today;
mod training;

pub(crate) use self::{
    local::{Stopped, here, threads, watch},
    program::{built, copied, file_name, with_cache},
    today::Today,
    training::{Ended, How, Training, last_words},
};
