//! Files of a sandbox, found by their path in it: at a restore there is nothing but the path.
use super::refusal::{OrRefuse, Refusal, refuse};
use crate::launcher::failure::Step;
use crate::sys;
use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

/// The file tree of a process.
pub struct Root(File);

impl Root {
    pub fn of(process: i32) -> Result<Root, Refusal> {
        let root = sys::open_directory(&c_string(&format!("/proc/{process}/root"))?).step("open the sandbox's root")?;
        Ok(Root(root.into()))
    }

    /// The file at a path, which must be the very one that `there`, a link of /proc, leads to. It is not opened for anything.
    pub fn same(&self, path: &[u8], there: &str, what: &str) -> Result<(File, Metadata), Refusal> {
        let found = sys::find_in(&self.0, path).or_refuse("file", what)?;
        let facts = found.metadata().or_refuse("file", what)?;
        let meant = fs::metadata(there).or_refuse("file", what)?;
        if (facts.dev(), facts.ino()) != (meant.dev(), meant.ino()) {
            return refuse("file", format!("{what}: its path is that of another file now"));
        }
        Ok((found, facts))
    }

    /// A directory; `None`: it is not there.
    pub fn directory(&self, path: &[u8]) -> Result<Option<Directory>, Refusal> {
        match sys::find_in(&self.0, path) {
            Ok(found) => Ok(Some(Directory(found))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).or_refuse("file", "a directory"),
        }
    }
}

/// A directory of the sandbox, held open.
pub struct Directory(File);

impl Directory {
    /// Its name for this process.
    pub fn path(&self) -> std::path::PathBuf {
        own_path(&self.0).into()
    }
}

/// Opens a regular file that was found for reading.
pub fn readable(found: &File) -> Option<File> {
    if !found.metadata().ok()?.is_file() {
        return None;
    }
    File::open(own_path(found)).ok()
}

fn own_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn c_string(text: &str) -> Result<std::ffi::CString, Refusal> {
    Ok(std::ffi::CString::new(text).step("path")?)
}
