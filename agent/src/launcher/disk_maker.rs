//! The process that makes disks for /tmp and takes them down. It gives way to all others, holds every disk until it is
//! told that the sandbox is gone, so that no sandbox's end waits for the kernel to take a file system apart, and ends with
//! the launcher.
//!
//! The machine has a few loop devices of its own. Those that the kernel had to add for us stay, each a node in /dev that
//! others might wonder about; when there is nothing else to do, all but a few of them are taken away again.
use super::volume;
use crate::sys::{self, LoopDevice};
use std::collections::{BTreeMap, HashMap};
use std::io::Result;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

const SOCKET: i32 = 3;
/// Devices that we have had added, to be kept for the next burst.
const DEVICES_KEPT: usize = 64;
/// Without an order for so long there is nothing else to do. Milliseconds.
const IDLE: i32 = 5_000;

/// What the launcher wants done with the disk of a number.
pub enum Order {
    /// of so many bytes, to be delivered
    Make(u64, u64),
    /// one that a slot has made
    Hold(u64, LoopDevice, OwnedFd),
    TakeDown(u64),
}

/// Bytes of an order: what, number, detail.
const LENGTH: usize = 24;
const MAKE: u64 = 0;
const HOLD: u64 = 1;
const TAKE_DOWN: u64 = 2;

impl Order {
    /// Without waiting.
    pub fn send(&self, socket: BorrowedFd) -> Result<()> {
        let (words, mount) = match self {
            Order::Make(number, bytes) => ([MAKE, *number, *bytes], None),
            Order::Hold(number, device, mount) => ([HOLD, *number, device.to_word()], Some(mount.as_fd())),
            Order::TakeDown(number) => ([TAKE_DOWN, *number, 0], None),
        };
        sys::send_borrowed(socket, &words.map(u64::to_le_bytes).concat(), mount, false)
    }

    fn received(text: &[u8; LENGTH], mount: Option<OwnedFd>) -> Option<Order> {
        let word = |at: usize| u64::from_le_bytes(*text[at * 8..].first_chunk().expect("8 bytes of 24"));
        match word(0) {
            MAKE => Some(Order::Make(word(1), word(2))),
            HOLD => Some(Order::Hold(word(1), LoopDevice::from_word(word(2)), mount?)),
            TAKE_DOWN => Some(Order::TakeDown(word(1))),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Maker {
    held: HashMap<u64, OwnedFd>,
    /// the kernel's devices that are there because of us, by number
    added: BTreeMap<u32, LoopDevice>,
}

/// Runs in the new process, in the machine's file tree and the run directory.
pub fn work(socket: &OwnedFd) -> ! {
    if sys::keep_descriptors(&[socket.as_raw_fd()]).and_then(|()| sys::silence_streams()).is_err() {
        sys::exit_now(1);
    }
    sys::set_priority(19);
    let socket = sys::borrow_descriptor(SOCKET);
    let mut maker = Maker::default();
    loop {
        maker.tidy(socket);
        let mut text = [0; LENGTH];
        let order = match sys::receive_descriptor(socket, &mut text, true) {
            Ok((LENGTH, mount)) => Order::received(&text, mount),
            _ => None,
        };
        if order.is_none_or(|order| maker.obey(order, socket).is_err()) {
            break;
        }
    }
    maker.held.clear();
    // nobody is to wait for that any more
    if maker.added.len() > DEVICES_KEPT && sys::fork_into(0).is_ok_and(|child| child == 0) {
        sys::leave_session();
        maker.give_back(DEVICES_KEPT, || true);
    }
    sys::exit_now(0)
}

impl Maker {
    fn obey(&mut self, order: Order, socket: BorrowedFd) -> Result<()> {
        match order {
            Order::TakeDown(number) => drop(self.held.remove(&number)),
            Order::Hold(number, device, mount) => self.hold(number, device, mount),
            Order::Make(number, bytes) => {
                let Ok(made) = volume::make(bytes) else { return sys::send_descriptor(socket, &[0], None) };
                sys::send_descriptor(socket, &made.description(), Some(&made.mount))?;
                self.hold(number, made.device, made.mount);
            }
        }
        Ok(())
    }

    fn hold(&mut self, number: u64, device: LoopDevice, mount: OwnedFd) {
        self.held.insert(number, mount);
        if device.added {
            self.added.insert(device.number, device);
        }
    }

    /// Takes devices away while no order comes.
    fn tidy(&mut self, socket: BorrowedFd) {
        let mut ready = Vec::new();
        let mut idle = |patience| {
            let _ = sys::wait_readable(&[socket.as_raw_fd()], &mut ready, patience);
            !ready.contains(&true)
        };
        if self.added.len() > DEVICES_KEPT && idle(IDLE) {
            self.give_back(DEVICES_KEPT, || idle(0));
        }
    }

    /// Has the kernel remove what it added, the highest numbers first, but for `keep` of them and those in use.
    fn give_back(&mut self, keep: usize, mut go_on: impl FnMut() -> bool) {
        let numbers: Vec<u32> = self.added.keys().rev().copied().collect();
        for number in numbers {
            if self.added.len() <= keep || !go_on() {
                return;
            }
            if self.added[&number].remove().is_ok() {
                self.added.remove(&number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_arrives_as_it_was_given() {
        let (here, there) = sys::message_pair().unwrap();
        let device = LoopDevice { number: 1 << 19, added: true };
        let orders =
            [Order::Make(7, 1 << 40), Order::Hold(u64::MAX, device, there.try_clone().unwrap()), Order::TakeDown(3)];
        for order in orders {
            order.send(here.as_fd()).unwrap();
            let mut text = [0; LENGTH];
            let (length, mount) = sys::receive_descriptor(there.as_fd(), &mut text, false).unwrap();
            assert_eq!(length, LENGTH);
            match (order, Order::received(&text, mount).unwrap()) {
                (Order::Make(a, b), Order::Make(c, d)) => assert_eq!((a, b), (c, d)),
                (Order::Hold(a, b, _), Order::Hold(c, d, _)) => assert_eq!((a, b), (c, d)),
                (Order::TakeDown(a), Order::TakeDown(b)) => assert_eq!(a, b),
                _ => panic!("another order"),
            }
        }
    }
}
