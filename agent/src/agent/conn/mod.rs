//! One connection to the Runtime API.
mod refusal;
mod requests;

use super::api::{Serving, truncated};
use super::host::Host;
use super::http::{self, MAX_HEAD};
use super::outbox::Outbox;
use super::work::Work;
use crate::frames;
use crate::sys;
use refusal::{HEAD_TOO_LARGE, MALFORMED, Refusal};
use requests::{Body, Left, Purpose};
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

/// bytes taken by one read while a head is awaited
const READ: usize = 16 * 1024;
/// bytes taken by one read of a body
const READ_BODY: usize = 64 * 1024;

pub struct Conn {
    socket: TcpStream,
    /// bytes read and not yet understood
    bytes: Vec<u8>,
    /// how far `bytes` has been searched for the end of a head
    searched: usize,
    out: Outbox,
    state: State,
    keep_alive: bool,
    /// the last event written to this connection
    given: u32,
    /// reset by the client: it may not have read what was written
    reset: bool,
}

enum State {
    Head,
    Body(Body),
    /// in GET /next
    Parked,
    /// in GET /restore/next
    Restoring,
    /// its request, of this number, is the host's to answer
    Beside(u32),
    /// no more requests: writes what is left, says so, and throws away what still comes, because closing with bytes unread
    /// would reset the connection and take the reply with it
    Closing,
}

const GONE: bool = false;
const OPEN: bool = true;

