//! Wrappers for looking at the open files and sockets of another process, which must be stopped or trusted to be of use.
use super::linux::{check, owned};
use crate::image::format;
use std::ffi::CString;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

// linux/kcmp.h
const KCMP_FILE: i64 = 0;
const KCMP_FILES: i64 = 2;
const KCMP_FS: i64 = 3;
const KCMP_EPOLL_TFD: i64 = 7;

fn compare(one: i32, other: i32, kind: i64, first: usize, second: usize) -> Result<bool> {
    // SAFETY: the one kind that has the kernel read through a pointer gets that of a valid structure (`is_watched`).
    check(unsafe { libc::syscall(libc::SYS_kcmp, one, other, kind, first, second) }).map(|order| order == 0)
}

/// Are two descriptors of a process one open file?
pub fn same_file(process: i32, one: i32, other: i32) -> Result<bool> {
    compare(process, process, KCMP_FILE, one as usize, other as usize)
}

/// Do two threads share descriptors and the current directory?
pub fn same_tables(one: i32, other: i32) -> Result<bool> {
    Ok(compare(one, other, KCMP_FILES, 0, 0)? && compare(one, other, KCMP_FS, 0, 0)?)
}

/// Is what the epoll set watches as `target` still the open file of that number? `same`: how many watches of the same
/// number come before this one.
pub fn is_watched(process: i32, epoll: i32, target: i32, same: u32) -> Result<bool> {
    let slot = [epoll as u32, target as u32, same];
    compare(process, process, KCMP_EPOLL_TFD, target as usize, slot.as_ptr() as usize)
}

/// Stands for the process whatever becomes of its number (pidfd_open(2)).
pub fn process_descriptor(process: i32) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) })
}

/// A descriptor of ours for an open file of the process.
pub fn copy_descriptor(process: &OwnedFd, number: i32) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })
}

/// What a path means inside a tree, links and all: nothing leads out of it (openat2(2), RESOLVE_IN_ROOT). The file is not
/// opened for anything (O_PATH).
pub fn find_in(root: &File, path: &[u8]) -> Result<File> {
    // SAFETY: all-zero is valid for a structure of numbers.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (libc::O_PATH | libc::O_CLOEXEC) as u64;
    how.resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
    let path = CString::new(path)?;
    // SAFETY: a string that ends in NUL and a structure of the size told.
    let found = unsafe {
        libc::syscall(libc::SYS_openat2, root.as_raw_fd(), path.as_ptr(), &raw const how, size_of::<libc::open_how>())
    };
    owned(found).map(File::from)
}

/// What a pipe holds, which stays in it.
pub fn pipe_contents(reading: &OwnedFd) -> Result<Vec<u8>> {
    let length = super::readable_bytes(reading.as_raw_fd());
    if length == 0 {
        return Ok(Vec::new());
    }
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors, which nobody else knows yet.
    let (mut from, to) = unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK).into())?;
        (File::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    // SAFETY: no pointers.
    let copied = check(unsafe {
        libc::fcntl(to.as_raw_fd(), libc::F_SETPIPE_SZ, length as libc::c_int);
        libc::tee(reading.as_raw_fd(), to.as_raw_fd(), length, libc::SPLICE_F_NONBLOCK) as i64
    })?;
    if copied as usize != length {
        return Err(Error::new(ErrorKind::InvalidData, "a pipe holds more than can be copied"));
    }
    let mut bytes = vec![0; length];
    std::io::Read::read_exact(&mut from, &mut bytes)?;
    Ok(bytes)
}

/// What can be read from a stream socket, which stays in it; an error if descriptors come with it.
pub fn socket_contents(socket: &OwnedFd) -> Result<Vec<u8>> {
    let mut bytes = vec![0; super::readable_bytes(socket.as_raw_fd())];
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: an all-zero msghdr is valid; its one pointer is to a buffer that outlives the call.
    let (got, flags) = unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let got = check(libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) as i64)?;
        (got as usize, header.msg_flags)
    };
    if got != bytes.len() || flags & libc::MSG_CTRUNC != 0 {
        return Err(Error::new(ErrorKind::InvalidData, "a socket holds what cannot be copied"));
    }
    Ok(bytes)
}

pub struct SocketFacts {
    pub domain: i32,
    pub stream: bool,
    pub listening: bool,
    /// of a connected socket
    pub peer: Option<SocketAddrV4>,
}

pub fn socket_facts(socket: &OwnedFd) -> Result<SocketFacts> {
    let option = |name: i32| -> Result<i32> {
        let mut value: libc::c_int = 0;
        let mut size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: room for one int, of the size told.
        let done = unsafe {
            libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut size)
        };
        check(done.into()).map(|_| value)
    };
    let domain = option(libc::SO_DOMAIN)?;
    Ok(SocketFacts {
        domain,
        stream: option(libc::SO_TYPE)? == libc::SOCK_STREAM,
        listening: option(libc::SO_ACCEPTCONN)? != 0,
        peer: if domain == libc::AF_INET || domain == libc::AF_INET6 { peer(socket) } else { None },
    })
}

fn peer(socket: &OwnedFd) -> Option<SocketAddrV4> {
    // SAFETY: a sockaddr_in6 is the larger of the two that can come; only the one that came is looked at.
    unsafe {
        let mut found: libc::sockaddr_in6 = std::mem::zeroed();
        let mut size = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        check(libc::getpeername(socket.as_raw_fd(), (&raw mut found).cast(), &raw mut size).into()).ok()?;
        if i32::from(found.sin6_family) == libc::AF_INET6 {
            let address = std::net::Ipv6Addr::from(found.sin6_addr.s6_addr).to_ipv4_mapped()?;
            return Some(SocketAddrV4::new(address, u16::from_be(found.sin6_port)));
        }
        let found = (&raw const found).cast::<libc::sockaddr_in>().read_unaligned();
        Some(SocketAddrV4::new(Ipv4Addr::from(u32::from_be(found.sin_addr.s_addr)), u16::from_be(found.sin_port)))
    }
}

/// Structures that are nothing but numbers, without gaps between them.
///
/// # Safety
/// No byte of the type is padding.
pub unsafe trait Plain: Copy {}

// SAFETY: image/format.rs; the sizes are those of their fields added up.
unsafe impl Plain for format::Header {}
// SAFETY: as above.
unsafe impl Plain for format::Map {}
// SAFETY: as above.
unsafe impl Plain for format::File {}
// SAFETY: as above.
unsafe impl Plain for format::Thread {}
// SAFETY: as above.
unsafe impl Plain for format::Descriptor {}
// SAFETY: as above.
unsafe impl Plain for format::Watch {}
// SAFETY: as above.
unsafe impl Plain for format::Action {}
// SAFETY: as above.
unsafe impl Plain for format::Generator {}
// SAFETY: as above.
unsafe impl Plain for format::Stored {}
// SAFETY: as above.
unsafe impl Plain for format::Timer {}

pub fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: by the trait's contract every byte is initialised.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

// SAFETY: a number.
unsafe impl Plain for u64 {}

/// What `bytes_of` gave.
#[cfg(test)]
pub fn values_of<T: Plain>(bytes: &[u8]) -> Vec<T> {
    let pieces = bytes.chunks_exact(size_of::<T>());
    // SAFETY: each piece is as long as the type, any number is a valid one, and nothing is said about alignment.
    pieces.map(|piece| unsafe { piece.as_ptr().cast::<T>().read_unaligned() }).collect()
}
