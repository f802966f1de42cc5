//! What init has left in /tmp: small files become part of the image, and every copy gets its own.
use super::files::{Directory, Root};
use super::refusal::{OrRefuse, Refusal, refuse};
use super::tables::Tables;
use crate::image::format::{PAGE, STORED_DIRECTORY, STORED_FILE, STORED_LINK, Stored};
use crate::launcher::failure::Step;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// All files together. More would make a restore slow: each copy writes them anew.
const BYTES_MAX: u64 = 32 << 20;
const ENTRIES_MAX: usize = 2_000;
/// What every new ext4 has.
const OF_THE_DISK: &str = "lost+found";

/// Files to be copied, as the sandbox knows them and as this process finds them.
pub struct Found {
    entries: Vec<(Stored, Option<PathBuf>)>,
    /// what those paths begin at
    _tmp: Option<Directory>,
}

impl Found {
    /// Lists /tmp. The process is stopped: nothing changes meanwhile.
    pub fn in_tmp(root: &Root, tables: &mut Tables) -> Result<Found, Refusal> {
        let tmp = root.directory(b"/tmp")?;
        let mut waiting: Vec<_> = tmp.iter().map(|tmp| (tmp.path(), PathBuf::from("/tmp"))).collect();
        let mut found = Found { entries: Vec::new(), _tmp: tmp };
        let mut bytes = 0;
        while let Some((here, inside)) = waiting.pop() {
            for entry in fs::read_dir(&here).step("list /tmp")? {
                let entry = entry.step("list /tmp")?;
                let path = inside.join(entry.file_name());
                if inside == Path::new("/tmp") && entry.file_name() == OF_THE_DISK {
                    continue;
                }
                let facts = fs::symlink_metadata(entry.path()).step("look at /tmp")?;
                let mut stored = Stored {
                    path: tables.add_text(path.as_os_str().as_bytes()),
                    mode: facts.mode() & 0o7777,
                    modified_sec: facts.mtime(),
                    modified_nsec: facts.mtime_nsec(),
                    ..Stored::default()
                };
                let mut source = None;
                if facts.is_dir() {
                    stored.kind = STORED_DIRECTORY;
                    waiting.push((entry.path(), path));
                } else if facts.is_symlink() {
                    stored.kind = STORED_LINK;
                    let target = fs::read_link(entry.path()).step("look at /tmp")?;
                    stored.target = tables.add_text(target.as_os_str().as_bytes());
                } else if facts.is_file() {
                    stored.kind = STORED_FILE;
                    stored.bytes = facts.len();
                    bytes += facts.len();
                    source = Some(entry.path());
                } else {
                    return refuse("tmp", format!("{} is neither file nor directory", path.display()));
                }
                found.entries.push((stored, source));
                if bytes > BYTES_MAX || found.entries.len() > ENTRIES_MAX {
                    return refuse("tmp", format!("there is more in /tmp than {} MB", BYTES_MAX >> 20));
                }
            }
        }
        Ok(found)
    }

    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Appends the files' bytes to the image, which ends at `end`, and gives its new end.
    pub fn write(self, image: &File, mut end: u64, tables: &mut Tables) -> Result<u64, Refusal> {
        for (mut stored, source) in self.entries {
            if let Some(source) = source {
                let bytes = fs::read(source).or_refuse("tmp", "a file of /tmp")?;
                image.write_all_at(&bytes, end).or_refuse("space", "the image cannot be written")?;
                stored.offset = end;
                stored.bytes = bytes.len() as u64;
                end = (end + stored.bytes).next_multiple_of(PAGE);
            }
            tables.stored.push(stored);
        }
        Ok(end)
    }
}

/// A mapped file of /tmp is not the same file in any copy.
pub fn is_stored(path: &[u8]) -> bool {
    path.starts_with(b"/tmp/")
}
