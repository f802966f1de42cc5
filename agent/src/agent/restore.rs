//! A sandbox that was made with an image of a process continues that process instead of starting a program.
#[cfg(snapshots)]
use crate::sys;
use std::io;
use std::os::fd::RawFd;

/// The image that the launcher has opened for this sandbox.
pub struct Restorable {
    image: Option<RawFd>,
}

impl Restorable {
    pub fn new(image: Option<RawFd>) -> Restorable {
        if let Some(image) = image {
            crate::sys::prepare_fd(image);
        }
        Restorable { image }
    }

    /// Makes the process; once. `output`: what becomes its standard output and error; `link`: its connection to the host.
    #[cfg(snapshots)]
    pub fn restore(&mut self, output: [RawFd; 2], link: Option<RawFd>, api_port: u16) -> io::Result<i32> {
        let image = self.image.take().ok_or_else(|| io::Error::other("this sandbox has no image"))?;
        let image = sys::Image::open(sys::own(image))?;
        sys::restore(&sys::Restore { image: &image, stdout: output[0], stderr: output[1], link, api_port })
    }

    #[cfg(not(snapshots))]
    pub fn restore(&mut self, _: [RawFd; 2], _: Option<RawFd>, _: u16) -> io::Result<i32> {
        Err(io::Error::other(format!("images are not restored on this kind of machine ({:?})", self.image)))
    }
}
