//! One connection to the Runtime API.
use super::api::{Serving, truncated};
use super::host::Host;
use super::http::{self, Chunked, Length, MAX_HEAD, Mode, Request, Route};
use super::outbox::Outbox;
use super::work::{Phase, Work};
use crate::frames::{self, HEADER};
use crate::sys;
use std::borrow::Cow;
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
    /// no more requests: writes what is left, says so, and throws away what still comes, because closing with bytes unread
    /// would reset the connection and take the reply with it
    Closing,
}

struct Body {
    left: Left,
    purpose: Purpose,
    /// of a whole answer: a frame with room for its header
    frame: Vec<u8>,
    /// bytes of `frame` before the body
    front: usize,
    too_large: bool,
}

enum Left {
    Bytes(usize),
    Chunked(Chunked),
}

#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Reject(Refusal),
    Response(u32),
    Stream(u32),
    Error(u32),
    InitError,
    RestoreError,
    Drew,
}

/// Status and the document of AWS's runtime API.
type Refusal = (&'static str, &'static str, &'static str);

const NOT_FOUND: Refusal = ("404 Not Found", "NotFound", "There is no such path in the Runtime API");
const WRONG_ID: Refusal = ("400 Bad Request", "InvalidRequestID", "Invalid request ID");
const WRONG_STATE: Refusal =
    ("403 Forbidden", "InvalidStateTransition", "The runtime may not do this now: State transition is not allowed");
const WRONG_MODE: Refusal =
    ("400 Bad Request", "Runtime.InvalidResponseModeHeader", "Invalid Lambda-Runtime-Function-Response-Mode header");
const NOT_BOOLEAN: Refusal = ("400 Bad Request", "InvalidRequest", "The body must be true or false");
const MALFORMED: Refusal =
    ("400 Bad Request", "InvalidRequest", "The request is not HTTP/1.1 as the Runtime API takes it");
const HEAD_TOO_LARGE: Refusal =
    ("431 Request Header Fields Too Large", "InvalidRequest", "The request's headers are too large");

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

    pub fn events(&self, blocked: bool) -> i16 {
        let full = (self.parked() || self.restoring()) && self.bytes.len() >= READ;
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
                State::Parked | State::Restoring | State::Closing => return OPEN,
            }
        }
    }

    /// A head has come.
    fn begin(&mut self, request: Request, end: usize, serving: &mut Serving<'_>) {
        self.keep_alive = request.keep_alive;
        let purpose = match &request.route {
            Route::Next => {
                self.bytes.drain(..end);
                return self.next(serving);
            }
            Route::RestoreNext => {
                self.bytes.drain(..end);
                return self.restore_next(serving);
            }
            Route::Ping => {
                self.bytes.drain(..end);
                return self.reply("200 OK", "text/plain", "pong");
            }
            Route::Unknown => Purpose::Reject(NOT_FOUND),
            Route::InitError if serving.work.initializing() => Purpose::InitError,
            Route::RestoreError if serving.work.phase == Phase::Resumed => Purpose::RestoreError,
            Route::RestoreDrew if serving.work.initializing() => Purpose::Drew,
            Route::InitError | Route::RestoreError | Route::RestoreDrew => Purpose::Reject(WRONG_STATE),
            Route::Response(id) | Route::Error(id) => {
                match (serving.work.named(&self.bytes[id.clone()]), &request.mode) {
                    (None, _) => Purpose::Reject(WRONG_ID),
                    (Some((_, false)), _) => Purpose::Reject(WRONG_STATE),
                    (Some((stream, _)), _) if matches!(request.route, Route::Error(_)) => Purpose::Error(stream),
                    (Some((stream, _)), Some(Mode::Streaming)) => Purpose::Stream(stream),
                    (_, Some(Mode::Invalid)) => Purpose::Reject(WRONG_MODE),
                    (Some((stream, _)), None) => Purpose::Response(stream),
                }
            }
        };
        self.bytes.drain(..end);
        if let Purpose::Stream(stream) = purpose {
            let content_type: &[u8] =
                if request.content_type.is_empty() { b"application/octet-stream" } else { &request.content_type };
            serving.work.stream_start(serving.host, stream, content_type);
        }
        if request.expects && self.bytes.is_empty() {
            if let Purpose::Reject(refusal) = purpose {
                // The final answer instead of 100: the client need not send its body.
                return self.refuse(refusal, false);
            }
            self.write(&[b"HTTP/1.1 100 Continue\r\n\r\n"]);
        }
        let mut frame = vec![0; HEADER];
        if matches!(purpose, Purpose::Error(_) | Purpose::InitError | Purpose::RestoreError) {
            frame.extend_from_slice(&(request.error_type.len() as u16).to_le_bytes());
            frame.extend_from_slice(&request.error_type);
        }
        let front = frame.len();
        let limit = serving.work.max_response;
        let mut too_large = false;
        let left = match request.length {
            Length::Chunked => Left::Chunked(Chunked::default()),
            Length::Bytes(length) => {
                too_large = length > limit;
                if !too_large && !matches!(purpose, Purpose::Reject(_) | Purpose::Stream(_)) {
                    frame.reserve_exact(length);
                }
                Left::Bytes(length)
            }
        };
        self.state = State::Body(Body { left, purpose, frame, front, too_large });
    }

    /// Takes what has been read of the body. True: it is complete.
    fn take_body(&mut self, serving: &mut Serving<'_>) -> Result<bool, http::Malformed> {
        let State::Body(body) = &mut self.state else { return Ok(false) };
        let Body { left, purpose, frame, front, too_large } = body;
        let limit = serving.work.max_response;
        let mut sink = |data: &[u8]| match purpose {
            Purpose::Reject(_) => {}
            Purpose::Stream(stream) => {
                let open = serving.work.streams(*stream);
                for piece in data.chunks(READ_BODY).filter(|_| open) {
                    serving.host.send(frames::CHUNK, 0, *stream, &[piece]);
                }
            }
            _ if *too_large => {}
            _ if frame.len() - *front + data.len() > limit => {
                *too_large = true;
                frame.truncate(*front);
            }
            _ => frame.extend_from_slice(data),
        };
        let (consumed, complete) = match left {
            Left::Bytes(left) => {
                let take = (*left).min(self.bytes.len());
                sink(&self.bytes[..take]);
                *left -= take;
                (take, *left == 0)
            }
            Left::Chunked(chunked) => {
                let consumed = chunked.feed(&self.bytes, sink)?;
                (consumed, chunked.done())
            }
        };
        if consumed == self.bytes.len() {
            self.bytes.clear();
            if self.bytes.capacity() > READ_BODY {
                self.bytes = Vec::new();
            }
        } else {
            self.bytes.drain(..consumed);
        }
        Ok(complete)
    }

    /// The whole request has come.
    fn finish(&mut self, serving: &mut Serving<'_>) {
        let State::Body(mut body) = std::mem::replace(&mut self.state, State::Head) else { return };
        let Serving { work, host, parked, .. } = serving;
        let ready = work.ready_after(*parked);
        let frame = Cow::Owned(std::mem::take(&mut body.frame));
        match body.purpose {
            Purpose::Reject(refusal) => return self.refuse(refusal, true),
            Purpose::InitError if work.initializing() => {
                if body.too_large {
                    return self.refuse_too_large(work.max_response);
                }
                host.answer_frame(frame, frames::INIT_ERROR, 0, 0);
            }
            Purpose::RestoreError if work.phase == Phase::Resumed => {
                if body.too_large {
                    return self.refuse_too_large(work.max_response);
                }
                host.answer_frame(frame, frames::RESTORE_ERROR, 0, 0);
            }
            Purpose::Drew if work.initializing() => match frame[body.front..].trim_ascii() {
                b"true" => work.drew = Some(true),
                b"false" => work.drew = Some(false),
                _ => return self.refuse(NOT_BOOLEAN, true),
            },
            Purpose::Response(stream) | Purpose::Error(stream) if work.runs(stream) => {
                if body.too_large {
                    work.answer_too_large(host, stream, ready);
                    return self.refuse_too_large(work.max_response);
                }
                let response = matches!(body.purpose, Purpose::Response(_));
                work.answer(host, if response { frames::RESPONSE } else { frames::ERROR }, stream, frame, ready);
            }
            Purpose::Stream(stream) if work.streams(stream) => {
                let error = match &body.left {
                    Left::Chunked(chunked) => stream_error(chunked),
                    Left::Bytes(_) => Vec::new(),
                };
                work.stream_end(host, stream, &error, ready);
            }
            // Another connection has answered meanwhile.
            _ => return self.refuse(WRONG_STATE, true),
        }
        self.reply("202 Accepted", "application/json", r#"{"status":"OK"}"#);
    }

    /// GET /next: parked until an event comes.
    fn next(&mut self, serving: &mut Serving<'_>) {
        if !serving.work.ready(serving.host) {
            return self.refuse(WRONG_STATE, true);
        }
        self.state = State::Parked;
    }

    /// GET /restore/next: waits until the host says that this is a copy.
    fn restore_next(&mut self, serving: &mut Serving<'_>) {
        if !serving.work.prepared(serving.host) {
            return self.refuse(WRONG_STATE, true);
        }
        self.state = State::Restoring;
        if serving.work.phase == Phase::Resumed {
            // the answer to its last request was lost with the connection
            self.resume(&serving.work.resumed);
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

    /// The connection is gone: what it held must not be lost, what it began must not stay open.
    pub fn abandon(&mut self, work: &mut Work, host: &mut Host) {
        if let State::Body(Body { purpose: Purpose::Stream(stream), .. }) = self.state
            && work.streams(stream)
        {
            truncated(work, host, stream);
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

/// The error payload of a stream that ended with trailers saying that it failed; empty if it did not.
fn stream_error(chunked: &Chunked) -> Vec<u8> {
    let Some(kind) = chunked.trailer("Lambda-Runtime-Function-Error-Type") else { return Vec::new() };
    let kind = String::from_utf8_lossy(&kind[..kind.len().min(1024)]).into_owned();
    let body = chunked.trailer("Lambda-Runtime-Function-Error-Body").and_then(|text| http::base64(&text));
    match body {
        Some(document) => frames::error_payload(&kind, &document),
        None => frames::platform_error(&kind, "The response stream failed"),
    }
}
