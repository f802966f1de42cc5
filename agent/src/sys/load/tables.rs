//! An image's file, and its header and tables in memory.
use super::super::linux::check;
use crate::image::format::*;
use std::ffi::CString;
use std::io::{self, Error, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// An opened image.
pub struct Image {
    descriptor: OwnedFd,
    header: Header,
    bytes: u64,
    device: u64,
    inode: u64,
}

impl Image {
    /// Reads as much as must be known before the tables can be mapped.
    pub fn open(descriptor: OwnedFd) -> io::Result<Image> {
        let mut header = Header::default();
        // SAFETY: an all-zero stat is valid; the header is plain integers and as large as told.
        let (read, found) = unsafe {
            let mut found: libc::stat = std::mem::zeroed();
            check(libc::fstat(descriptor.as_raw_fd(), &mut found).into())?;
            let size = size_of::<Header>();
            (libc::pread(descriptor.as_raw_fd(), (&raw mut header).cast(), size, 0), found)
        };
        let whole = read == size_of::<Header>() as isize && header.magic == MAGIC;
        let bytes = found.st_size as u64;
        if !whole || header.tables % PAGE != 0 || header.tables > TABLES_MAX.min(bytes) || header.tables == 0 {
            return Err(Error::new(ErrorKind::InvalidData, "this is no image"));
        }
        Ok(Image { descriptor, header, bytes, device: found.st_dev, inode: found.st_ino })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Device and inode.
    pub fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// The number of the thread that is made last.
    pub fn last_number(&self) -> u32 {
        let Table { offset, count } = self.header.threads;
        let at = offset.saturating_add(count.saturating_sub(1).saturating_mul(size_of::<Thread>() as u64));
        let mut number = 0u32;
        // SAFETY: room for what is read; the number is a thread's first member.
        unsafe { libc::pread(self.descriptor(), (&raw mut number).cast(), size_of::<u32>(), at as i64) };
        number
    }

    /// It says already which pages its copies write to.
    pub fn has_working_set(&self) -> bool {
        let mut words = [0u64; 2];
        let (into, at) = (words.as_mut_ptr().cast(), self.header.working_set as i64);
        // SAFETY: room for two words.
        let read = unsafe { libc::pread(self.descriptor(), into, size_of_val(&words), at) };
        read == size_of_val(&words) as isize && words[1] > 0
    }

    /// Puts the tables where the loader expects them; a copy, in which it may write.
    ///
    /// # Safety
    /// The process must not use the loader's window for anything else.
    pub unsafe fn map_tables(&self, descriptor: RawFd) -> io::Result<Tables<'static>> {
        let length = self.header.tables as usize;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: a new mapping; it is never unmapped, and as long as told.
        unsafe {
            let at = libc::mmap(TABLES as *mut _, length, libc::PROT_READ | libc::PROT_WRITE, flags, descriptor, 0);
            if at as u64 != TABLES {
                return Err(Error::last_os_error());
            }
            Ok(Tables::new(std::slice::from_raw_parts(at.cast(), length / 8)))
        }
    }
}

/// Header and tables, read with every border checked.
pub struct Tables<'a> {
    words: &'a [u64],
}

impl<'a> Tables<'a> {
    /// `words`: at least a header.
    pub fn new(words: &'a [u64]) -> Tables<'a> {
        assert!(words.len() * 8 >= size_of::<Header>());
        Tables { words }
    }

    pub fn bytes(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    pub fn header(&self) -> &'a Header {
        // SAFETY: integers alone, long enough, aligned as u64.
        unsafe { &*self.words.as_ptr().cast() }
    }

    pub fn checksum(&self) -> u64 {
        checksum(self.words)
    }

    /// `T`: one of the structures of `format`, integers without exception. `None`: not within the tables.
    pub fn get<T: Copy>(&self, table: Table) -> Option<&'a [T]> {
        let bytes = table.count.checked_mul(size_of::<T>() as u64)?;
        let end = table.offset.checked_add(bytes)?;
        if table.offset % 8 != 0 || end > self.bytes() {
            return None;
        }
        // SAFETY: within the words, aligned as u64, and every pattern of bits is a value of these structures.
        Some(unsafe {
            std::slice::from_raw_parts(
                self.words.as_ptr().cast::<u8>().add(table.offset as usize).cast(),
                table.count as usize,
            )
        })
    }

    /// The same for tables that have been checked.
    pub fn all<T: Copy>(&self, table: Table) -> &'a [T] {
        self.get(table).unwrap_or_default()
    }

    pub fn text(&self, text: Text) -> Option<&'a [u8]> {
        let end = text.offset.checked_add(text.bytes)?;
        self.get::<u8>(self.header().text)?.get(text.offset as usize..end as usize)
    }

    pub fn path(&self, text: Text) -> CString {
        CString::new(self.text(text).unwrap_or_default()).unwrap_or_default()
    }
}

#[cfg(test)]
/// Structures of `format` as they are written: integers without padding, a multiple of 8 bytes.
pub fn words_of<T: Copy>(values: &[T]) -> Vec<u64> {
    assert!(size_of::<T>() % 8 == 0);
    // SAFETY: plain integers, read unaligned, as many as there are.
    unsafe {
        let from = values.as_ptr().cast::<u64>();
        (0..size_of_val(values) / 8).map(|at| from.add(at).read_unaligned()).collect()
    }
}
