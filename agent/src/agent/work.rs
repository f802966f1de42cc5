//! Where a runtime of the Runtime API stands between two events: one state, so that nobody can answer twice.
use super::host::{Host, ready_flag};
use super::several::{Event, Several};
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
    /// of a runtime that serves several events at once: it is Idle from its first GET /next on
    several: Option<Several>,
}

impl Work {
    pub fn new() -> Work {
        Work {
            several: None,
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
    pub fn start(&mut self, max_response: usize, concurrency: u64) {
        self.stop();
        self.several = (concurrency > 1).then(Several::default);
        self.phase = Phase::Init;
        self.max_response = max_response;
    }

    pub fn stop(&mut self) {
        self.several = None;
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
        if let Some(several) = &mut self.several {
            several.keep(Event::parse(stream, frame.into_owned())?);
            return Ok(());
        }
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
        let waiting = self.several.as_ref().map_or(self.waiting, |several| several.next().is_some());
        waiting && self.phase == Phase::Idle
    }

    /// The event that waits: its stream, head lines and bytes.
    pub fn event(&self) -> (u32, &[u8], &[u8]) {
        if let Some(event) = self.several.as_ref().and_then(Several::next) {
            let (head, bytes) = event.parts();
            return (event.stream, head, bytes);
        }
        (self.stream, &self.frame[self.head.clone()], &self.frame[self.head.end..])
    }

    fn request_id(&self) -> &[u8] {
        self.frame.get(self.id.clone()).unwrap_or(&[])
    }

    /// The stream of an invocation that the runtime has been given, by its id; and whether it may still answer it.
    pub fn named(&self, id: &[u8]) -> Option<(u32, bool)> {
        if id.is_empty() {
            return None;
        }
        if let Some(several) = &self.several {
            return several.by_id(id).map(|event| (event.stream, !event.streaming));
        }
        (id == self.request_id()).then_some((self.stream, self.phase == Phase::Running))
    }

    /// The runtime has this event, and has not begun to answer it.
    pub fn runs(&self, stream: u32) -> bool {
        match &self.several {
            Some(several) => several.has(stream, false),
            None => self.phase == Phase::Running && self.stream == stream,
        }
    }

    /// The runtime answers this event piece by piece.
    pub fn streams(&self, stream: u32) -> bool {
        match &self.several {
            Some(several) => several.has(stream, true),
            None => self.phase == Phase::Streaming && self.stream == stream,
        }
    }

    /// An event that is being answered piece by piece.
    pub fn any_streaming(&self) -> Option<u32> {
        match &self.several {
            Some(several) => several.any_streaming(),
            None => (self.phase == Phase::Streaming).then_some(self.stream),
        }
    }

    pub fn delivered(&mut self, host: &mut Host) {
        if let Some(several) = &mut self.several {
            return several.delivered();
        }
        self.waiting = false;
        self.phase = Phase::Running;
        host.stream = self.stream;
    }

    /// The runtime never got the event it was given: the next one to ask gets it.
    pub fn undelivered(&mut self, stream: u32) {
        if let Some(several) = &mut self.several {
            return several.undelivered(stream);
        }
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

    /// Is the runtime ready for another event once it has answered? `parked`: it asks for one already. One that serves several
    /// has a place free in any case.
    pub fn ready_after(&self, parked: bool) -> bool {
        parked || self.several.is_some()
    }

    /// The whole answer, RESPONSE or ERROR, as a frame whose header is yet to be written. Needs runs().
    pub fn answer(&mut self, host: &mut Host, kind: u8, stream: u32, frame: Cow<'_, [u8]>, ready: bool) {
        host.answer_frame(frame, kind, ready_flag(ready), stream);
        self.answered(host, stream, ready);
    }

    /// The answer was larger than allowed. Needs runs().
    pub fn answer_too_large(&mut self, host: &mut Host, stream: u32, ready: bool) {
        let message =
            format!("Response payload size exceeded maximum allowed payload size ({} bytes).", self.max_response);
        let payload = frames::platform_error("Function.ResponseSizeTooLarge", &message);
        host.answer(frames::ERROR, ready_flag(ready), stream, &[&payload]);
        self.answered(host, stream, ready);
    }

    /// A streamed answer begins. Needs runs().
    pub fn stream_start(&mut self, host: &mut Host, stream: u32, content_type: &[u8]) {
        host.answer(frames::RESPONSE_START, 0, stream, &[content_type]);
        match &mut self.several {
            Some(several) => several.stream_start(stream),
            None => self.phase = Phase::Streaming,
        }
    }

    /// The streamed answer ends, with an error payload if it failed. Needs streams().
    pub fn stream_end(&mut self, host: &mut Host, stream: u32, error: &[u8], ready: bool) {
        host.answer(frames::RESPONSE_END, ready_flag(ready), stream, &[error]);
        self.answered(host, stream, ready);
    }

    fn answered(&mut self, host: &mut Host, stream: u32, ready: bool) {
        if let Some(several) = &mut self.several {
            return several.answered(stream);
        }
        self.phase = if ready { Phase::Idle } else { Phase::Answered };
        if ready {
            host.stream = 0;
        }
    }
}

/// Place of the request id within the head lines.
pub fn request_id(head: &[u8]) -> Option<Range<usize>> {
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
