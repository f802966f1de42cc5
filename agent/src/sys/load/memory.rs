//! What precedes the loader: the files it maps, and the loader itself in its window.
use super::super::linux::check;
use super::{Step, Tables};
use crate::image::format::*;
use crate::image::working_set;
use std::convert::Infallible;
use std::io::{self, Error};
use std::os::fd::RawFd;

/// The program in agent/loader/, an ELF file with two segments.
static LOADER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/loader.elf"));
/// Bytes of the stacks of all threads: the first one's, then 1 KB each.
const STACKS_BYTES: u64 = (64 << 10) + (THREADS_MAX << 10);

// glibc registers every thread for rseq(2) since 2.35, and older ones lack the symbols.
std::arch::global_asm!(".weak __rseq_offset", ".weak __rseq_size");

/// The kernel writes to the registered area whenever the thread is preempted; it is about to be unmapped.
pub unsafe fn leave_restartable_sequences() {
    const UNREGISTER: i32 = 1;
    const SIGNATURE: u32 = 0x5305_3053;
    let (offset, size): (*const i64, *const u32);
    // SAFETY: reads the symbols' addresses, zero where the library has none, then the thread pointer.
    unsafe {
        std::arch::asm!("mov {}, [rip + __rseq_offset@GOTPCREL]", "mov {}, [rip + __rseq_size@GOTPCREL]", out(reg) offset, out(reg) size);
        if offset.is_null() || size.is_null() || *size == 0 {
            return;
        }
        let thread: u64;
        std::arch::asm!("mov {}, fs:[0]", out(reg) thread);
        let area = thread.wrapping_add_signed(*offset);
        // the library tells the size that it uses, not always the one that it has registered
        for bytes in [32u32, (*size).next_multiple_of(32), 64, 128] {
            if libc::syscall(libc::SYS_rseq, area, bytes, UNREGISTER, SIGNATURE) == 0 {
                return;
            }
        }
    }
}

/// Opens every mapped file, and sees that it is still the one that was mapped.
pub fn open_files(tables: &Tables<'_>) -> io::Result<()> {
    for (at, file) in (DESCRIPTORS_MAX..).zip(tables.all::<File>(tables.header().files)) {
        let path = tables.path(file.path);
        // SAFETY: a string that ends in NUL, and room for what the kernel tells.
        unsafe {
            let mut found: libc::stat = std::mem::zeroed();
            let opened = check(libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC).into())? as RawFd;
            check(libc::fstat(opened, &mut found).into())?;
            let same = (found.st_dev, found.st_ino) == (file.device, file.inode)
                && (found.st_mtime, found.st_mtime_nsec) == (file.modified_sec, file.modified_nsec);
            if found.st_size as u64 != file.bytes || !same && file.inode != 0 {
                return Err(Error::from_raw_os_error(libc::ESTALE));
            }
            check(libc::dup3(opened, at, libc::O_CLOEXEC).into())?;
            libc::close(opened);
        }
    }
    Ok(())
}

/// The end of the agent's code in this process.
/// `image`: its descriptor; `identity`: its device and inode.
pub unsafe fn enter_loader(tables: &Tables<'_>, image: RawFd, identity: (u64, u64)) -> Step<Infallible> {
    let failed = |_| FAILED_LOADER;
    // SAFETY: the window is ours; the loader takes over.
    unsafe {
        let (image_device, image_inode) = identity;
        let kernel = kernel_maps(tables.header());
        let call = Call { kernel, image, files: DESCRIPTORS_MAX, image_device, image_inode };
        reserve(STACKS, STACKS_BYTES).map_err(failed)?;
        place_working_set(tables, image).map_err(failed)?;
        place_loader().map_err(failed)?;
        let entry: extern "C" fn(*const Call) -> ! = std::mem::transmute(LOADER_ENTRY);
        entry(&call)
    }
}

/// Read once, for the launcher may write it meanwhile, and checked.
unsafe fn place_working_set(tables: &Tables<'_>, image: RawFd) -> io::Result<()> {
    let header = tables.header();
    // SAFETY: a new mapping, as long as told.
    let words = unsafe {
        reserve(WORKING_SET, WORKING_SET_BYTES)?;
        std::slice::from_raw_parts_mut(WORKING_SET as *mut u64, WORKING_SET_BYTES as usize / 8)
    };
    // Most are short, and every page of it is a page more to be made.
    let first = PAGE as usize / 8;
    read_words(image, header.working_set, &mut words[..first])?;
    if words[1] > first as u64 - 2 {
        read_words(image, header.working_set, words)?;
    }
    let count = working_set::checked(words, tables.all::<Map>(header.maps)).len();
    words[1] = count as u64;
    Ok(())
}

fn read_words(from: RawFd, at: u64, into: &mut [u64]) -> io::Result<()> {
    let bytes = size_of_val(into);
    // SAFETY: pointer and length belong to one slice of integers.
    let got = check(unsafe { libc::pread(from, into.as_mut_ptr().cast(), bytes, at as i64) } as i64)?;
    if got == bytes as i64 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The dumped process ran on this very kernel: its mappings lie to each other as they do everywhere.
fn kernel_maps(header: &Header) -> [Range; 3] {
    // SAFETY: no pointers.
    let vdso = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
    let moved = vdso.wrapping_sub(header.kernel[2].start);
    header.kernel.map(|range| match range.end {
        0 => Range::default(),
        _ => Range { start: range.start.wrapping_add(moved), end: range.end.wrapping_add(moved) },
    })
}

unsafe fn reserve(at: u64, bytes: u64) -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE | libc::MAP_NORESERVE;
    // SAFETY: a new mapping that replaces none.
    let made = unsafe {
        libc::mmap(at as *mut _, bytes as usize, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    if made as u64 == at { Ok(()) } else { Err(Error::last_os_error()) }
}

unsafe fn place_loader() -> io::Result<()> {
    // SAFETY: our own file of plain structures; each segment is copied into a mapping of its size.
    unsafe {
        let file: libc::Elf64_Ehdr = LOADER.as_ptr().cast::<libc::Elf64_Ehdr>().read_unaligned();
        for index in 0..usize::from(file.e_phnum) {
            let at = file.e_phoff as usize + index * size_of::<libc::Elf64_Phdr>();
            let segment: libc::Elf64_Phdr = LOADER.as_ptr().add(at).cast::<libc::Elf64_Phdr>().read_unaligned();
            if segment.p_type != libc::PT_LOAD {
                continue;
            }
            let bytes = segment.p_memsz.next_multiple_of(PAGE);
            reserve(segment.p_vaddr, bytes)?;
            let (from, length) = (segment.p_offset as usize, segment.p_filesz as usize);
            std::ptr::copy_nonoverlapping(LOADER[from..from + length].as_ptr(), segment.p_vaddr as *mut u8, length);
            if segment.p_flags & libc::PF_X != 0 {
                let executable = libc::PROT_READ | libc::PROT_EXEC;
                check(libc::mprotect(segment.p_vaddr as *mut _, bytes as usize, executable).into())?;
            }
        }
        Ok(())
    }
}
