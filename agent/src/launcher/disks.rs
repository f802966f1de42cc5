//! A stock of disks for /tmp (volume.rs), made and taken down by a process of its own that gives way to all others: both
//! take the kernel a millisecond or more, which nobody is to wait for, neither a start nor an end. It holds every disk
//! that it has made until it is told that the sandbox is gone, and ends with the launcher.
use super::failure::{Failure, Step};
use super::volume;
use crate::sys;
use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Disks in the making at once: what has been ordered of one size may turn out to be wanted of another.
const ORDERED_AT_ONCE: usize = 4;
const SOCKET: i32 = 3;

/// A disk that a slot is to get.
pub struct Disk {
    pub number: u64,
    pub bytes: u64,
    pub mount: OwnedFd,
}

pub struct Disks {
    /// the process that makes them
    pub pid: i32,
    socket: OwnedFd,
    stock: VecDeque<Disk>,
    /// how many to have ready
    aim: usize,
    /// bytes of those to come
    size: u64,
    ordered: VecDeque<(u64, u64)>,
    next: u64,
    /// to be taken down
    released: VecDeque<u64>,
}

impl Disks {
    /// Starts the process. `Err`: /tmp cannot be on disk here.
    pub fn start(aim: usize, size: u64) -> Result<Disks, Failure> {
        volume::make(1 << 20)?;
        let (socket, theirs) = sys::message_pair().step("socketpair")?;
        match sys::fork_into(0).step("fork")? {
            0 => work(&theirs),
            pid => Ok(Disks {
                pid,
                socket,
                stock: VecDeque::new(),
                aim,
                size,
                ordered: VecDeque::new(),
                next: 0,
                released: VecDeque::new(),
            }),
        }
    }

    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// What has just been asked for will be asked for again.
    pub fn resize(&mut self, bytes: u64) {
        self.size = bytes;
    }

    /// One of the size that is wanted now; those of another one are of no use any more.
    pub fn take(&mut self) -> Option<Disk> {
        while let Some(disk) = self.stock.pop_front() {
            if disk.bytes == self.size {
                return Some(disk);
            }
            self.release(disk.number);
        }
        None
    }

    /// The sandbox that had it is gone.
    pub fn release(&mut self, number: u64) {
        self.released.push_back(number);
    }

    /// Are there orders that the process has had no ear for?
    pub fn is_behind(&self) -> bool {
        !self.released.is_empty()
    }

    /// Never waits: the process may be kept from working for long.
    fn order(&self, number: u64, bytes: u64) -> Result<bool, ()> {
        match sys::send_now(self.socket.as_fd(), &[number.to_le_bytes(), bytes.to_le_bytes()].concat()) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(_) => Err(()),
        }
    }

    /// Tells the process to end, which it does when it has taken everything down.
    pub fn close(&mut self) {
        self.stock.clear();
        sys::shutdown_write(self.socket.as_raw_fd());
    }

    /// Takes what has been delivered and orders what is missing. `Err`: the process is gone.
    pub fn trade(&mut self) -> Result<(), ()> {
        let mut buffer = [0; 1];
        loop {
            match sys::receive_descriptor(self.socket.as_fd(), &mut buffer, false) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) | Ok((0, _)) => return Err(()),
                Ok((_, mount)) => {
                    let (number, bytes) = self.ordered.pop_front().ok_or(())?;
                    // without a descriptor: it could not be made, for want of space perhaps, and slots try themselves
                    self.stock.extend(mount.map(|mount| Disk { number, bytes, mount }));
                }
            }
        }
        while let Some(&number) = self.released.front() {
            if !self.order(number, 0)? {
                return Ok(());
            }
            self.released.pop_front();
        }
        while self.stock.len() + self.ordered.len() < self.aim && self.ordered.len() < ORDERED_AT_ONCE {
            if !self.order(self.next, self.size)? {
                return Ok(());
            }
            self.ordered.push_back((self.next, self.size));
            self.next += 1;
        }
        Ok(())
    }
}

/// Runs in the new process, in the machine's file tree and the run directory.
fn work(socket: &OwnedFd) -> ! {
    if sys::keep_descriptors(&[socket.as_raw_fd()]).and_then(|()| sys::silence_streams()).is_err() {
        sys::exit_now(1);
    }
    sys::give_way();
    let socket = sys::borrow_descriptor(SOCKET);
    let mut held = HashMap::new();
    let mut order = [0; 16];
    while let Ok(16) = sys::receive(socket, &mut order, true) {
        let [number, bytes] = [0, 8].map(|at| u64::from_le_bytes(*order[at..].first_chunk().expect("8 of 16 bytes")));
        if bytes == 0 {
            held.remove(&number);
            continue;
        }
        let disk = volume::make(bytes).ok();
        if sys::send_descriptor(socket, &[1], disk.as_ref()).is_err() {
            break;
        }
        held.extend(disk.map(|disk| (number, disk)));
    }
    drop(held);
    sys::exit_now(0)
}
