//! Images of initialised processes.
pub mod format;
