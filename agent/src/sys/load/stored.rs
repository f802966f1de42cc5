//! What init has left in /tmp, made anew: as the sandbox's own user, in its own /tmp.
use super::super::linux::check;
use super::super::own;
use super::Tables;
use crate::image::format::*;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// `image`: the image's descriptor.
pub fn make_all(tables: &Tables<'_>, image: RawFd) -> io::Result<()> {
    let all = tables.all::<Stored>(tables.header().stored);
    for stored in all {
        let path = tables.path(stored.path);
        // SAFETY: strings that end in NUL.
        unsafe {
            match stored.kind {
                STORED_DIRECTORY => check(libc::mkdir(path.as_ptr(), 0o700).into())?,
                STORED_LINK => check(libc::symlink(tables.path(stored.target).as_ptr(), path.as_ptr()).into())?,
                _ => {
                    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC | libc::O_NOFOLLOW;
                    let file = own(check(libc::open(path.as_ptr(), flags, 0o600).into())? as RawFd);
                    fill(file.as_raw_fd(), image, stored)?;
                    0
                }
            };
        }
    }
    // Last: a directory may be closed to its owner, and changes whenever something is made in it.
    for stored in all.iter().rev() {
        let path = tables.path(stored.path);
        let modified = libc::timespec { tv_sec: stored.modified_sec, tv_nsec: stored.modified_nsec };
        let times = [modified, modified];
        // SAFETY: a string that ends in NUL, two valid times.
        unsafe {
            libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW);
            if stored.kind != STORED_LINK {
                libc::chmod(path.as_ptr(), stored.mode);
            }
        }
    }
    Ok(())
}

fn fill(file: RawFd, image: RawFd, stored: &Stored) -> io::Result<()> {
    let mut at = stored.offset as i64;
    let end = at + stored.bytes as i64;
    while at < end {
        // SAFETY: `at` is where the kernel reads and notes how far it came.
        if check(unsafe { libc::sendfile(file, image, &mut at, (end - at) as usize) } as i64)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
