//! What is particular to x86-64: system calls made for a thread, calls that were interrupted, frames of rt_sigreturn(2).
use super::refusal::{Refusal, refuse};
use crate::image::format::FRAME_STATE;
use crate::sys::{self, Registers};

/// Bytes from a frame's beginning to uc_mcontext.fpstate.
const STATE_POINTER: usize = 224;
/// The instruction `syscall`.
pub const SYSCALL: [u8; 2] = [0x0f, 0x05];
const NO_CALL: u64 = u64::MAX;
const USER_CODE_64: u64 = 0x33;

// What system calls give back inside the kernel when a signal, or we, interrupted them (linux/errno.h).
const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;
const ERESTARTNOHAND: i64 = -514;
const ERESTART_RESTARTBLOCK: i64 = -516;

// linux/asm/ucontext.h, linux/asm/sigcontext.h
const UC_FP_XSTATE: u64 = 1;
const UC_SIGCONTEXT_SS: u64 = 2;
const UC_STRICT_RESTORE_SS: u64 = 4;
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;
const FP_XSTATE_MAGIC2: u32 = 0x4650_5845;
/// Where XSAVE's area has room for software's own notes, and where the kernel tells its parts.
const NOTES: usize = 464;
const XSAVE_HEADER: usize = 512;
const XSAVE_HEADER_END: u64 = 576;
/// The part that a process must ask for (tile data of AMX): it is not in a signal frame otherwise.
const PART_ON_DEMAND: u64 = 1 << 18;

/// Registers with which the thread enters the system call.
pub fn calling(from: &Registers, site: u64, number: i64, arguments: [u64; 6]) -> Registers {
    let [rdi, rsi, rdx, r10, r8, r9] = arguments;
    Registers { rip: site, rax: number as u64, orig_rax: NO_CALL, rdi, rsi, rdx, r10, r8, r9, ..*from }
}

pub fn result(registers: &Registers) -> i64 {
    registers.rax as i64
}

/// With these the original goes on, whatever it has been made to do: the kernel would look only at the last thing it did.
pub fn continuing(stopped: &Registers) -> Registers {
    let mut registers = again(stopped);
    if is_interrupted(stopped, &[ERESTART_RESTARTBLOCK]) {
        registers.rax = libc::SYS_restart_syscall as u64;
    }
    registers
}

/// A system call that the stop has interrupted is made anew, with its own arguments: a copy has nothing of what the kernel
/// keeps to go on with it, and must not see an error that nothing has caused. One with a time to wait waits it from
/// the beginning. (CRIU lets those of a "restart block" fail with EINTR, which few programs expect without a signal.)
fn again(stopped: &Registers) -> Registers {
    const ANEW: [i64; 4] = [ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK];
    // these say so to the program itself
    const WAITS: [i64; 3] = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2];
    let mut registers = *stopped;
    let waits = is_interrupted(stopped, &[-i64::from(libc::EINTR)]) && WAITS.contains(&(stopped.orig_rax as i64));
    if waits || is_interrupted(stopped, &ANEW) {
        registers.rip = stopped.rip.wrapping_sub(SYSCALL.len() as u64);
        registers.rax = stopped.orig_rax;
    }
    registers.orig_rax = NO_CALL;
    registers
}

fn is_interrupted(registers: &Registers, results: &[i64]) -> bool {
    registers.orig_rax as i64 >= 0 && results.contains(&(registers.rax as i64))
}

/// What a frame is made of beside the registers.
pub struct Extra<'a> {
    pub blocked: u64,
    /// struct sigaltstack
    pub alternative_stack: [u8; 24],
    /// as ptrace gives it
    pub vectors: &'a [u8],
    /// start, length, and where to go on instead, of the restartable sequence that the thread is in
    pub sequence: Option<[u64; 3]>,
}

/// The frame with which rt_sigreturn(2) lets a copy of the thread go on (image/format.rs, `Thread::frame`), and where it
/// goes on.
pub fn frame(stopped: &Registers, extra: &Extra) -> Result<(Vec<u8>, u64), Refusal> {
    if stopped.cs != USER_CODE_64 || stopped.gs_base != 0 {
        return refuse("machine", "a thread runs 32-bit code or uses the segment gs");
    }
    let mut r = again(stopped);
    if let Some([start, length, instead]) = extra.sequence
        && r.rip.wrapping_sub(start) < length
    {
        r.rip = instead;
    }
    let segments = r.cs & 0xffff | (r.ss & 0xffff) << 48;
    let mut frame = Vec::with_capacity(4096);
    let mut put = |words: &[u64]| words.iter().for_each(|word| frame.extend(word.to_le_bytes()));
    put(&[UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS, 0]);
    for word in extra.alternative_stack.chunks_exact(8) {
        put(&[u64::from_le_bytes(*word.first_chunk().expect("8 bytes"))]);
    }
    put(&[r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15]);
    put(&[r.rdi, r.rsi, r.rbp, r.rbx, r.rdx, r.rax, r.rcx, r.rsp, r.rip, r.eflags, segments]);
    // error code, trap number, old mask, faulting address; the state's place; reserved
    put(&[0, 0, 0, 0, 0]);
    put(&[0; 8]);
    put(&[extra.blocked, 0, 0]);
    frame.extend(vector_frame(extra.vectors)?);
    Ok((frame, r.rip))
}

/// Tells a frame where it will lie.
pub fn place(frame: &mut [u8], address: u64) {
    frame[STATE_POINTER..STATE_POINTER + 8].copy_from_slice(&(address + FRAME_STATE).to_le_bytes());
}

/// The state of XSAVE as in a signal frame: with notes, ended by a magic number, without the part on demand.
fn vector_frame(vectors: &[u8]) -> Result<Vec<u8>, Refusal> {
    let word =
        |at: usize| vectors.get(at..at + 8).map_or(0, |bytes| u64::from_le_bytes(*bytes.first_chunk().expect("8")));
    let parts = word(NOTES) & !PART_ON_DEMAND;
    let size = (2..63).filter(|part| parts >> part & 1 == 1).map(sys::vector_part_end).max().unwrap_or(0);
    let size = size.max(XSAVE_HEADER_END) as usize;
    if parts == 0 || size > vectors.len() {
        return refuse("machine", "the kernel does not tell the vector registers");
    }
    if word(XSAVE_HEADER) & PART_ON_DEMAND != 0 {
        return refuse("machine", "a thread has matrices in the processor (AMX)");
    }
    let mut state = vectors[..size].to_vec();
    let mut notes = Vec::with_capacity(48);
    notes.extend(FP_XSTATE_MAGIC1.to_le_bytes());
    notes.extend((size as u32 + 4).to_le_bytes());
    notes.extend(parts.to_le_bytes());
    notes.extend((size as u32).to_le_bytes());
    notes.resize(48, 0);
    state[NOTES..XSAVE_HEADER].copy_from_slice(&notes);
    state.extend(FP_XSTATE_MAGIC2.to_le_bytes());
    Ok(state)
}
