//! What the host has for a port of the sandbox's loopback: telemetry for extensions that listen there.
use super::host::Host;
use crate::frames;
use crate::sys;
use std::io::{ErrorKind, IoSlice};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

/// Deliveries at once; one more is not made.
const MOST: usize = 64;
/// Bytes of an answer that the host gets: its status line.
const ANSWER: usize = 256;

struct Delivery {
    /// the host's number; 0: it is over, and the connection lingers or is kept
    number: u32,
    port: u16,
    keep: bool,
    socket: TcpStream,
    bytes: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
}

#[derive(Default)]
pub struct Deliveries {
    all: Vec<Option<Delivery>>,
}

impl Deliveries {
    /// Begins one. `keep`: nothing is answered, and the connection is used again.
    pub fn begin(&mut self, number: u32, (port, keep, bytes): (u16, bool, &[u8]), host: &mut Host) {
        let idle = |delivery: &&mut Delivery| keep && delivery.keep && delivery.port == port && delivery.number == 0;
        if let Some(kept) = self.all.iter_mut().flatten().find(idle) {
            (kept.number, kept.bytes, kept.written) = (number, bytes.to_vec(), 0);
            return;
        }
        let Some(place) = self.place() else { return told(host, number, false, &[]) };
        match sys::dial_loopback(port) {
            Ok(socket) => {
                let (bytes, answer) = (bytes.to_vec(), Vec::new());
                self.all[place] = Some(Delivery { number, port, keep, socket, bytes, written: 0, answer });
            }
            Err(_) => told(host, number, false, &[]),
        }
    }

    /// A free place, or that of a connection that is only there because its other end has not closed it.
    fn place(&mut self) -> Option<usize> {
        if let Some(free) = self.all.iter().position(Option::is_none) {
            return Some(free);
        }
        if self.all.len() < MOST {
            self.all.push(None);
            return Some(self.all.len() - 1);
        }
        self.all.iter().position(|delivery| delivery.as_ref().is_some_and(|delivery| delivery.number == 0))
    }

    pub fn waiting(&self) -> impl Iterator<Item = (usize, RawFd, i16)> {
        let of = |(index, delivery): (usize, &Option<Delivery>)| {
            let delivery = delivery.as_ref()?;
            let writes = delivery.written < delivery.bytes.len();
            Some((index, delivery.socket.as_raw_fd(), if writes { sys::POLLOUT } else { sys::POLLIN }))
        };
        self.all.iter().enumerate().filter_map(of)
    }

    /// Does what a connection can do now.
    pub fn serve(&mut self, index: usize, host: &mut Host) {
        let Some(Some(delivery)) = self.all.get_mut(index) else { return };
        let open = match delivery.progress(host) {
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            Ok(open) => open,
        };
        if !open {
            if delivery.number != 0 {
                told(host, delivery.number, false, &delivery.answer);
            }
            self.all[index] = None;
        }
    }
}

impl Delivery {
    /// False: the other end has closed it.
    fn progress(&mut self, host: &mut Host) -> std::io::Result<bool> {
        if self.written < self.bytes.len() {
            self.written += sys::writev(self.socket.as_raw_fd(), &[IoSlice::new(&self.bytes[self.written..])])?;
            if self.written == self.bytes.len() {
                (self.bytes, self.written) = (Vec::new(), 0);
                if self.keep {
                    self.over(host);
                }
            }
            return Ok(true);
        }
        let before = self.answer.len();
        let got = sys::read_append(self.socket.as_raw_fd(), &mut self.answer, 4096)?;
        self.answer.truncate(before.max(ANSWER));
        if self.number != 0 && self.answer.contains(&b'\n') {
            self.over(host);
        }
        Ok(got > 0)
    }

    fn over(&mut self, host: &mut Host) {
        told(host, self.number, true, &self.answer);
        self.number = 0;
    }
}

/// SENT: whether it got there, and how its answer begins.
fn told(host: &mut Host, number: u32, arrived: bool, answer: &[u8]) {
    host.queue(frames::SENT, number, &[&[u8::from(arrived)], answer]);
}
