//! The way to the host: frames and captured output in one order.
use super::outbox::Outbox;
use crate::frames::{self, FLAG_READY, HEADER, Header};
use crate::sys;
use std::borrow::Cow;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// While this much waits for the host, the runtime's streams are not read.
pub const BACKLOG: usize = 1024 * 1024;
/// most bytes taken from a stream by one read
const READ: usize = 63 * 1024;

pub struct Host {
    fd: OwnedFd,
    out: Outbox,
    /// the runtime's stdout and stderr; None once they ended
    streams: [Option<OwnedFd>; 2],
    /// the invocation that output belongs to; 0 outside of any
    pub stream: u32,
    /// the host does not take our bytes any more
    pub gone: bool,
    /// requests that the host was given to answer
    requests: u32,
}

impl Host {
    pub fn new(fd: OwnedFd) -> Host {
        let out = Outbox::new(fd.as_raw_fd());
        Host { fd, out, streams: [None, None], stream: 0, gone: false, requests: 0 }
    }

    /// The number of one more request that the host is to answer.
    pub fn number_request(&mut self) -> u32 {
        self.requests = self.requests.wrapping_add(1).max(1);
        self.requests
    }

    pub fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub fn waiting(&self) -> usize {
        self.out.waiting()
    }

    pub fn blocked(&self) -> bool {
        self.out.waiting() >= BACKLOG
    }

    pub fn capture(&mut self, stdout: OwnedFd, stderr: OwnedFd) {
        self.streams = [Some(stdout), Some(stderr)];
    }

    pub fn stream_fd(&self, source: usize) -> Option<RawFd> {
        self.streams[source].as_ref().map(AsRawFd::as_raw_fd)
    }

    pub fn streams_ended(&self) -> bool {
        self.streams.iter().all(Option::is_none)
    }

    /// Queues a frame; it goes with the next `flush` or `answer`.
    pub fn queue(&mut self, kind: u8, stream: u32, payload: &[&[u8]]) {
        let length = payload.iter().map(|part| part.len()).sum();
        let header = Header { length, kind, flags: 0, stream }.encode();
        self.out.queue(&[&header]);
        self.out.queue(payload);
    }

    /// Sends a frame now, behind all output that the runtime wrote before.
    pub fn answer(&mut self, kind: u8, flags: u8, stream: u32, payload: &[&[u8]]) {
        self.drain();
        self.send(kind, flags, stream, payload);
    }

    /// As `answer`, for a whole frame whose header has yet to be written.
    pub fn answer_frame(&mut self, mut frame: Cow<'_, [u8]>, kind: u8, flags: u8, stream: u32) {
        self.drain();
        let header = Header { length: frame.len() - HEADER, kind, flags, stream }.encode();
        let result = match &mut frame {
            Cow::Borrowed(bytes) => self.out.send(&[&header, &bytes[HEADER..]]),
            Cow::Owned(bytes) => {
                frames::seal(bytes, kind, flags, stream);
                self.out.send_owned(std::mem::take(bytes))
            }
        };
        self.note(result);
    }

    /// Sends a frame now, without looking at the runtime's streams first.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[&[u8]]) {
        let length = payload.iter().map(|part| part.len()).sum();
        let header = Header { length, kind, flags, stream }.encode();
        let result = match payload {
            [] => self.out.send(&[&header]),
            [a] => self.out.send(&[&header, a]),
            [a, b] => self.out.send(&[&header, a, b]),
            _ => {
                self.out.queue(&[&header]);
                self.out.send(payload)
            }
        };
        self.note(result);
    }

    pub fn flush(&mut self) {
        let result = self.out.flush();
        self.note(result);
    }

    /// Waits until the host has taken everything, at most `limit_ms`.
    pub fn flush_within(&mut self, limit_ms: f64) {
        let end = sys::monotonic_ms() + limit_ms;
        self.flush();
        while self.waiting() > 0 && !self.gone && sys::monotonic_ms() < end {
            sys::poll(&mut [sys::poll_fd(self.fd(), sys::POLLOUT)], (end - sys::monotonic_ms()).max(1.0) as i32);
            self.flush();
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        self.gone |= result.is_err();
    }

    /// Takes what one stream has for one read.
    pub fn read_stream(&mut self, source: usize) {
        if self.streams[source].is_some() {
            self.read_up_to(source, READ);
        }
    }

    /// Takes everything that the streams hold now: what was written before this call is queued when it returns. What a
    /// process goes on writing meanwhile is left for later, so this ends.
    pub fn drain(&mut self) {
        let fd = |stream: &Option<OwnedFd>| sys::poll_fd(stream.as_ref().map_or(-1, AsRawFd::as_raw_fd), sys::POLLIN);
        let mut polled = [fd(&self.streams[0]), fd(&self.streams[1])];
        if self.streams_ended() || sys::poll(&mut polled, 0) == 0 {
            return;
        }
        for (source, found) in polled.iter().enumerate() {
            if found.revents == 0 {
                continue;
            }
            let mut held = sys::readable_bytes(found.fd);
            while held > 0 && self.streams[source].is_some() {
                held -= self.read_up_to(source, held.min(READ)).min(held);
            }
            if self.streams[source].is_some() && found.revents & sys::POLLIN == 0 {
                self.read_up_to(source, READ);
            }
        }
    }

    /// One read of one of the runtime's streams. Returns the bytes got.
    fn read_up_to(&mut self, source: usize, most: usize) -> usize {
        let Some(fd) = self.stream_fd(source) else { return 0 };
        let got = self.log(fd, source as u8, self.stream, most);
        if got.is_none() {
            self.streams[source] = None;
        }
        got.unwrap_or(0)
    }

    /// Takes what an extension's output has for one read. False: it has ended.
    pub fn read_output(&mut self, fd: RawFd, source: u8) -> bool {
        self.log(fd, source, 0, READ).is_some()
    }

    /// One read straight into a LOG frame. Returns the bytes got; None: there will be no more.
    fn log(&mut self, fd: RawFd, source: u8, stream: u32, most: usize) -> Option<usize> {
        const FRONT: usize = HEADER + 1;
        let got = self.out.fill(FRONT + most, |chunk| {
            let at = chunk.len();
            chunk.resize(at + FRONT, 0);
            let got = sys::read_append(fd, chunk, most);
            match got {
                Ok(length) if length > 0 => {
                    frames::seal(&mut chunk[at..], frames::LOG, 0, stream);
                    chunk[at + HEADER] = source;
                }
                _ => chunk.truncate(at),
            }
            got
        });
        match got {
            Ok(0) => None,
            Ok(got) => Some(got),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Some(0),
            Err(_) => None,
        }
    }
}

/// The flag of an answer.
pub fn ready_flag(ready: bool) -> u8 {
    if ready { FLAG_READY } else { 0 }
}
