//! The way to the network for sandboxes that are asked to have one: a wire of their own (link.rs) to the machine, whose
//! kernel passes packets on under another address (guard.rs). Nothing of it exists until the first such sandbox.
mod guard;
mod link;
mod netlink;
pub mod network;
mod rule;
mod table;

use super::failure::{Failure, Step};
use crate::sys;
use guard::Guard;
pub use guard::check;
pub use link::Outside;
use network::{Network, WIRES};
use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// A wire that a slot is to make: which network, which of its addresses.
#[derive(Clone, Copy)]
pub struct Wire {
    pub network: Network,
    pub index: u32,
}

/// The guard's process as the launcher sees it.
struct Door {
    pid: i32,
    socket: OwnedFd,
    network: Option<Network>,
}

#[derive(Default)]
pub struct Egress {
    door: Option<Door>,
    /// wires in use
    used: HashSet<u32>,
    next: u32,
}

impl Egress {
    /// Starts the guard, which answers by `listen`.
    pub fn open(&mut self) -> Result<(), Failure> {
        if self.door.is_some() {
            return Ok(());
        }
        let (socket, theirs) = sys::message_pair().step("socketpair")?;
        match sys::fork_into(0).step("fork")? {
            0 => stand_guard(&theirs),
            pid => self.door = Some(Door { pid, socket, network: None }),
        }
        Ok(())
    }

    /// The descriptor to wait for.
    pub fn socket(&self) -> Option<&OwnedFd> {
        self.door.as_ref().filter(|door| door.network.is_none()).map(|door| &door.socket)
    }

    /// What the guard has said since: that the door is open, or why not.
    pub fn listen(&mut self) -> Result<(), Failure> {
        let Some(door) = self.door.as_mut().filter(|door| door.network.is_none()) else { return Ok(()) };
        let mut buffer = [0; 1024];
        let length = match sys::receive(door.socket.as_fd(), &mut buffer, false) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) | Ok(0) => 0,
            Ok(length) => length,
        };
        let text = String::from_utf8_lossy(&buffer[..length]);
        if let Ok(number) = text.parse() {
            door.network = Some(Network { number });
            return Ok(());
        }
        self.door = None;
        let (step, message) = text.split_once('\0').unwrap_or(("network", "its guard has ended"));
        Err(Failure::new(step, message))
    }

    pub fn is_open(&self) -> bool {
        self.door.as_ref().is_some_and(|door| door.network.is_some())
    }

    /// The next free wire, if the door is open. A number comes back as late as possible: the kernel takes its time with
    /// the wire that had it.
    pub fn take_wire(&mut self) -> Result<Wire, Failure> {
        let network = self.door.as_ref().and_then(|door| door.network);
        let network = network.ok_or_else(|| Failure::new("network", "the way out is closed"))?;
        let free = (0..WIRES).map(|step| (self.next + step) % WIRES).find(|index| !self.used.contains(index));
        let index = free.ok_or_else(|| Failure::new("network", format!("{WIRES} sandboxes have a wire already")))?;
        self.next = (index + 1) % WIRES;
        self.used.insert(index);
        Ok(Wire { network, index })
    }

    pub fn release(&mut self, index: u32) {
        self.used.remove(&index);
    }

    /// A process has ended. True: it was the guard of an open door, so no sandbox may keep its wire.
    pub fn buried(&mut self, pid: i32) -> bool {
        let was_open = self.is_open();
        let ours = self.door.as_ref().is_some_and(|door| door.pid == pid);
        // one that has failed tells why first, by `listen`
        if ours && was_open {
            self.door = None;
        }
        ours && was_open
    }

    /// Tells the guard to close, when the last sandbox is gone. It does so by itself, too, when we die.
    pub fn close(&mut self) {
        if let Some(door) = &self.door {
            sys::shutdown_write(door.socket.as_raw_fd());
        }
    }
}

/// Runs in the new process. It keeps nothing of the launcher's but its own end of the socket, which closes when the
/// launcher ends.
fn stand_guard(socket: &OwnedFd) -> ! {
    const SOCKET: i32 = 3;
    if sys::keep_descriptors(&[socket.as_raw_fd()]).and_then(|()| sys::silence_streams()).is_err() {
        sys::exit_now(1);
    }
    let socket = sys::borrow_descriptor(SOCKET);
    let opened = Guard::open();
    let said = match &opened {
        Ok(guard) => guard.network.number.to_string(),
        Err(failure) => format!("{}\0{}", failure.step, failure.message),
    };
    let _ = sys::send(socket, said.as_bytes());
    if let Ok(guard) = opened {
        // nothing is ever sent: this returns when the launcher is gone or wants us to be
        let _ = sys::receive(socket, &mut [0; 1], true);
        guard.close();
    }
    sys::exit_now(0)
}
