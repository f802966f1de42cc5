//! The event loop: one thread, one poll(2).
mod beside;
mod ending;
mod starting;

use super::Config;
use super::api::Api;
use super::boot::Boot;
use super::datagrams::Datagrams;
use super::deliveries::Deliveries;
use super::host::Host;
use super::inbox::{Filled, Frame, Inbox, Next};
use super::process::Processes;
use super::relay::Relay;
use super::restore::Restorable;
use super::work::{Phase, Work};
use crate::frames::{self, Broken, Header};
use crate::sys::{self, PollFd};
use ending::Ending;
use serde_json::Value;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};

/// How long output is awaited from processes that should be dead.
const END_LIMIT_MS: f64 = 500.0;
/// How long a parting agent waits for the host to take the last frames.
const FLUSH_LIMIT_MS: f64 = 500.0;

/// What a polled descriptor is.
#[derive(Clone, Copy)]
enum Source {
    Child,
    Api,
    Conn(usize),
    Stream(usize),
    Host,
    Relay,
    RelayEnd(usize),
    Datagrams,
    /// an extension's output
    Output(usize),
    Delivery(usize),
}

pub struct Agent {
    host: Host,
    inbox: Inbox,
    processes: Processes,
    child: OwnedFd,
    work: Work,
    /// the runtime's own connection to the host, until a runtime has it
    runtime_link: Option<OwnedFd>,
    /// the image that BOOT may ask for
    restorable: Restorable,
    /// the process of the image runs since then (ms), or why not: begun before BOOT, or not yet
    restored: Option<Result<f64, Vec<u8>>>,
    api: Option<Api>,
    relay: Option<Relay>,
    datagrams: Option<Datagrams>,
    deliveries: Deliveries,
    ending: Option<Ending>,
    /// SHUTDOWN came: its deadline
    shutdown_ms: Option<f64>,
    polled: Vec<PollFd>,
    sources: Vec<Source>,
}

impl Agent {
    pub fn new(config: &Config) -> io::Result<Agent> {
        let child = sys::install_signals()?;
        let processes = Processes::new(config.isolated);
        sys::settle_process(config.isolated);
        sys::prepare_fd(config.link);
        Ok(Agent {
            host: Host::new(sys::own(config.link)),
            inbox: Inbox::default(),
            processes,
            child,
            work: Work::new(),
            runtime_link: config.runtime_link.map(sys::own),
            restorable: Restorable::new(config.image, config.waker.as_ref()),
            restored: None,
            api: None,
            relay: None,
            datagrams: None,
            deliveries: Deliveries::default(),
            ending: None,
            shutdown_ms: None,
            polled: Vec::new(),
            sources: Vec::new(),
        })
    }

    /// Introduces itself, the runtime's link first: when the host has read the agent's HELLO, both are there. The runtime
    /// never sees the token.
    pub fn hello(&mut self, config: &Config) {
        let hello = |role: &str| {
            format!(
                r#"{{"token":{},"role":"{role}","protocol":3,"version":"{}","pid":{},"main":{:.6},"hello":{:.6}}}"#,
                frames::json_string(&config.token),
                env!("CARGO_PKG_VERSION"),
                std::process::id(),
                config.main_ms,
                sys::monotonic_ms()
            )
        };
        if let Some(link) = &self.runtime_link {
            let payload = hello("runtime");
            let header = Header { length: payload.len(), kind: frames::HELLO, flags: 0, stream: 0 }.encode();
            // A fresh socket takes so little whole. Should it not, the host hears no HELLO and gives the sandbox up.
            let _ = sys::writev(link.as_raw_fd(), &[IoSlice::new(&header), IoSlice::new(payload.as_bytes())]);
        }
        self.host.send(frames::HELLO, 0, 0, &[hello("agent").as_bytes()]);
        // While the host reads this. A process that speaks HTTP waits for BOOT: it connects to our port.
        if (config.image.is_some() || config.waker.is_some())
            && let Some(link) = self.runtime_link.take()
        {
            // It may have an event there, and be quicker than we are to read BOOT, which says so again if it could not be done.
            self.relay = config.relay.clone().and_then(|(port, socket)| Relay::listen(port, socket).ok());
            self.restored = Some(self.restore(Some(link), 0));
        }
    }

