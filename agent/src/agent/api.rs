//! The Runtime API on the sandbox's own loopback (AWS: "Using the Lambda runtime API for custom runtimes").
use super::conn::Conn;
use super::host::Host;
use super::work::Work;
use crate::frames;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};

/// Connections at once; more wait in the kernel's backlog. Well below the sandbox's limit of descriptors.
const MAX_CONNECTIONS: usize = 256;

pub struct Api {
    listener: TcpListener,
    port: u16,
    conns: Vec<Option<Conn>>,
    /// connections parked in GET /next, oldest first
    parked: VecDeque<usize>,
}

/// What a request needs to be served.
pub struct Serving<'a> {
    pub work: &'a mut Work,
    pub host: &'a mut Host,
    /// a connection other than the one that asks is parked in /next
    pub parked: bool,
}

impl Api {
    pub fn listen(port: u16) -> io::Result<Api> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok(Api { listener, port, conns: Vec::new(), parked: VecDeque::new() })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The listener's descriptor while another connection would be taken.
    pub fn listening(&self) -> Option<RawFd> {
        let open = self.conns.iter().flatten().count();
        (open < MAX_CONNECTIONS).then(|| self.listener.as_raw_fd())
    }

    pub fn accept(&mut self) {
        while self.listening().is_some() {
            let Ok((socket, _)) = self.listener.accept() else { return };
            if socket.set_nonblocking(true).is_err() || socket.set_nodelay(true).is_err() {
                continue;
            }
            let conn = Some(Conn::new(socket));
            match self.conns.iter_mut().find(|slot| slot.is_none()) {
                Some(slot) => *slot = conn,
                None => self.conns.push(conn),
            }
        }
    }

    /// Index, descriptor and poll(2) events of every connection that has something to wait for.
    pub fn waiting(&self, blocked: bool) -> impl Iterator<Item = (usize, RawFd, i16)> {
        let of = move |(index, conn): (usize, &Option<Conn>)| {
            let conn = conn.as_ref()?;
            let events = conn.events(blocked);
            (events != 0).then(|| (index, conn.fd(), events))
        };
        self.conns.iter().enumerate().filter_map(of)
    }

    /// Does what a connection can do now.
    pub fn serve(&mut self, index: usize, work: &mut Work, host: &mut Host) {
        let Some(Some(conn)) = self.conns.get_mut(index) else { return };
        let was_parked = conn.parked();
        let parked = self.parked.iter().any(|other| *other != index);
        let mut serving = Serving { work, host, parked };
        let open = conn.progress(&mut serving);
        let is_parked = open && conn.parked();
        if !open {
            conn.abandon(work, host);
            self.conns[index] = None;
        }
        if was_parked && !is_parked {
            self.parked.retain(|other| *other != index);
        } else if is_parked && !was_parked {
            self.parked.push_back(index);
        }
    }

    /// Gives the events that wait to those who have asked longest.
    pub fn deliver(&mut self, work: &mut Work, host: &mut Host) {
        while let Some(index) = self.parked.pop_front() {
            let Some(conn) = self.conns[index].as_mut() else { continue };
            let (stream, head, event) = work.event();
            if conn.give(stream, head, event) {
                work.delivered(host);
                if !work.deliverable() {
                    return;
                }
                continue;
            }
            self.conns[index] = None;
        }
    }

    /// Answers whoever waits in GET /restore/next. What goes wrong shows when the connection is served again.
    pub fn resume(&mut self, body: &str) {
        self.conns.iter_mut().flatten().filter(|conn| conn.restoring()).for_each(|conn| conn.resume(body));
    }

    /// Answers the request of this number. Whoever asked may be gone.
    pub fn answer(&mut self, number: u32, head: &[u8], body: &[u8]) {
        let asked = self.conns.iter_mut().flatten().find(|conn| conn.beside() == Some(number));
        asked.into_iter().for_each(|conn| conn.answer(head, body));
    }

    /// Reads everything that has arrived: the runtime is dead and will send no more. `all`: nor will anybody else.
    pub fn finish(&mut self, work: &mut Work, host: &mut Host, all: bool) {
        self.accept();
        for index in 0..self.conns.len() {
            self.serve(index, work, host);
        }
        while let Some(stream) = work.any_streaming() {
            truncated(work, host, stream);
        }
        self.parked.clear();
        let over = |conn: &Option<Conn>| conn.as_ref().is_some_and(|conn| all || conn.parked() || conn.restoring());
        self.conns.iter_mut().filter(|conn| over(conn)).for_each(|conn| *conn = None);
    }
}

/// The client went away in the middle of a streamed answer.
pub fn truncated(work: &mut Work, host: &mut Host, stream: u32) {
    let error = frames::platform_error("Runtime.TruncatedResponse", "The response stream ended before it was complete");
    work.stream_end(host, stream, &error, work.ready_after(false));
}
