//! Bytes on their way to one descriptor, without copying what the kernel takes at once.
use crate::sys;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::RawFd;

/// Small frames share a chunk of this size.
const CHUNK: usize = 64 * 1024;

pub struct Outbox {
    fd: RawFd,
    chunks: VecDeque<Vec<u8>>,
    /// bytes of the first chunk that are gone already
    sent: usize,
    waiting: usize,
    /// an emptied chunk, kept so that a warm invocation allocates nothing
    spare: Vec<u8>,
}

impl Outbox {
    pub fn new(fd: RawFd) -> Outbox {
        Outbox { fd, chunks: VecDeque::new(), sent: 0, waiting: 0, spare: Vec::new() }
    }

    /// Bytes not yet taken by the kernel.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Appends by writing into the last chunk, which has room for `room` bytes; what `fill` adds is queued.
    pub fn fill<R>(&mut self, room: usize, fill: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let fits = self.chunks.back().is_some_and(|chunk| chunk.capacity() - chunk.len() >= room);
        if !fits {
            let mut chunk = std::mem::take(&mut self.spare);
            chunk.reserve(room.max(CHUNK));
            self.chunks.push_back(chunk);
        }
        let chunk = self.chunks.back_mut().expect("a chunk was just pushed");
        let before = chunk.len();
        let result = fill(chunk);
        self.waiting += chunk.len() - before;
        result
    }

    /// Queues a copy.
    pub fn queue(&mut self, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len()).sum();
        if length > 0 {
            self.fill(length, |chunk| parts.iter().for_each(|part| chunk.extend_from_slice(part)));
        }
    }

    /// Writes what is queued and `parts` behind it in one writev(2); what the kernel does not take is copied.
    pub fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut taken = self.write(parts)?;
        for part in parts {
            let skip = taken.min(part.len());
            taken -= skip;
            self.queue(&[&part[skip..]]);
        }
        Ok(())
    }

    /// As `send`, but what the kernel does not take is kept without copying.
    pub fn send_owned(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let taken = self.write(&[&bytes])?;
        if taken < bytes.len() {
            // Either nothing of it went, and it waits behind others; or all before it went, and it is the first now.
            self.waiting += bytes.len() - taken;
            self.sent = if self.chunks.is_empty() { taken } else { self.sent };
            self.chunks.push_back(bytes);
        }
        Ok(())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        while self.waiting > 0 {
            let before = self.waiting;
            self.write(&[])?;
            if self.waiting == before {
                break;
            }
        }
        Ok(())
    }

    /// One writev(2). Returns how many bytes of `parts` went.
    fn write(&mut self, parts: &[&[u8]]) -> io::Result<usize> {
        const MOST: usize = 16;
        let mut slices: [IoSlice<'_>; MOST] = std::array::from_fn(|_| IoSlice::new(&[]));
        let mut count = 0;
        for (index, chunk) in self.chunks.iter().take(MOST).enumerate() {
            slices[count] = IoSlice::new(if index == 0 { &chunk[self.sent..] } else { chunk });
            count += 1;
        }
        if self.chunks.len() + parts.len() <= MOST {
            for part in parts {
                slices[count] = IoSlice::new(part);
                count += 1;
            }
        }
        let written = match sys::writev(self.fd, &slices[..count]) {
            Ok(written) => written,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(error) => return Err(error),
        };
        Ok(self.consume(written))
    }

    /// Takes `written` bytes off the queue; returns those beyond it.
    fn consume(&mut self, written: usize) -> usize {
        let queued = written.min(self.waiting);
        self.waiting -= queued;
        let mut left = self.sent + queued;
        while let Some(first) = self.chunks.front() {
            if left < first.len() {
                break;
            }
            left -= first.len();
            let mut done = self.chunks.pop_front().expect("there is a first chunk");
            if done.capacity() <= 2 * CHUNK {
                done.clear();
                self.spare = done;
            }
        }
        self.sent = left;
        written - queued
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn everything_arrives_in_order_through_a_reader_that_is_slow() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut outbox = Outbox::new(ours.as_raw_fd());
        let mut expected = Vec::new();
        for round in 0..60u32 {
            let small = format!("small {round};").into_bytes();
            let large = vec![round as u8; 70_000];
            outbox.queue(&[&small]);
            outbox.send(&[b"two ", b"parts;"]).unwrap();
            outbox.send_owned(large.clone()).unwrap();
            expected.extend_from_slice(&small);
            expected.extend_from_slice(b"two parts;");
            expected.extend_from_slice(&large);
        }
        assert!(outbox.waiting() > 1_000_000);
        let mut got = Vec::new();
        let mut buffer = vec![0; 100_000];
        while got.len() < expected.len() {
            outbox.flush().unwrap();
            let n = theirs.read(&mut buffer).unwrap();
            got.extend_from_slice(&buffer[..n]);
        }
        assert!(got == expected);
        assert_eq!(outbox.waiting(), 0);
    }
}
