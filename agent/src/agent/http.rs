//! HTTP/1.1 as far as the Runtime API needs it: request heads and bodies (RFC 9112). Pure: bytes in, values out.
use std::ops::Range;

/// Most bytes of a request's head, and of a body's trailers: clients send up to 1 MiB of X-Ray cause in one header.
pub const MAX_HEAD: usize = 1024 * 1024 + 64 * 1024;
const MAX_HEADERS: usize = 64;
/// most bytes of a line that gives a chunk's size
const MAX_SIZE_LINE: usize = 4096;

#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    Next,
    /// place of the request id in the head
    Response(Range<usize>),
    Error(Range<usize>),
    InitError,
    RestoreNext,
    RestoreDrew,
    RestoreError,
    Ping,
    /// of the APIs that extensions have beside the Runtime API: the host serves it
    Beside,
    Unknown,
}

#[derive(Debug, PartialEq)]
pub enum Length {
    Bytes(usize),
    Chunked,
}

pub struct Request {
    pub route: Route,
    pub length: Length,
    pub keep_alive: bool,
    /// the client waits for `100 Continue`
    pub expects: bool,
    /// Lambda-Runtime-Function-Response-Mode; None: absent
    pub mode: Option<Mode>,
    pub error_type: Vec<u8>,
    pub content_type: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Streaming,
    Invalid,
}

/// The request cannot be understood: 400 and the end of the connection.
#[derive(Debug, PartialEq)]
pub struct Malformed;

/// End of the head (behind the empty line), looking only at what came after `from`.
pub fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3);
    bytes[from..].windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4)
}

pub fn parse(head: &[u8]) -> Result<Request, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return Err(Malformed),
    }
    let path = parsed.path.unwrap_or_default();
    let offset = path.as_ptr() as usize - head.as_ptr() as usize;
    let mut request = Request {
        route: route(parsed.method.unwrap_or_default(), path, offset),
        length: Length::Bytes(0),
        keep_alive: parsed.version == Some(1),
        expects: false,
        mode: None,
        error_type: Vec::new(),
        content_type: Vec::new(),
    };
    let (mut sized, mut chunked) = (None, false);
    for header in parsed.headers.iter() {
        let value = header.value.trim_ascii();
        let named = |name: &str| header.name.eq_ignore_ascii_case(name);
        if named("content-length") {
            let text = std::str::from_utf8(value).map_err(|_| Malformed)?;
            if !text.bytes().all(|byte| byte.is_ascii_digit()) || sized.is_some_and(|before| before != text) {
                return Err(Malformed);
            }
            sized = Some(text);
        } else if named("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed);
            }
            chunked = true;
        } else if named("connection") {
            let has =
                |word: &[u8]| value.split(|byte| *byte == b',').any(|w| w.trim_ascii().eq_ignore_ascii_case(word));
            request.keep_alive = (request.keep_alive && !has(b"close")) || has(b"keep-alive");
        } else if named("expect") {
            request.expects = value.eq_ignore_ascii_case(b"100-continue");
        } else if named("lambda-runtime-function-response-mode") {
            request.mode = Some(if value.eq_ignore_ascii_case(b"streaming") { Mode::Streaming } else { Mode::Invalid });
        } else if named("lambda-runtime-function-error-type") {
            request.error_type = value[..value.len().min(1024)].to_vec();
        } else if named("content-type") {
            request.content_type = value.to_vec();
        }
    }
    // Both at once is how requests are smuggled (RFC 9112, 6.3): refused.
    request.length = match (sized, chunked) {
        (Some(_), true) => return Err(Malformed),
        (Some(text), false) => Length::Bytes(text.parse().map_err(|_| Malformed)?),
        (None, true) => Length::Chunked,
        (None, false) => Length::Bytes(0),
    };
    Ok(request)
}

fn route(method: &str, path: &str, offset: usize) -> Route {
    let Some(rest) = path.strip_prefix("/2018-06-01/") else {
        let beside = ["/2020-01-01/extension/", "/2022-07-01/telemetry", "/2020-08-15/logs"];
        return if beside.iter().any(|known| path.starts_with(known)) { Route::Beside } else { Route::Unknown };
    };
    match (method, rest) {
        ("GET", "runtime/invocation/next") => return Route::Next,
        ("POST", "runtime/init/error") => return Route::InitError,
        ("GET", "runtime/restore/next") => return Route::RestoreNext,
        ("POST", "runtime/restore/error") => return Route::RestoreError,
        ("POST", "runtime/restore/drew") => return Route::RestoreDrew,
        ("GET", "ping") => return Route::Ping,
        _ => {}
    }
    let Some(rest) = rest.strip_prefix("runtime/invocation/") else { return Route::Unknown };
    let start = offset + path.len() - rest.len();
    match (method, rest.split_once('/')) {
        ("POST", Some((id, "response"))) => Route::Response(start..start + id.len()),
        ("POST", Some((id, "error"))) => Route::Error(start..start + id.len()),
        _ => Route::Unknown,
    }
}

/// Takes the chunked coding off a body, however it is cut.
#[derive(Default)]
pub struct Chunked {
    state: State,
    line: Vec<u8>,
    left: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Size,
    Data,
    DataEnd,
    Trailers,
    Done,
}

