//! Files written whole or not at all, and checked when they are read.

mod atomic;
mod checksums;
mod protobuf;

pub(crate) use atomic::{json, temporary_file, temporary_folder};
pub use atomic::{read_json, write_atomic, write_json};
pub(crate) use checksums::Checksums;
pub use checksums::{CHECKSUMS, Damage, read_checked};
pub(crate) use protobuf::Message;
