//! Pages of a process that are its own, copied into an image.
use super::memory::{Memory, Region};
use super::refusal::{OrRefuse, Refusal, refuse};
use crate::image::format::{MAP_IMAGE, Map, PAGE};
use crate::launcher::failure::Step;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::Instant;

// Documentation/admin-guide/mm/pagemap.rst
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const OF_FILE: u64 = 1 << 61;
const GUARD: u64 = 1 << 58;

/// Entries of the page table read at once.
const ENTRIES: u64 = 64 << 10;
/// Bytes of address space looked through at most: regions of which nothing is held take no look.
const LOOK_MAX: u64 = 256 << 30;
/// Pages read at once.
const BLOCK: u64 = 256;
/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 20;
const ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];

/// Runs of pages with fewer pages between them become one: a mapping costs more than the pages.
pub const GAP_ANONYMOUS: u64 = 16;
const GAP_FILE: u64 = 1;

/// Addresses of pages, from and to.
pub type Run = Range<u64>;

pub struct PageTable {
    file: File,
    looked: u64,
}

impl PageTable {
    pub fn open(process: i32) -> Result<PageTable, Refusal> {
        Ok(PageTable { file: File::open(format!("/proc/{process}/pagemap")).step("open the page table")?, looked: 0 })
    }

    /// The pages of a region that are the process's own, ascending. They may be zeros.
    pub fn own(&mut self, region: &Region, deadline: Instant) -> Result<Vec<Run>, Refusal> {
        let mut runs: Vec<Run> = Vec::new();
        if region.held == 0 || region.shared || region.is_wiped() {
            return Ok(runs);
        }
        let guarded = self.look(region.start..region.end, deadline, |page| include(&mut runs, page))?;
        if guarded {
            return refuse("memory", format!("{region} has guard pages (MADV_GUARD_INSTALL)"));
        }
        Ok(runs)
    }

    /// Shows every page of the range that is the process's own, ascending. True: some are guard pages.
    pub fn look(&mut self, range: Run, deadline: Instant, mut show: impl FnMut(u64)) -> Result<bool, Refusal> {
        self.looked += range.end - range.start;
        if self.looked > LOOK_MAX {
            return refuse("memory", "it uses memory here and there in a very large address space");
        }
        let mut guarded = false;
        let mut buffer = vec![0; (ENTRIES * 8) as usize];
        let mut at = range.start;
        while at < range.end {
            let pages = ((range.end - at) / PAGE).min(ENTRIES);
            let entries = &mut buffer[..pages as usize * 8];
            self.file.read_exact_at(entries, at / PAGE * 8).step("read the page table")?;
            for (entry, page) in entries.chunks_exact(8).zip((at..).step_by(PAGE as usize)) {
                let entry = u64::from_ne_bytes(*entry.first_chunk().expect("8 bytes"));
                guarded |= entry & GUARD != 0;
                if entry & (PRESENT | SWAPPED) != 0 && entry & OF_FILE == 0 {
                    show(page);
                }
            }
            in_time(deadline)?;
            at += pages * PAGE;
        }
        Ok(guarded)
    }
}

/// Adds a page to ascending runs.
pub fn include(runs: &mut Vec<Run>, page: u64) {
    match runs.last_mut() {
        Some(last) if last.end == page => last.end += PAGE,
        _ => runs.push(page..page + PAGE),
    }
}

/// Adds a page anywhere in ascending runs.
pub fn insert(runs: &mut Vec<Run>, page: u64) {
    if !runs.iter().any(|run| run.contains(&page)) {
        let at = runs.partition_point(|run| run.start < page);
        runs.insert(at, page..page + PAGE);
    }
}

fn in_time(deadline: Instant) -> Result<(), Refusal> {
    if Instant::now() > deadline { refuse("slow", "its image takes too long to make") } else { Ok(()) }
}

/// Bytes to be found at an address in copies, instead of those there are.
pub struct Patch {
    pub address: u64,
    pub bytes: Vec<u8>,
}

