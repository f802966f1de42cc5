//! The seccomp filter of every sandbox: an allow-list at least as strict as Docker's default profile, for a process
//! without capabilities. What is unknown or dangerous and has a fallback in libc answers ENOSYS, what programs may try
//! and be refused answers EPERM.
//!
//! Built once when the launcher starts. It is a binary search over ranges of call numbers, not the usual chain of
//! comparisons: installing a filter makes the kernel run it once for every call number (its action cache,
//! seccomp_cache_prepare), and that is on the path of every start.
use crate::sys::BpfInstruction;
use libc::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    Allow,
    Refuse(i32),
    /// allowed unless the low word of argument 0 has one of these bits
    WithoutFlags(u32),
    /// allowed when the low word of the argument is one of these, else refused with the error
    OneOf(u32, &'static [u32], i32),
    /// refused with EPERM when the low word of the argument is one of these
    NoneOf(u32, &'static [u32]),
}

const NAMESPACE_FLAGS: u32 =
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET) as u32;

// Calls that the libc crate does not name yet: the numbers above 423 are the same on every architecture.
const SYS_CACHESTAT: c_long = 451;
const SYS_FUTEX_WAKE: c_long = 454;
const SYS_FUTEX_WAIT: c_long = 455;
const SYS_FUTEX_REQUEUE: c_long = 456;
const SYS_IO_PGETEVENTS: c_long = if cfg!(target_arch = "x86_64") { 333 } else { 292 };

/// Unix, IPv4, IPv6 and netlink (getifaddrs); no packet, vsock, crypto or other kernel corners.
const SOCKET_FAMILIES: &[u32] = &[AF_UNIX as u32, AF_INET as u32, AF_INET6 as u32, AF_NETLINK as u32];
/// Docker's values of personality(2): Linux, Linux without ASLR bits that matter, and "only asking".
const PERSONALITIES: &[u32] = &[0, 0x8, 0x20000, 0x20008, 0xffff_ffff];
/// Pushing characters into a terminal's input.
const TERMINAL_INJECTION: &[u32] = &[0x5412, 0x541c];

const CHECKED: &[(c_long, Action)] = &[
    (SYS_clone, Action::WithoutFlags(NAMESPACE_FLAGS)),
    (SYS_socket, Action::OneOf(0, SOCKET_FAMILIES, EAFNOSUPPORT)),
    (SYS_personality, Action::OneOf(0, PERSONALITIES, EPERM)),
    (SYS_ioctl, Action::NoneOf(1, TERMINAL_INJECTION)),
];

const FORBIDDEN: &[c_long] = &[
    SYS_acct,
    SYS_add_key,
    SYS_bpf,
    SYS_chroot,
    SYS_clock_settime,
    SYS_delete_module,
    SYS_finit_module,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_fspick,
    SYS_init_module,
    SYS_kcmp,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_perf_event_open,
    SYS_pidfd_getfd,
    SYS_pivot_root,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_ptrace,
    SYS_quotactl,
    SYS_reboot,
    SYS_request_key,
    SYS_setdomainname,
    SYS_sethostname,
    SYS_setns,
    SYS_settimeofday,
    SYS_swapoff,
    SYS_swapon,
    SYS_syslog,
    SYS_umount2,
    SYS_unshare,
    SYS_userfaultfd,
    SYS_vhangup,
];

