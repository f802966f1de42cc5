//! The one place with `unsafe`: thin, safe wrappers over system calls.
mod base;
#[cfg(target_os = "linux")]
mod linux;
pub use base::*;
#[cfg(target_os = "linux")]
#[allow(unused_imports)]
pub use linux::*;
