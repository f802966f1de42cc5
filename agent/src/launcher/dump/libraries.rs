//! What an image must know of the code in a process: the C library's madvise(2), which must not bring an image's pages back
//! where it is to give zeros, and the random number generators to be seeded in every copy.
use super::elf::Elf;
use super::memory::{Memory, Region};
use super::pages::Patch;
use crate::image::format::{Generator, LOADER_MADVISE};
use std::fs::File;

const EXECUTE: u32 = 4;

/// Where the file's code is mapped, as an ELF file.
fn code<'a>(file: &'a File, regions: &[Region]) -> Option<Elf<'a>> {
    let region = regions.iter().find(|region| region.protection & EXECUTE != 0)?;
    Elf::open(file, region.start, region.offset)
}

/// A mapped file is an OpenSSL, or has one in it. `regions`: all mappings of the file.
pub fn generator(file: &File, regions: &[Region]) -> Option<Generator> {
    let [seed, poll] = code(file, regions)?.functions(["RAND_seed", "RAND_poll"]);
    let generator = Generator { seed: seed?, poll: poll? };
    let inside =
        |address: u64| regions.iter().any(|r| r.protection & EXECUTE != 0 && (r.start..r.end).contains(&address));
    (inside(generator.seed) && inside(generator.poll)).then_some(generator)
}

/// The jump over the beginning of madvise(2) in copies, and where it goes on when the kernel has refused.
pub struct Madvise {
    pub patch: Patch,
    pub error: u64,
}

pub fn is_c_library(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name == b"libc.so.6" || name.starts_with(b"libc-2.") && name.ends_with(b".so")
}

/// `None`: its madvise(2) is not what glibc's has been all these years.
pub fn madvise(file: &File, regions: &[Region], memory: &Memory) -> Option<Madvise> {
    let [Some(start)] = code(file, regions)?.functions(["madvise"]) else { return None };
    let mut bytes = [0; 24];
    memory.read(start, &mut bytes).ok()?;
    let error = start + error_at(&bytes)?;
    // jmp [rip+0], followed by where to
    let bytes = [&[0xff, 0x25, 0, 0, 0, 0][..], &LOADER_MADVISE.to_le_bytes()].concat();
    let inside = |address: u64| regions.iter().any(|r| (r.start..r.end).contains(&address));
    let patch = Patch { address: start, bytes };
    patch.pages().all(inside).then_some(Madvise { patch, error })
}

/// [endbr64;] mov eax, 28; syscall; cmp rax, -4095; jae error; ret. Distance of `error` from the beginning.
fn error_at(code: &[u8; 24]) -> Option<u64> {
    const LANDING: &[u8] = &[0xf3, 0x0f, 0x1e, 0xfa];
    const BODY: &[u8] = &[0xb8, 0x1c, 0, 0, 0, 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x73];
    let body = code.strip_prefix(LANDING).unwrap_or(code);
    let [distance, 0xc3, ..] = *body.strip_prefix(BODY)? else { return None };
    let next = code.len() - body.len() + BODY.len() + 1;
    (distance < 0x80).then(|| next as u64 + u64::from(distance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_madvise_of_glibc_is_known_with_and_without_a_landing_pad() {
        let plain = b"\xb8\x1c\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff\x73\x01\xc3\x48\x8b\x0d\0\0\0\0\0";
        assert_eq!(error_at(plain), Some(16));
        let landing = b"\xf3\x0f\x1e\xfa\xb8\x1c\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff\x73\x01\xc3\x48\x8b\x0d\0";
        assert_eq!(error_at(landing), Some(20));
        let another = b"\xb8\x1d\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff\x73\x01\xc3\x48\x8b\x0d\0\0\0\0\0";
        assert_eq!(error_at(another), None);
    }

    #[test]
    fn a_c_library_goes_by_its_name() {
        assert!(is_c_library(b"/usr/lib/x86_64-linux-gnu/libc.so.6") && is_c_library(b"/lib/libc-2.31.so"));
        assert!(!is_c_library(b"/opt/libc.so.6.txt") && !is_c_library(b"/lib/libcrypto.so.3"));
    }
}
