//! The processes that run beside the runtime's: external extensions.
use super::host::Host;
use super::process::Ended;
use crate::frames;
use crate::sys;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Source of an extension's LOG frames: this and its number.
const SOURCE: u8 = 16;

struct Extension {
    /// 0: it has ended
    pid: i32,
    /// its standard output and error; None once they ended
    output: Option<OwnedFd>,
}

#[derive(Default)]
pub struct Extensions {
    all: Vec<Extension>,
    /// those whose end the host has not been told yet, and how they ended
    ended: Vec<(usize, String)>,
}

impl Extensions {
    /// There are some, or have been.
    pub fn any(&self) -> bool {
        !self.all.is_empty()
    }

    /// One more; or why it could not be started.
    pub fn add(&mut self, started: Result<(i32, OwnedFd), String>) {
        let number = self.all.len();
        let (pid, output) = match started {
            Ok((pid, output)) => (pid, Some(output)),
            Err(error) => {
                let error = frames::json_string(&error);
                self.ended.push((number, format!(r#"{{"extension":{number},"error":{error}}}"#)));
                (0, None)
            }
        };
        self.all.push(Extension { pid, output });
    }

    pub fn number(&self, pid: i32) -> Option<usize> {
        self.all.iter().position(|extension| extension.pid == pid)
    }

    pub fn ended(&mut self, number: usize, how: Ended) {
        self.all[number].pid = 0;
        let json = match how {
            Ended::Code(code) => format!(r#"{{"extension":{number},"code":{code}}}"#),
            Ended::Signal(signal) => format!(r#"{{"extension":{number},"signal":"{}"}}"#, sys::signal_name(signal)),
        };
        self.ended.push((number, json));
    }

    /// Number and descriptor of every output that may say more.
    pub fn outputs(&self) -> impl Iterator<Item = (usize, RawFd)> {
        let of = |(number, extension): (usize, &Extension)| Some((number, extension.output.as_ref()?.as_raw_fd()));
        self.all.iter().enumerate().filter_map(of)
    }

    /// Takes what an output has for one read.
    pub fn read(&mut self, number: usize, host: &mut Host) {
        let output = &mut self.all[number].output;
        if output.as_ref().is_some_and(|fd| !host.read_output(fd.as_raw_fd(), SOURCE + number as u8)) {
            *output = None;
        }
    }

    /// Tells the host who has ended, behind all that they have said.
    pub fn report(&mut self, host: &mut Host) {
        for (number, json) in std::mem::take(&mut self.ended) {
            let held =
                |extension: &Extension| extension.output.as_ref().map_or(0, |fd| sys::readable_bytes(fd.as_raw_fd()));
            while held(&self.all[number]) > 0 && !host.blocked() {
                self.read(number, host);
            }
            host.queue(frames::ENDED, 0, &[json.as_bytes()]);
        }
    }
}
