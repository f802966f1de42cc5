//! Portable wrappers (Linux and macOS), used by the agent.
use std::ffi::{c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

pub use libc::pollfd as PollFd;
pub const POLLIN: i16 = libc::POLLIN;
pub const POLLOUT: i16 = libc::POLLOUT;

/// Milliseconds of CLOCK_MONOTONIC, fractions kept.
pub fn monotonic_ms() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid, writable timespec for the duration of the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
    t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 / 1e6
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_size(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

pub fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: callers hand over a descriptor that nothing else owns: a fresh one, or the link given to the agent.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Non-blocking and closed by exec.
pub fn prepare_fd(fd: RawFd) {
    // SAFETY: fcntl(2) on any number is safe; a wrong one fails with EBADF.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
        libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
    }
}

fn close_on_exec(fd: RawFd) {
    // SAFETY: as above.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// A pipe for one of the runtime's streams: our end (read, non-blocking) and its end (write, blocking).
pub fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two descriptors.
    check(unsafe { libc::pipe(ends.as_mut_ptr()) })?;
    prepare_fd(ends[0]);
    close_on_exec(ends[1]);
    Ok((own(ends[0]), own(ends[1])))
}

/// Reads and writes wait from now on, whoever holds this open file.
pub fn set_blocking(fd: RawFd) {
    // SAFETY: fcntl(2) on any number is safe; a wrong one fails with EBADF.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        libc::fcntl(fd, libc::F_SETFL, flags & !libc::O_NONBLOCK);
    }
}

/// Connects to a Unix socket without ever blocking; a full backlog is an error (EAGAIN).
pub fn dial_unix(path: &str) -> io::Result<OwnedFd> {
    // SAFETY: plain system calls; `address` is a zeroed, valid sockaddr_un whose path is bounded below.
    unsafe {
        let fd = own(check(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0))?);
        prepare_fd(fd.as_raw_fd());
        let mut address: libc::sockaddr_un = std::mem::zeroed();
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        if path.len() >= address.sun_path.len() {
            return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
        }
        for (to, from) in address.sun_path.iter_mut().zip(path.bytes()) {
            *to = from as c_char;
        }
        let size = std::mem::size_of::<libc::sockaddr_un>() as libc::socklen_t;
        check(libc::connect(fd.as_raw_fd(), (&raw const address).cast(), size))?;
        Ok(fd)
    }
}

/// Begins to connect to a port of this network's loopback, without waiting for it.
pub fn dial_loopback(port: u16) -> io::Result<std::net::TcpStream> {
    // SAFETY: plain system calls; `address` is a zeroed, valid sockaddr_in.
    unsafe {
        let fd = own(check(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0))?);
        prepare_fd(fd.as_raw_fd());
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = port.to_be();
        address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
        let size = std::mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
        match check(libc::connect(fd.as_raw_fd(), (&raw const address).cast(), size)) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(fd.into()),
        }
    }
}

/// Reads up to `max` bytes behind what `into` holds. 0 is the end of the stream.
pub fn read_append(fd: RawFd, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    into.reserve(max);
    let length = into.len();
    // SAFETY: `reserve` made room for `max` bytes behind `length`; read(2) initialises as many as it returns.
    unsafe {
        let got = check_size(libc::read(fd, into.as_mut_ptr().add(length).cast(), max))?;
        into.set_len(length + got);
        Ok(got)
    }
}

pub fn writev(fd: RawFd, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: IoSlice has the layout of iovec (guaranteed by std on Unix) and outlives the call.
    check_size(unsafe { libc::writev(fd, parts.as_ptr().cast(), parts.len() as c_int) })
}

/// No more bytes in this direction; the other may go on.
pub fn shutdown_write(fd: RawFd) {
    // SAFETY: shutdown(2) on any number is safe.
    unsafe { libc::shutdown(fd, libc::SHUT_WR) };
}

/// Acknowledges what has come at once: a client that writes a request in two pieces, and has Nagle's algorithm on, sends the
/// second only when the first is acknowledged, which the kernel would put off by 40 ms (tcp(7), TCP_QUICKACK).
pub fn acknowledge(fd: RawFd) {
    #[cfg(target_os = "linux")]
    // SAFETY: the option takes one int.
    unsafe {
        let on: c_int = 1;
        let size = std::mem::size_of::<c_int>() as libc::socklen_t;
        libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_QUICKACK, (&raw const on).cast(), size);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = fd;
}

/// Bytes that can be read now.
pub fn readable_bytes(fd: RawFd) -> usize {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    count.max(0) as usize
}