impl Chunked {
    /// Consumes what it can of `input`, giving data to `sink`. Returns the bytes consumed; all of them unless the body ended.
    pub fn feed(&mut self, input: &[u8], mut sink: impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let mut at = 0;
        while at < input.len() && self.state != State::Done {
            if self.state == State::Data {
                let take = self.left.min(input.len() - at);
                sink(&input[at..at + take]);
                at += take;
                self.left -= take;
                if self.left == 0 {
                    self.state = State::DataEnd;
                }
                continue;
            }
            let newline = input[at..].iter().position(|byte| *byte == b'\n');
            let end = newline.map_or(input.len(), |n| at + n + 1);
            self.line.extend_from_slice(&input[at..end]);
            at = end;
            let limit = if self.state == State::Trailers { MAX_HEAD } else { MAX_SIZE_LINE };
            if self.line.len() > limit {
                return Err(Malformed);
            }
            if newline.is_some() {
                self.end_of_line()?;
            }
        }
        Ok(at)
    }

    fn end_of_line(&mut self) -> Result<(), Malformed> {
        match self.state {
            State::Size => {
                let size = self.line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                if size.is_empty() || size.len() > 8 || !size.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Malformed);
                }
                let text = std::str::from_utf8(size).map_err(|_| Malformed)?;
                self.left = usize::from_str_radix(text, 16).map_err(|_| Malformed)?;
                self.state = if self.left == 0 { State::Trailers } else { State::Data };
                self.line.clear();
            }
            State::DataEnd => {
                if self.line.trim_ascii() != b"" {
                    return Err(Malformed);
                }
                self.state = State::Size;
                self.line.clear();
            }
            // Trailer lines gather in `line` until the empty one.
            State::Trailers if self.line == b"\r\n" || self.line == b"\n" || self.line.ends_with(b"\n\r\n") => {
                self.state = State::Done;
            }
            _ => {}
        }
        Ok(())
    }

    pub fn done(&self) -> bool {
        self.state == State::Done
    }

    /// A trailer's value, once done.
    pub fn trailer(&self, name: &str) -> Option<Vec<u8>> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let Ok(httparse::Status::Complete((_, headers))) = httparse::parse_headers(&self.line, &mut headers) else {
            return None;
        };
        let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(found.value.trim_ascii().to_vec())
    }
}

/// Decodes base64 (RFC 4648, padding optional). None when it is none.
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.iter().copied().take_while(|byte| *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Result<Request, Malformed> {
        parse(format!("{}\r\n\r\n", lines.replace('\n', "\r\n")).as_bytes())
    }

    #[test]
    fn routes_are_lambda_s_and_the_id_is_where_it_stands() {
        let text = b"POST /2018-06-01/runtime/invocation/ab-1/response HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
        let request = parse(text).unwrap();
        let Route::Response(id) = request.route else { panic!("{:?}", request.route) };
        assert_eq!(&text[id], b"ab-1");
        assert_eq!(request.length, Length::Bytes(3));
        assert!(request.keep_alive);
        assert_eq!(head("GET /2018-06-01/runtime/invocation/next HTTP/1.0").unwrap().route, Route::Next);
        assert_eq!(head("POST /2018-06-01/runtime/invocation/next HTTP/1.1").unwrap().route, Route::Unknown);
        assert_eq!(head("GET / HTTP/1.1").unwrap().route, Route::Unknown);
        assert_eq!(head("GET /2020-01-01/extension/event/next HTTP/1.1").unwrap().route, Route::Beside);
        assert_eq!(head("PUT /2022-07-01/telemetry HTTP/1.1").unwrap().route, Route::Beside);
        assert_eq!(head("PUT /2020-01-01/telemetry HTTP/1.1").unwrap().route, Route::Unknown);
    }

    #[test]
    fn lengths_that_could_be_read_in_two_ways_are_refused() {
        for lines in [
            "POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 2",
            "POST / HTTP/1.1\nContent-Length: 1\nTransfer-Encoding: chunked",
            "POST / HTTP/1.1\nContent-Length: +1",
            "POST / HTTP/1.1\nContent-Length: 99999999999999999999999",
            "POST / HTTP/1.1\nTransfer-Encoding: gzip, chunked",
        ] {
            assert!(head(lines).is_err(), "{lines}");
        }
    }

    #[test]
    fn a_chunked_body_is_the_same_however_it_is_cut() {
        let body = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT-One: x\r\nT-Two: y z\r\n\r\nGET";
        for step in 1..body.len() {
            let mut chunked = Chunked::default();
            let mut data = Vec::new();
            let mut consumed = 0;
            for piece in body.chunks(step) {
                consumed += chunked.feed(piece, |bytes| data.extend_from_slice(bytes)).unwrap();
            }
            assert_eq!(data, b"abc0123456789");
            assert!(chunked.done());
            assert_eq!(consumed, body.len() - 3);
            assert_eq!(chunked.trailer("t-two").unwrap(), b"y z");
            assert_eq!(chunked.trailer("t-three"), None);
        }
    }

    #[test]
    fn a_broken_chunk_is_refused() {
        for body in [&b"zz\r\n"[..], b"\r\n", b"3\r\nabcd\r\n", b"123456789\r\n", &[b'1'; 5000]] {
            assert!(Chunked::default().feed(body, |_| {}).is_err());
        }
    }

    #[test]
    fn base64_decodes_with_and_without_padding() {
        assert_eq!(base64(b"eyJhIjoxfQ==").unwrap(), b"{\"a\":1}");
        assert_eq!(base64(b"eyJhIjoxfQ").unwrap(), b"{\"a\":1}");
        assert_eq!(base64(b"!"), None);
    }

    #[test]
    fn the_end_of_a_head_is_found_across_reads() {
        let bytes = b"GET / HTTP/1.1\r\n\r\nrest";
        assert_eq!(head_end(bytes, 0), Some(18));
        assert_eq!(head_end(bytes, 17), Some(18));
        assert_eq!(head_end(&bytes[..17], 0), None);
    }
}
