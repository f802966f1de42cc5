//! Linux-only wrappers (namespaces, mounts, credentials, seccomp), used by the launcher. Each is one kernel call or a
//! fixed handful of them, takes checked arguments and gives the kernel's error back as `io::Error`.
use std::ffi::CStr;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

pub use libc::{
    CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, MS_BIND, MS_NODEV, MS_NOEXEC,
    MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_SLAVE,
};

/// One instruction of a classic BPF program, `struct sock_filter`.
pub use libc::sock_filter as BpfInstruction;

pub(super) fn check(value: i64) -> Result<i64> {
    if value < 0 { Err(Error::last_os_error()) } else { Ok(value) }
}

pub(super) fn owned(value: i64) -> Result<OwnedFd> {
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows its number.
    check(value).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub fn unshare(flags: i32) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

pub fn set_namespace(namespace: &File, kind: i32) -> Result<()> {
    // SAFETY: no pointers; the descriptor is open.
    check(unsafe { libc::setns(namespace.as_raw_fd(), kind) }.into()).map(drop)
}

/// clone3(2) as a fork into new namespaces: `Ok(0)` in the child, whose end raises SIGCHLD. Only to be called while the
/// process has one thread. The child does not inherit a priority above the usual.
pub fn fork_into(flags: i32) -> Result<i32> {
    // SAFETY: all-zero clone_args are valid: no new stack, so the child continues on its copy of this one.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags as u32 as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: `args` is a valid structure of the size told; with one thread the child may use everything the parent could.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone3, &args, size_of::<libc::clone_args>()) })?;
    // SAFETY: no pointers.
    if pid == 0 && unsafe { libc::getpriority(libc::PRIO_PROCESS as _, 0) } < 0 {
        set_priority(0);
    }
    Ok(pid as i32)
}

/// Bytes of memory that the machine has; 0: it does not say.
pub fn machine_memory() -> u64 {
    // SAFETY: an all-zero structure of numbers is valid and writable.
    unsafe {
        let mut found: libc::sysinfo = std::mem::zeroed();
        if libc::sysinfo(&mut found) < 0 { 0 } else { found.totalram as u64 * u64::from(found.mem_unit) }
    }
}

/// How many descriptors this process may have open; 0: the system does not say.
pub fn open_files_limit() -> u64 {
    // SAFETY: an all-zero structure of numbers is valid and writable.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) < 0 { 0 } else { limit.rlim_cur }
    }
}

/// Of this process among those that do not belong to a sandbox: -20 first, 19 last. Without the right to, it stays as it is.
pub fn set_priority(nice: i32) {
    // SAFETY: no pointers. Failing to is no harm.
    unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, nice) };
}

pub fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: u64, data: &CStr) -> Result<()> {
    // SAFETY: all strings end in NUL and outlive the call.
    check(
        unsafe {
            libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags as libc::c_ulong, data.as_ptr().cast())
        }
        .into(),
    )
    .map(drop)
}

pub fn unmount(target: &CStr) -> Result<()> {
    // SAFETY: the string ends in NUL and outlives the call.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// Makes the current directory, a mount point, the root, and lets go of the old root with everything below it.
pub fn enter_root() -> Result<()> {
    let here = c".".as_ptr();
    // SAFETY: the strings are static. "." twice puts the old root on top of the new one (pivot_root(2), notes).
    unsafe {
        check(libc::syscall(libc::SYS_pivot_root, here, here))?;
        check(libc::umount2(here, libc::MNT_DETACH).into())?;
        check(libc::chdir(c"/".as_ptr()).into()).map(drop)
    }
}

/// A copy of the mount that `path` leads to, attached nowhere yet; with everything mounted below it if `recursive`.
pub fn clone_tree(path: &CStr, recursive: bool) -> Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE | libc::O_CLOEXEC as u32 | if recursive { libc::AT_RECURSIVE as u32 } else { 0 };
    // SAFETY: the string ends in NUL and outlives the call.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })
}

pub fn attach_tree(tree: &OwnedFd, target: &CStr) -> Result<()> {
    // SAFETY: the strings end in NUL and outlive the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    })
    .map(drop)
}

