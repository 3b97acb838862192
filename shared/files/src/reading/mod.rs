//! Files that people write by hand: errors name the line and the key, and suggest the nearest valid
//! one.

mod leaves;
mod mistake;
mod nearest;
mod places;
mod strict;
mod text;

pub use leaves::leaves;
pub use mistake::{Mistake, Problem};
pub use nearest::{did_you_mean, nearest};
pub use places::{Places, syntax};
pub use strict::{from_table, from_value};
pub use text::{BYTE_ORDER_MARK, CsvRows, ReadError, listed, not_utf8, one_line, read_text, short};
