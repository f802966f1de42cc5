//! The one place with `unsafe`: thin, safe wrappers over system calls.
mod base;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod identity;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod inspect;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod net;
mod spawn;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trace;
pub use base::*;
#[cfg(target_os = "linux")]
pub use disk::*;
#[cfg(target_os = "linux")]
pub use identity::*;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use inspect::*;
#[cfg(target_os = "linux")]
#[allow(unused_imports)]
pub use linux::*;
#[cfg(target_os = "linux")]
pub use net::*;
pub use spawn::*;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use trace::*;
