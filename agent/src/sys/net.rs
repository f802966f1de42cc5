//! Linux-only wrappers for network interfaces: the loopback interface and netlink sockets.
use super::linux::{check, owned};
use std::ffi::CStr;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, OwnedFd};

pub use libc::{NETLINK_NETFILTER, NETLINK_ROUTE};

/// Brings the loopback interface of the current network namespace up (netdevice(7)).
pub fn loopback_up() -> Result<()> {
    // SAFETY: an all-zero ifreq is valid; the name fits; the ioctl reads it only.
    unsafe {
        let socket = owned(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).into())?;
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request).into()).map(drop)
    }
}

/// A netlink socket of the current network namespace: it stays there when its owner moves to another one. A read waits at
/// most five seconds (the kernel answers within the call that asked).
pub fn netlink_socket(protocol: i32) -> Result<OwnedFd> {
    // SAFETY: no pointers but to a valid timeval of the size told.
    unsafe {
        let socket = owned(libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol).into())?;
        let patience = libc::timeval { tv_sec: 5, tv_usec: 0 };
        let size = size_of::<libc::timeval>() as libc::socklen_t;
        check(
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const patience).cast(),
                size,
            )
            .into(),
        )?;
        Ok(socket)
    }
}

/// Number of an interface of the current network namespace.
pub fn interface_index(name: &CStr) -> Result<u32> {
    // SAFETY: the string ends in NUL and outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(Error::last_os_error()),
        index => Ok(index),
    }
}
