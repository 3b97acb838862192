//! Files written whole or not at all, and checked when they are read.

mod atomic;
mod checksums;
mod protobuf;
pub mod reading;

pub use atomic::{json, read_json, temporary_file, temporary_folder, write_atomic, write_json};
pub use checksums::{CHECKSUMS, Checksums, Damage, read_checked, sha256};
pub use protobuf::Message;
