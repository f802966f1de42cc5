//! The event loop: one thread, one poll(2).
use super::Config;
use super::api::Api;
use super::boot::Boot;
use super::host::Host;
use super::inbox::{Filled, Frame, Inbox, Next};
use super::process::{Ended, Processes};
use super::relay::Relay;
use super::restore::Restorable;
use super::work::{Phase, Work};
use crate::frames::{self, Broken, Header};
use crate::sys::{self, PollFd};
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
    ending: Option<Ending>,
    /// SHUTDOWN came: its deadline
    shutdown_ms: Option<f64>,
    polled: Vec<PollFd>,
    sources: Vec<Source>,
}

/// The runtime is being brought to its end.
struct Ending {
    how: Option<Ended>,
    alone: bool,
    limit_ms: f64,
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

    fn restore(&mut self, link: Option<OwnedFd>, api_port: u16) -> Result<f64, Vec<u8>> {
        let now = sys::monotonic_ms();
        link.iter().for_each(|link| sys::set_blocking(link.as_raw_fd()));
        self.processes.restore(&mut self.restorable, api_port, link, &mut self.host).map(|()| now)
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
                Source::RelayEnd(end) => self.relay.iter_mut().for_each(|relay| relay.serve(end)),
            }
        }
        Ok(())
    }

    /// What follows from what was handled.
    fn settle(&mut self) -> Result<Option<i32>, Broken> {
        self.deliver();
        let now = if self.ending.is_some() || self.shutdown_ms.is_some() { sys::monotonic_ms() } else { 0.0 };
        if self.shutdown_ms.is_some_and(|limit| now >= limit) {
            return Ok(Some(0));
        }
        if let Some(ending) = &mut self.ending {
            let quiet = ending.alone && self.host.streams_ended();
            if now >= ending.limit_ms && self.host.blocked() {
                ending.limit_ms = now + END_LIMIT_MS;
            } else if quiet || now >= ending.limit_ms {
                self.ended();
                if self.shutdown_ms.is_some() {
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

    /// A runtime of the Runtime API is a copy. One with a link of its own is told there.
    /// Where its function is yet to be loaded, it is told the whole document.
    fn resume(&mut self, document: &[u8]) -> Result<(), Broken> {
        // It may have crossed the news of the runtime's end.
        if self.work.phase != Phase::Down && !self.work.resume() {
            return Err(Broken("RESUME for a runtime that does not wait for it"));
        }
        let loads = serde_json::from_slice::<Value>(document).is_ok_and(|json| json["load"] == true);
        self.work.resumed = if loads { String::from_utf8_lossy(document).into_owned() } else { String::new() };
        self.api.iter_mut().for_each(|api| api.resume(&self.work.resumed));
        Ok(())
    }

    fn boot(&mut self, boot: Boot) -> Result<(), Broken> {
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

    fn listen(&mut self, boot: &Boot) -> io::Result<()> {
        let known = |api: &Api| boot.api_port == 0 || api.port() == boot.api_port;
        if !self.api.as_ref().is_some_and(known) {
            self.api = Some(Api::listen(boot.api_port)?);
        }
        match &boot.relay {
            None => self.relay = None,
            Some((port, socket)) => {
                if !self.relay.as_ref().is_some_and(|relay| relay.leads(*port, socket)) {
                    self.relay = None;
                    self.relay = Some(Relay::listen(*port, socket.clone())?);
                }
            }
        }
        Ok(())
    }

    fn child_ready(&mut self) {
        let mut sink = Vec::new();
        let _ = sys::read_append(self.child.as_raw_fd(), &mut sink, 64);
        let (ended, alone) = self.processes.reap();
        if ended.is_some() && self.ending.is_none() {
            self.end();
        }
        let Some(ending) = &mut self.ending else { return };
        ending.how = ended.or(ending.how.take());
        ending.alone |= alone;
        if !alone {
            // An orphan that has just become the agent's own child.
            self.processes.signal_all(sys::SIGKILL);
        }
    }

    /// Kills every process of the runtime; `ended` follows when they are gone and their output has been read.
    fn end(&mut self) {
        if self.ending.is_none() {
            let limit_ms = sys::monotonic_ms() + END_LIMIT_MS;
            self.ending = Some(Ending { how: None, alone: false, limit_ms });
        }
        self.processes.signal_all(sys::SIGKILL);
        if let (Some(ending), (ended, alone)) = (&mut self.ending, self.processes.reap()) {
            ending.how = ended.or(ending.how.take());
            ending.alone |= alone;
        }
    }

    fn ended(&mut self) {
        let Some(ending) = self.ending.take() else { return };
        // What the runtime said before it died counts.
        if let Some(api) = &mut self.api {
            api.finish(&mut self.work, &mut self.host);
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
    fn kill_everything(&mut self) {
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
