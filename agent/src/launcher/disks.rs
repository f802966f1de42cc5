//! A stock of disks for /tmp (volume.rs), made and taken down by a process of its own (disk_maker.rs): both take the
//! kernel a millisecond or more, which nobody is to wait for, neither a start nor an end. In a burst that finds too few,
//! slots make their own, which then are of the stock, too.
//!
//! Most functions never write to /tmp. A disk that comes back as it was given goes to the next sandbox, which costs
//! microseconds; one that anybody has written to, or whose root directory was touched, is taken down.
use super::disk_maker::{self, Order};
use super::failure::{Failure, Step};
use super::volume::{self, Volume};
use crate::sys::{self, DiskState, LoopDevice};
use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Disks in the making at once: what has been ordered of one size may turn out to be wanted of another.
const ORDERED_AT_ONCE: usize = 4;
/// So long after the last burst fewer of those that come back are kept, a quarter less each time.
const KEPT_AFTER_BURST: Duration = Duration::from_secs(75);
const SHRINK_EVERY: Duration = Duration::from_secs(4);

/// A disk that a slot is to get.
pub struct Disk {
    pub mount: OwnedFd,
    pub facts: Facts,
}

/// What is known of a disk while somebody else has it.
pub struct Facts {
    pub number: u64,
    bytes: u64,
    device: LoopDevice,
    /// before anybody had it
    state: DiskState,
}

impl Disk {
    fn new(number: u64, Volume { mount, bytes, device }: Volume) -> Option<Disk> {
        let state = sys::disk_state(&mount).ok()?;
        Some(Disk { mount, facts: Facts { number, bytes, device, state } })
    }

    /// For the next one, if the last has left no trace. Its mount went with its sandbox, so there is a new one.
    fn again(facts: Facts) -> Option<Disk> {
        let mount = volume::mount(facts.device).ok()?;
        if sys::disk_state(&mount).ok()? != facts.state {
            return None;
        }
        sys::reset_root(&mount, &facts.state).ok()?;
        Some(Disk { mount, facts })
    }
}

pub struct Disks {
    /// the process that makes them
    pub pid: i32,
    socket: OwnedFd,
    stock: VecDeque<Disk>,
    /// those that slots and sandboxes have; the process below holds their mounts
    lent: HashMap<u64, Facts>,
    /// how many to have ready
    least: usize,
    /// how many to keep of those that come back: now, and at most
    aim: usize,
    most: usize,
    /// when the aim is to become smaller
    shrink_at: Instant,
    /// bytes of those to come
    size: u64,
    ordered: VecDeque<u64>,
    next: u64,
    /// what the process is to hear before anything else
    orders: VecDeque<Order>,
}

impl Disks {
    /// Starts the process. `least` disks are kept ready, `most` after bursts. `Err`: /tmp cannot be on disk here.
    pub fn start(least: usize, most: usize, size: u64) -> Result<Disks, Failure> {
        volume::make(1 << 20)?;
        let (socket, theirs) = sys::message_pair().step("socketpair")?;
        match sys::fork_into(0).step("fork")? {
            0 => disk_maker::work(&theirs),
            pid => Ok(Disks {
                pid,
                socket,
                stock: VecDeque::new(),
                lent: HashMap::new(),
                least,
                aim: least,
                most: most.max(least),
                shrink_at: Instant::now(),
                size,
                ordered: VecDeque::new(),
                next: 0,
                orders: VecDeque::new(),
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
        while let Some(disk) = self.stock.pop_back() {
            if disk.facts.bytes == self.size {
                return Some(disk);
            }
            self.orders.push_back(Order::TakeDown(disk.facts.number));
        }
        None
    }

    /// A slot has it now, and its sandbox will. Its number is what comes back.
    pub fn lend(&mut self, disk: Disk) -> u64 {
        let number = disk.facts.number;
        self.lent.insert(number, disk.facts);
        number
    }

    /// Number of one that a slot has made for itself; the process sees to its end from now on.
    pub fn adopt(&mut self, volume: Volume) -> Option<u64> {
        let number = self.next;
        self.next += 1;
        let device = volume.device;
        let Disk { mount, facts } = Disk::new(number, volume)?;
        self.orders.push_back(Order::Hold(number, device, mount));
        self.lent.insert(number, facts);
        Some(number)
    }

    /// So many are wanted at once, and may be again.
    pub fn expect(&mut self, count: usize) {
        self.aim = self.aim.max(count.min(self.most));
        self.shrink_at = Instant::now() + KEPT_AFTER_BURST;
    }

    /// The sandbox that had it is gone.
    pub fn release(&mut self, number: u64) {
        let wanted = self.stock.len() < self.aim;
        match self.lent.remove(&number).filter(|lent| wanted && lent.bytes == self.size).and_then(Disk::again) {
            Some(disk) => self.stock.push_back(disk),
            None => self.orders.push_back(Order::TakeDown(number)),
        }
    }

    /// What bursts wanted is forgotten, a part at a time.
    fn shrink(&mut self) {
        if Instant::now() < self.shrink_at {
            return;
        }
        self.shrink_at = Instant::now() + SHRINK_EVERY;
        self.aim = (self.aim - self.aim.div_ceil(4)).max(self.least);
        while self.stock.len() > self.aim {
            self.orders.extend(self.stock.pop_front().map(|disk| Order::TakeDown(disk.facts.number)));
        }
    }

    /// Are there orders that the process has had no ear for?
    pub fn is_behind(&self) -> bool {
        !self.orders.is_empty()
    }

    /// Never waits: the process may be kept from working for long. False: not now. `Err`: the process is gone.
    fn send(&self, order: &Order) -> Result<bool, ()> {
        match order.send(self.socket.as_fd()) {
            Ok(()) => Ok(true),
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
                    let number = self.ordered.pop_front().ok_or(())?;
                    let volume = mount.and_then(|mount| Volume::described(&buffer[..length], mount));
                    // without a descriptor: it could not be made, for want of space perhaps, and slots try themselves
                    match volume.and_then(|volume| Disk::new(number, volume)) {
                        Some(disk) => self.stock.push_back(disk),
                        None => self.orders.push_back(Order::TakeDown(number)),
                    }
                }
            }
        }
        while let Some(order) = self.orders.front() {
            if !self.send(order)? {
                return Ok(());
            }
            self.orders.pop_front();
        }
        while self.stock.len() + self.ordered.len() < self.least && self.ordered.len() < ORDERED_AT_ONCE {
            if !self.send(&Order::Make(self.next, self.size))? {
                return Ok(());
            }
            self.ordered.push_back(self.next);
            self.next += 1;
        }
        Ok(())
    }
}
