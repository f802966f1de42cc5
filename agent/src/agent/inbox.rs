//! Frames arriving at one descriptor.
use crate::frames::{Broken, HEADER, Header, MAX_PAYLOAD};
use crate::sys;
use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

/// Frames up to this size, header included, are read together and borrowed from the buffer; larger ones get a block of
/// exactly their size, which is handed on whole.
const BUFFER: usize = 64 * 1024;

#[derive(Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
}

pub struct Frame<'a> {
    pub header: Header,
    /// header included
    pub bytes: Cow<'a, [u8]>,
}

impl Frame<'_> {
    pub fn payload(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }
}

#[derive(PartialEq)]
pub enum Filled {
    Some,
    Nothing,
    End,
}

pub enum Next<'a> {
    Frame(Frame<'a>),
    /// the rest has yet to come
    Wait,
}

impl Inbox {
    /// One read(2).
    pub fn fill(&mut self, fd: RawFd) -> io::Result<Filled> {
        self.make_room();
        let wanted = match Header::decode(&self.bytes) {
            Ok(Some(header)) if HEADER + header.length > BUFFER && header.length <= MAX_PAYLOAD => {
                let missing = HEADER + header.length - self.bytes.len();
                self.bytes.reserve_exact(missing);
                missing
            }
            _ => BUFFER - self.bytes.len(),
        };
        match sys::read_append(fd, &mut self.bytes, wanted) {
            Ok(0) => Ok(Filled::End),
            Ok(_) => Ok(Filled::Some),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(Filled::Nothing),
            Err(error) => Err(error),
        }
    }

    /// The next whole frame.
    pub fn next(&mut self) -> Result<Next<'_>, Broken> {
        let Some(header) = Header::decode(&self.bytes[self.start..])? else { return Ok(Next::Wait) };
        if header.length > MAX_PAYLOAD {
            return Err(Broken("a frame longer than a frame can be"));
        }
        let total = HEADER + header.length;
        if self.bytes.len() - self.start < total {
            return Ok(Next::Wait);
        }
        if total > BUFFER {
            // `fill` read exactly this frame into this block.
            self.start = 0;
            return Ok(Next::Frame(Frame { header, bytes: Cow::Owned(std::mem::take(&mut self.bytes)) }));
        }
        let from = self.start;
        self.start += total;
        Ok(Next::Frame(Frame { header, bytes: Cow::Borrowed(&self.bytes[from..self.start]) }))
    }

    /// Moves what is left of the last read to the front. A frame larger than the buffer is completed in its own block, so
    /// never more than a buffer is moved, and no byte twice.
    fn make_room(&mut self) {
        if self.start > 0 {
            let left = self.bytes.len() - self.start;
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(left);
            self.start = 0;
        }
        if self.bytes.capacity() < BUFFER {
            self.bytes.reserve_exact(BUFFER - self.bytes.len());
        }
    }
}
