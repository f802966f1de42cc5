//! Copies made by CRIU have the state of every random number generator of the template. OpenSSL's would give all of them the
//! same keys. Here the one process of the tree that waits for the host is made to renew its generators when it wakes
//! (sys/renewing.rs); a tree in which another process has such a generator is refused.
use crate::launcher::dump::libraries;
use crate::launcher::dump::memory::{self, Memory, Region};
use crate::launcher::dump::process::{self, Status};
use crate::launcher::dump::refusal::{OrRefuse, Refusal, refuse};
use crate::launcher::dump::stopped::Stopped;
use crate::launcher::dump::x86;
use crate::sys::{self, RENEWED_MAX, Registers, Renewing};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

const LINK: u64 = 3;
const PAGE: u64 = 4096;
/// For the process to come to where it waits.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(1);

/// A process that renews its generators as soon as it has left this piece of code.
pub struct Renewal {
    process: i32,
    waits: Range<u64>,
}

/// `all`: the processes of the tree. `None`: there is nothing to be renewed in any of them.
pub fn prepare(all: &[i32]) -> Result<Option<Renewal>, Refusal> {
    let mut found = None;
    for &process in all {
        let generators = generators(process)?;
        if generators.is_empty() {
            continue;
        }
        if found.is_some() {
            return refuse(
                "generator",
                "two of its processes have an OpenSSL, and all copies would draw the same of one",
            );
        }
        found = Some((process, generators));
    }
    found.map(|(process, generators)| make(process, &generators)).transpose()
}

impl Renewal {
    /// It has not left yet, so whoever is copied now will.
    pub fn check(&self) -> Result<(), Refusal> {
        let text = fs::read_to_string(format!("/proc/{}/syscall", self.process)).or_refuse("gone", "the runtime")?;
        let at = text
            .split_ascii_whitespace()
            .last()
            .and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
        match at {
            Some(at) if self.waits.contains(&at) => Ok(()),
            _ => refuse("busy", "the runtime does not wait for the host"),
        }
    }

    fn wait(&self) -> Result<(), Refusal> {
        let deadline = Instant::now() + PATIENCE;
        while let Err(refusal) = self.check() {
            if Instant::now() > deadline {
                return Err(refusal);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// Of all mapped files of a process.
fn generators(process: i32) -> Result<Vec<[u64; 2]>, Refusal> {
    let mut files: BTreeMap<Vec<u8>, Vec<Region>> = BTreeMap::new();
    for region in memory::mappings(process)? {
        // of the kernel's generator, or of a library's: they rely on it to be zeros in a copy, which CRIU does not make it
        if region.is_wiped() && region.held > 0 {
            return refuse("generator", "a process keeps random numbers in memory that only fork(2) would wipe");
        }
        if region.is_file() {
            files.entry(region.name.clone()).or_default().push(region);
        }
    }
    let mut found = Vec::new();
    for regions in files.values() {
        let first = &regions[0];
        // by what is mapped: its name may be another file's by now
        let file = File::open(format!("/proc/{process}/map_files/{:x}-{:x}", first.start, first.end));
        let file = file.or_refuse("file", &first.to_string())?;
        if !file.metadata().is_ok_and(|facts| facts.is_file()) {
            continue;
        }
        found.extend(libraries::generator(&file, regions).map(|generator| [generator.seed, generator.poll]));
    }
    if found.len() > RENEWED_MAX {
        return refuse("generator", "it has too many libraries with random generators");
    }
    Ok(found)
}

fn make(process: i32, generators: &[[u64; 2]]) -> Result<Renewal, Refusal> {
    process::await_rest(process, PATIENCE)?;
    let parent = Status::of(process, process)?.parent()? as i32;
    let mut stopped = Stopped::stop(process, parent)?;
    let registers = stopped.threads[0].registers;
    if !waits_for_host(&registers) {
        return refuse("generator", "the process with an OpenSSL is not the one that waits for the host");
    }
    let site = registers.rip.wrapping_sub(x86::SYSCALL.len() as u64);
    let mut instruction = [0; 2];
    Memory::open(process)?.read(site, &mut instruction)?;
    if instruction != x86::SYSCALL {
        return refuse("machine", "the runtime waits in a system call of another kind");
    }
    let (readable, executable) = (libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_EXEC);
    let anonymous = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
    let place = stopped.call(0, site, libc::SYS_mmap, [0, PAGE, readable as u64, anonymous, u64::MAX, 0])?;
    let mut table = Renewing { call: registers.orig_rax, back: registers.rip, ..Renewing::default() };
    table.generators[..generators.len()].copy_from_slice(generators);
    let (code, woken) = sys::renewing(&table);
    let memory = OpenOptions::new().write(true).open(format!("/proc/{process}/mem"));
    memory.and_then(|memory| memory.write_all_at(&code, place)).or_refuse("memory", "the runtime's memory")?;
    stopped.call(0, site, libc::SYS_mprotect, [place, PAGE, executable as u64, 0, 0, 0])?;
    stopped.threads[0].registers = Registers { rip: place, orig_rax: u64::MAX, ..registers };
    drop(stopped);
    let renewal = Renewal { process, waits: place..place + woken };
    renewal.wait()?;
    Ok(renewal)
}

/// In a call that has been interrupted and is to be made again (ERESTARTSYS, linux/errno.h), on its connection to the host.
fn waits_for_host(registers: &Registers) -> bool {
    const READING: [i64; 4] = [libc::SYS_read, libc::SYS_readv, libc::SYS_recvfrom, libc::SYS_recvmsg];
    const AGAIN: i64 = -512;
    READING.contains(&(registers.orig_rax as i64)) && registers.rax as i64 == AGAIN && registers.rdi == LINK
}
