//! The frames link to a bootstrap of ours: relays, and checks what comes back from hostile territory.
use super::host::Host;
use super::inbox::{Filled, Frame, Inbox, Next};
use super::outbox::Outbox;
use super::work::{Phase, Work};
use crate::frames::{self, Broken, FLAG_READY, Header};
use serde_json::Value;
use std::borrow::Cow;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

pub struct Link {
    fd: OwnedFd,
    inbox: Inbox,
    out: Outbox,
    ended: bool,
    /// READY came over this link: the runtime takes its events here
    pub chosen: bool,
}

impl Link {
    pub fn new(fd: OwnedFd) -> Link {
        let out = Outbox::new(fd.as_raw_fd());
        Link { fd, inbox: Inbox::default(), out, ended: false, chosen: false }
    }

    /// None once the runtime has closed its end.
    pub fn fd(&self) -> Option<RawFd> {
        (!self.ended).then(|| self.fd.as_raw_fd())
    }

    pub fn wants_write(&self) -> bool {
        self.out.waiting() > 0
    }

    /// A runtime that closed its end never reads this; the host's timeout decides.
    pub fn send(&mut self, frame: Cow<'_, [u8]>) {
        let sent = match frame {
            Cow::Borrowed(bytes) => self.out.send(&[bytes]),
            Cow::Owned(bytes) => self.out.send_owned(bytes),
        };
        self.ended |= sent.is_err();
    }

    pub fn flush(&mut self) {
        self.ended |= self.out.flush().is_err();
    }

    /// One read, and every frame that is complete by it. False: nothing more to read now.
    pub fn receive(&mut self, work: &mut Work, host: &mut Host) -> Result<bool, Broken> {
        let filled = self.inbox.fill(self.fd.as_raw_fd()).unwrap_or(Filled::End);
        self.ended |= filled == Filled::End;
        if filled != Filled::Some {
            return Ok(false);
        }
        loop {
            match self.inbox.next()? {
                Next::Wait => return Ok(true),
                Next::TooLarge(header) => too_large(header, work, host)?,
                Next::Frame(frame) => {
                    if frame.header.kind == frames::READY {
                        ready(&frame, work, host)?;
                        self.chosen = true;
                    } else {
                        pass_on(frame, work, host)?;
                    }
                }
            }
        }
    }
}

fn require(condition: bool, otherwise: &'static str) -> Result<(), Broken> {
    if condition { Ok(()) } else { Err(Broken(otherwise)) }
}

/// The only frame that may be larger than a frame can be is an honest answer that is too large.
fn too_large(header: Header, work: &mut Work, host: &mut Host) -> Result<(), Broken> {
    let open = work.phase == Phase::Running && header.stream == work.stream;
    require(header.kind == frames::RESPONSE && open, "a frame longer than a frame can be")?;
    work.answer_too_large(host, header.flags & FLAG_READY != 0);
    Ok(())
}

fn ready(frame: &Frame<'_>, work: &mut Work, host: &mut Host) -> Result<(), Broken> {
    require(work.phase == Phase::Init && frame.header.stream == 0, "READY is said once, with stream 0")?;
    let json: Value = serde_json::from_slice(frame.payload()).map_err(|_| Broken("READY is not JSON"))?;
    let mut marks = String::new();
    for name in ["boot", "load", "loaded"] {
        if let Some(mark) = json[name].as_f64() {
            marks.push_str(&format!(r#","{name}":{mark:.6}"#));
        }
    }
    work.ready(host, &marks);
    Ok(())
}

fn pass_on(frame: Frame<'_>, work: &mut Work, host: &mut Host) -> Result<(), Broken> {
    let Header { kind, flags, stream, length } = frame.header;
    let ready = flags & FLAG_READY != 0;
    let open = |phase: Phase| {
        require(work.phase == phase && stream == work.stream, "an answer for an invocation that is not open")
    };
    match kind {
        frames::LOG => {
            require(length > 0 && frame.payload()[0] == 2, "a LOG frame whose source is not 2")?;
            host.queue(frames::LOG, host.stream, &[frame.payload()]);
        }
        frames::RESPONSE => {
            open(Phase::Running)?;
            if length > work.max_response {
                work.answer_too_large(host, ready);
            } else {
                work.answer(host, kind, frame.bytes, ready);
            }
        }
        frames::ERROR => {
            open(Phase::Running)?;
            frames::split_error(frame.payload())?;
            work.answer(host, kind, frame.bytes, ready);
        }
        frames::RESPONSE_START => {
            open(Phase::Running)?;
            work.stream_start(host, frame.payload());
        }
        frames::CHUNK => {
            open(Phase::Streaming)?;
            host.send(frames::CHUNK, 0, stream, &[frame.payload()]);
        }
        frames::RESPONSE_END => {
            open(Phase::Streaming)?;
            if length > 0 {
                frames::split_error(frame.payload())?;
            }
            work.stream_end(host, frame.payload(), ready);
        }
        frames::INIT_ERROR => {
            require(work.phase == Phase::Init && stream == 0, "INIT_ERROR after init")?;
            frames::split_error(frame.payload())?;
            host.answer(frames::INIT_ERROR, 0, 0, &[frame.payload()]);
        }
        _ => return Err(Broken("a frame of an unknown type")),
    }
    Ok(())
}