/// What a mount is to refuse from now on; flags it has already stay.
#[derive(Clone, Copy)]
pub struct MountLimits {
    pub read_only: bool,
    pub no_devices: bool,
}

fn limit(fd: RawFd, path: &CStr, at: i32, limits: MountLimits) -> Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_NOSUID
            | if limits.read_only { libc::MOUNT_ATTR_RDONLY } else { 0 }
            | if limits.no_devices { libc::MOUNT_ATTR_NODEV } else { 0 },
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: a valid structure of the size told, and a string that ends in NUL.
    check(unsafe {
        libc::syscall(libc::SYS_mount_setattr, fd, path.as_ptr(), at, &attributes, size_of::<libc::mount_attr>())
    })
    .map(drop)
}

/// Limits a mount and all mounts below it (mount_setattr(2), Linux 5.12).
pub fn limit_mounts(path: &CStr, limits: MountLimits) -> Result<()> {
    limit(libc::AT_FDCWD, path, libc::AT_RECURSIVE, limits)
}

/// The same for a tree that is attached nowhere.
pub fn limit_tree(tree: &OwnedFd, limits: MountLimits) -> Result<()> {
    limit(tree.as_raw_fd(), c"", libc::AT_EMPTY_PATH | libc::AT_RECURSIVE, limits)
}

/// A character device node open to everybody.
pub fn make_device(path: &CStr, major: u32, minor: u32) -> Result<()> {
    // SAFETY: the string ends in NUL and outlives the calls.
    unsafe {
        check(libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o666, libc::makedev(major, minor)).into())?;
        check(libc::chmod(path.as_ptr(), 0o666).into()).map(drop)
    }
}

pub fn change_directory(directory: &OwnedFd) -> Result<()> {
    // SAFETY: no pointers; the descriptor is open.
    check(unsafe { libc::fchdir(directory.as_raw_fd()) }.into()).map(drop)
}

pub fn set_host_name(name: &CStr) -> Result<()> {
    // SAFETY: pointer and length belong to one string.
    check(unsafe { libc::sethostname(name.as_ptr(), name.count_bytes()) }.into()).map(drop)
}

/// A pair of connected sockets that keep message borders. Both are closed by an exec.
pub fn message_pair() -> Result<(OwnedFd, OwnedFd)> {
    let mut pair = [0; 2];
    // SAFETY: room for two descriptors, which nobody else knows yet.
    unsafe {
        check(libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, pair.as_mut_ptr()).into())?;
        Ok((OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(pair[1])))
    }
}

/// One message or a piece of a stream; 0 bytes: the other side is gone.
pub fn receive(socket: BorrowedFd, buffer: &mut [u8], wait: bool) -> Result<usize> {
    let flags = if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: pointer and length belong to one buffer.
    check(unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), flags) } as i64)
        .map(|n| n as usize)
}

/// Sends without ever raising SIGPIPE.
pub fn send(socket: BorrowedFd, bytes: &[u8]) -> Result<usize> {
    // SAFETY: pointer and length belong to one buffer.
    check(unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) } as i64)
        .map(|n| n as usize)
}

/// Waits until one of the descriptors can be read or is closed by its peer. A negative time waits for ever.
pub fn wait_readable(descriptors: &[RawFd], ready: &mut Vec<bool>, milliseconds: i32) -> Result<()> {
    let mut polls: Vec<libc::pollfd> =
        descriptors.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    // SAFETY: pointer and count belong to one vector.
    let result = check(unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, milliseconds) }.into());
    ready.clear();
    ready.extend(polls.iter().map(|poll| poll.revents != 0));
    match result {
        Err(error) if error.raw_os_error() == Some(libc::EINTR) => {
            ready.fill(false);
            Ok(())
        }
        other => other.map(drop),
    }
}

/// Blocks SIGCHLD, SIGTERM, SIGINT and SIGHUP, and gives a descriptor that becomes readable when one is pending.
pub fn signal_descriptor() -> Result<OwnedFd> {
    // SAFETY: `set` is initialised by sigemptyset before any use.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::sigaddset(&mut set, signal);
        }
        check(libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()).into())?;
        owned(libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK).into())
    }
}

