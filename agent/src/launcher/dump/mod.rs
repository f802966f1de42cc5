//! Images of initialised processes: an order of the platform, a helper process for each, an answer when it is done. The
//! launcher itself never waits.
#[cfg(snapshots)]
mod descriptors;
#[cfg(snapshots)]
mod elf;
#[cfg(snapshots)]
mod files;
#[cfg(all(test, snapshots))]
mod fixture;
#[cfg(snapshots)]
mod learn;
#[cfg(snapshots)]
pub mod libraries;
#[cfg(snapshots)]
mod maps;
#[cfg(snapshots)]
pub mod memory;
#[cfg(snapshots)]
mod open;
#[cfg(snapshots)]
mod pages;
#[cfg(snapshots)]
pub mod process;
pub mod refusal;
#[cfg(snapshots)]
mod sockets;
#[cfg(snapshots)]
pub mod stopped;
#[cfg(snapshots)]
mod stored;
#[cfg(snapshots)]
mod tables;
#[cfg(snapshots)]
mod take;
#[cfg(all(test, snapshots))]
mod tests;
#[cfg(snapshots)]
mod threads;
#[cfg(snapshots)]
mod timers;
#[cfg(snapshots)]
pub mod x86;

use super::criu::{self, CriuOrder};
use super::failure::{Failure, Step};
use crate::sys;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// After that a helper is ended, come what may.
const PATIENCE: Duration = Duration::from_secs(30);
const SOCKET: i32 = 3;
const ANSWER_MAX: usize = 4096;

/// `{"dump":id,"into":path,"link":"frames"|"http","port":n,"api":request,"criu":program}`; port and api only with "http". With `criu`
/// the image is a directory, made by that program of the sandbox.
pub struct DumpOrder {
    pub id: String,
    pub into: PathBuf,
    /// the runtime has its events from the Runtime API: its port, and the request that waits there
    pub api: Option<(u16, String)>,
    /// by CRIU, of the whole tree
    pub criu: Option<CriuOrder>,
}

const USUAL_PORT: u64 = 9001;

impl DumpOrder {
    pub fn parse(id: &Value, value: &Value) -> Option<DumpOrder> {
        let api = match value.get("link")?.as_str()? {
            "frames" => None,
            "http" => {
                let port = value.get("port").map_or(Some(USUAL_PORT), Value::as_u64)?;
                let request = value.get("api").map_or(Some(""), Value::as_str)?;
                Some((u16::try_from(port).ok()?, request.to_string()))
            }
            _ => return None,
        };
        let program = value.get("criu").and_then(Value::as_str).map(str::to_string);
        let criu = program.map(|program| CriuOrder { program, link: api.is_none() });
        Some(DumpOrder { id: id.as_str()?.to_string(), into: PathBuf::from(value.get("into")?.as_str()?), api, criu })
    }
}

/// Why no image of a process can be made here, found without making one.
pub fn missing(privileged: bool) -> Option<String> {
    if !privileged {
        return Some("it takes root to make images of processes".to_string());
    }
    self_test()
}

struct Dump {
    id: String,
    /// the helper
    pid: i32,
    socket: OwnedFd,
    unfinished: PathBuf,
    deadline: Instant,
}

/// Images in the making.
#[derive(Default)]
pub struct Dumps(Vec<Dump>);

impl Dumps {
    /// `agent`: the first process of the sandbox. `Err`: the answer, if there is no hope.
    pub fn start(&mut self, agent: i32, order: DumpOrder) -> Result<(), Value> {
        let started = || -> Result<(i32, OwnedFd), Failure> {
            let (ours, theirs) = sys::message_pair().step("socketpair")?;
            match sys::fork_into(0).step("fork")? {
                0 => work(agent, &order, &theirs),
                pid => Ok((pid, ours)),
            }
        };
        let (pid, socket) = started().map_err(|failure| refused(&order.id, "failed", &failure.to_string()))?;
        let unfinished = unfinished(&order.into);
        self.0.push(Dump { id: order.id, pid, socket, unfinished, deadline: Instant::now() + PATIENCE });
        Ok(())
    }

    pub fn sockets(&self) -> impl Iterator<Item = &OwnedFd> {
        self.0.iter().map(|dump| &dump.socket)
    }

    /// Until the next one is to be given up.
    pub fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        self.0.iter().map(|dump| dump.deadline.saturating_duration_since(now)).min()
    }

    /// Answers that have come in. To be called before helpers are reaped: until then their numbers are theirs.
    pub fn listen(&mut self) -> Vec<Value> {
        let mut answers = Vec::new();
        self.0.retain(|dump| {
            let answer = dump.answer();
            let done = answer.is_some();
            answers.extend(answer);
            !done
        });
        answers
    }
}

