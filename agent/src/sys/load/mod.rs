//! From a child of the agent to the process of an image (Linux, x86-64): descriptors, then the loader (agent/loader/).
mod descriptors;
mod memory;
mod stored;
mod tables;
mod timers;

use super::linux::check;
use crate::image::format::*;
use descriptors::Spare;
use std::convert::Infallible;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
#[cfg(test)]
pub use tables::words_of;
pub use tables::{Image, Tables};

/// What a restored process is given in place of what it had.
pub struct Restore<'a> {
    pub image: &'a Image,
    pub stdout: RawFd,
    pub stderr: RawFd,
    /// its connection to the host
    pub link: Option<RawFd>,
    /// port of the agent's Runtime API on loopback
    pub api_port: u16,
}

/// How many processes may be made and ended so that the image's process gets its number.
const PASSING_MAX: i32 = 200;

/// Makes the process of an image. It runs when this returns, or ends with one of the codes FAILED_… of `format`.
pub fn restore(plan: &Restore<'_>) -> io::Result<i32> {
    let wanted = plan.image.header().pid as i32;
    // SAFETY: the agent has one thread; signals stay blocked in the child until it is the image's process.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, &mut before);
        let made = loop {
            match check(libc::fork().into()) {
                Ok(0) if libc::getpid() < wanted => libc::_exit(0),
                Ok(0) => {
                    let Err(code) = become_image(plan);
                    libc::_exit(code)
                }
                Ok(pid) if (pid as i32) < wanted => {
                    libc::waitpid(pid as i32, std::ptr::null_mut(), 0);
                    if wanted - pid as i32 > PASSING_MAX {
                        break Err(io::Error::other(format!("process number {wanted} is out of reach")));
                    }
                }
                other => break other.map(|pid| pid as i32),
            }
        };
        libc::sigprocmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        made
    }
}

/// The error is a code, which the agent's EXIT carries: nobody could do more about it than try another way to start.
type Step<T> = Result<T, i32>;

fn or(code: i32) -> impl FnOnce(io::Error) -> i32 {
    move |_| code
}


/// # Safety
/// Only in a child that has no other thread and that never returns to the agent's code.
unsafe fn become_image(plan: &Restore<'_>) -> Step<Infallible> {
    // SAFETY: the child is alone in its memory.
    unsafe {
        libc::setsid();
        if libc::getpid() != plan.image.header().pid as i32 {
            return Err(FAILED_NUMBER);
        }
        let spare = Spare::keep(plan).map_err(or(FAILED_DESCRIPTOR))?;
        let tables = plan.image.map_tables(spare.image).map_err(or(FAILED_IMAGE))?;
        crate::image::check(&tables, plan.image.bytes()).map_err(|_| FAILED_IMAGE)?;
        let header = tables.header();
        memory::leave_restartable_sequences();
        for (number, action) in (0..).zip(tables.all::<Action>(header.actions)).skip(1) {
            // The kernel refuses SIGKILL and SIGSTOP.
            libc::syscall(libc::SYS_rt_sigaction, number, action, std::ptr::null::<u8>(), 8);
        }
        timers::make_all(&tables).map_err(or(FAILED_THREAD))?;
        libc::umask(header.umask);
        stored::make_all(&tables, spare.image).map_err(or(FAILED_FILE))?;
        check(libc::chdir(tables.path(header.directory).as_ptr()).into()).map_err(or(FAILED_FILE))?;
        descriptors::open_all(&tables, &spare, plan.api_port).map_err(or(FAILED_DESCRIPTOR))?;
        memory::open_files(&tables).map_err(or(FAILED_FILE))?;
        memory::enter_loader(&tables, spare.image, plan.image.identity())
    }
}

/// Two descriptors of a pipe or a pair.
fn pair(make: impl FnOnce(*mut RawFd) -> i32) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    check(make(ends.as_mut_ptr()).into())?;
    Ok((super::own(ends[0]), super::own(ends[1])))
}

fn put(at: RawFd, descriptor: &impl AsRawFd, close_on_exec: bool) -> io::Result<()> {
    let flags = if close_on_exec { libc::O_CLOEXEC } else { 0 };
    // SAFETY: no pointers; the number is below those of the loader's own.
    check(unsafe { libc::dup3(descriptor.as_raw_fd(), at, flags) }.into()).map(drop)
}
