//! The loader: turns a child of the agent into the process of an image. It lies in its own window of addresses
//! (format.rs), has no library, no heap and no thread-local memory, unmaps everything else, maps the image and the
//! process's files, makes every thread with its old number and lets them go all at once. All of this before an
//! instruction of the tenant's runs. In the finished process only `shim` is ever used again.
#![no_std]
#![no_main]

#[path = "../src/image/format.rs"]
mod format;
mod shim;
#[path = "x86_64.rs"]
mod machine;

use core::sync::atomic::{AtomicU32, Ordering};
use format::*;
use machine::*;

/// Bytes of the first thread's stack.
pub const FIRST_STACK: u64 = 64 << 10;
/// Of every other: no signal is taken on it, and nothing below `run` takes more than a few words. Four share a page.
const STACK: u64 = 1 << 10;
/// The kernel's own mappings wait here while everything else is replaced.
const PARKING: u64 = WINDOW + (48 << 20);
const STACK_LIMIT: u64 = 8 << 20;

const PROT_WRITE: u32 = 2;
const MAP_PRIVATE_FIXED: u64 = 0x02 | 0x10 | 0x4000;
const MAP_SHARED_FIXED: u64 = 0x01 | 0x10;
const MAP_ANON: u64 = 0x20;
const MREMAP_MAYMOVE_FIXED: u64 = 1 | 2;
/// VM, FS, FILES, SIGHAND, THREAD, SYSVSEM
const THREAD: u64 = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000;
const CLONE_SETTLS: u64 = 0x80000;
const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;

/// 1: every thread is there.
static RELEASED: AtomicU32 = AtomicU32::new(0);

/// Runs on the loader's own stack. `at`: a `Call` in memory that is about to go.
pub unsafe extern "C" fn load(at: *const Call) -> ! {
    // SAFETY: the agent's child has mapped the tables and checked every offset and index in them.
    unsafe {
        let call = *at;
        shim::IMAGE = (call.image_device, call.image_inode);
        let header = &*(TABLES as *const Header);
        make_room(&call);
        map(header, &call);
        copy_ahead();
        place_kernel_maps(&call.kernel, &header.kernel);
        set_memory(header, call.files);
        drop_capabilities();
        machine::call(CLOSE_RANGE, DESCRIPTORS_MAX as u64, u32::MAX as u64, 0, 0, 0, 0);
        register_barriers(header.barriers);
        let threads = table::<Thread>(header.threads);
        set_policy(SCHED_BATCH);
        make_threads(threads);
        set_policy(SCHED_NORMAL);
        begin(threads, table::<Generator>(header.generators))
    }
}

fn fail(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { machine::call(EXIT_GROUP, code as u64, 0, 0, 0, 0, 0) };
    loop {}
}

fn need(fine: bool, code: i32) {
    if !fine {
        fail(code);
    }
}

pub unsafe fn table<T>(table: Table) -> &'static [T] {
    // SAFETY: checked by the agent's child.
    unsafe { core::slice::from_raw_parts((TABLES + table.offset) as *const T, table.count as usize) }
}

/// Nothing is left but the window; the kernel's own mappings wait in it.
unsafe fn make_room(call: &Call) {
    unsafe {
        for (index, from) in call.kernel.iter().enumerate() {
            move_mapping(from, PARKING + ((index as u64) << 20));
        }
        need(machine::call(MUNMAP, 0, WINDOW, 0, 0, 0, 0) == 0, FAILED_MAP);
        let end = WINDOW + WINDOW_BYTES;
        need(machine::call(MUNMAP, end, USER_END - end, 0, 0, 0, 0) == 0, FAILED_MAP);
    }
}

unsafe fn place_kernel_maps(had: &[Range; 3], wanted: &[Range; 3]) {
    for (index, (had, to)) in had.iter().zip(wanted).enumerate() {
        let parked = PARKING + ((index as u64) << 20);
        unsafe { move_mapping(&Range { start: parked, end: parked + (had.end - had.start) }, to.start) };
    }
}

unsafe fn move_mapping(from: &Range, to: u64) {
    let bytes = from.end - from.start;
    if bytes > 0 {
        let moved = unsafe { machine::call(MREMAP, from.start, bytes, bytes, MREMAP_MAYMOVE_FIXED, to, 0) };
        need(moved == to as i64, FAILED_KERNEL_MAPS);
    }
}

