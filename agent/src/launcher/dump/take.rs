//! Takes the image of a sandbox's runtime from outside: stops it, looks at everything it has, writes that down and lets it
//! go. The process notices nothing; what cannot be copied faithfully is a refusal, and leaves no file.
use super::descriptors::{Descriptors, Link};
use super::files::Root;
use super::libraries::Madvise;
use super::maps;
use super::memory::{self, Layout, Memory};
use super::pages::{self, GAP_ANONYMOUS, PageTable, Run, Writer};
use super::process::{self, Status};
use super::refusal::{OrRefuse, Refusal, refuse};
use super::stopped::Stopped;
use super::stored::Found;
use super::tables::Tables;
use super::threads;
use crate::image::format::{PAGE, WORKING_SET_BYTES};
use crate::launcher::failure::Step;
use crate::sys;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For background work of the runtime to end by itself; then it is stopped in the midst of it.
const REST: Duration = Duration::from_millis(500);
/// For everything. The launcher ends a helper that takes longer still.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of the disk that stay free.
const RESERVE: u64 = 1 << 30;

#[derive(Debug)]
pub struct Facts {
    /// of the image
    pub bytes: u64,
    pub pages: u64,
    pub threads: u64,
    /// restores must copy the pages instead of mapping them
    pub copied: bool,
    /// connections to the outside
    pub sockets: u64,
    /// how long the process was stopped
    pub ms: f64,
}

