//! Messages of netlink(7) as far as egress needs them: building requests, sending them, reading acknowledgements.
use crate::sys;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, OwnedFd};

pub const REQUEST: u16 = 1;
pub const ACK: u16 = 4;
/// of a request that makes something: it must not be there yet
pub const NEW: u16 = 0x200 | 0x400;
/// of a rule: behind the others
pub const APPEND: u16 = 0x400 | 0x800;
pub const DUMP: u16 = 0x100 | 0x200;

const NESTED: u16 = 0x8000;
const HEADER: usize = 16;
const KIND_ERROR: u16 = 2;
const KIND_DONE: u16 = 3;

/// A request: header, a fixed part that depends on its kind, attributes.
pub struct Message(Vec<u8>);

impl Message {
    pub fn new(kind: u16, flags: u16, sequence: u32, fixed: &[u8]) -> Message {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(fixed);
        Message(bytes)
    }

    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Message {
        put(&mut self.0, kind, value);
        self
    }

    /// A text with its NUL, as the kernel wants names.
    pub fn name(self, kind: u16, text: &str) -> Message {
        self.attribute(kind, &[text.as_bytes(), &[0]].concat())
    }

    pub fn bytes(mut self) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// Appends one attribute, padded to four bytes.
pub fn put(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend((4 + value.len() as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// Attributes one after the other, to be the value of another one.
pub fn list(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, value) in attributes {
        put(&mut bytes, *kind, value);
    }
    bytes
}

/// Appends an attribute whose value is attributes.
pub fn nest(to: &mut Vec<u8>, kind: u16, attributes: &[(u16, &[u8])]) {
    put(to, kind | NESTED, &list(attributes));
}

/// An answer: its kind and what follows the header.
pub struct Answer {
    pub kind: u16,
    pub body: Vec<u8>,
}

pub struct Netlink {
    socket: OwnedFd,
}

impl Netlink {
    /// In the current network namespace, for good.
    pub fn open(protocol: i32) -> Result<Netlink> {
        Ok(Netlink { socket: sys::netlink_socket(protocol)? })
    }

    /// Sends one or several messages and reads `acknowledgements` of them; the first refusal is the error.
    pub fn order(&self, bytes: &[u8], acknowledgements: usize) -> Result<()> {
        sys::send(self.socket.as_fd(), bytes)?;
        let mut seen = 0;
        while seen < acknowledgements {
            for answer in self.read()? {
                if answer.kind == KIND_ERROR {
                    refusal(&answer.body)?;
                    seen += 1;
                }
            }
        }
        Ok(())
    }

    /// Sends one question and reads everything up to the acknowledgement or the end of the dump.
    pub fn ask(&self, bytes: &[u8]) -> Result<Vec<Answer>> {
        sys::send(self.socket.as_fd(), bytes)?;
        let mut all = Vec::new();
        loop {
            for answer in self.read()? {
                match answer.kind {
                    KIND_DONE => return Ok(all),
                    KIND_ERROR => return refusal(&answer.body).map(|()| all),
                    _ => all.push(answer),
                }
            }
        }
    }

    fn read(&self) -> Result<Vec<Answer>> {
        let mut buffer = vec![0; 64 << 10];
        let length = sys::receive(self.socket.as_fd(), &mut buffer, true)?;
        split(&buffer[..length]).ok_or_else(|| Error::new(ErrorKind::InvalidData, "a broken netlink message"))
    }
}

fn split(mut bytes: &[u8]) -> Option<Vec<Answer>> {
    let mut found = Vec::new();
    while bytes.len() >= HEADER {
        let length = u32::from_ne_bytes(bytes[..4].try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(bytes[4..6].try_into().ok()?);
        let body = bytes.get(HEADER..length)?.to_vec();
        found.push(Answer { kind, body });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(found)
}

/// An acknowledgement is an error number, 0 for success, negative otherwise.
fn refusal(body: &[u8]) -> Result<()> {
    let number = body.first_chunk().map_or(-libc::EBADMSG, |bytes| i32::from_ne_bytes(*bytes));
    if number == 0 { Ok(()) } else { Err(Error::from_raw_os_error(-number)) }
}

/// The attributes of a message behind its fixed part.
pub fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let [a, b, c, d, ..] = bytes {
        let length = u16::from_ne_bytes([*a, *b]) as usize;
        let Some(value) = bytes.get(4..length) else { break };
        found.push((u16::from_ne_bytes([*c, *d]) & !NESTED, value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_were_written() {
        let mut inner = Vec::new();
        put(&mut inner, 7, b"abcde");
        nest(&mut inner, 9, &[(1, b"xy")]);
        let message = Message::new(16, REQUEST, 3, &[1, 2, 3, 4]).attribute(5, &inner).name(6, "eth0").bytes();
        assert_eq!(message.len() % 4, 0);
        let [answer] = &split(&message).unwrap()[..] else { panic!("one message") };
        assert_eq!((answer.kind, &answer.body[..4]), (16, &[1u8, 2, 3, 4][..]));
        let outer = attributes(&answer.body[4..]);
        assert_eq!(outer[1], (6, &b"eth0\0"[..]));
        let parts = attributes(outer[0].1);
        assert_eq!(parts[0], (7, &b"abcde"[..]));
        assert_eq!(attributes(parts[1].1), [(1, &b"xy"[..])]);
    }

    #[test]
    fn a_message_longer_than_what_came_is_refused() {
        let mut message = Message::new(16, REQUEST, 1, &[0; 8]).bytes();
        message[0] += 4;
        assert!(split(&message).is_none());
    }

    #[test]
    fn the_kernel_answers_about_the_loopback_interface() {
        let route = Netlink::open(sys::NETLINK_ROUTE).unwrap();
        // RTM_GETLINK
        let answers = route.ask(&Message::new(18, REQUEST | DUMP, 1, &[0; 16]).bytes()).unwrap();
        // IFLA_IFNAME
        assert!(answers.iter().any(|a| attributes(&a.body[16..]).contains(&(3, &b"lo\0"[..]))));
        // RTM_DELLINK of an interface that is not there: ENODEV, or EPERM for an ordinary user
        assert!(route.order(&Message::new(17, REQUEST | ACK, 2, &[0; 16]).name(3, "no-such").bytes(), 1).is_err());
    }
}
