//! Events of a runtime that serves several at once: those that wait to be asked for, and those that it has.
use crate::frames::{self, Broken, HEADER};
use std::collections::VecDeque;
use std::ops::Range;

/// One event that the runtime has not answered.
pub struct Event {
    pub stream: u32,
    /// it is being answered piece by piece
    pub streaming: bool,
    /// its INVOKE frame
    frame: Vec<u8>,
    head: Range<usize>,
    id: Range<usize>,
}

impl Event {
    /// Takes an INVOKE frame apart.
    pub fn parse(stream: u32, frame: Vec<u8>) -> Result<Event, Broken> {
        let (head, _) = frames::split_invoke(&frame[HEADER..])?;
        let id = super::work::request_id(head).ok_or(Broken("INVOKE has no Lambda-Runtime-Aws-Request-Id"))?;
        let front = HEADER + 2;
        let (head, id) = (front..front + head.len(), id.start + front..id.end + front);
        Ok(Event { stream, streaming: false, frame, head, id })
    }

    /// Head lines and event.
    pub fn parts(&self) -> (&[u8], &[u8]) {
        (&self.frame[self.head.clone()], &self.frame[self.head.end..])
    }
}

#[derive(Default)]
pub struct Several {
    waiting: VecDeque<Event>,
    given: Vec<Event>,
}

impl Several {
    pub fn keep(&mut self, event: Event) {
        self.waiting.push_back(event);
    }

    /// The event that the next one who asks gets.
    pub fn next(&self) -> Option<&Event> {
        self.waiting.front()
    }

    pub fn delivered(&mut self) {
        self.given.extend(self.waiting.pop_front());
    }

    /// It never reached the runtime: the next one to ask gets it.
    pub fn undelivered(&mut self, stream: u32) {
        if let Some(at) = self.given.iter().position(|event| event.stream == stream && !event.streaming) {
            self.waiting.push_front(self.given.swap_remove(at));
        }
    }

    pub fn by_id(&self, id: &[u8]) -> Option<&Event> {
        self.given.iter().find(|event| &event.frame[event.id.clone()] == id)
    }

    pub fn has(&self, stream: u32, streaming: bool) -> bool {
        self.given.iter().any(|event| event.stream == stream && event.streaming == streaming)
    }

    pub fn stream_start(&mut self, stream: u32) {
        self.given.iter_mut().filter(|event| event.stream == stream).for_each(|event| event.streaming = true);
    }

    pub fn answered(&mut self, stream: u32) {
        self.given.retain(|event| event.stream != stream);
    }

    /// A stream that is being answered piece by piece, if there is one.
    pub fn any_streaming(&self) -> Option<u32> {
        self.given.iter().find(|event| event.streaming).map(|event| event.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Header;

    fn event(stream: u32, id: &str) -> Event {
        let head = format!("Lambda-Runtime-Aws-Request-Id: {id}\r\n");
        let mut frame = Header { length: 2 + head.len() + 2, kind: frames::INVOKE, flags: 0, stream }.encode().to_vec();
        frame.extend((head.len() as u16).to_le_bytes());
        frame.extend(head.as_bytes());
        frame.extend(b"{}");
        Event::parse(stream, frame).unwrap()
    }

    #[test]
    fn events_are_given_in_order_and_answered_in_any() {
        let mut several = Several::default();
        for (stream, id) in [(1, "a"), (2, "b"), (3, "c")] {
            several.keep(event(stream, id));
        }
        assert_eq!(several.next().unwrap().parts().1, b"{}");
        several.delivered();
        several.delivered();
        assert_eq!(several.by_id(b"b").unwrap().stream, 2);
        assert!(several.by_id(b"c").is_none(), "nobody has asked for it");
        several.answered(2);
        assert!(several.by_id(b"b").is_none());
        several.undelivered(1);
        assert_eq!(several.next().unwrap().stream, 1);
        several.delivered();
        several.stream_start(1);
        assert!(several.has(1, true) && !several.has(1, false));
        assert_eq!(several.any_streaming(), Some(1));
    }

    #[test]
    fn an_event_without_an_id_is_broken() {
        let mut frame = Header { length: 2, kind: frames::INVOKE, flags: 0, stream: 1 }.encode().to_vec();
        frame.extend([0, 0]);
        assert!(Event::parse(1, frame).is_err());
    }
}