impl Patch {
    pub fn pages(&self) -> impl Iterator<Item = u64> + use<> {
        let first = self.address / PAGE * PAGE;
        (first..self.address + self.bytes.len() as u64).step_by(PAGE as usize)
    }

    /// Over memory that begins at `start`.
    fn apply(&self, start: u64, memory: &mut [u8]) {
        for (address, byte) in (self.address..).zip(&self.bytes) {
            if let Some(place) = address.checked_sub(start).and_then(|at| memory.get_mut(at as usize)) {
                *place = *byte;
            }
        }
    }
}

/// The pages of an image as they are written, one behind the other.
pub struct Writer<'a> {
    memory: &'a Memory,
    file: &'a File,
    patch: Option<&'a Patch>,
    deadline: Instant,
    /// where the next bytes go in the image, `buffer` being ahead of it
    at: u64,
    buffer: Vec<u8>,
    /// of the region that is being written: its own pages have no entry before they are complete
    open: Option<Map>,
    pub pages: u64,
}

impl<'a> Writer<'a> {
    /// Pages go into `file` from `at` on.
    pub fn new(memory: &'a Memory, file: &'a File, patch: Option<&'a Patch>, at: u64, deadline: Instant) -> Writer<'a> {
        Writer { memory, file, patch, deadline, at, buffer: Vec::with_capacity(BUFFER), open: None, pages: 0 }
    }

    /// Writes pages of a region and appends entries for them.
    pub fn region(&mut self, region: &Region, runs: &[Run], maps: &mut Vec<Map>) -> Result<(), Refusal> {
        let mut block = vec![0; (BLOCK * PAGE) as usize];
        for run in runs {
            for start in run.clone().step_by((BLOCK * PAGE) as usize) {
                let block = &mut block[..(run.end - start).min(BLOCK * PAGE) as usize];
                self.memory.read(start, block)?;
                self.patch.iter().for_each(|patch| patch.apply(start, block));
                for (content, page) in block.chunks_exact(PAGE as usize).zip((start..).step_by(PAGE as usize)) {
                    // anonymous memory is zeros by itself
                    if region.is_file() || content != ZEROS {
                        self.page(region, page, content, maps)?;
                    }
                }
                in_time(self.deadline)?;
            }
        }
        maps.extend(self.open.take());
        Ok(())
    }

    fn page(&mut self, region: &Region, page: u64, content: &[u8], maps: &mut Vec<Map>) -> Result<(), Refusal> {
        let gap = if region.is_file() { GAP_FILE } else { GAP_ANONYMOUS } * PAGE;
        let end = self.open.map(|open| open.end).filter(|end| page - end <= gap);
        let joined = match end {
            Some(end) => self.fill(region, end, page)?,
            None => false,
        };
        if !joined {
            maps.extend(self.open.take());
            let offset = self.at + self.buffer.len() as u64;
            self.open = Some(Map {
                start: page,
                end: page,
                offset,
                protection: region.protection,
                kind: MAP_IMAGE,
                ..Map::default()
            });
        }
        self.put(content)?;
        self.open.iter_mut().for_each(|open| open.end = page + PAGE);
        Ok(())
    }

    /// Writes what lies between two pages of a run; false if it cannot be had (a file's end lies there).
    fn fill(&mut self, region: &Region, from: u64, to: u64) -> Result<bool, Refusal> {
        let mut between = vec![0; (to - from) as usize];
        if region.is_file() && self.memory.read(from, &mut between).is_err() {
            return Ok(false);
        }
        self.put(&between)?;
        Ok(true)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.buffer.extend_from_slice(bytes);
        self.pages += bytes.len() as u64 / PAGE;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Refusal> {
        self.file.write_all_at(&self.buffer, self.at).or_refuse("space", "the image cannot be written")?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is left. Bytes of the whole image.
    pub fn finish(mut self) -> Result<(u64, u64), Refusal> {
        self.flush()?;
        Ok((self.at, self.pages))
    }
}