unsafe fn map(header: &Header, call: &Call) {
    let copy = header.madvise_error == 0;
    let mut below = 0;
    let mut base = MAP_ANONYMOUS;
    let maps = unsafe { table::<Map>(header.maps) };
    for (index, entry) in maps.iter().enumerate() {
        let file = (call.files + entry.file as i32) as u64;
        match entry.kind {
            MAP_FILE if is_covered(entry, maps.get(index + 1)) => {}
            MAP_FILE => unsafe { place(entry, entry.start, entry.end, MAP_PRIVATE_FIXED, file) },
            MAP_SHARED_FILE => unsafe { place(entry, entry.start, entry.end, MAP_SHARED_FIXED, file) },
            // The kernel shows arguments and environment (/proc/self/cmdline) only of an anonymous mapping.
            MAP_IMAGE if copy || base == MAP_STACK => unsafe { copy_pages(entry, call.image, base) },
            MAP_IMAGE => unsafe { place(entry, entry.start, entry.end, MAP_PRIVATE_FIXED, call.image as u64) },
            MAP_STACK => {
                let start = entry.start.min(entry.end.saturating_sub(STACK_LIMIT).max(below));
                unsafe { place_new(entry, start, entry.end) };
            }
            _ if copy => unsafe { place_new(entry, entry.start, entry.end) },
            _ => {
                // Only where no pages of the image follow: a mapping that is made to be split costs as much again.
                let mut from = entry.start;
                for run in maps[index + 1..].iter().take_while(|run| run.kind == MAP_IMAGE) {
                    unsafe { place_new(entry, from, run.start) };
                    from = run.end;
                }
                unsafe { place_new(entry, from, entry.end) };
            }
        }
        if entry.kind != MAP_IMAGE {
            below = entry.end;
            base = entry.kind;
        }
    }
}

/// The image has all pages of it.
fn is_covered(entry: &Map, next: Option<&Map>) -> bool {
    next.is_some_and(|run| run.kind == MAP_IMAGE && (run.start, run.end) == (entry.start, entry.end))
}

unsafe fn place_new(entry: &Map, start: u64, end: u64) {
    unsafe { place(entry, start, end, MAP_PRIVATE_FIXED | MAP_ANON, u64::MAX) };
}

unsafe fn place(entry: &Map, start: u64, end: u64, flags: u64, descriptor: u64) {
    if start < end {
        let protection = u64::from(entry.protection);
        let mapped = unsafe { machine::call(MMAP, start, end - start, protection, flags, descriptor, entry.offset) };
        need(mapped == start as i64, FAILED_MAP);
    }
}

/// Pages as anonymous memory of the process's own.
unsafe fn copy_pages(entry: &Map, image: i32, base: u32) {
    let bytes = entry.end - entry.start;
    let ready = matches!(base, MAP_ANONYMOUS | MAP_STACK) && entry.protection & PROT_WRITE != 0;
    unsafe {
        if !ready {
            let flags = MAP_PRIVATE_FIXED | MAP_ANON;
            let mapped = machine::call(MMAP, entry.start, bytes, 3, flags, u64::MAX, 0);
            need(mapped == entry.start as i64, FAILED_MAP);
        }
        let mut done = 0;
        while done < bytes {
            let (to, from) = (entry.start + done, entry.offset + done);
            let got = machine::call(PREAD, image as u64, to, bytes - done, from, 0, 0);
            need(got > 0, FAILED_COPY);
            done += got as u64;
        }
        if !ready {
            machine::call(MPROTECT, entry.start, bytes, u64::from(entry.protection), 0, 0, 0);
        }
    }
}

/// The pages that this copy is going to write to, before anything has mapped them for reading: then each would be mapped
/// twice, and every CPU that this process runs on be told. What cannot be copied now is copied when it is written to.
unsafe fn copy_ahead() {
    /// Linux 5.14
    const MADV_POPULATE_WRITE: u64 = 23;
    unsafe {
        let count = *((WORKING_SET + 8) as *const u64) as usize;
        for entry in core::slice::from_raw_parts((WORKING_SET + 16) as *const u64, count) {
            let (start, more) = (entry / PAGE * PAGE, entry % PAGE);
            machine::call(MADVISE, start, (more + 1) * PAGE, MADV_POPULATE_WRITE, 0, 0, 0);
        }
        machine::call(MUNMAP, WORKING_SET, WORKING_SET_BYTES, 0, 0, 0, 0);
    }
}

/// Without its brk(2) the process's heap would grow from another's. And /proc/self/exe is its program again: the one thing
/// that takes a capability (CAP_CHECKPOINT_RESTORE over the sandbox's own user namespace), which this process has until now.
unsafe fn set_memory(header: &Header, files: i32) {
    const PR_SET_MM: u64 = 35;
    const PR_SET_MM_MAP: u64 = 14;
    #[repr(C)]
    struct All {
        memory: Memory,
        auxv: u64,
        auxv_bytes: u32,
        executable: i32,
    }
    let executable = if header.executable == 0 { -1 } else { files + header.executable as i32 - 1 };
    let all = All { memory: header.memory, auxv: 0, auxv_bytes: 0, executable };
    let bytes = size_of::<All>() as u64;
    let set = unsafe { machine::call(PRCTL, PR_SET_MM, PR_SET_MM_MAP, &raw const all as u64, bytes, 0, 0) };
    need(set == 0, FAILED_MEMORY);
}