const ALLOWED: &[c_long] = &[
    SYS_accept,
    SYS_accept4,
    SYS_bind,
    SYS_brk,
    SYS_CACHESTAT,
    SYS_capget,
    SYS_capset,
    SYS_chdir,
    SYS_clock_getres,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_close,
    SYS_close_range,
    SYS_connect,
    SYS_copy_file_range,
    SYS_dup,
    SYS_dup3,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_eventfd2,
    SYS_execve,
    SYS_execveat,
    SYS_exit,
    SYS_exit_group,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_fadvise64,
    SYS_fallocate,
    SYS_fchdir,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchmodat2,
    SYS_fchown,
    SYS_fchownat,
    SYS_fcntl,
    SYS_fdatasync,
    SYS_fgetxattr,
    SYS_flistxattr,
    SYS_flock,
    SYS_fremovexattr,
    SYS_fsetxattr,
    SYS_fstat,
    SYS_fstatfs,
    SYS_fsync,
    SYS_ftruncate,
    SYS_futex,
    SYS_FUTEX_REQUEUE,
    SYS_FUTEX_WAIT,
    SYS_futex_waitv,
    SYS_FUTEX_WAKE,
    SYS_get_robust_list,
    SYS_getcpu,
    SYS_getcwd,
    SYS_getdents64,
    SYS_getegid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getgroups,
    SYS_getitimer,
    SYS_getpeername,
    SYS_getpgid,
    SYS_getpid,
    SYS_getppid,
    SYS_getpriority,
    SYS_getrandom,
    SYS_getresgid,
    SYS_getresuid,
    SYS_getrlimit,
    SYS_getrusage,
    SYS_getsid,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_gettid,
    SYS_gettimeofday,
    SYS_getuid,
    SYS_getxattr,
    SYS_inotify_add_watch,
    SYS_inotify_init1,
    SYS_inotify_rm_watch,
    SYS_io_cancel,
    SYS_io_destroy,
    SYS_io_getevents,
    SYS_IO_PGETEVENTS,
    SYS_io_setup,
    SYS_io_submit,
    SYS_ioprio_get,
    SYS_ioprio_set,
    SYS_kill,
    SYS_landlock_add_rule,
    SYS_landlock_create_ruleset,
    SYS_landlock_restrict_self,
    SYS_lgetxattr,
    SYS_linkat,
    SYS_listen,
    SYS_listxattr,
    SYS_llistxattr,
    SYS_lremovexattr,
    SYS_lseek,
    SYS_lsetxattr,
    SYS_madvise,
    SYS_membarrier,
    SYS_memfd_create,
    SYS_mincore,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_mlock,
    SYS_mlock2,
    SYS_mlockall,
    SYS_mmap,
    SYS_mprotect,
    SYS_mq_getsetattr,
    SYS_mq_notify,
    SYS_mq_open,
    SYS_mq_timedreceive,
    SYS_mq_timedsend,
    SYS_mq_unlink,
    SYS_mremap,
    SYS_mseal,
    SYS_msgctl,
    SYS_msgget,
    SYS_msgrcv,
    SYS_msgsnd,
    SYS_msync,
    SYS_munlock,
    SYS_munlockall,
    SYS_munmap,
    SYS_name_to_handle_at,
    SYS_nanosleep,
    SYS_newfstatat,
    SYS_openat,
    SYS_openat2,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_pipe2,
    SYS_pkey_alloc,
    SYS_pkey_free,
    SYS_pkey_mprotect,
    SYS_ppoll,
    SYS_prctl,
    SYS_pread64,
    SYS_preadv,
    SYS_preadv2,
    SYS_prlimit64,
    SYS_pselect6,
    SYS_pwrite64,
    SYS_pwritev,
    SYS_pwritev2,
    SYS_read,
    SYS_readahead,
    SYS_readlinkat,
    SYS_readv,
    SYS_recvfrom,
    SYS_recvmmsg,
    SYS_recvmsg,
    SYS_remap_file_pages,
    SYS_removexattr,
    SYS_renameat2,
    SYS_restart_syscall,
    SYS_rseq,
    SYS_rt_sigaction,
    SYS_rt_sigpending,
    SYS_rt_sigprocmask,
    SYS_rt_sigqueueinfo,
    SYS_rt_sigreturn,
    SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait,
    SYS_rt_tgsigqueueinfo,
    SYS_sched_get_priority_max,
    SYS_sched_get_priority_min,
    SYS_sched_getaffinity,
    SYS_sched_getattr,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sched_rr_get_interval,
    SYS_sched_setaffinity,
    SYS_sched_setattr,
    SYS_sched_setparam,
    SYS_sched_setscheduler,
    SYS_sched_yield,
    SYS_seccomp,
    SYS_semctl,
    SYS_semget,
    SYS_semop,
    SYS_semtimedop,
    SYS_sendfile,
    SYS_sendmmsg,
    SYS_sendmsg,
    SYS_sendto,
    SYS_set_robust_list,
    SYS_set_tid_address,
    SYS_setfsgid,
    SYS_setfsuid,
    SYS_setgid,
    SYS_setgroups,
    SYS_setitimer,
    SYS_setpgid,
    SYS_setpriority,
    SYS_setregid,
    SYS_setresgid,
    SYS_setresuid,
    SYS_setreuid,
    SYS_setrlimit,
    SYS_setsid,
    SYS_setsockopt,
    SYS_setuid,
    SYS_setxattr,
    SYS_shmat,
    SYS_shmctl,
    SYS_shmdt,
    SYS_shmget,
    SYS_shutdown,
    SYS_sigaltstack,
    SYS_signalfd4,
    SYS_socketpair,
    SYS_splice,
    SYS_statfs,
    SYS_statx,
    SYS_symlinkat,
    SYS_sync,
    SYS_sync_file_range,
    SYS_syncfs,
    SYS_sysinfo,
    SYS_tee,
    SYS_tgkill,
    SYS_timer_create,
    SYS_timer_delete,
    SYS_timer_getoverrun,
    SYS_timer_gettime,
    SYS_timer_settime,
    SYS_timerfd_create,
    SYS_timerfd_gettime,
    SYS_timerfd_settime,
    SYS_times,
    SYS_tkill,
    SYS_truncate,
    SYS_umask,
    SYS_uname,
    SYS_unlinkat,
    SYS_utimensat,
    SYS_vmsplice,
    SYS_wait4,
    SYS_waitid,
    SYS_write,
    SYS_writev,
];

