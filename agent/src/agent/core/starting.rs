//! How a runtime comes to be: BOOT, and RESUME of a copy.
use super::Agent;
use crate::agent::api::Api;
use crate::agent::boot::Boot;
use crate::agent::datagrams::Datagrams;
use crate::agent::relay::Relay;
use crate::agent::work::Phase;
use crate::frames::{self, Broken};
use crate::sys;
use serde_json::Value;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

impl Agent {
    pub(super) fn boot(&mut self, boot: Boot) -> Result<(), Broken> {
        let link = if boot.frames && self.restored.is_none() {
            let link = self.runtime_link.take().ok_or(Broken("BOOT with link \"frames\" and no link to give away"))?;
            sys::set_blocking(link.as_raw_fd());
            Some(link)
        } else {
            None
        };
        let started = match self.listen(&boot) {
            Err(error) => Err(frames::platform_error("Sandbox.Failure", &error.to_string())),
            Ok(()) => self.start(&boot, link),
        };
        match started {
            Ok(at) => {
                let spawned = format!(r#"{{"spawned":{at:.6}}}"#);
                self.host.send(frames::SPAWNED, 0, 0, &[spawned.as_bytes()]);
                self.work.start(boot.max_response, boot.concurrency);
            }
            Err(error) => self.host.answer(frames::INIT_ERROR, 0, 0, &[&error]),
        }
        Ok(())
    }

    /// The runtime's process, new or of the image, and when it began (ms).
    fn start(&mut self, boot: &Boot, link: Option<OwnedFd>) -> Result<f64, Vec<u8>> {
        let port = self.api.as_ref().map_or(0, Api::port);
        if boot.restore {
            return self.restored.take().unwrap_or_else(|| self.restore(link, port));
        }
        self.restorable.forget();
        let now = sys::monotonic_ms();
        self.processes.start(boot, port, link, &mut self.host).map(|()| now)
    }

    /// The APIs are served at this port, or any if it is 0.
    pub(super) fn serve_at(&mut self, port: u16) -> io::Result<()> {
        if !self.api.as_ref().is_some_and(|api| port == 0 || api.port() == port) {
            self.api = Some(Api::listen(port)?);
        }
        Ok(())
    }

    fn listen(&mut self, boot: &Boot) -> io::Result<()> {
        self.serve_at(boot.api_port)?;
        match &boot.relay {
            None => self.relay = None,
            Some((port, socket)) => {
                if !self.relay.as_ref().is_some_and(|relay| relay.leads(*port, socket)) {
                    self.relay = None;
                    self.relay = Some(Relay::listen(*port, socket.clone())?);
                }
            }
        }
        if self.datagrams.as_ref().map(Datagrams::port) != boot.datagrams {
            self.datagrams = None;
            self.datagrams = boot.datagrams.map(Datagrams::listen).transpose()?;
        }
        Ok(())
    }

    pub(super) fn restore(&mut self, link: Option<OwnedFd>, api_port: u16) -> Result<f64, Vec<u8>> {
        let now = sys::monotonic_ms();
        link.iter().for_each(|link| sys::set_blocking(link.as_raw_fd()));
        self.processes.restore(&mut self.restorable, api_port, link, &mut self.host).map(|()| now)
    }

    /// A runtime of the Runtime API is a copy. One with a link of its own is told there.
    /// Where its function is yet to be loaded, it is told the whole document.
    pub(super) fn resume(&mut self, document: &[u8]) -> Result<(), Broken> {
        // It may have crossed the news of the runtime's end.
        if self.work.phase != Phase::Down && !self.work.resume() {
            return Err(Broken("RESUME for a runtime that does not wait for it"));
        }
        let loads = serde_json::from_slice::<Value>(document).is_ok_and(|json| json["load"] == true);
        self.work.resumed = if loads { String::from_utf8_lossy(document).into_owned() } else { String::new() };
        self.api.iter_mut().for_each(|api| api.resume(&self.work.resumed));
        Ok(())
    }
}
