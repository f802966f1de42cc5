//! The descriptors of an image's process, made anew.
use super::super::linux::check;
use super::super::own;
use super::{Restore, Tables, pair, put};
use crate::image::format::*;
use std::collections::HashMap;
use std::io::{self, Error};
use std::mem::{forget, zeroed};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// The first number above those of mapped files.
const SPARE: RawFd = DESCRIPTORS_MAX + FILES_MAX;

/// What the process is given, out of the way of what it is to have.
pub struct Spare {
    pub image: RawFd,
    stdout: RawFd,
    stderr: RawFd,
    link: Option<RawFd>,
}

impl Spare {
    /// Keeps these and closes everything else.
    pub fn keep(plan: &Restore<'_>) -> io::Result<Spare> {
        // SAFETY: no pointers.
        let spare = |fd: RawFd| check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, SPARE) }.into());
        let kept = Spare {
            image: spare(plan.image.descriptor())? as RawFd,
            stdout: spare(plan.stdout)? as RawFd,
            stderr: spare(plan.stderr)? as RawFd,
            link: plan.link.map(spare).transpose()?.map(|fd| fd as RawFd),
        };
        // SAFETY: no pointers; the child never returns to code that owns any of them.
        check(unsafe { libc::syscall(libc::SYS_close_range, 0, SPARE - 1, 0) })?;
        Ok(kept)
    }
}

/// Makes every descriptor of the tables.
pub fn open_all(tables: &Tables<'_>, spare: &Spare, api_port: u16) -> io::Result<()> {
    let header = tables.header();
    let mut pipes = HashMap::new();
    let mut pairs = HashMap::new();
    for wanted in tables.all::<Descriptor>(header.descriptors) {
        let at = wanted.number;
        let close_on_exec = wanted.close_on_exec != 0;
        let text = tables.text(wanted.text).unwrap_or_default();
        match wanted.kind {
            FD_SAME => {
                put(at, &(wanted.a as RawFd), close_on_exec)?;
                continue;
            }
            FD_FILE => place(at, open_file(tables, wanted)?, close_on_exec)?,
            FD_OUTPUT => put(at, &if wanted.a == 1 { spare.stdout } else { spare.stderr }, close_on_exec)?,
            FD_LINK => put(at, &spare.link.ok_or_else(|| Error::from_raw_os_error(libc::ENOTCONN))?, close_on_exec)?,
            FD_API => place(at, connect(api_port, text)?, close_on_exec)?,
            FD_DEAD => place(at, sockets()?.0, close_on_exec)?,
            FD_EVENT => place(at, event(wanted)?, close_on_exec)?,
            FD_PIPE => {
                // SAFETY: `ends` has room for two descriptors.
                let made = || pair(|ends| unsafe { libc::pipe2(ends, libc::O_CLOEXEC) }).and_then(lifted);
                let ends = found(&mut pipes, wanted.a, made)?;
                put(at, if wanted.b == 1 { &ends.1 } else { &ends.0 }, close_on_exec)?;
                write_all(&ends.1, text)?;
            }
            FD_PAIR => {
                let ends = found(&mut pairs, wanted.a, || sockets().and_then(lifted))?;
                let (own, other) = if wanted.b == 1 { (&ends.1, &ends.0) } else { (&ends.0, &ends.1) };
                put(at, own, close_on_exec)?;
                write_all(other, text)?;
            }
            // SAFETY: no pointers.
            FD_EPOLL => place(at, own(check(unsafe { libc::epoll_create1(0) }.into())? as RawFd), close_on_exec)?,
            _ => return Err(Error::from_raw_os_error(libc::EINVAL)),
        }
        if wanted.status & libc::O_NONBLOCK as u32 != 0 {
            // SAFETY: no pointers.
            check(unsafe { libc::fcntl(at, libc::F_SETFL, wanted.status as i32) }.into())?;
        }
    }
    for watch in tables.all::<Watch>(header.watches) {
        let mut event = libc::epoll_event { events: watch.events, u64: watch.data };
        // SAFETY: a valid event.
        check(unsafe { libc::epoll_ctl(watch.epoll, libc::EPOLL_CTL_ADD, watch.target, &mut event) }.into())?;
    }
    Ok(())
}

type Ends = (OwnedFd, OwnedFd);

fn found(known: &mut HashMap<u64, Ends>, number: u64, make: impl FnOnce() -> io::Result<Ends>) -> io::Result<&Ends> {
    use std::collections::hash_map::Entry;
    Ok(match known.entry(number) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(make()?),
    })
}

/// Both, above the process's own numbers: one of those could be in their way.
fn lifted((a, b): Ends) -> io::Result<Ends> {
    let lift = |fd: OwnedFd| {
        // SAFETY: no pointers.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, SPARE) }.into()).map(|fd| own(fd as RawFd))
    };
    Ok((lift(a)?, lift(b)?))
}

/// Gives a new descriptor its number.
fn place(at: RawFd, made: OwnedFd, close_on_exec: bool) -> io::Result<()> {
    if made.as_raw_fd() == at {
        // It has it already, by chance.
        // SAFETY: no pointers.
        unsafe { libc::fcntl(at, libc::F_SETFD, if close_on_exec { libc::FD_CLOEXEC } else { 0 }) };
        forget(made);
        return Ok(());
    }
    put(at, &made, close_on_exec)
}

fn open_file(tables: &Tables<'_>, wanted: &Descriptor) -> io::Result<OwnedFd> {
    let keep = libc::O_ACCMODE | libc::O_APPEND | libc::O_NONBLOCK | libc::O_DIRECTORY | libc::O_PATH | libc::O_NOFOLLOW;
    let path = tables.path(wanted.text);
    // SAFETY: a string that ends in NUL; no pointers after that.
    unsafe {
        let fd = own(check(libc::open(path.as_ptr(), wanted.status as i32 & keep).into())? as RawFd);
        if wanted.a > 0 {
            libc::lseek(fd.as_raw_fd(), wanted.a as i64, libc::SEEK_SET);
        }
        Ok(fd)
    }
}

fn event(wanted: &Descriptor) -> io::Result<OwnedFd> {
    let flags = if wanted.b == 1 { libc::EFD_SEMAPHORE } else { 0 };
    let start = wanted.a.min(u32::MAX.into()) as u32;
    // SAFETY: no pointers.
    check(unsafe { libc::eventfd(start, flags) }.into()).map(|fd| own(fd as RawFd))
}

/// Two ends; a process that has one alone sees that its peer has hung up.
fn sockets() -> io::Result<Ends> {
    // SAFETY: `ends` has room for two descriptors.
    pair(|ends| unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0, ends) })
}

/// A connection to the agent's Runtime API on which `request` has been sent already.
fn connect(port: u16, request: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: a valid address of the size told.
    let socket = unsafe {
        let socket = own(check(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0).into())? as RawFd);
        let mut address: libc::sockaddr_in = zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = port.to_be();
        address.sin_addr.s_addr = u32::from(std::net::Ipv4Addr::LOCALHOST).to_be();
        let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        check(libc::connect(socket.as_raw_fd(), (&raw const address).cast(), size).into())?;
        socket
    };
    write_all(&socket, request)?;
    Ok(socket)
}

/// So little that a fresh pipe or socket takes it whole.
fn write_all(to: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length belong to one slice.
    let written = unsafe { libc::write(to.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    if written == bytes.len() as isize { Ok(()) } else { Err(Error::last_os_error()) }
}