impl Dump {
    fn answer(&self) -> Option<Value> {
        let mut buffer = [0; ANSWER_MAX];
        match sys::receive(self.socket.as_fd(), &mut buffer, false) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if Instant::now() < self.deadline {
                    return None;
                }
                sys::kill_process(self.pid);
                let _ = std::fs::remove_file(&self.unfinished);
                Some(refused(&self.id, "slow", "its image takes too long to make"))
            }
            Ok(length) if length > 0 => serde_json::from_slice(&buffer[..length]).ok(),
            _ => {
                let _ = std::fs::remove_file(&self.unfinished);
                Some(refused(&self.id, "failed", "the process that makes images ended before its time"))
            }
        }
    }
}

fn refused(id: &str, code: &str, why: &str) -> Value {
    json!({ "refused": id, "code": code, "why": why.chars().take(ANSWER_MAX / 8).collect::<String>() })
}

/// A dump of a sandbox that is not there.
pub fn unknown(id: &str) -> Value {
    refused(id, "gone", "there is no such sandbox")
}

#[cfg(snapshots)]
pub use learn::{Lesson, Lessons};
#[cfg(snapshots)]
use take::unfinished;
/// No copies, nothing to learn.
#[cfg(not(snapshots))]
pub enum Lesson {}
#[cfg(not(snapshots))]
#[derive(Default)]
pub struct Lessons;
#[cfg(not(snapshots))]
impl Lessons {
    pub fn of(&mut self, _path: &str, _opened: &OwnedFd) -> Option<Lesson> {
        None
    }

    pub fn begin(&mut self, _agent: i32, lesson: Lesson) {
        match lesson {}
    }
}

#[cfg(not(snapshots))]
fn unfinished(into: &std::path::Path) -> PathBuf {
    into.to_path_buf()
}

/// Runs in the new process, in the machine's file tree and the run directory.
fn work(agent: i32, order: &DumpOrder, socket: &OwnedFd) -> ! {
    let alone = sys::die_with_parent()
        .and_then(|()| sys::keep_descriptors(&[socket.as_raw_fd()]))
        .and_then(|()| sys::silence_streams());
    if alone.is_err() {
        sys::exit_now(1);
    }
    sys::set_priority(19);
    let answer = match &order.criu {
        Some(criu) => answer_of_criu(agent, order, criu),
        None => answer(agent, order),
    };
    let _ = sys::send(sys::borrow_descriptor(SOCKET), answer.to_string().as_bytes());
    sys::exit_now(0)
}

fn answer_of_criu(agent: i32, order: &DumpOrder, by: &CriuOrder) -> Value {
    match criu::take(agent, by, &order.into) {
        Ok(facts) => json!({
            "dumped": order.id, "bytes": facts.bytes, "pages": facts.bytes / 4096, "threads": facts.threads,
            "processes": facts.processes, "copied": true, "sockets": 0, "ms": facts.ms, "stoppedMs": facts.ms,
        }),
        Err(refusal) => refused(&order.id, refusal.code, &refusal.why),
    }
}

#[cfg(snapshots)]
fn self_test() -> Option<String> {
    let own = std::process::id() as i32;
    let kernel = |what: &str| Some(format!("the kernel has no {what}"));
    if !std::fs::exists("/proc/self/timers").unwrap_or(false) {
        return kernel("CONFIG_CHECKPOINT_RESTORE");
    }
    if process::children(own).is_err() {
        return kernel("CONFIG_PROC_CHILDREN");
    }
    if sys::same_tables(own, own).is_err() {
        return kernel("kcmp(2)");
    }
    let own = sys::process_descriptor(own).and_then(|own| sys::copy_descriptor(&own, SOCKET));
    own.is_err().then(|| kernel("pidfd_getfd(2)")).flatten()
}

#[cfg(not(snapshots))]
fn self_test() -> Option<String> {
    Some("images are made on x86-64 only".to_string())
}

#[cfg(snapshots)]
fn answer(agent: i32, order: &DumpOrder) -> Value {
    let link = match &order.api {
        None => descriptors::Link::Frames,
        Some((port, request)) => descriptors::Link::Http { port: *port, request: request.clone() },
    };
    match take::take(agent, &link, &order.into) {
        Ok(facts) => json!({
            "dumped": order.id, "bytes": facts.bytes, "pages": facts.pages, "threads": facts.threads,
            "copied": facts.copied, "sockets": facts.sockets, "ms": facts.ms,
        }),
        Err(refusal) => refused(&order.id, refusal.code, &refusal.why),
    }
}

#[cfg(not(snapshots))]
fn answer(_agent: i32, order: &DumpOrder) -> Value {
    refused(&order.id, "machine", "images are made on x86-64 only")
}
