//! A sandbox that was made with an image of a process continues that process instead of starting a program.
use super::Waker;
#[cfg(snapshots)]
use crate::sys;
use std::io;
#[cfg(snapshots)]
use std::os::fd::AsFd;
use std::os::fd::RawFd;

/// The image that the launcher has opened for this sandbox.
pub struct Restorable {
    image: Option<RawFd>,
    /// what makes the process, if the image is one of CRIU's
    waker: Option<Waker>,
    /// number of the copy's thread that is made last; 0: there is none to wait for
    last: u32,
}

impl Restorable {
    pub fn new(image: Option<RawFd>, waker: Option<&Waker>) -> Restorable {
        if let Some(image) = image {
            crate::sys::prepare_fd(image);
        }
        if let Some(waker) = waker {
            crate::sys::prepare_fd(waker.socket);
        }
        Restorable { image, waker: waker.copied(), last: 0 }
    }

    /// The child that makes the process instead of the agent: should it fail, there is none.
    pub fn maker(&self) -> i32 {
        self.waker.map_or(0, |waker| waker.pid)
    }

    /// Waits, for a short time, until the process has all of its threads: it takes their numbers in turn, and nobody else may
    /// take one meanwhile.
    pub fn stand(&self, process: i32) {
        const LONGEST_MS: usize = 2000;
        let made = || std::fs::exists(format!("/proc/{process}/task/{}", self.last)).unwrap_or(true);
        let lives = || std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z"));
        for _ in 0..LONGEST_MS {
            if self.last == 0 || made() || !lives() {
                return;
            }
            crate::sys::poll(&mut [], 1);
        }
    }

    /// What waited to make the process need not wait any longer.
    pub fn forget(&mut self) {
        self.waker.take().into_iter().for_each(|waker| drop(crate::sys::own(waker.socket)));
    }

    /// Makes the process; once. `output`: what becomes its standard output and error; `link`: its connection to the host.
    #[cfg(snapshots)]
    pub fn restore(&mut self, output: [RawFd; 2], link: Option<RawFd>, api_port: u16) -> io::Result<i32> {
        if let Some(waker) = self.waker.take() {
            return wake(&waker, output, link);
        }
        let image = self.image.take().ok_or_else(|| io::Error::other("this sandbox has no image"))?;
        let image = sys::Image::open(sys::own(image))?;
        self.last = image.last_number();
        let made =
            sys::restore(&sys::Restore { image: &image, stdout: output[0], stderr: output[1], link, api_port });
        sys::set_capabilities(0)?;
        made
    }

    #[cfg(not(snapshots))]
    pub fn restore(&mut self, _: [RawFd; 2], _: Option<RawFd>, _: u16) -> io::Result<i32> {
        Err(io::Error::other(format!("images are not restored on this kind of machine ({:?})", self.image)))
    }
}

/// Gives it what the process is to have (launcher/criu/nest.rs).
#[cfg(snapshots)]
fn wake(waker: &Waker, output: [RawFd; 2], link: Option<RawFd>) -> io::Result<i32> {
    let socket = sys::own(waker.socket);
    for (letter, number) in [(b'o', Some(output[0])), (b'e', Some(output[1])), (b'l', link)] {
        if let Some(number) = number {
            let copy = sys::borrow_descriptor(number).try_clone_to_owned()?;
            sys::send_descriptor(socket.as_fd(), &[letter], Some(&copy))?;
        }
    }
    sys::send_descriptor(socket.as_fd(), b"g", None)?;
    Ok(waker.main)
}
