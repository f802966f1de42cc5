//! Threads of a stopped process, and what it has only once and tells only itself.
use super::memory::Memory;
use super::process::{self, Status};
use super::refusal::{Refusal, refuse};
use super::stopped::Stopped;
use super::tables::Tables;
use super::timers;
use super::x86::{self, Extra};
use crate::image::format::{Action, Memory as Heap, PAGE, Thread};
use crate::launcher::failure::Step;
use crate::sys;

const VDSO_MAX: u64 = 64 << 10;
const PR_GET_TID_ADDRESS: u64 = 40;
const SIGNALS: usize = 64;
/// bytes of a signal mask, as the kernel has it
const MASK_BYTES: u64 = 8;
const ACTION_BYTES: usize = size_of::<Action>();

/// Fills the tables of threads, frames and actions, and finds the end of the heap. All of it takes system calls that only
/// the process itself can make: its threads make them, and write what they get to a page that is theirs for as long.
pub fn describe(stopped: &mut Stopped, memory: &Memory, tables: &mut Tables, heap: &mut Heap) -> Result<(), Refusal> {
    let site = call_site(stopped.process, memory)?;
    let map = [0, PAGE, (libc::PROT_READ | libc::PROT_WRITE) as u64, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64];
    let page = stopped.call(0, site, libc::SYS_mmap, [map[0], map[1], map[2], map[3], u64::MAX, 0])?;
    let described = describe_with(stopped, memory, tables, site, page);
    // not to be part of the image, nor of a process that gets none
    let unmapped = stopped.call(0, site, libc::SYS_munmap, [page, PAGE, 0, 0, 0, 0]);
    described?;
    unmapped?;
    heap.brk = stopped.call(0, site, libc::SYS_brk, [0; 6])?;
    // Linux 6.3; before, nobody can know
    const GET_REGISTRATIONS: u64 = 1 << 9;
    tables.header.barriers =
        stopped.call(0, site, libc::SYS_membarrier, [GET_REGISTRATIONS, 0, 0, 0, 0, 0]).unwrap_or(0);
    Ok(())
}

fn describe_with(
    stopped: &mut Stopped,
    memory: &Memory,
    tables: &mut Tables,
    site: u64,
    page: u64,
) -> Result<(), Refusal> {
    for timer in 0..3 {
        stopped.call(0, site, libc::SYS_getitimer, [timer, page, 0, 0, 0, 0])?;
        let words = [0, 8, 16, 24].map(|at| memory.word(page + at));
        // one that repeats has no time left for a moment, while its signal is on its way
        if words.into_iter().any(|word| !matches!(word, Ok(0))) {
            return refuse("timer", "the runtime has set an alarm (setitimer)");
        }
    }
    tables.timers = timers::all(stopped, memory, site, page)?;
    let handled = Status::of(stopped.process, stopped.process)?.handled()?;
    tables.actions = vec![Action::default(); SIGNALS + 1];
    for signal in (1..=SIGNALS).filter(|signal| handled >> (signal - 1) & 1 == 1) {
        stopped.call(0, site, libc::SYS_rt_sigaction, [signal as u64, 0, page, MASK_BYTES, 0, 0])?;
        let mut words = [0; ACTION_BYTES / 8];
        for (word, at) in words.iter_mut().zip((page..).step_by(8)) {
            *word = memory.word(at)?;
        }
        let [handler, flags, restorer, mask] = words;
        tables.actions[signal] = Action { handler, flags, restorer, mask };
    }
    for at in 0..stopped.threads.len() {
        describe_one(stopped, at, memory, tables, site, page)?;
    }
    Ok(())
}

fn describe_one(
    stopped: &mut Stopped,
    at: usize,
    memory: &Memory,
    tables: &mut Tables,
    site: u64,
    page: u64,
) -> Result<(), Refusal> {
    let id = stopped.threads[at].id;
    let vectors = sys::vector_state(id).step("read a thread's vector registers")?;
    let sequences = sys::restartable_sequences(id).step("read a thread's rseq")?;
    let (robust, robust_bytes) = sys::robust_list(id).step("read a thread's robust futexes")?;
    stopped.call(at, site, libc::SYS_prctl, [PR_GET_TID_ADDRESS, page, 0, 0, 0, 0])?;
    let clear_tid = memory.word(page)?;
    stopped.call(at, site, libc::SYS_sigaltstack, [0, page, 0, 0, 0, 0])?;
    let mut alternative_stack = [0; 24];
    memory.read(page, &mut alternative_stack)?;

    let thread = &stopped.threads[at];
    let extra = Extra {
        blocked: thread.blocked,
        alternative_stack,
        vectors: &vectors,
        sequence: if sequences.address == 0 { None } else { sequence(memory, sequences.address) },
    };
    let (frame, resume) = x86::frame(&thread.registers, &extra)?;
    tables.threads.push(Thread {
        number: thread.number,
        rseq_bytes: if sequences.address == 0 { 0 } else { sequences.bytes },
        rseq_signature: sequences.signature,
        rseq: sequences.address,
        name: process::name(stopped.process, id)?,
        fs_base: thread.registers.fs_base,
        clear_tid,
        robust,
        robust_bytes,
        ..Thread::default()
    });
    tables.frames.push(frame);
    tables.resume.push(resume);
    Ok(())
}

/// The restartable sequence that is registered at the moment (linux/rseq.h): start, length, where to go when it was
/// interrupted.
fn sequence(memory: &Memory, registered: u64) -> Option<[u64; 3]> {
    let at = memory.word(registered.checked_add(8)?).ok().filter(|at| *at != 0)?;
    let word = |number: u64| memory.word(at.checked_add(number * 8)?).ok();
    Some([word(1)?, word(2)?, word(3)?])
}

/// A `syscall` instruction that the process has in any case: one of the kernel's own code page.
fn call_site(process: i32, memory: &Memory) -> Result<u64, Refusal> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).step("read maps")?;
    let line = maps.lines().find(|line| line.ends_with(" [vdso]"));
    let range = line.and_then(|line| line.split_once(' ')?.0.split_once('-'));
    let address = |text| u64::from_str_radix(text, 16).ok();
    let Some((start, end)) = range.and_then(|(start, end)| Some((address(start)?, address(end)?))) else {
        return refuse("machine", "the runtime has no vdso");
    };
    let mut code = vec![0; (end - start).min(VDSO_MAX) as usize];
    memory.read(start, &mut code)?;
    match code.windows(x86::SYSCALL.len()).position(|window| window == x86::SYSCALL) {
        Some(at) => Ok(start + at as u64),
        None => refuse("machine", "the runtime's vdso makes no system calls"),
    }
}
