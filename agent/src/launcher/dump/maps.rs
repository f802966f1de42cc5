//! What is mapped into a stopped process: an entry for each mapping, and for each file what it is known by.
use super::files::{Root, readable};
use super::libraries::{self, Madvise};
use super::memory::{Layout, Memory, Region};
use super::refusal::{Refusal, refuse};
use super::stored::is_stored;
use super::tables::Tables;
use crate::image::format::{FILES_MAX, File, MAP_ANONYMOUS, MAP_FILE, MAP_SHARED_FILE, MAP_STACK, Map};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

/// The room that the loader makes for the main thread's stack.
const STACK_ROOM: u64 = 8 << 20;

/// Entries for all mappings, in `tables.maps`, one a region; and what there is to know of the libraries among them.
pub fn describe(
    process: i32,
    layout: &Layout,
    root: &Root,
    memory: &Memory,
    tables: &mut Tables,
) -> Result<Option<Madvise>, Refusal> {
    let mut known = BTreeMap::new();
    let mut madvise = None;
    for region in &layout.regions {
        let base = Map { start: region.start, end: region.end, protection: region.protection, ..Map::default() };
        let map = match region.name.as_slice() {
            b"[stack]" => {
                check_stack(region, layout)?;
                Map { kind: MAP_STACK, ..base }
            }
            _ if !region.is_file() => Map { kind: MAP_ANONYMOUS, ..base },
            name => {
                let file = match known.get(name) {
                    Some(&file) => file,
                    None => {
                        let all: Vec<Region> = layout.regions.iter().filter(|r| r.name == name).cloned().collect();
                        madvise = describe_file(process, &all, root, memory, tables)?.or(madvise);
                        known.insert(name.to_vec(), tables.files.len() as u32 - 1);
                        tables.files.len() as u32 - 1
                    }
                };
                let kind = if region.shared { MAP_SHARED_FILE } else { MAP_FILE };
                Map { kind, offset: region.offset, file, ..base }
            }
        };
        tables.maps.push(map);
    }
    Ok(madvise)
}

fn check_stack(stack: &Region, layout: &Layout) -> Result<(), Refusal> {
    let room = stack.end.saturating_sub(STACK_ROOM)..stack.start;
    match layout.regions.iter().find(|other| other.start < room.end && room.start < other.end) {
        Some(other) => refuse("memory", format!("{other} is where the stack may grow to")),
        None => Ok(()),
    }
}

/// One mapped file, with all regions of it.
fn describe_file(
    process: i32,
    regions: &[Region],
    root: &Root,
    memory: &Memory,
    tables: &mut Tables,
) -> Result<Option<Madvise>, Refusal> {
    let first = &regions[0];
    if tables.files.len() + 1 >= FILES_MAX as usize {
        return refuse("memory", "it has mapped too many files");
    }
    if regions.iter().any(|region| region.inode != first.inode) {
        return refuse("file", format!("{first}: two files of one name are mapped"));
    }
    let there = format!("/proc/{process}/map_files/{:x}-{:x}", first.start, first.end);
    let (found, facts) = root.same(&first.name, &there, &first.to_string())?;
    if !facts.is_file() {
        return refuse("memory", format!("{first} is no file"));
    }
    let path = tables.add_text(&first.name);
    let bytes = facts.size();
    tables.files.push(if is_stored(&first.name) {
        File { path, bytes, ..File::default() }
    } else {
        let (device, inode) = (facts.dev(), facts.ino());
        File { path, device, inode, bytes, modified_sec: facts.mtime(), modified_nsec: facts.mtime_nsec() }
    });
    let Some(file) = readable(&found) else { return Ok(None) };
    tables.generators.extend(libraries::generator(&file, regions));
    let is_c_library = libraries::is_c_library(&first.name);
    Ok(is_c_library.then(|| libraries::madvise(&file, regions, memory)).flatten())
}

/// A thread that stands in the instructions to be replaced would go on in the midst of others.
pub fn is_inside(tables: &Tables, madvise: &Madvise) -> bool {
    let start = madvise.patch.address;
    let inside = start + 1..start + madvise.patch.bytes.len() as u64;
    tables.resume.iter().any(|address| inside.contains(address))
}