/// Numbers of the signals pending on a `signal_descriptor`.
pub fn pending_signals(descriptor: &OwnedFd) -> Vec<i32> {
    let mut seen = Vec::new();
    loop {
        // SAFETY: an all-zero signalfd_siginfo is valid and is as large as told.
        unsafe {
            let mut info: libc::signalfd_siginfo = std::mem::zeroed();
            let size = size_of::<libc::signalfd_siginfo>();
            if libc::read(descriptor.as_raw_fd(), (&raw mut info).cast(), size) != size as isize {
                return seen;
            }
            seen.push(info.ssi_signo as i32);
        }
    }
}

/// Nothing blocked, as a program expects it.
pub fn unblock_signals() {
    // SAFETY: `set` is initialised by sigemptyset before any use.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Code(i32),
    Signal(i32),
}

/// A child that has ended, if any: its number and how.
pub fn reap() -> Option<(i32, Ending)> {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
    (pid > 0).then(|| {
        (
            pid,
            if libc::WIFSIGNALED(status) {
                Ending::Signal(libc::WTERMSIG(status))
            } else {
                Ending::Code(libc::WEXITSTATUS(status))
            },
        )
    })
}

/// SIGKILL by number; only for children of ours that have not been reaped, and for members of our own cgroups.
pub fn kill_process(pid: i32) {
    // SAFETY: no pointers.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Gives the descriptors the numbers from 3 up, in this order, and closes all others above them.
pub fn keep_descriptors(keep: &[RawFd]) -> Result<()> {
    const FIRST: RawFd = 3;
    let mut moved = Vec::with_capacity(keep.len());
    for &descriptor in keep {
        // out of the way first: a wanted number may be taken by another wanted descriptor
        // SAFETY: no pointers.
        moved.push(check(unsafe { libc::fcntl(descriptor, libc::F_DUPFD, FIRST + keep.len() as RawFd) }.into())?);
    }
    for (number, descriptor) in (FIRST..).zip(moved) {
        // SAFETY: no pointers; every number is this process's own.
        check(unsafe { libc::dup3(descriptor as RawFd, number, libc::O_CLOEXEC) }.into())?;
    }
    close_from(FIRST + keep.len() as RawFd);
    Ok(())
}

/// Gives a descriptor this number, from which it is to be adopted later; whatever had it is closed.
pub fn renumber(descriptor: OwnedFd, number: RawFd) -> Result<()> {
    let from = descriptor.into_raw_fd();
    // SAFETY: no pointers; both numbers are this process's own.
    unsafe {
        if from != number {
            check(libc::dup3(from, number, libc::O_CLOEXEC).into())?;
            libc::close(from);
        }
    }
    Ok(())
}

/// Closes every descriptor from `first` up. The caller must not use any of them again.
pub fn close_from(first: RawFd) {
    // SAFETY: no pointers; only called right before the process becomes something else.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// Ends the process without running anything registered for its exit.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(code) }
}

/// Reads or writes of this directory entry are relative to it; O_PATH.
pub fn open_directory(path: &CStr) -> Result<OwnedFd> {
    // SAFETY: the string ends in NUL and outlives the call.
    owned(unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) }.into())
}

/// Has the write end of the pipe (or the peer of the socket) been closed?
pub fn hung_up(descriptor: RawFd) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events: 0, revents: 0 };
    // SAFETY: one valid pollfd.
    unsafe { libc::poll(&mut poll, 1, 0) > 0 && poll.revents & (libc::POLLHUP | libc::POLLERR) != 0 }
}

/// A descriptor known by its number alone. A wrong number makes calls fail, nothing worse.
pub fn borrow_descriptor(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the number is not -1, and all that is done with it are calls that check it.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Standard input, output and error become /dev/null.
pub fn silence_streams() -> Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    for number in 0..3 {
        // SAFETY: no pointers; the standard streams have no owner in this program.
        check(unsafe { libc::dup2(null.as_raw_fd(), number) }.into())?;
    }
    Ok(())
}

/// Takes ownership of a descriptor that the parent has put at a number known to both. Only to be called once, first.
pub fn adopt_descriptor(number: RawFd) -> OwnedFd {
    // SAFETY: by contract nobody else in this process owns it; a wrong number makes calls fail, nothing worse.
    unsafe {
        libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        OwnedFd::from_raw_fd(number)
    }
}