    /// Serves until the end. Returns the exit code; nothing of the runtime lives any more.
    pub fn serve(&mut self) -> i32 {
        let code = loop {
            self.wait();
            let result = self.handle().and_then(|()| self.settle());
            match result {
                Err(Broken(what)) => {
                    eprintln!("thaw-agent: the host broke the protocol: {what}");
                    break 1;
                }
                Ok(Some(code)) => break code,
                Ok(None) if self.host.gone => break 0,
                Ok(None) => {}
            }
        };
        self.kill_everything();
        self.host.flush_within(FLUSH_LIMIT_MS);
        code
    }

    fn wait(&mut self) {
        let Agent { host, polled, sources, .. } = self;
        polled.clear();
        sources.clear();
        let blocked = host.blocked();
        let mut add = |source: Source, fd: i32, events: i16| {
            if events != 0 {
                polled.push(sys::poll_fd(fd, events));
                sources.push(source);
            }
        };
        let either =
            |read: bool, write: bool| (if read { sys::POLLIN } else { 0 }) | (if write { sys::POLLOUT } else { 0 });
        // Before the requests that whoever said it made behind it.
        for (number, fd) in self.processes.extensions.outputs() {
            add(Source::Output(number), fd, either(!blocked, false));
        }
        if let Some(api) = &self.api {
            api.waiting(blocked).for_each(|(index, fd, events)| add(Source::Conn(index), fd, events));
            api.listening().into_iter().for_each(|fd| add(Source::Api, fd, sys::POLLIN));
        }
        for source in 0..2 {
            if let Some(fd) = host.stream_fd(source) {
                add(Source::Stream(source), fd, either(!blocked, false));
            }
        }
        add(Source::Child, self.child.as_raw_fd(), sys::POLLIN);
        add(Source::Host, host.fd(), either(true, host.waiting() > 0));
        if let Some(relay) = &self.relay {
            relay.waiting().for_each(|(end, fd, events)| add(Source::RelayEnd(end), fd, events));
            relay.listening().into_iter().for_each(|fd| add(Source::Relay, fd, sys::POLLIN));
        }
        if let Some(datagrams) = &self.datagrams {
            add(Source::Datagrams, datagrams.fd(), either(!blocked, false));
        }
        self.deliveries.waiting().for_each(|(index, fd, events)| add(Source::Delivery(index), fd, events));
        let limits = [self.shutdown_ms, self.ending.as_ref().map(|ending| ending.limit_ms)];
        let timeout = match limits.into_iter().flatten().reduce(f64::min) {
            Some(limit) => (limit - sys::monotonic_ms()).ceil().clamp(0.0, 1e9) as i32,
            None => -1,
        };
        sys::poll(polled, timeout);
    }

    fn handle(&mut self) -> Result<(), Broken> {
        for index in 0..self.polled.len() {
            let ready = self.polled[index].revents;
            if ready == 0 {
                continue;
            }
            match self.sources[index] {
                Source::Conn(conn) => self.conn_ready(conn),
                Source::Api => self.api.iter_mut().for_each(Api::accept),
                Source::Stream(source) => self.host.read_stream(source),
                Source::Child => self.child_ready(),
                Source::Host => self.host_ready(ready)?,
                Source::Relay => self.relay.iter_mut().for_each(Relay::accept),
                Source::Output(number) => self.processes.extensions.read(number, &mut self.host),
                Source::Delivery(index) => self.deliveries.serve(index, &mut self.host),
                Source::Datagrams => self.datagrams.iter().for_each(|datagrams| datagrams.read(&mut self.host)),
                Source::RelayEnd(end) => self.relay.iter_mut().for_each(|relay| relay.serve(end)),
            }
        }
        Ok(())
    }

