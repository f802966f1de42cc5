//! A stock of disks for /tmp (volume.rs), made and taken down by a process of its own that gives way to all others: both
//! take the kernel a millisecond or more, which nobody is to wait for, neither a start nor an end. It holds every disk
//! that it has made until it is told that the sandbox is gone, and ends with the launcher.
//!
//! Most functions never write to /tmp. A disk that comes back as it was given goes to the next sandbox, which costs
//! microseconds; one that anybody has written to, or whose root directory was touched, is taken down.
use super::failure::{Failure, Step};
use super::volume;
use crate::sys::{self, DiskState};
use std::collections::{HashMap, VecDeque};
use std::ffi::{CStr, CString};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Disks in the making at once: what has been ordered of one size may turn out to be wanted of another.
const ORDERED_AT_ONCE: usize = 4;
/// Disks ready at most, after bursts that had too few of them: each takes some 100 kB of the kernel's memory.
const STOCK_MAX: usize = 256;
/// So long after the last burst the stock begins to shrink again.
const SHRINK_AFTER: Duration = Duration::from_secs(4);
const SOCKET: i32 = 3;

/// A disk that a slot is to get.
pub struct Disk {
    pub number: u64,
    pub bytes: u64,
    pub mount: OwnedFd,
    device: CString,
    /// before anybody had it
    state: DiskState,
}

impl Disk {
    fn new(number: u64, bytes: u64, mount: OwnedFd, device: &[u8]) -> Option<Disk> {
        let state = sys::disk_state(&mount).ok()?;
        Some(Disk { number, bytes, mount, device: CStr::from_bytes_with_nul(device).ok()?.into(), state })
    }

    /// For the next one, if the last has left no trace. Its mount went with its sandbox, so there is a new one.
    fn again(self) -> Option<Disk> {
        if sys::disk_state(&self.mount).ok()? != self.state {
            return None;
        }
        sys::reset_root(&self.mount, &self.state).ok()?;
        let mount = volume::mount(&self.device).ok()?;
        Some(Disk { mount, ..self })
    }
}

pub struct Disks {
    /// the process that makes them
    pub pid: i32,
    socket: OwnedFd,
    stock: VecDeque<Disk>,
    /// those that slots and sandboxes have
    lent: HashMap<u64, Disk>,
    /// how many to have ready: at least, and after what the last bursts wanted
    least: usize,
    aim: usize,
    /// when a burst last wanted more
    missed: Instant,
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
                lent: HashMap::new(),
                least: aim,
                aim,
                missed: Instant::now(),
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

    /// Number of one of the size that is wanted now; those of another one are of no use any more.
    pub fn take(&mut self) -> Option<u64> {
        while let Some(disk) = self.stock.pop_back() {
            let number = disk.number;
            if disk.bytes == self.size {
                self.lent.insert(number, disk);
                return Some(number);
            }
            self.released.push_back(number);
        }
        None
    }

    /// So many are wanted at once, and may be again.
    pub fn expect(&mut self, count: usize) {
        self.missed = Instant::now();
        self.aim = self.aim.max(count.min(STOCK_MAX));
    }

    pub fn lent(&self, number: u64) -> Option<&Disk> {
        self.lent.get(&number)
    }

    /// The sandbox that had it is gone.
    pub fn release(&mut self, number: u64) {
        let lent = self.lent.remove(&number);
        let wanted = self.stock.len() < self.aim;
        match lent.filter(|disk| wanted && disk.bytes == self.size).and_then(Disk::again) {
            Some(disk) => self.stock.push_back(disk),
            None => self.released.push_back(number),
        }
    }

    /// What bursts wanted is forgotten, a part at a time.
    fn shrink(&mut self) {
        if self.missed.elapsed() < SHRINK_AFTER {
            return;
        }
        self.missed = Instant::now();
        self.aim = (self.aim - self.aim / 4).max(self.least);
        while self.stock.len() > self.aim {
            self.released.extend(self.stock.pop_front().map(|disk| disk.number));
        }
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
        self.shrink();
        let mut buffer = [0; 64];
        loop {
            match sys::receive_descriptor(self.socket.as_fd(), &mut buffer, false) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) | Ok((0, _)) => return Err(()),
                Ok((length, mount)) => {
                    let (number, bytes) = self.ordered.pop_front().ok_or(())?;
                    // without a descriptor: it could not be made, for want of space perhaps, and slots try themselves
                    match mount.and_then(|mount| Disk::new(number, bytes, mount, &buffer[..length])) {
                        Some(disk) => self.stock.push_back(disk),
                        None => self.released.push_back(number),
                    }
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
    sys::set_priority(19);
    let socket = sys::borrow_descriptor(SOCKET);
    let mut held = HashMap::new();
    let mut order = [0; 16];
    while let Ok(16) = sys::receive(socket, &mut order, true) {
        let [number, bytes] = [0, 8].map(|at| u64::from_le_bytes(*order[at..].first_chunk().expect("8 of 16 bytes")));
        if bytes == 0 {
            held.remove(&number);
            continue;
        }
        let made = volume::make(bytes).ok();
        let (device, mount) = made.map(|made| (made.device, made.mount)).unzip();
        let device = device.as_ref().map_or(c"".to_bytes_with_nul(), |device: &CString| device.to_bytes_with_nul());
        if sys::send_descriptor(socket, device, mount.as_ref()).is_err() {
            break;
        }
        held.extend(mount.map(|mount| (number, mount)));
    }
    drop(held);
    sys::exit_now(0)
}
