//! Images of processes: their format, and the check that precedes every restore.
mod check;
pub mod format;
pub mod working_set;

pub use check::check;
