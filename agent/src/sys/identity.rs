//! Linux-only wrappers for who a process is and what it may do: users, capabilities, limits, the seccomp filter.
use super::linux::{BpfInstruction, check};
use std::io::Result;

pub fn user_id() -> u32 {
    // SAFETY: no pointers.
    unsafe { libc::geteuid() }
}

pub fn group_id() -> u32 {
    // SAFETY: no pointers.
    unsafe { libc::getegid() }
}

/// Becomes this user and group with no supplementary groups, but keeps CAP_SYS_ADMIN: some systems let only its holders
/// make a user namespace, which is the caller's next step and takes it away.
pub fn become_user(user: u32, group: u32) -> Result<()> {
    // SAFETY: no pointers but those of `set_capabilities`.
    unsafe {
        check(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0).into())?;
        check(libc::setgroups(0, std::ptr::null()).into())?;
        check(libc::setresgid(group, group, group).into())?;
        check(libc::setresuid(user, user, user).into())?;
    }
    set_capabilities(1 << CAP_SYS_ADMIN)
}

const CAP_SYS_ADMIN: u64 = 21;
pub const CAP_CHECKPOINT_RESTORE: u64 = 40;

/// Effective and permitted become `mask`, inheritable becomes empty (capset(2), version 3).
pub fn set_capabilities(mask: u64) -> Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    #[repr(C)]
    struct Data {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    let header = Header { version: 0x2008_0522, pid: 0 };
    let part = |bits: u32| Data { effective: bits, permitted: bits, inheritable: 0 };
    let data = [part(mask as u32), part((mask >> 32) as u32)];
    // SAFETY: header and data have the layout of capset(2) for the version told.
    check(unsafe { libc::syscall(libc::SYS_capset, &header, data.as_ptr()) }).map(drop)
}

/// Nothing executed from now on can gain a capability.
pub fn drop_bounding_set() {
    for capability in 0..64 {
        // SAFETY: no pointers. EINVAL means that the kernel knows no higher one.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } < 0 {
            break;
        }
    }
}

/// Whether others of the same user may look into this process (and own its files in /proc).
pub fn set_dumpable(on: bool) {
    // SAFETY: no pointers.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, libc::c_ulong::from(on), 0, 0, 0) };
}

/// This process gets SIGKILL when its parent is gone. To be called after the last change of credentials, which resets it.
pub fn die_with_parent() -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }.into()).map(drop)
}

pub fn no_new_privileges() -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into()).map(drop)
}

pub fn install_filter(program: &[BpfInstruction]) -> Result<()> {
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: length and pointer belong to one slice, which the kernel copies and does not write.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &program) }).map(drop)
}

/// Soft and hard limit. `resource` is one of the RLIMIT_ numbers.
pub fn set_limit(resource: Limit, value: u64) -> Result<()> {
    let number = match resource {
        Limit::OpenFiles => libc::RLIMIT_NOFILE,
        Limit::Processes => libc::RLIMIT_NPROC,
        Limit::CoreBytes => libc::RLIMIT_CORE,
    };
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: a valid structure.
    check(unsafe { libc::setrlimit(number, &limit) }.into()).map(drop)
}

#[derive(Clone, Copy)]
pub enum Limit {
    OpenFiles,
    Processes,
    CoreBytes,
}
