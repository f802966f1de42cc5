//! Where a runtime of the Runtime API stands between two events: one state, so that nobody can answer twice.
use super::host::{Host, ready_flag};
use crate::frames::{self, Broken, HEADER};
use std::borrow::Cow;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    /// no runtime
    Down,
    /// started, has not asked for an event yet
    Init,
    /// waits to be told that it is a copy, in GET /restore/next
    Prepared,
    /// has been told, has not asked for an event yet
    Resumed,
    /// waits for an event
    Idle,
    /// has an event
    Running,
    /// answers piece by piece
    Streaming,
    /// has answered, has not asked for the next event
    Answered,
}

pub struct Work {
    pub phase: Phase,
    /// the newest invocation
    pub stream: u32,
    /// most bytes of an answer that is not streamed
    pub max_response: usize,
    /// init drew random bytes; None: the runtime has not said
    pub drew: Option<bool>,
    /// the answer to GET /restore/next
    pub resumed: String,
    /// the INVOKE frame, until it is answered
    frame: Vec<u8>,
    waiting: bool,
    head: Range<usize>,
    id: Range<usize>,
}

impl Work {
    pub fn new() -> Work {
        Work {
            phase: Phase::Down,
            stream: 0,
            max_response: 0,
            drew: None,
            resumed: String::new(),
            frame: Vec::new(),
            waiting: false,
            head: 0..0,
            id: 0..0,
        }
    }

    /// A runtime has been started.
    pub fn start(&mut self, max_response: usize) {
        self.stop();
        self.phase = Phase::Init;
        self.max_response = max_response;
    }

    pub fn stop(&mut self) {
        self.phase = Phase::Down;
        self.stream = 0;
        self.drew = None;
        self.resumed = String::new();
        self.waiting = false;
        self.frame = Vec::new();
        self.id = 0..0;
    }

    /// Keeps an event until the runtime asks for it.
    pub fn keep(&mut self, stream: u32, frame: Cow<'_, [u8]>) -> Result<(), Broken> {
        match frame {
            Cow::Owned(bytes) => self.frame = bytes,
            Cow::Borrowed(bytes) => {
                self.frame.clear();
                self.frame.extend_from_slice(bytes);
            }
        }
        let (head, _) = frames::split_invoke(&self.frame[HEADER..])?;
        self.head = HEADER + 2..HEADER + 2 + head.len();
        self.id = request_id(head).ok_or(Broken("INVOKE has no Lambda-Runtime-Aws-Request-Id"))?;
        self.id = self.id.start + HEADER + 2..self.id.end + HEADER + 2;
        self.stream = stream;
        self.waiting = true;
        Ok(())
    }

    /// An event waits for the runtime to ask.
    pub fn has_event(&self) -> bool {
        self.waiting
    }

    /// The invocation that the runtime has been given and has not answered; 0 outside of any.
    pub fn open_stream(&self) -> u32 {
        if matches!(self.phase, Phase::Running | Phase::Streaming) { self.stream } else { 0 }
    }

    /// An event is here, and a runtime that waits for one.
    pub fn deliverable(&self) -> bool {
        self.waiting && self.phase == Phase::Idle
    }

    /// Head lines and event.
    pub fn event(&self) -> (&[u8], &[u8]) {
        (&self.frame[self.head.clone()], &self.frame[self.head.end..])
    }

    pub fn request_id(&self) -> &[u8] {
        self.frame.get(self.id.clone()).unwrap_or(&[])
    }

    pub fn delivered(&mut self, host: &mut Host) {
        self.waiting = false;
        self.phase = Phase::Running;
        host.stream = self.stream;
    }

    /// The runtime never got the event it was given: the next one to ask gets it.
    pub fn undelivered(&mut self) {
        self.waiting = true;
        self.phase = Phase::Idle;
    }

    /// The runtime asks for its next event. False if it may not now.
    pub fn ready(&mut self, host: &mut Host) -> bool {
        match self.phase {
            Phase::Init | Phase::Resumed => host.answer(frames::READY, 0, 0, &[]),
            Phase::Answered => host.answer(frames::READY, 0, self.stream, &[]),
            _ => return self.phase == Phase::Idle,
        }
        self.phase = Phase::Idle;
        host.stream = 0;
        true
    }

    /// The runtime may be copied from now on, and waits to be told that it was. False if it may not say so now.
    pub fn prepared(&mut self, host: &mut Host) -> bool {
        if self.phase == Phase::Init {
            let said: &[u8] = match self.drew {
                Some(true) => br#"{"drew":true}"#,
                Some(false) => br#"{"drew":false}"#,
                None => b"{}",
            };
            host.answer(frames::PREPARED, 0, 0, &[said]);
            self.phase = Phase::Prepared;
        }
        matches!(self.phase, Phase::Prepared | Phase::Resumed)
    }

    /// It may still fail to start: a copy may have its function yet to load.
    pub fn initializing(&self) -> bool {
        matches!(self.phase, Phase::Init | Phase::Resumed)
    }

    /// The runtime is a copy, or is to go on as if it were one. False if it does not wait for this.
    pub fn resume(&mut self) -> bool {
        let waits = self.phase == Phase::Prepared;
        if waits {
            self.phase = Phase::Resumed;
        }
        waits
    }

    /// The whole answer, RESPONSE or ERROR, as a frame whose header is yet to be written. Needs Running.
    pub fn answer(&mut self, host: &mut Host, kind: u8, frame: Cow<'_, [u8]>, ready: bool) {
        host.answer_frame(frame, kind, ready_flag(ready), self.stream);
        self.answered(host, ready);
    }

    /// The answer was larger than allowed. Needs Running.
    pub fn answer_too_large(&mut self, host: &mut Host, ready: bool) {
        let message =
            format!("Response payload size exceeded maximum allowed payload size ({} bytes).", self.max_response);
        let payload = frames::platform_error("Function.ResponseSizeTooLarge", &message);
        host.answer(frames::ERROR, ready_flag(ready), self.stream, &[&payload]);
        self.answered(host, ready);
    }

    /// A streamed answer begins. Needs Running.
    pub fn stream_start(&mut self, host: &mut Host, content_type: &[u8]) {
        host.answer(frames::RESPONSE_START, 0, self.stream, &[content_type]);
        self.phase = Phase::Streaming;
    }

    /// The streamed answer ends, with an error payload if it failed. Needs Streaming.
    pub fn stream_end(&mut self, host: &mut Host, error: &[u8], ready: bool) {
        host.answer(frames::RESPONSE_END, ready_flag(ready), self.stream, &[error]);
        self.answered(host, ready);
    }

    fn answered(&mut self, host: &mut Host, ready: bool) {
        self.phase = if ready { Phase::Idle } else { Phase::Answered };
        if ready {
            host.stream = 0;
        }
    }
}

/// Place of the request id within the head lines.
fn request_id(head: &[u8]) -> Option<Range<usize>> {
    const NAME: &[u8] = b"lambda-runtime-aws-request-id:";
    let mut start = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            let value = line[NAME.len()..].trim_ascii_start();
            let from = start + line.len() - value.len();
            return Some(from..from + value.trim_ascii_end().len());
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_id_is_found_wherever_its_line_stands() {
        let head = b"A: b\r\nlambda-runtime-aws-request-id:  1-2 \r\nC: d\r\n";
        assert_eq!(&head[request_id(head).unwrap()], b"1-2");
        assert_eq!(request_id(b"A: b\r\n"), None);
    }
}
