//! The one place with `unsafe`: thin, safe wrappers over system calls.
mod base;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod handover;
#[cfg(target_os = "linux")]
mod identity;
#[cfg(snapshots)]
mod inspect;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(snapshots)]
mod load;
#[cfg(target_os = "linux")]
mod net;
mod spawn;
#[cfg(snapshots)]
mod trace;
pub use base::*;
#[cfg(target_os = "linux")]
pub use disk::*;
#[cfg(target_os = "linux")]
pub use handover::*;
#[cfg(target_os = "linux")]
pub use identity::*;
#[cfg(snapshots)]
pub use inspect::*;
#[cfg(target_os = "linux")]
#[allow(unused_imports)]
pub use linux::*;
#[cfg(snapshots)]
pub use load::*;
#[cfg(target_os = "linux")]
pub use net::*;
pub use spawn::*;
#[cfg(snapshots)]
pub use trace::*;