impl Conn {
    pub fn new(socket: TcpStream) -> Conn {
        let out = Outbox::new(socket.as_raw_fd());
        let state = State::Head;
        Conn { socket, bytes: Vec::new(), searched: 0, out, state, keep_alive: true, given: 0, reset: false }
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub fn parked(&self) -> bool {
        matches!(self.state, State::Parked)
    }

    pub fn restoring(&self) -> bool {
        matches!(self.state, State::Restoring)
    }

    /// The number of the request that the host is to answer.
    pub fn beside(&self) -> Option<u32> {
        if let State::Beside(number) = self.state { Some(number) } else { None }
    }

    pub fn events(&self, blocked: bool) -> i16 {
        let waits = matches!(self.state, State::Parked | State::Restoring | State::Beside(_));
        let full = waits && self.bytes.len() >= READ;
        let reads = !blocked && !full;
        let writes = self.out.waiting() > 0;
        (if reads { sys::POLLIN } else { 0 }) | (if writes { sys::POLLOUT } else { 0 })
    }

    /// Writes, reads and serves what can be. GONE: drop the connection.
    pub fn progress(&mut self, serving: &mut Serving<'_>) -> bool {
        if self.out.flush().is_err() {
            self.reset = true;
            return GONE;
        }
        let open = match self.read() {
            Ok(0) => GONE,
            Ok(_) => self.serve(serving),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => OPEN,
            Err(_) => {
                self.reset = true;
                GONE
            }
        };
        self.say_end();
        let partial =
            matches!(self.state, State::Body(_)) || (matches!(self.state, State::Head) && !self.bytes.is_empty());
        if partial {
            sys::acknowledge(self.fd());
        }
        open
    }

    fn say_end(&mut self) {
        if matches!(self.state, State::Closing) {
            self.bytes.clear();
            if self.out.waiting() == 0 {
                sys::shutdown_write(self.fd());
            }
        }
    }

    fn read(&mut self) -> std::io::Result<usize> {
        // A body of known length that is kept goes straight to where it is kept.
        if let State::Body(Body { left: Left::Bytes(left), purpose, frame, too_large: false, .. }) = &mut self.state
            && !matches!(purpose, Purpose::Reject(_) | Purpose::Stream(_))
            && self.bytes.is_empty()
        {
            let got = sys::read_append(self.socket.as_raw_fd(), frame, (*left).min(READ_BODY * 16))?;
            *left -= got;
            return Ok(got);
        }
        let most = if matches!(self.state, State::Body(_)) { READ_BODY } else { READ };
        sys::read_append(self.socket.as_raw_fd(), &mut self.bytes, most)
    }

    /// Serves every request that is complete; requests may follow each other without waiting.
    fn serve(&mut self, serving: &mut Serving<'_>) -> bool {
        loop {
            match &mut self.state {
                State::Head => {
                    let Some(end) = http::head_end(&self.bytes, self.searched) else {
                        self.searched = self.bytes.len();
                        if self.bytes.len() > MAX_HEAD {
                            self.refuse(HEAD_TOO_LARGE, false);
                        }
                        return OPEN;
                    };
                    self.searched = 0;
                    match http::parse(&self.bytes[..end]) {
                        Ok(request) => self.begin(request, end, serving),
                        Err(_) => self.refuse(MALFORMED, false),
                    }
                }
                State::Body(_) => match self.take_body(serving) {
                    Ok(true) => self.finish(serving),
                    Ok(false) => return OPEN,
                    Err(http::Malformed) => {
                        self.abandon(serving.work, serving.host);
                        self.refuse(MALFORMED, false);
                    }
                },
                State::Parked | State::Restoring | State::Beside(_) | State::Closing => return OPEN,
            }
        }
    }

    /// Answers GET /restore/next.
    pub fn resume(&mut self, body: &str) {
        self.reply("200 OK", "application/json", body);
        self.say_end();
    }

    /// Answers the parked request with an event. GONE: the client is not there any more.
    pub fn give(&mut self, stream: u32, head: &[u8], event: &[u8]) -> bool {
        let length = format!("Content-Length: {}\r\n\r\n", event.len());
        let start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        self.state = if self.keep_alive { State::Head } else { State::Closing };
        self.given = stream;
        let sent = self.out.send(&[start, head, length.as_bytes(), event]).is_ok();
        self.say_end();
        sent
    }

    /// Answers the request that the host was to answer: its status line and header lines, its body.
    pub fn answer(&mut self, head: &[u8], body: &[u8]) {
        self.state = if self.keep_alive { State::Head } else { State::Closing };
        let connection = if self.keep_alive { "" } else { "Connection: close\r\n" };
        let rest = format!("{connection}Content-Length: {}\r\n\r\n", body.len());
        self.write(&[b"HTTP/1.1 ", head, rest.as_bytes(), body]);
        self.say_end();
    }

    /// The connection is gone: what it held must not be lost, what it began must not stay open.
    pub fn abandon(&mut self, work: &mut Work, host: &mut Host) {
        if let State::Body(Body { purpose: Purpose::Stream(stream), .. }) = self.state
            && work.streams(stream)
        {
            truncated(work, host, stream);
        }
        if let State::Beside(number) = self.state {
            host.queue(frames::GONE, number, &[]);
        }
        // A client that closes with bytes unread makes the kernel reset the connection (RFC 2525, 2.17); one that has read
        // the event and closes, as curl does, does not.
        let lost = self.reset || self.out.waiting() > 0;
        if lost && self.given != 0 && work.runs(self.given) {
            work.undelivered(self.given);
        }
    }

    fn refuse(&mut self, (status, kind, message): Refusal, usable: bool) {
        self.keep_alive &= usable;
        let body = format!(r#"{{"errorMessage":"{message}","errorType":"{kind}"}}"#);
        self.reply(status, "application/json", &body);
    }

    fn refuse_too_large(&mut self, limit: usize) {
        let body = format!(
            r#"{{"errorMessage":"Exceeded maximum allowed payload size ({limit} bytes).","errorType":"RequestEntityTooLarge"}}"#
        );
        self.reply("413 Request Entity Too Large", "application/json", &body);
    }

    fn reply(&mut self, status: &str, content_type: &str, body: &str) {
        self.state = if self.keep_alive { State::Head } else { State::Closing };
        let connection = if self.keep_alive { "" } else { "Connection: close\r\n" };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{connection}Content-Length: {length}\r\n\r\n{body}"
        );
        self.write(&[head.as_bytes()]);
    }

    /// A client that is gone shows at the next read.
    fn write(&mut self, parts: &[&[u8]]) {
        self.reset |= self.out.send(parts).is_err();
    }
}