    /// What follows from what was handled.
    fn settle(&mut self) -> Result<Option<i32>, Broken> {
        self.deliver();
        self.processes.extensions.report(&mut self.host);
        let now = if self.ending.is_some() || self.shutdown_ms.is_some() { sys::monotonic_ms() } else { 0.0 };
        if self.shutdown_ms.is_some_and(|limit| now >= limit) {
            if !self.processes.extensions.any() {
                return Ok(Some(0));
            }
            self.shutdown_ms = None;
            self.end();
        }
        if let Some(ending) = &mut self.ending {
            let quiet = ending.alone && self.host.streams_ended();
            if now >= ending.limit_ms && self.host.blocked() {
                ending.limit_ms = now + END_LIMIT_MS;
            } else if quiet || now >= ending.limit_ms {
                self.ended();
                if self.shutdown_ms.take().is_some() && !self.processes.extensions.any() {
                    return Ok(Some(0));
                }
            }
        }
        self.host.flush();
        Ok(None)
    }

    fn conn_ready(&mut self, conn: usize) {
        if let Some(api) = &mut self.api {
            api.serve(conn, &mut self.work, &mut self.host);
        }
    }

    fn deliver(&mut self) {
        if let Some(api) = self.api.as_mut().filter(|_| self.work.deliverable()) {
            api.deliver(&mut self.work, &mut self.host);
        }
    }

    fn host_ready(&mut self, ready: i16) -> Result<(), Broken> {
        if ready & sys::POLLOUT != 0 {
            self.host.flush();
        }
        if ready & !sys::POLLOUT == 0 {
            return Ok(());
        }
        let mut inbox = std::mem::take(&mut self.inbox);
        match inbox.fill(self.host.fd()) {
            Ok(Filled::Some) => {}
            Ok(Filled::Nothing) => {}
            Ok(Filled::End) | Err(_) => self.host.gone = true,
        }
        loop {
            match inbox.next()? {
                Next::Wait => break,
                Next::Frame(frame) => self.command(frame)?,
            }
        }
        self.inbox = inbox;
        Ok(())
    }

    fn command(&mut self, frame: Frame<'_>) -> Result<(), Broken> {
        match frame.header.kind {
            frames::INVOKE => return self.invoke(frame),
            frames::BOOT => {
                if self.work.phase != Phase::Down || self.ending.is_some() {
                    return Err(Broken("BOOT while a runtime lives"));
                }
                self.boot(Boot::parse(frame.payload())?)?;
            }
            frames::SHUTDOWN => {
                let json: Value = serde_json::from_slice(frame.payload()).unwrap_or_default();
                let deadline = json["deadlineMs"].as_f64().ok_or(Broken("SHUTDOWN without deadlineMs"))?;
                let nothing_runs = self.work.phase == Phase::Down && self.ending.is_none();
                self.shutdown_ms = Some(if nothing_runs { 0.0 } else { deadline });
                self.processes.signal_runtime(sys::SIGTERM);
            }
            frames::EXTEND => self.extend(frame.payload())?,
            frames::REPLY => self.reply(frame.header.stream, frame.payload())?,
            frames::SEND => {
                self.deliveries.begin(frame.header.stream, frames::split_send(frame.payload())?, &mut self.host);
            }
            frames::RESUME => self.resume(frame.payload())?,
            frames::FREEZE => self.processes.signal_all(sys::SIGSTOP),
            frames::THAW => self.processes.signal_all(sys::SIGCONT),
            frames::PING => self.host.answer(frames::PONG, 0, frame.header.stream, &[]),
            _ => return Err(Broken("a frame of an unknown type")),
        }
        Ok(())
    }

    fn invoke(&mut self, frame: Frame<'_>) -> Result<(), Broken> {
        let stream = frame.header.stream;
        match self.work.phase {
            // It crossed the news of the runtime's end.
            Phase::Down => {}
            Phase::Init | Phase::Prepared | Phase::Resumed | Phase::Idle if stream != 0 && !self.work.has_event() => {
                self.work.keep(stream, frame.bytes)?;
                self.deliver();
            }
            _ => return Err(Broken("INVOKE for a runtime that is not ready")),
        }
        Ok(())
    }
}
