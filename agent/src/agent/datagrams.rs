//! Takes what is sent to a UDP port inside the sandbox and hands it to the host: what X-Ray's daemon would listen to.
use super::host::Host;
use crate::frames;
use crate::sys;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Longest datagram there is.
const LONGEST: usize = 64 * 1024;
/// Of one turn: others have theirs between.
const AT_ONCE: usize = 16;

pub struct Datagrams {
    socket: UdpSocket,
    port: u16,
}

impl Datagrams {
    pub fn listen(port: u16) -> io::Result<Datagrams> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nonblocking(true)?;
        sys::prepare_fd(socket.as_raw_fd());
        Ok(Datagrams { socket, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// What comes while nobody reads is the kernel's to drop, as with any daemon.
    pub fn read(&self, host: &mut Host) {
        let mut bytes = [0; LONGEST];
        for _ in 0..AT_ONCE {
            match self.socket.recv(&mut bytes) {
                Ok(length) => host.send(frames::DATAGRAM, 0, 0, &[&bytes[..length]]),
                Err(_) => return,
            }
        }
    }
}
