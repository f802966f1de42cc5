//! Linux-only wrappers for handing capabilities, descriptors and the processor itself to another program.
use super::identity::set_capabilities;
use super::linux::{Ending, check, owned};
use std::ffi::{CStr, CString};
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// The user may change.
pub const CAP_SETUID: u64 = 1 << 7;

const VERSION: u32 = 0x2008_0522;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Capabilities {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Capabilities that this process could use, in its own user namespace.
pub fn permitted_capabilities() -> Result<u64> {
    let header = [VERSION, 0];
    let mut parts = [Capabilities::default(); 2];
    // SAFETY: header and data have the layout of capget(2) for the version told.
    check(unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), parts.as_mut_ptr()) })?;
    Ok(u64::from(parts[0].permitted) | u64::from(parts[1].permitted) << 32)
}

/// Has exactly these capabilities from now on, and so has the program that this process becomes (capabilities(7), ambient).
pub fn hand_down_capabilities(mask: u64) -> Result<()> {
    let header = [VERSION, 0];
    let part = |bits: u32| Capabilities { effective: bits, permitted: bits, inheritable: bits };
    let parts = [part(mask as u32), part((mask >> 32) as u32)];
    // SAFETY: header and data have the layout of capset(2) for the version told; prctl(2) takes numbers.
    unsafe {
        check(libc::syscall(libc::SYS_capset, header.as_ptr(), parts.as_ptr()))?;
        for capability in (0..64u64).filter(|bit| mask >> bit & 1 == 1) {
            let raised = libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, capability, 0, 0);
            check(raised.into())?;
        }
    }
    Ok(())
}

/// Becomes this user and group and keeps the capabilities that it may use.
pub fn become_user_with_capabilities(user: u32, group: u32) -> Result<()> {
    let mask = permitted_capabilities()?;
    // SAFETY: no pointers.
    unsafe {
        check(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0).into())?;
        check(libc::setgroups(0, std::ptr::null()).into())?;
        check(libc::setresgid(group, group, group).into())?;
        check(libc::setresuid(user, user, user).into())?;
    }
    set_capabilities(mask)?;
    hand_down_capabilities(mask)
}

/// A copy of the mount that the open directory is on, seen from that directory: nothing above it can be reached through it.
pub fn clone_tree_at(directory: BorrowedFd) -> Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE | libc::O_CLOEXEC as u32 | libc::AT_EMPTY_PATH as u32;
    // SAFETY: the string is static.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, directory.as_raw_fd(), c"".as_ptr(), flags) })
}

/// Gives the descriptor a number at which the next program finds it.
pub fn pass_on(descriptor: BorrowedFd, number: RawFd) -> Result<()> {
    // SAFETY: no pointers; the number is above all that this process has in use.
    check(unsafe { libc::dup2(descriptor.as_raw_fd(), number) }.into()).map(drop)
}

/// Becomes another program. Comes back only with the reason why not.
pub fn execute(arguments: &[CString], environment: &[CString]) -> Error {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, envp) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end in null and, like their strings, outlive the call.
    unsafe { libc::execve(argv[0], argv.as_ptr(), envp.as_ptr()) };
    Error::last_os_error()
}

/// Waits for the end of one child.
pub fn wait_for(pid: i32) -> Result<Ending> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is writable.
        match check(unsafe { libc::waitpid(pid, &raw mut status, 0) }.into()) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) if libc::WIFSIGNALED(status) => return Ok(Ending::Signal(libc::WTERMSIG(status))),
            Ok(_) => return Ok(Ending::Code(libc::WEXITSTATUS(status))),
        }
    }
}

/// The files of a directory that is known by its descriptor alone.
pub fn below(directory: BorrowedFd, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", directory.as_raw_fd())
}

/// Makes one file of a directory readable by everybody, writable by nobody.
pub fn publish(directory: BorrowedFd, name: &CStr) -> Result<()> {
    // SAFETY: the string ends in NUL and outlives the calls.
    unsafe {
        check(libc::fchownat(directory.as_raw_fd(), name.as_ptr(), 0, 0, libc::AT_SYMLINK_NOFOLLOW).into())?;
        check(libc::fchmodat(directory.as_raw_fd(), name.as_ptr(), 0o444, 0).into()).map(drop)
    }
}
