//! Wrappers for stopping another process and reading its threads (ptrace(2)). A wrong thread number makes every one of
//! these calls fail with ESRCH, nothing worse.
use super::linux::check;
use std::io::{Error, Result};

pub use libc::user_regs_struct as Registers;

// linux/ptrace.h, as far as libc does not have it for every C library
const PTRACE_SYSCALL: i64 = 24;
const PTRACE_DETACH: i64 = 17;
const PTRACE_GETREGSET: i64 = 0x4204;
const PTRACE_SETREGSET: i64 = 0x4205;
const PTRACE_SEIZE: i64 = 0x4206;
const PTRACE_INTERRUPT: i64 = 0x4207;
const PTRACE_GETSIGMASK: i64 = 0x420a;
const PTRACE_SETSIGMASK: i64 = 0x420b;
const PTRACE_GET_RSEQ_CONFIGURATION: i64 = 0x420f;
const PTRACE_O_TRACESYSGOOD: usize = 1;
const PTRACE_EVENT_STOP: i32 = 128;
// elf.h
const NT_PRSTATUS: usize = 1;
const NT_X86_XSTATE: usize = 0x202;
/// Room for the largest state of XSAVE there is (AMX has 8 KiB of it).
const VECTOR_STATE_MAX: usize = 16 << 10;

fn trace(request: i64, thread: i32, address: usize, data: usize) -> Result<i64> {
    // SAFETY: of the requests made here, those that make the kernel write get the address of a buffer of the size told.
    check(unsafe { libc::syscall(libc::SYS_ptrace, request, i64::from(thread), address, data) })
}

/// Becomes the tracer of a thread, which goes on running.
pub fn seize(thread: i32) -> Result<()> {
    trace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD).map(drop)
}

pub fn interrupt(thread: i32) -> Result<()> {
    trace(PTRACE_INTERRUPT, thread, 0, 0).map(drop)
}

/// Lets a stopped thread go for good, with a signal if it was stopped on its way to one (0: none).
pub fn release(thread: i32, signal: i32) -> Result<()> {
    trace(PTRACE_DETACH, thread, 0, signal as usize).map(drop)
}

/// Lets a stopped thread run until it enters or leaves a system call.
pub fn run_to_call(thread: i32) -> Result<()> {
    trace(PTRACE_SYSCALL, thread, 0, 0).map(drop)
}

/// Why a traced thread does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// it was interrupted
    Interrupted,
    /// it enters or leaves a system call
    Call,
    /// it is about to get this signal
    Signal(i32),
    /// all of its process is stopped, as by SIGSTOP
    Group,
    /// it has ended
    Gone,
}

/// Does not wait: `None` while the thread runs.
pub fn stop_of(thread: i32) -> Option<Stop> {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let found = unsafe { libc::waitpid(thread, &raw mut status, libc::WNOHANG | libc::__WALL) };
    if found == 0 || found < 0 && Error::last_os_error().raw_os_error() == Some(libc::EINTR) {
        return None;
    }
    if found < 0 || !libc::WIFSTOPPED(status) {
        return Some(Stop::Gone);
    }
    Some(match (libc::WSTOPSIG(status), status >> 16) {
        (libc::SIGTRAP, PTRACE_EVENT_STOP) => Stop::Interrupted,
        (_, PTRACE_EVENT_STOP) => Stop::Group,
        (signal, _) if signal == libc::SIGTRAP | 0x80 => Stop::Call,
        (signal, _) => Stop::Signal(signal),
    })
}

fn register_set(request: i64, thread: i32, set: usize, start: *mut libc::c_void, bytes: usize) -> Result<usize> {
    let mut part = libc::iovec { iov_base: start, iov_len: bytes };
    trace(request, thread, set, &raw mut part as usize)?;
    Ok(part.iov_len)
}

pub fn registers(thread: i32) -> Result<Registers> {
    // SAFETY: a structure of numbers; all zeros are valid.
    let mut found: Registers = unsafe { std::mem::zeroed() };
    register_set(PTRACE_GETREGSET, thread, NT_PRSTATUS, (&raw mut found).cast(), size_of::<Registers>())?;
    Ok(found)
}

pub fn set_registers(thread: i32, registers: &Registers) -> Result<()> {
    let mut copy = *registers;
    register_set(PTRACE_SETREGSET, thread, NT_PRSTATUS, (&raw mut copy).cast(), size_of::<Registers>()).map(drop)
}

/// The vector and floating point registers as XSAVE lays them out (standard format). Bytes 464 to 471 say which parts the
/// kernel has for user programs.
pub fn vector_state(thread: i32) -> Result<Vec<u8>> {
    let mut state = vec![0; VECTOR_STATE_MAX];
    let bytes = register_set(PTRACE_GETREGSET, thread, NT_X86_XSTATE, state.as_mut_ptr().cast(), VECTOR_STATE_MAX)?;
    state.truncate(bytes);
    Ok(state)
}

/// Signals that the thread blocks, those aside that it blocks only until a system call returns.
pub fn blocked_signals(thread: i32) -> Result<u64> {
    let mut mask = 0u64;
    trace(PTRACE_GETSIGMASK, thread, size_of::<u64>(), &raw mut mask as usize)?;
    Ok(mask)
}

pub fn block_signals(thread: i32, mask: u64) -> Result<()> {
    trace(PTRACE_SETSIGMASK, thread, size_of::<u64>(), &raw const mask as usize).map(drop)
}

/// struct ptrace_rseq_configuration
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct RestartableSequences {
    pub address: u64,
    pub bytes: u32,
    pub signature: u32,
    _flags: u32,
    _zero: u32,
}

/// What the thread has registered with rseq(2): an address of 0 if nothing.
pub fn restartable_sequences(thread: i32) -> Result<RestartableSequences> {
    let mut found = RestartableSequences::default();
    let size = size_of::<RestartableSequences>();
    trace(PTRACE_GET_RSEQ_CONFIGURATION, thread, size, &raw mut found as usize)?;
    Ok(found)
}

/// Address and bytes of the thread's list of robust futexes.
pub fn robust_list(thread: i32) -> Result<(u64, u64)> {
    let (mut head, mut bytes) = (0u64, 0u64);
    // SAFETY: the kernel writes one pointer and one size.
    check(unsafe { libc::syscall(libc::SYS_get_robust_list, thread, &raw mut head, &raw mut bytes) })?;
    Ok((head, bytes))
}

/// Bytes from the beginning of XSAVE's standard layout to the end of this part of it; 0 if the processor lacks it.
pub fn vector_part_end(part: u32) -> u64 {
    // SAFETY: every processor with XSAVE has CPUID leaf 13.
    #[allow(unused_unsafe)]
    let found = unsafe { std::arch::x86_64::__cpuid_count(13, part) };
    if found.eax == 0 { 0 } else { u64::from(found.ebx) + u64::from(found.eax) }
}
