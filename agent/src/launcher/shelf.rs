//! Opens images so that a copy cannot tell where they lie: /proc/PID/maps shows a mapped file's path from the root of the
//! mount that it was opened on, and that is one of the images' directory alone, attached nowhere.
use super::failure::{Failure, Step};
use super::tree::c_string;
use crate::sys;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub struct Shelf {
    /// the directory of the last image, and its mount
    open: Option<(PathBuf, OwnedFd)>,
}

impl Shelf {
    /// An image of one file, to be read; one of CRIU's is a directory, whose mount is cloned again, which takes a mount of the
    /// machine's tree.
    pub fn image(&mut self, path: &Path) -> Result<OwnedFd, Failure> {
        let named = path.parent().zip(path.file_name().and_then(|name| name.to_str()));
        let image = match named {
            Some((directory, name)) if !fs::metadata(path).step("open the image")?.is_dir() => {
                self.mount(directory).map(|mount| File::open(sys::below(mount.as_fd(), name)))
            }
            _ => None,
        };
        image.unwrap_or_else(|| File::open(path)).step("open the image").map(OwnedFd::from)
    }

    /// None where the kernel or our rights do not allow it: the path is seen then.
    fn mount(&mut self, directory: &Path) -> Option<&OwnedFd> {
        if self.open.as_ref().is_none_or(|(of, _)| of != directory) {
            let path = c_string(directory.as_os_str().as_encoded_bytes()).ok()?;
            self.open = Some((directory.to_path_buf(), sys::clone_tree(&path, false).ok()?));
        }
        self.open.as_ref().map(|(_, mount)| mount)
    }
}
