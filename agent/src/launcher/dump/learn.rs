//! The working set of an image (image/working_set.rs): a copy that has just given its first answer is looked at, and what it
//! has written to is noted in the image for the next ones. The launcher never waits for it.
use super::pages::{self, PageTable, Run};
use super::process::only_child;
use super::refusal::{OrRefuse, Refusal, refuse};
use crate::image::format::{Header, MAP_IMAGE, MAP_SHARED_FILE, MAP_STACK, Map, TABLES_MAX};
use crate::image::{check, working_set};
use crate::launcher::failure::Step;
use crate::sys::{self, Image, Tables, bytes_of};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Copies of one image that are looked at, at most, until one of them has told something.
const ATTEMPTS: u8 = 4;
/// Images that are remembered.
const KNOWN_MAX: usize = 4096;
/// For everything.
const PATIENCE: Duration = Duration::from_secs(5);
const PROT_WRITE: u32 = 2;

/// Device and inode of an image.
type Identity = (u64, u64);

/// What a sandbox's copy could still tell of its image.
pub struct Lesson {
    path: String,
    image: Identity,
}

/// How many copies of each image were looked at already.
#[derive(Default)]
pub struct Lessons(HashMap<Identity, u8>);

impl Lessons {
    /// `opened`: the image at `path` that a new sandbox is to continue. `None`: there is nothing to learn.
    pub fn of(&mut self, path: &str, opened: &OwnedFd) -> Option<Lesson> {
        let image = Image::open(opened.try_clone().ok()?).ok()?;
        let identity = image.identity();
        if self.0.len() >= KNOWN_MAX {
            self.0.clear();
        }
        let attempts = self.0.entry(identity).or_insert(0);
        if *attempts < ATTEMPTS && (image.header().madvise_error == 0 || image.has_working_set()) {
            *attempts = ATTEMPTS;
        }
        (*attempts < ATTEMPTS).then(|| Lesson { path: path.to_string(), image: identity })
    }

    /// `agent`: the first process of the sandbox whose copy has answered.
    pub fn begin(&mut self, agent: i32, lesson: Lesson) {
        let attempts = self.0.entry(lesson.image).or_insert(0);
        if *attempts < ATTEMPTS {
            *attempts += 1;
            if let Ok(0) = sys::fork_into(0) {
                work(agent, &lesson)
            }
        }
    }
}

/// Runs in a process of its own.
fn work(agent: i32, lesson: &Lesson) -> ! {
    let alone = sys::die_with_parent().and_then(|()| sys::keep_descriptors(&[])).and_then(|()| sys::silence_streams());
    if alone.is_err() {
        sys::exit_now(1);
    }
    sys::set_priority(19);
    sys::exit_now(lesson.learn(agent).is_err().into())
}

impl Lesson {
    /// `agent`: the first process of the sandbox whose copy has answered.
    pub fn learn(&self, agent: i32) -> Result<(), Refusal> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path).step("open the image")?;
        let copy = file.try_clone().step("dup")?;
        let image = Image::open(OwnedFd::from(copy)).or_refuse("image", "the image")?;
        // another may have taken its place since the copy was made
        if image.identity() != self.image {
            return Ok(());
        }
        let words = read_tables(&file, image.header())?;
        let tables = Tables::new(&words);
        if let Err(wrong) = check(&tables, image.bytes()) {
            return refuse("image", wrong);
        }
        let runs = written(only_child(agent)?, tables.all::<Map>(tables.header().maps))?;
        let at = tables.header().working_set;
        file.write_all_at(bytes_of(&working_set::pack(&runs)), at).or_refuse("space", "the working set")
    }
}

fn read_tables(file: &File, header: &Header) -> Result<Vec<u64>, Refusal> {
    let mut bytes = vec![0; header.tables.min(TABLES_MAX) as usize];
    file.read_exact_at(&mut bytes, 0).step("read the image")?;
    let word = |word: &[u8]| word.first_chunk().copied().map(u64::from_ne_bytes);
    Ok(bytes.chunks_exact(8).filter_map(word).collect())
}

/// Pages that are the process's own now, where its image is mapped copy-on-write or it began with empty memory.
fn written(process: i32, maps: &[Map]) -> Result<Vec<Run>, Refusal> {
    let deadline = Instant::now() + PATIENCE;
    let mut table = PageTable::open(process)?;
    let mut runs = Vec::new();
    for map in maps {
        // a stack's pages are made with it
        let own = ![MAP_IMAGE, MAP_SHARED_FILE, MAP_STACK].contains(&map.kind) && map.protection & PROT_WRITE != 0;
        if own {
            let mut here = Vec::new();
            table.look(map.start..map.end, deadline, |page| pages::include(&mut here, page))?;
            runs.append(&mut here);
        }
    }
    Ok(runs)
}
