//! Images of processes: their format, and the check that precedes every restore.
mod check;
pub mod format;

pub use check::check;
