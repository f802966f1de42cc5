//! All that depends on the architecture: system calls, the making of threads, the way back into a thread.
use core::arch::{asm, global_asm};

pub const MMAP: usize = 9;
pub const MPROTECT: usize = 10;
pub const MUNMAP: usize = 11;
pub const IOCTL: usize = 16;
pub const PREAD: usize = 17;
pub const MREMAP: usize = 25;
pub const MADVISE: usize = 28;
pub const CAPSET: usize = 126;
pub const SCHED_SETSCHEDULER: usize = 144;
pub const PRCTL: usize = 157;
pub const ARCH_PRCTL: usize = 158;
pub const FUTEX: usize = 202;
pub const SET_TID_ADDRESS: usize = 218;
pub const EXIT_GROUP: usize = 231;
pub const OPENAT: usize = 257;
pub const CLOSE: usize = 3;
pub const SET_ROBUST_LIST: usize = 273;
pub const MEMBARRIER: usize = 324;
pub const RSEQ: usize = 334;
pub const CLOSE_RANGE: usize = 436;

/// Highest address of a process, four-level page tables.
pub const USER_END: u64 = 0x7fff_ffff_f000;

const ARCH_SET_FS: u64 = 0x1002;

// The addresses of the two entries are part of the format. The second takes the place of the C library's madvise: in case
// of an error it continues there, where errno is set.
global_asm!(
    ".section .text.entries,\"ax\",@progbits",
    ".globl loader_entries",
    "loader_entries:",
    "  movabs rsp, {stack}",
    "  xor ebp, ebp",
    "  jmp 2f",
    "  .balign 16",
    "  sub rsp, 8",
    "  call {madvise}",
    "  add rsp, 8",
    "  cmp rax, -4095",
    "  jae 3f",
    "  ret",
    "3:",
    "  movabs rcx, {error}",
    "  jmp [rcx]",
    "2:",
    "  call {load}",
    "  ud2",
    ".text",
    stack = const crate::format::STACKS + crate::FIRST_STACK,
    error = const crate::format::TABLES + core::mem::offset_of!(crate::format::Header, madvise_error) as u64,
    madvise = sym crate::shim::madvise,
    load = sym crate::load,
);

#[inline(always)]
pub unsafe fn call(number: usize, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
    let result;
    // SAFETY: as safe as the system call; the kernel changes rax, rcx and r11 alone.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// A thread on its own stack that begins in `run`, with `tls` as its thread pointer. Returns its number.
pub unsafe fn make_thread(flags: u64, stack: u64, clear_tid: u64, tls: u64, run: unsafe extern "C" fn(u64) -> !, with: u64) -> i64 {
    let result;
    // SAFETY: the new thread finds its function and argument in registers and never returns into this frame.
    unsafe {
        asm!("syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") 56usize => result, in("rdi") flags, in("rsi") stack, in("rdx") 0, in("r10") clear_tid, in("r8") tls,
            in("r12") with, in("r13") run, lateout("rcx") _, lateout("r11") _);
    }
    result
}

/// A thread that ends at once, without touching a stack. Returns its number.
pub unsafe fn make_passing_thread(flags: u64, stack: u64) -> i64 {
    let result;
    // SAFETY: the new thread makes one system call.
    unsafe {
        asm!("syscall",
            "test rax, rax",
            "jnz 2f",
            "mov eax, 60",
            "xor edi, edi",
            "syscall",
            "2:",
            inlateout("rax") 56usize => result, in("rdi") flags, in("rsi") stack, in("rdx") 0, in("r10") 0, in("r8") 0,
            lateout("rcx") _, lateout("r11") _);
    }
    result
}

pub unsafe fn set_thread_pointer(to: u64) {
    // SAFETY: the loader itself uses no thread-local memory.
    unsafe { call(ARCH_PRCTL, ARCH_SET_FS, to, 0, 0, 0, 0) };
}

/// Continues where the thread was: registers, XSAVE state, blocked signals and alternative stack come from the frame.
pub unsafe fn resume(frame: u64) -> ! {
    // SAFETY: the frame is one that the dumper made.
    unsafe {
        asm!("mov rsp, {frame}", "mov eax, 15", "syscall", "ud2", frame = in(reg) frame, options(noreturn));
    }
}