/// The name under which an image is written.
pub fn unfinished(into: &Path) -> PathBuf {
    let mut name = into.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// `agent`: the sandbox's first process, whose one child is the runtime.
pub fn take(agent: i32, link: &Link, into: &Path) -> Result<Facts, Refusal> {
    let part = unfinished(into);
    let taken = take_into(agent, link, &part).and_then(|facts| {
        fs::rename(&part, into).step("rename the image")?;
        Ok(facts)
    });
    if taken.is_err() {
        let _ = fs::remove_file(&part);
    }
    taken
}

fn take_into(agent: i32, link: &Link, part: &Path) -> Result<Facts, Refusal> {
    let begin = Instant::now();
    let process = process::only_child(agent)?;
    process::await_rest(process, REST)?;
    let stopping = Instant::now();
    let mut stopped = Stopped::stop(process, agent)?;
    // it may have forked since
    process::only_child(agent)?;
    check_quiet(&stopped)?;

    let memory = Memory::open(process)?;
    let root = Root::of(process)?;
    let mut tables = Tables::default();
    let stored = Found::in_tmp(&root, &mut tables)?;
    let mut heap = process::memory(process)?;
    threads::describe(&mut stopped, &memory, &mut tables, &mut heap)?;
    let mut descriptors = Descriptors::of(process, agent, &root, link)?;
    descriptors.describe(&mut tables)?;
    let layout = memory::layout(process)?;
    let madvise = maps::describe(process, &layout, &root, &memory, &mut tables)?;
    let madvise = madvise.filter(|madvise| !maps::is_inside(&tables, madvise));

    let directory = fs::read_link(format!("/proc/{process}/cwd")).step("read the current directory")?;
    let program = fs::read_link(format!("/proc/{process}/exe")).step("read the program's name")?;
    let program = tables.add_text(program.as_os_str().as_bytes());
    let is_program = |file: &crate::image::format::File| tables.text_of(file.path) == tables.text_of(program);
    tables.header.executable = tables.files.iter().position(is_program).map_or(0, |at| at as u64 + 1);
    tables.header.directory = tables.add_text(directory.as_os_str().as_bytes());
    tables.header.kernel = layout.kernel;
    tables.header.memory = heap;
    tables.header.umask = Status::of(process, process)?.umask()? as u32;
    tables.header.pid = tables.threads[0].number;
    tables.header.madvise_error = madvise.as_ref().map_or(0, |madvise| madvise.error);
    let copied = madvise.is_none();

    let own = own_pages(process, &layout, madvise.as_ref(), begin + PATIENCE)?;
    let count = tables.threads.len() as u64;
    let (bytes, pages) = write(tables, stored, &layout, &own, &memory, madvise.as_ref(), part, begin + PATIENCE)?;
    drop(stopped);
    let ms = stopping.elapsed().as_secs_f64() * 1e3;
    Ok(Facts { bytes, pages, threads: count, copied, sockets: descriptors.dead, ms })
}

/// Nothing is on its way to the process that a copy would not get.
fn check_quiet(stopped: &Stopped) -> Result<(), Refusal> {
    for thread in &stopped.threads {
        if Status::of(stopped.process, thread.id)?.pending()? != 0 {
            return refuse("signal", "a signal is on its way to the runtime");
        }
        if !sys::same_tables(stopped.process, thread.id).or_refuse("kernel", "kcmp(2)")? {
            return refuse("threads", "a thread has descriptors of its own");
        }
    }
    Ok(())
}

/// Of each region the pages that copies must have.
fn own_pages(
    process: i32,
    layout: &Layout,
    madvise: Option<&Madvise>,
    deadline: Instant,
) -> Result<Vec<Vec<Run>>, Refusal> {
    let mut table = PageTable::open(process)?;
    let mut all = Vec::with_capacity(layout.regions.len());
    for region in &layout.regions {
        let mut runs = table.own(region, deadline)?;
        let patched = madvise.iter().flat_map(|madvise| madvise.patch.pages());
        for page in patched.filter(|page| (region.start..region.end).contains(page)) {
            pages::insert(&mut runs, page);
        }
        all.push(runs);
    }
    Ok(all)
}

/// Bytes of the image, and pages in it.
#[allow(clippy::too_many_arguments)]
fn write(
    mut tables: Tables,
    stored: Found,
    layout: &Layout,
    own: &[Vec<Run>],
    memory: &Memory,
    madvise: Option<&Madvise>,
    part: &Path,
    deadline: Instant,
) -> Result<(u64, u64), Refusal> {
    let pages: u64 = own.iter().flatten().map(|run| (run.end - run.start) / PAGE).sum();
    // zeros are left out and may part a run, but only where there are more of them than a gap may have
    let runs = own.iter().flatten().count() as u64 + pages / (GAP_ANONYMOUS + 1);
    let room = tables.room(runs, stored.count())?;
    let directory = part.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = std::ffi::CString::new(directory.as_os_str().as_bytes()).step("path of the image")?;
    let (free, _) = sys::free_space(&directory).step("statfs")?;
    // pages within gaps come on top; they are few
    if free < room + pages * PAGE + RESERVE {
        return refuse("space", format!("only {} MB of the disk are free", free >> 20));
    }
    let file = create(part)?;
    let described = std::mem::take(&mut tables.maps);
    let mut writer = Writer::new(memory, &file, madvise.map(|madvise| &madvise.patch), room, deadline);
    for ((region, runs), map) in layout.regions.iter().zip(own).zip(described) {
        tables.maps.push(map);
        writer.region(region, runs, &mut tables.maps)?;
    }
    let (bytes, pages) = writer.finish()?;
    let end = stored.write(&file, bytes, &mut tables)?;
    tables.header.working_set = end.next_multiple_of(PAGE);
    let bytes = tables.header.working_set + WORKING_SET_BYTES;
    file.set_len(bytes).or_refuse("space", "the image cannot be written")?;
    tables.write(&file, room, bytes)?;
    Ok((bytes, pages))
}

fn create(part: &Path) -> Result<File, Refusal> {
    let create = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    let created = create().or_else(|error| match error.kind() {
        // of a helper that was killed
        std::io::ErrorKind::AlreadyExists => fs::remove_file(part).and_then(|()| create()),
        _ => Err(error),
    });
    Ok(created.step("create the image")?)
}
