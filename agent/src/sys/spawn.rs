//! Starting the runtime (Linux and macOS), used by the agent.
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::RawFd;

/// What to start. Every string is ready: nothing is allocated between clone and exec.
pub struct Command<'a> {
    pub argv: &'a [CString],
    pub env: &'a [CString],
    pub cwd: &'a CStr,
    pub stdout: RawFd,
    pub stderr: RawFd,
    /// becomes descriptor 3
    pub link: Option<RawFd>,
    /// SIGKILL when the agent dies (Linux)
    pub dies_with_agent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SpawnStep {
    Process,
    Directory,
    Exec,
}

struct ChildPlan {
    argv: *const *const c_char,
    env: *const *const c_char,
    cwd: *const c_char,
    stdout: c_int,
    stderr: c_int,
    link: c_int,
    parent: c_int,
    dies_with_agent: bool,
    step: SpawnStep,
    errno: c_int,
}

/// Runs between clone and exec, in the parent's memory while the parent waits: system calls only.
extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: `plan` is the ChildPlan of `spawn`, which waits until exec or exit; its pointers stay valid until then.
    unsafe {
        let plan = &mut *plan.cast::<ChildPlan>();
        libc::setsid();
        #[cfg(target_os = "linux")]
        if plan.dies_with_agent {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != plan.parent {
                libc::_exit(127);
            }
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        for signal in 1..32 {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY);
        libc::dup2(null, 0);
        libc::dup2(plan.stdout, 1);
        libc::dup2(plan.stderr, 2);
        if plan.link == 3 {
            libc::fcntl(3, libc::F_SETFD, 0);
        } else if plan.link >= 0 {
            libc::dup2(plan.link, 3);
        }
        close_from(if plan.link >= 0 { 4 } else { 3 });
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        plan.step = SpawnStep::Directory;
        if libc::chdir(plan.cwd) == 0 {
            plan.step = SpawnStep::Exec;
            libc::execve(*plan.argv, plan.argv, plan.env);
        }
        plan.errno = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
        libc::_exit(127)
    }
}

unsafe fn close_from(first: c_int) {
    #[cfg(target_os = "linux")]
    // SAFETY: a plain system call on the child's own table of descriptors. Kernels before 5.9 do not have it; there only
    // what is not marked close-on-exec would stay, and the agent marks all of its own.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0);
    }
    #[cfg(not(target_os = "linux"))]
    for fd in first..256 {
        // SAFETY: as above.
        unsafe { libc::close(fd) };
    }
}

/// Starts a process and returns when its exec has succeeded. The error names the step and the errno.
pub fn spawn(command: &Command<'_>) -> Result<i32, (SpawnStep, io::Error)> {
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(command.argv), pointers(command.env));
    let mut plan = ChildPlan {
        argv: argv.as_ptr(),
        env: env.as_ptr(),
        cwd: command.cwd.as_ptr(),
        stdout: command.stdout,
        stderr: command.stderr,
        link: command.link.unwrap_or(-1),
        parent: std::process::id() as c_int,
        dies_with_agent: command.dies_with_agent,
        step: SpawnStep::Process,
        errno: 0,
    };
    let plan_pointer = &raw mut plan;
    // SAFETY: all signals are blocked meanwhile, so that no handler of ours runs in the child. `plan` and what it points to
    // live until the child has called exec or exited; it is read back through the pointer that the child wrote through.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, &mut before);
        let pid = start_child(plan_pointer);
        let failed_to_start = io::Error::last_os_error();
        libc::sigprocmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        let plan = std::ptr::read_volatile(plan_pointer);
        if pid < 0 {
            return Err((SpawnStep::Process, failed_to_start));
        }
        if plan.errno != 0 {
            libc::waitpid(pid, std::ptr::null_mut(), 0);
            return Err((plan.step, io::Error::from_raw_os_error(plan.errno)));
        }
        Ok(pid)
    }
}

/// As posix_spawn(3) does it: the child borrows the parent's memory until exec, so nothing is copied.
#[cfg(target_os = "linux")]
unsafe fn start_child(plan: *mut ChildPlan) -> c_int {
    const STACK: usize = 32 * 1024;
    let mut stack: Vec<u128> = Vec::with_capacity(STACK / 16);
    // SAFETY: the stack grows down from the end of a block that lives until clone returns, which CLONE_VFORK puts off until
    // the child has let go of it. 16-byte alignment comes from u128.
    unsafe {
        let top = stack.as_mut_ptr().add(STACK / 16);
        libc::clone(child, top.cast(), libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD, plan.cast())
    }
}

/// Here a failed exec shows as exit code 127.
#[cfg(not(target_os = "linux"))]
unsafe fn start_child(plan: *mut ChildPlan) -> c_int {
    // SAFETY: the child only makes system calls before exec.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            child(plan.cast());
        }
        pid
    }
}
