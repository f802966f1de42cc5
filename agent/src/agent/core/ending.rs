//! How a runtime, and the agent itself, come to their end.
use super::{Agent, END_LIMIT_MS};
use crate::agent::process::Ended;
use crate::frames;
use crate::sys;
use std::os::fd::AsRawFd;

/// The runtime is being brought to its end.
pub struct Ending {
    pub(super) how: Option<Ended>,
    /// nothing is left of it; where there are extensions: its own process is not
    pub(super) alone: bool,
    pub(super) limit_ms: f64,
}

impl Agent {
    pub(super) fn child_ready(&mut self) {
        let mut sink = Vec::new();
        let _ = sys::read_append(self.child.as_raw_fd(), &mut sink, 64);
        let (ended, alone) = self.processes.reap();
        if ended.is_some() && self.ending.is_none() {
            self.end();
        }
        let Some(ending) = &mut self.ending else { return };
        ending.how = ended.or(ending.how.take());
        let beside = self.processes.extensions.any();
        ending.alone |= alone || (beside && ending.how.is_some());
        if !alone {
            // An orphan that has just become the agent's own child.
            self.processes.kill_runtime();
        }
    }

    /// Kills every process of the runtime; `ended` follows when they are gone and their output has been read.
    pub(super) fn end(&mut self) {
        if self.ending.is_none() {
            let limit_ms = sys::monotonic_ms() + END_LIMIT_MS;
            self.ending = Some(Ending { how: None, alone: false, limit_ms });
        }
        self.processes.kill_runtime();
        let (ended, alone) = self.processes.reap();
        let beside = self.processes.extensions.any();
        if let Some(ending) = &mut self.ending {
            ending.how = ended.or(ending.how.take());
            ending.alone |= alone || (beside && ending.how.is_some());
        }
    }

    pub(super) fn ended(&mut self) {
        let Some(ending) = self.ending.take() else { return };
        // What the runtime said before it died counts.
        if let Some(api) = &mut self.api {
            api.finish(&mut self.work, &mut self.host, !self.processes.extensions.any());
        }
        self.host.drain();
        self.processes.forget();
        let stream = self.work.open_stream();
        self.work.stop();
        self.host.stream = 0;
        let json = match ending.how {
            Some(Ended::Code(code)) => format!(r#"{{"code":{code}}}"#),
            Some(Ended::Signal(signal)) => format!(r#"{{"signal":"{}"}}"#, sys::signal_name(signal)),
            None => r#"{"signal":"SIGKILL"}"#.to_string(),
        };
        self.host.queue(frames::EXIT, stream, &[json.as_bytes()]);
    }

    /// The last act. In a pid namespace of its own the agent's end is everyone's end, and the kernel sees to it.
    pub(super) fn kill_everything(&mut self) {
        let end = sys::monotonic_ms() + END_LIMIT_MS;
        loop {
            self.processes.signal_all(sys::SIGKILL);
            let (_, alone) = self.processes.reap();
            if alone || sys::monotonic_ms() > end {
                break;
            }
            sys::poll(&mut [sys::poll_fd(self.child.as_raw_fd(), sys::POLLIN)], 5);
            let mut sink = Vec::new();
            let _ = sys::read_append(self.child.as_raw_fd(), &mut sink, 64);
        }
        self.host.drain();
    }
}
