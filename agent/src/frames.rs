//! The frames of PROTOCOL.md.

pub const HEADER: usize = 12;
pub const MAX_PAYLOAD: usize = 8 * 1024 * 1024;
/// On RESPONSE, RESPONSE_END and ERROR: the runtime is ready for its next event already.
pub const FLAG_READY: u8 = 0x01;

pub const BOOT: u8 = 0x01;
pub const INVOKE: u8 = 0x02;
/// To runtimes alone, on their own link.
#[allow(dead_code)]
pub const PREPARE: u8 = 0x03;
pub const SHUTDOWN: u8 = 0x04;
pub const FREEZE: u8 = 0x05;
pub const THAW: u8 = 0x06;
pub const PING: u8 = 0x07;
pub const RESUME: u8 = 0x08;
pub const EXTEND: u8 = 0x09;
pub const REPLY: u8 = 0x0a;
pub const SEND: u8 = 0x0b;
pub const HELLO: u8 = 0x81;
pub const READY: u8 = 0x82;
pub const INIT_ERROR: u8 = 0x83;
pub const RESPONSE: u8 = 0x84;
pub const RESPONSE_START: u8 = 0x85;
pub const CHUNK: u8 = 0x86;
pub const RESPONSE_END: u8 = 0x87;
pub const ERROR: u8 = 0x88;
pub const LOG: u8 = 0x8a;
pub const EXIT: u8 = 0x8b;
pub const PONG: u8 = 0x8c;
pub const SPAWNED: u8 = 0x8d;
pub const PREPARED: u8 = 0x8e;
pub const RESTORE_ERROR: u8 = 0x8f;
pub const REQUEST: u8 = 0x91;
pub const GONE: u8 = 0x92;
pub const ENDED: u8 = 0x93;
pub const SENT: u8 = 0x94;
pub const DATAGRAM: u8 = 0x95;

/// The other side broke the protocol; the text says how.
#[derive(Debug, PartialEq)]
pub struct Broken(pub &'static str);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// bytes of payload
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Header {
    pub fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&(self.length as u32).to_le_bytes());
        bytes[4] = self.kind;
        bytes[5] = self.flags;
        bytes[8..].copy_from_slice(&self.stream.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `bytes`; None while fewer than 12 are there. The length is not judged here.
    pub fn decode(bytes: &[u8]) -> Result<Option<Header>, Broken> {
        let Some(bytes) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let [a, b, c, d, kind, flags, zero, zero2, w, x, y, z] = *bytes;
        if zero != 0 || zero2 != 0 {
            return Err(Broken("a frame header with reserved bytes set"));
        }
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        Ok(Some(Header { length, kind, flags, stream: u32::from_le_bytes([w, x, y, z]) }))
    }
}

/// Writes the header of a frame whose payload already lies behind `HEADER` bytes of room.
pub fn seal(frame: &mut [u8], kind: u8, flags: u8, stream: u32) {
    let length = frame.len() - HEADER;
    frame[..HEADER].copy_from_slice(&Header { length, kind, flags, stream }.encode());
}

/// Head lines and event of an INVOKE payload.
pub fn split_invoke(payload: &[u8]) -> Result<(&[u8], &[u8]), Broken> {
    split_prefixed(payload).ok_or(Broken("an INVOKE payload cut short"))
}

/// Status line with header lines, and body, of a REPLY payload.
pub fn split_reply(payload: &[u8]) -> Result<(&[u8], &[u8]), Broken> {
    split_prefixed(payload).ok_or(Broken("a REPLY payload cut short"))
}

/// Port, whether the connection is kept, and bytes of a SEND payload.
pub fn split_send(payload: &[u8]) -> Result<(u16, bool, &[u8]), Broken> {
    match payload {
        [low, high, keep, bytes @ ..] => Ok((u16::from_le_bytes([*low, *high]), *keep != 0, bytes)),
        _ => Err(Broken("a SEND payload cut short")),
    }
}

fn split_prefixed(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_le_bytes(*length) as usize)
}

/// An error payload.
pub fn error_payload(kind: &str, document: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(2 + kind.len() + document.len());
    payload.extend_from_slice(&(kind.len() as u16).to_le_bytes());
    payload.extend_from_slice(kind.as_bytes());
    payload.extend_from_slice(document);
    payload
}

/// An error payload with the document Lambda makes itself: `{"errorType":…,"errorMessage":…}`.
pub fn platform_error(kind: &str, message: &str) -> Vec<u8> {
    let document = format!(r#"{{"errorType":{},"errorMessage":{}}}"#, json_string(kind), json_string(message));
    error_payload(kind, document.as_bytes())
}

pub fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn golden() -> Vec<Value> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/frames.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn golden_frames_mean_here_what_they_mean_to_the_host() {
        for frame in golden() {
            let name = frame["name"].as_str().unwrap();
            let raw = bytes(frame["hex"].as_str().unwrap());
            let header = Header::decode(&raw).unwrap().unwrap();
            let payload = &raw[HEADER..];
            assert_eq!(header.length, payload.len(), "{name}");
            assert_eq!(u64::from(header.kind), frame["type"], "{name}");
            assert_eq!(u64::from(header.flags), frame["flags"], "{name}");
            assert_eq!(u64::from(header.stream), frame["stream"], "{name}");
            assert_eq!(header.encode(), raw[..HEADER], "{name}");
            let text = |field: &str| frame[field].as_str().map(str::as_bytes);
            if let Some(event) = text("event") {
                assert_eq!(split_invoke(payload).unwrap(), (text("head").unwrap(), event), "{name}");
            } else if let Some(document) = text("document") {
                assert_eq!(split_prefixed(payload).unwrap(), (text("errorType").unwrap(), document), "{name}");
                assert_eq!(error_payload(frame["errorType"].as_str().unwrap(), document), payload, "{name}");
            } else if let Some(output) = text("output") {
                assert_eq!(
                    (u64::from(payload[0]), &payload[1..]),
                    (frame["source"].as_u64().unwrap(), output),
                    "{name}"
                );
            } else {
                assert_eq!(payload, text("text").unwrap(), "{name}");
            }
        }
    }

    #[test]
    fn a_header_that_is_cut_or_has_reserved_bytes_set_is_not_taken() {
        let mut bytes = Header { length: 1, kind: LOG, flags: 0, stream: 7 }.encode();
        assert_eq!(Header::decode(&bytes[..11]), Ok(None));
        bytes[6] = 1;
        assert!(Header::decode(&bytes).is_err());
    }

    #[test]
    fn prefixed_payloads_cut_short_are_refused() {
        for payload in [&b""[..], b"\x01", b"\x01\x00", b"\x05\x00abcd"] {
            assert!(split_invoke(payload).is_err());
        }
    }
}
