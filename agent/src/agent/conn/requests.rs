//! What a request to the Runtime API does: its head, its body, its end.
use super::refusal::{HEAD_TOO_LARGE, NOT_BOOLEAN, NOT_FOUND, Refusal, WRONG_ID, WRONG_MODE, WRONG_STATE};
use super::{Conn, READ_BODY, State};
use crate::agent::api::Serving;
use crate::agent::http::{self, Chunked, Length, Mode, Request, Route};
use crate::agent::work::{Phase, Work};
use crate::frames::{self, HEADER};
use std::borrow::Cow;

/// Most bytes of the body of a request that the host is to answer.
const MOST_BESIDE: usize = 256 * 1024;

pub struct Body {
    pub(super) left: Left,
    pub(super) purpose: Purpose,
    /// of a whole answer: a frame with room for its header
    pub(super) frame: Vec<u8>,
    /// bytes of `frame` before the body
    pub(super) front: usize,
    pub(super) too_large: bool,
}

pub enum Left {
    Bytes(usize),
    Chunked(Chunked),
}

#[derive(Clone, Copy, PartialEq)]
pub enum Purpose {
    Reject(Refusal),
    Response(u32),
    Stream(u32),
    Error(u32),
    InitError,
    RestoreError,
    Drew,
    Beside,
}

impl Purpose {
    fn limit(self, work: &Work) -> usize {
        if self == Purpose::Beside { MOST_BESIDE } else { work.max_response }
    }
}

impl Conn {
    /// A head has come.
    pub(super) fn begin(&mut self, request: Request, end: usize, serving: &mut Serving<'_>) {
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
            Route::Beside if end > usize::from(u16::MAX) => Purpose::Reject(HEAD_TOO_LARGE),
            Route::Beside => Purpose::Beside,
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
        let mut frame = vec![0; HEADER];
        if purpose == Purpose::Beside {
            frame.extend_from_slice(&(end as u16).to_le_bytes());
            frame.extend_from_slice(&self.bytes[..end]);
        }
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
        if matches!(purpose, Purpose::Error(_) | Purpose::InitError | Purpose::RestoreError) {
            frame.extend_from_slice(&(request.error_type.len() as u16).to_le_bytes());
            frame.extend_from_slice(&request.error_type);
        }
        let front = frame.len();
        let limit = purpose.limit(serving.work);
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
    pub(super) fn take_body(&mut self, serving: &mut Serving<'_>) -> Result<bool, http::Malformed> {
        let State::Body(body) = &mut self.state else { return Ok(false) };
        let Body { left, purpose, frame, front, too_large } = body;
        let limit = purpose.limit(serving.work);
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
    pub(super) fn finish(&mut self, serving: &mut Serving<'_>) {
        let State::Body(mut body) = std::mem::replace(&mut self.state, State::Head) else { return };
        let Serving { work, host, parked, .. } = serving;
        let ready = work.ready_after(*parked);
        let frame = Cow::Owned(std::mem::take(&mut body.frame));
        match body.purpose {
            Purpose::Reject(refusal) => return self.refuse(refusal, true),
            Purpose::Beside => {
                if body.too_large {
                    return self.refuse_too_large(MOST_BESIDE);
                }
                let number = host.number_request();
                self.state = State::Beside(number);
                return host.answer_frame(frame, frames::REQUEST, 0, number);
            }
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