/// Calls that newer architectures have dropped.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = &[
    SYS_access,
    SYS_alarm,
    SYS_arch_prctl,
    SYS_chmod,
    SYS_chown,
    SYS_creat,
    SYS_dup2,
    SYS_epoll_create,
    SYS_epoll_wait,
    SYS_eventfd,
    SYS_fork,
    SYS_futimesat,
    SYS_getdents,
    SYS_getpgrp,
    SYS_inotify_init,
    SYS_lchown,
    SYS_link,
    SYS_lstat,
    SYS_mkdir,
    SYS_mknod,
    SYS_open,
    SYS_pause,
    SYS_pipe,
    SYS_poll,
    SYS_readlink,
    SYS_rename,
    SYS_renameat,
    SYS_rmdir,
    SYS_select,
    SYS_signalfd,
    SYS_stat,
    SYS_symlink,
    SYS_time,
    SYS_unlink,
    SYS_utime,
    SYS_utimes,
    SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[c_long] = &[SYS_renameat];

/// AUDIT_ARCH_ values of linux/audit.h: the ELF machine, 64 bit, little endian.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

// Offsets in struct seccomp_data (seccomp(2)).
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const fn argument_at(index: u32) -> u32 {
    16 + 8 * index
}

fn statement(code: u32, k: u32) -> BpfInstruction {
    BpfInstruction { code: code as u16, jt: 0, jf: 0, k }
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> BpfInstruction {
    BpfInstruction { code: (BPF_JMP | code | BPF_K) as u16, jt, jf, k }
}

fn load(at: u32) -> BpfInstruction {
    statement(BPF_LD | BPF_W | BPF_ABS, at)
}

fn answer(value: u32) -> BpfInstruction {
    statement(BPF_RET | BPF_K, value)
}

fn refuse(error: i32) -> BpfInstruction {
    answer(SECCOMP_RET_ERRNO | error as u32)
}

/// The program; fits in one page.
pub fn build() -> Vec<BpfInstruction> {
    let mut program = vec![
        load(ARCHITECTURE_AT),
        jump(BPF_JEQ, ARCHITECTURE, 1, 0),
        answer(SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_AT),
    ];
    program.extend(search(&ranges()));
    program
}

/// First call numbers of stretches with the same action, ascending, from 0 to the end of all numbers. Numbers of the
/// x32 ABI (bit 30 set) belong to the last stretch, which refuses.
fn ranges() -> Vec<(u32, Action)> {
    let mut table: Vec<(u32, Action)> = CHECKED.iter().map(|&(n, action)| (n as u32, action)).collect();
    table.extend(FORBIDDEN.iter().map(|&n| (n as u32, Action::Refuse(EPERM))));
    table.extend(ALLOWED.iter().chain(ALLOWED_HERE).map(|&n| (n as u32, Action::Allow)));
    table.sort_by_key(|entry| entry.0);
    let mut ranges = vec![(0, Action::Refuse(ENOSYS))];
    let mut next = 0;
    let mut add = |from: u32, action: Action| {
        let last = ranges.len() - 1;
        if ranges[last].0 == from {
            ranges[last].1 = action;
        } else if ranges[last].1 != action {
            ranges.push((from, action));
        }
    };
    for (number, action) in table {
        if number > next {
            add(next, Action::Refuse(ENOSYS));
        }
        add(number, action);
        next = number + 1;
    }
    add(next, Action::Refuse(ENOSYS));
    ranges
}

fn search(ranges: &[(u32, Action)]) -> Vec<BpfInstruction> {
    if let [(_, action)] = ranges {
        return perform(*action);
    }
    let middle = ranges.len() / 2;
    let below = search(&ranges[..middle]);
    let mut program = if below.len() < 256 {
        vec![jump(BPF_JGE, ranges[middle].0, below.len() as u8, 0)]
    } else {
        // conditional jumps reach 255 instructions
        vec![jump(BPF_JGE, ranges[middle].0, 0, 1), jump(BPF_JA, below.len() as u32, 0, 0)]
    };
    program.extend(below);
    program.extend(search(&ranges[middle..]));
    program
}

fn perform(action: Action) -> Vec<BpfInstruction> {
    let allow = answer(SECCOMP_RET_ALLOW);
    match action {
        Action::Allow => vec![allow],
        Action::Refuse(error) => vec![refuse(error)],
        Action::WithoutFlags(flags) => vec![load(argument_at(0)), jump(BPF_JSET, flags, 0, 1), refuse(EPERM), allow],
        Action::OneOf(argument, values, error) => choose(argument, values, refuse(error), allow),
        Action::NoneOf(argument, values) => choose(argument, values, allow, refuse(EPERM)),
    }
}

fn choose(argument: u32, values: &[u32], otherwise: BpfInstruction, found: BpfInstruction) -> Vec<BpfInstruction> {
    let mut program = vec![load(argument_at(argument))];
    for (index, value) in values.iter().enumerate() {
        program.push(jump(BPF_JEQ, *value, (values.len() - index) as u8, 0));
    }
    program.extend([otherwise, found]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do: runs the program on a call.
    fn decide(program: &[BpfInstruction], architecture: u32, number: u32, arguments: [u32; 2]) -> u32 {
        let (mut at, mut a) = (0usize, 0u32);
        loop {
            let i = program[at];
            at += 1;
            let code = u32::from(i.code);
            if code == BPF_RET | BPF_K {
                return i.k;
            }
            if code == BPF_LD | BPF_W | BPF_ABS {
                a = match i.k {
                    NUMBER_AT => number,
                    ARCHITECTURE_AT => architecture,
                    16 => arguments[0],
                    24 => arguments[1],
                    other => panic!("offset {other}"),
                };
                continue;
            }
            let holds = match code & !BPF_JMP & !BPF_K {
                BPF_JA => {
                    at += i.k as usize;
                    continue;
                }
                BPF_JEQ => a == i.k,
                BPF_JGE => a >= i.k,
                BPF_JSET => a & i.k != 0,
                other => panic!("jump {other}"),
            };
            at += usize::from(if holds { i.jt } else { i.jf });
        }
    }

    fn call(number: c_long, arguments: [u32; 2]) -> u32 {
        decide(&build(), ARCHITECTURE, number as u32, arguments)
    }

    const ALLOW: u32 = SECCOMP_RET_ALLOW;
    const EPERM_: u32 = SECCOMP_RET_ERRNO | EPERM as u32;
    const ENOSYS_: u32 = SECCOMP_RET_ERRNO | ENOSYS as u32;

    #[test]
    fn every_call_gets_the_action_of_its_list() {
        let program = build();
        for number in 0..1024u32 {
            let n = c_long::from(number);
            if CHECKED.iter().any(|&(c, _)| c == n) {
                continue;
            }
            let expected = if ALLOWED.contains(&n) || ALLOWED_HERE.contains(&n) {
                ALLOW
            } else if FORBIDDEN.contains(&n) {
                EPERM_
            } else {
                ENOSYS_
            };
            assert_eq!(decide(&program, ARCHITECTURE, number, [0, 0]), expected, "call {number}");
        }
    }

    #[test]
    fn no_call_is_on_two_lists() {
        let mut all: Vec<c_long> =
            ALLOWED.iter().chain(ALLOWED_HERE).chain(FORBIDDEN).copied().chain(CHECKED.iter().map(|c| c.0)).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_thread_may_be_made_and_a_namespace_may_not() {
        assert_eq!(call(SYS_clone, [0x3d0f00, 0]), ALLOW);
        assert_eq!(call(SYS_clone, [CLONE_NEWUSER as u32 | SIGCHLD as u32, 0]), EPERM_);
        assert_eq!(call(SYS_clone, [CLONE_NEWNS as u32, 0]), EPERM_);
        assert_eq!(call(SYS_clone3, [0, 0]), ENOSYS_);
        assert_eq!(call(SYS_io_uring_setup, [0, 0]), ENOSYS_);
    }

    #[test]
    fn arguments_decide_about_sockets_personalities_and_terminals() {
        assert_eq!(call(SYS_socket, [AF_INET6 as u32, 0]), ALLOW);
        assert_eq!(call(SYS_socket, [AF_VSOCK as u32, 0]), SECCOMP_RET_ERRNO | EAFNOSUPPORT as u32);
        assert_eq!(call(SYS_personality, [0x20008, 0]), ALLOW);
        assert_eq!(call(SYS_personality, [0x40000, 0]), EPERM_);
        assert_eq!(call(SYS_ioctl, [0, 0x5401]), ALLOW);
        assert_eq!(call(SYS_ioctl, [0, 0x5412]), EPERM_);
    }

    #[test]
    fn another_architecture_is_killed_and_x32_is_unknown() {
        assert_eq!(decide(&build(), 0x4000_0003, 1, [0, 0]), SECCOMP_RET_KILL_PROCESS);
        assert_eq!(call(0x4000_0000 | SYS_read, [0, 0]), ENOSYS_);
    }
}