/// Before there is a second thread: those to come have none either.
unsafe fn drop_capabilities() {
    /// capset(2), version 3
    #[repr(C)]
    struct Request {
        version: u32,
        process: u32,
    }
    let request = Request { version: 0x2008_0522, process: 0 };
    let none = [0u32; 6];
    let dropped = unsafe { machine::call(CAPSET, &raw const request as u64, none.as_ptr() as u64, 0, 0, 0, 0) };
    need(dropped == 0, FAILED_CAPABILITIES);
}

/// Cheap as long as there is one thread (membarrier(2)).
unsafe fn register_barriers(commands: u64) {
    for command in (0..32).map(|bit| 1 << bit).filter(|command| commands & command != 0) {
        unsafe { machine::call(MEMBARRIER, command, 0, 0, 0, 0, 0) };
    }
}

/// Numbers are handed out in turn in a namespace where nobody else makes a process: threads that end at once take the
/// numbers of those that had ended before the image was taken. Mutexes know their owners by number.
unsafe fn make_threads(threads: &[Thread]) {
    let mut next = u64::from(threads[0].number) + 1;
    for (index, thread) in threads.iter().enumerate().skip(1) {
        let stack = STACKS + FIRST_STACK + index as u64 * STACK;
        while next < u64::from(thread.number) {
            need(unsafe { make_passing_thread(THREAD, stack) } == next as i64, FAILED_NUMBER);
            next += 1;
        }
        let flags = THREAD | CLONE_SETTLS | CLONE_CHILD_CLEARTID;
        let with = &raw const *thread as u64;
        let made = unsafe { make_thread(flags, stack, thread.clear_tid, thread.fs_base, run, with) };
        need(made == next as i64, FAILED_NUMBER);
        next += 1;
    }
}

/// A thread's beginning: what belongs to it alone, then it waits for all others.
unsafe extern "C" fn run(at: u64) -> ! {
    const WAIT_PRIVATE: u64 = 128;
    unsafe {
        let thread = &*(at as *const Thread);
        settle(thread);
        while RELEASED.load(Ordering::Acquire) == 0 {
            machine::call(FUTEX, &raw const RELEASED as u64, WAIT_PRIVATE, 0, 0, 0, 0);
        }
        release_one();
        set_policy(SCHED_NORMAL);
        resume(TABLES + thread.frame)
    }
}

const SCHED_NORMAL: u64 = 0;
/// A thread of this kind takes no CPU from one that runs, which is the first: it has the work (sched(7)).
const SCHED_BATCH: u64 = 3;

unsafe fn set_policy(policy: u64) {
    let priority = 0u32;
    unsafe { machine::call(SCHED_SETSCHEDULER, 0, policy, &raw const priority as u64, 0, 0, 0) };
}

unsafe fn settle(thread: &Thread) {
    const PR_SET_NAME: u64 = 15;
    unsafe {
        if thread.robust != 0 {
            machine::call(SET_ROBUST_LIST, thread.robust, thread.robust_bytes, 0, 0, 0, 0);
        }
        if thread.rseq != 0 {
            let (bytes, signature) = (u64::from(thread.rseq_bytes), u64::from(thread.rseq_signature));
            need(machine::call(RSEQ, thread.rseq, bytes, 0, signature, 0, 0) == 0, FAILED_THREAD);
        }
        machine::call(PRCTL, PR_SET_NAME, thread.name.as_ptr() as u64, 0, 0, 0, 0);
    }
}

/// The process's own thread, last: lets the others go, renews the random generators, continues.
unsafe fn begin(threads: &[Thread], generators: &[Generator]) -> ! {
    const PR_SET_DUMPABLE: u64 = 4;
    let first = &threads[0];
    unsafe {
        set_thread_pointer(first.fs_base);
        machine::call(SET_TID_ADDRESS, first.clear_tid, 0, 0, 0, 0, 0);
        settle(first);
        // as after an exec: its files in /proc are its own
        machine::call(PRCTL, PR_SET_DUMPABLE, 1, 0, 0, 0, 0);
        RELEASED.store(1, Ordering::Release);
        release_one();
        for generator in generators {
            renew(generator);
        }
        resume(TABLES + first.frame)
    }
}

/// One wakes the next: all at once they would keep the first, which has the work, from the CPU.
unsafe fn release_one() {
    const WAKE_PRIVATE: u64 = 129;
    unsafe { machine::call(FUTEX, &raw const RELEASED as u64, WAKE_PRIVATE, 1, 0, 0, 0) };
}

/// OpenSSL notices a copy only by a changed process number; ours is the same. RAND_poll(3) makes its first generator take new
/// entropy from the system, and every other one take new from that before it gives out anything again.
unsafe fn renew(generator: &Generator) {
    unsafe {
        let poll: extern "C" fn() -> i32 = core::mem::transmute(generator.poll);
        poll();
    }
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    fail(FAILED_PANIC)
}

// What the compiler expects of every program.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    unsafe { core::arch::asm!("rep movsb", inout("rcx") bytes => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack)) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8 {
    unsafe { core::arch::asm!("rep stosb", inout("rcx") bytes => _, inout("rdi") to => _, in("al") value as u8, options(nostack)) };
    to
}
