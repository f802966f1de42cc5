//! Leads 127.0.0.1:port inside the sandbox to a Unix socket of the platform, whatever the network policy.
use crate::sys;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Connections at once; more wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 256;
/// Bytes held for one direction of one connection.
const BUFFER: usize = 32 * 1024;

pub struct Relay {
    listener: TcpListener,
    socket: String,
    pairs: Vec<Option<Pair>>,
}

struct Pair {
    /// the function's end, the platform's end
    ends: [OwnedFd; 2],
    /// `ways[i]`: from `ends[i]` to the other
    ways: [Way; 2],
}

#[derive(Default)]
struct Way {
    bytes: Vec<u8>,
    written: usize,
    read_ended: bool,
    write_ended: bool,
}

impl Relay {
    pub fn listen(port: u16, socket: String) -> io::Result<Relay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        Ok(Relay { listener, socket, pairs: Vec::new() })
    }

    pub fn leads(&self, port: u16, socket: &str) -> bool {
        self.socket == socket && self.listener.local_addr().is_ok_and(|address| address.port() == port)
    }

    pub fn listening(&self) -> Option<RawFd> {
        let open = self.pairs.iter().flatten().count();
        (open < MAX_CONNECTIONS).then(|| self.listener.as_raw_fd())
    }

    pub fn accept(&mut self) {
        while self.listening().is_some() {
            let Ok((socket, _)) = self.listener.accept() else { return };
            let _ = socket.set_nodelay(true);
            sys::prepare_fd(socket.as_raw_fd());
            // Where the platform does not take the connection, the function's is closed.
            let Ok(platform) = sys::dial_unix(&self.socket) else { continue };
            let pair = Some(Pair { ends: [socket.into(), platform], ways: Default::default() });
            match self.pairs.iter_mut().find(|slot| slot.is_none()) {
                Some(slot) => *slot = pair,
                None => self.pairs.push(pair),
            }
        }
    }

    /// Number of the end, descriptor and poll(2) events of every end that has something to wait for.
    pub fn waiting(&self) -> impl Iterator<Item = (usize, RawFd, i16)> {
        let of = |(index, pair): (usize, &Option<Pair>)| {
            let pair = pair.as_ref()?;
            Some([0, 1].map(|side| {
                let reads = !pair.ways[side].read_ended && pair.ways[side].bytes.is_empty();
                let writes = !pair.ways[1 - side].bytes.is_empty();
                let events = (if reads { sys::POLLIN } else { 0 }) | (if writes { sys::POLLOUT } else { 0 });
                (2 * index + side, pair.ends[side].as_raw_fd(), events)
            }))
        };
        self.pairs.iter().enumerate().filter_map(of).flatten().filter(|(_, _, events)| *events != 0)
    }

    /// Moves what can be moved at one end.
    pub fn serve(&mut self, end: usize) {
        let Some(Some(pair)) = self.pairs.get_mut(end / 2) else { return };
        if pair.serve(end % 2).is_err() || pair.ways.iter().all(|way| way.write_ended) {
            self.pairs[end / 2] = None;
        }
    }
}

impl Pair {
    fn serve(&mut self, side: usize) -> io::Result<()> {
        self.drain(1 - side)?;
        let way = &mut self.ways[side];
        if !way.read_ended && way.bytes.is_empty() {
            match sys::read_append(self.ends[side].as_raw_fd(), &mut way.bytes, BUFFER) {
                Ok(0) => way.read_ended = true,
                Ok(_) => {}
                Err(error) if waits(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.drain(side)
    }

    /// Writes what `ends[from]` said; passes its end on when all of it is written.
    fn drain(&mut self, from: usize) -> io::Result<()> {
        let way = &mut self.ways[from];
        let to = self.ends[1 - from].as_raw_fd();
        if !way.bytes.is_empty() {
            match sys::writev(to, &[IoSlice::new(&way.bytes[way.written..])]) {
                Ok(written) => way.written += written,
                Err(error) if waits(&error) => {}
                Err(error) => return Err(error),
            }
            if way.written == way.bytes.len() {
                way.written = 0;
                way.bytes.clear();
            }
        }
        if way.read_ended && way.bytes.is_empty() && !way.write_ended {
            sys::shutdown_write(to);
            way.write_ended = true;
        }
        Ok(())
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