/// Waits at most `timeout_ms` (-1: for ever). An interruption counts as nothing ready.
pub fn poll(fds: &mut [PollFd], timeout_ms: i32) -> usize {
    // SAFETY: the slice is valid for its length.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout_ms) };
    if ready < 0 {
        for fd in fds {
            fd.revents = 0;
        }
        return 0;
    }
    ready as usize
}

pub fn poll_fd(fd: RawFd, events: i16) -> PollFd {
    PollFd { fd, events, revents: 0 }
}

pub const SIGKILL: i32 = libc::SIGKILL;
pub const SIGTERM: i32 = libc::SIGTERM;
pub const SIGSTOP: i32 = libc::SIGSTOP;
pub const SIGCONT: i32 = libc::SIGCONT;

/// kill(2); errors (nobody there) do not matter to any caller.
pub fn kill(pid: i32, signal: i32) {
    // SAFETY: a plain system call.
    unsafe { libc::kill(pid, signal) };
}

pub fn signal_name(signal: i32) -> String {
    let known = [
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGUSR1, "SIGUSR1"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGUSR2, "SIGUSR2"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGXCPU, "SIGXCPU"),
        (libc::SIGXFSZ, "SIGXFSZ"),
        (libc::SIGSYS, "SIGSYS"),
    ];
    known.iter().find(|(n, _)| *n == signal).map_or_else(|| format!("SIG{signal}"), |(_, name)| (*name).to_string())
}

pub enum Waited {
    Exited {
        pid: i32,
        code: i32,
    },
    Signaled {
        pid: i32,
        signal: i32,
    },
    /// children live, none has ended
    Running,
    /// no child is left
    Alone,
}

/// Reaps one ended child, whichever it is.
pub fn wait_any() -> Waited {
    let mut status = 0;
    // SAFETY: `status` is writable.
    match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
        0 => Waited::Running,
        pid if pid > 0 && libc::WIFSIGNALED(status) => Waited::Signaled { pid, signal: libc::WTERMSIG(status) },
        pid if pid > 0 => Waited::Exited { pid, code: libc::WEXITSTATUS(status) },
        _ if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => Waited::Running,
        _ => Waited::Alone,
    }
}

/// Write end of the pipe that tells the loop of ended children.
static CHILD_PIPE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_child(_: c_int) {
    let byte = 1u8;
    // SAFETY: write(2) is async-signal-safe; a full pipe means that the loop will look anyway.
    unsafe { libc::write(CHILD_PIPE.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
}

/// Ignores what would end the agent from inside, unblocks everything, and gives the descriptor that becomes readable when
/// a child has ended.
pub fn install_signals() -> io::Result<OwnedFd> {
    let (read, write) = output_pipe()?;
    prepare_fd(write.as_raw_fd());
    CHILD_PIPE.store(std::os::fd::IntoRawFd::into_raw_fd(write), Ordering::Relaxed);
    // SAFETY: zeroed sigaction and sigset_t are valid; the handler does nothing but write(2).
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_IGN;
        for signal in [libc::SIGPIPE, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGTSTP] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
        let handler: extern "C" fn(c_int) = on_child;
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
        libc::sigaction(libc::SIGCHLD, &action, std::ptr::null_mut());
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
    Ok(read)
}

/// Makes sure that 0, 1 and 2 are open, so that no later descriptor lands there.
pub fn fill_standard_fds() {
    // SAFETY: plain system calls.
    unsafe {
        for fd in 0..3 {
            if libc::fcntl(fd, libc::F_GETFD) < 0 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}

/// Reads a variable and takes it out of the environment.
pub fn take_env(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    // SAFETY: the agent has one thread.
    unsafe { std::env::remove_var(name) };
    value
}

/// A session of its own, so that a terminal's signals do not reach the agent.
pub fn leave_session() {
    // SAFETY: a plain system call; a leader already cannot and need not.
    unsafe { libc::setsid() };
}

/// Name for `ps`, no core dump, no ptrace and no /proc/self/fd for others of the same user; large blocks of memory go back
/// to the kernel as soon as they are freed.
pub fn settle_process(isolated: bool) {
    #[cfg(target_os = "linux")]
    // SAFETY: plain prctl(2) calls with constants and a static string.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, c"thaw-agent".as_ptr());
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        if !isolated {
            libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        }
    }
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two ints. A fixed threshold turns off glibc's habit of raising it to the largest block ever freed.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = isolated;
}
