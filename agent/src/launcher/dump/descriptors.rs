//! Open files of a stopped process: what a copy can have of each, or why it cannot.
use super::files::Root;
use super::open::{Open, list};
use super::refusal::{OrRefuse, Refusal, refuse};
use super::sockets::Diagnosis;
use super::tables::Tables;
use crate::image::format::*;
use crate::launcher::failure::Step;
use crate::sys;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// More bytes than that in a pipe or socket get no image.
const CONTENT_MAX: usize = 64 << 10;
const WATCHES_MAX: usize = 4096;
const READ_ONLY: u32 = libc::O_RDONLY as u32;
const WRITE_ONLY: u32 = libc::O_WRONLY as u32;
/// /dev/null, zero, full, random, urandom: all that a sandbox has
const DEVICE_MAJOR: u64 = 1;

/// How the runtime has its events.
pub enum Link {
    /// by a connection of its own, its descriptor 3
    Frames,
    /// from the agent's Runtime API on this port; the request that waits there for its answer
    Http { port: u16, request: String },
}

pub const LINK_DESCRIPTOR: i32 = 3;

pub struct Descriptors<'a> {
    process: i32,
    handle: OwnedFd,
    root: &'a Root,
    link: &'a Link,
    all: Vec<Open>,
    /// inodes of pipes that the agent has an end of, and the one that it reads the runtime's output from
    agent: Vec<(u64, bool)>,
    diagnosis: Option<Diagnosis>,
    /// inodes of pipes and pairs met already; the place is their number
    pipes: Vec<u64>,
    pairs: Vec<u64>,
    /// connections to the outside
    pub dead: u64,
}

impl<'a> Descriptors<'a> {
    pub fn of(process: i32, agent: i32, root: &'a Root, link: &'a Link) -> Result<Descriptors<'a>, Refusal> {
        let agents = list(agent)?.into_iter().filter(|open| open.target.starts_with("pipe:"));
        Ok(Descriptors {
            process,
            handle: sys::process_descriptor(process).step("pidfd_open")?,
            root,
            link,
            all: list(process)?,
            agent: agents.map(|open| (open.inode, open.has_mode(READ_ONLY))).collect(),
            diagnosis: None,
            pipes: Vec::new(),
            pairs: Vec::new(),
            dead: 0,
        })
    }

    /// Fills the tables of descriptors and of watches.
    pub fn describe(&mut self, tables: &mut Tables) -> Result<(), Refusal> {
        for at in 0..self.all.len() {
            let open = &self.all[at];
            let flags = open.number("flags", 8)? as u32;
            if open.field("lock").is_some() {
                return refuse("descriptor", format!("{open} has a lock on it"));
            }
            let base = Descriptor {
                number: open.number,
                status: flags & !(libc::O_CLOEXEC as u32),
                close_on_exec: u32::from(flags & libc::O_CLOEXEC as u32 != 0),
                ..Descriptor::default()
            };
            let same = self.same_before(at)?;
            let described = match same {
                Some(other) => Descriptor { kind: FD_SAME, a: other as u64, ..base },
                None => self.describe_one(at, base, tables)?,
            };
            tables.descriptors.push(described);
        }
        if matches!(self.link, Link::Frames) && !tables.descriptors.iter().any(|one| one.kind == FD_LINK) {
            return refuse("link", "the runtime has closed its link");
        }
        Ok(())
    }

    /// A descriptor before it that is the same open file.
    fn same_before(&self, at: usize) -> Result<Option<i32>, Refusal> {
        let open = &self.all[at];
        for other in self.all[..at].iter().filter(|other| other.target == open.target) {
            if sys::same_file(self.process, other.number, open.number).or_refuse("kernel", "kcmp(2)")? {
                return Ok(Some(other.number));
            }
        }
        Ok(None)
    }

    fn describe_one(&mut self, at: usize, base: Descriptor, tables: &mut Tables) -> Result<Descriptor, Refusal> {
        let target = self.all[at].target.clone();
        match target.as_str() {
            "anon_inode:[eventfd]" => self.event(at, base),
            "anon_inode:[eventpoll]" => self.epoll(at, base, tables),
            _ if target.starts_with("pipe:[") => self.pipe(at, base, tables),
            _ if target.starts_with("socket:[") => self.socket(at, base, tables),
            _ if target.starts_with('/') => self.file(at, base, tables),
            _ => refuse("descriptor", format!("{} is of a kind that cannot be copied", self.all[at])),
        }
    }

    fn file(&self, at: usize, base: Descriptor, tables: &mut Tables) -> Result<Descriptor, Refusal> {
        let open = &self.all[at];
        let there = format!("/proc/{}/fd/{}", self.process, open.number);
        // deleted files, and memory files, have no such path
        let (_, facts) = self.root.same(open.target.as_bytes(), &there, &open.to_string())?;
        let kind = facts.file_type();
        let device = kind.is_char_device() && libc::major(facts.rdev()) as u64 == DEVICE_MAJOR;
        if !(kind.is_file() || kind.is_dir() || device) {
            return refuse("descriptor", format!("{open} is neither a file nor a directory"));
        }
        let text = tables.add_text(open.target.as_bytes());
        Ok(Descriptor { kind: FD_FILE, a: open.number("pos", 10)?, text, ..base })
    }

    fn event(&self, at: usize, base: Descriptor) -> Result<Descriptor, Refusal> {
        let open = &self.all[at];
        let semaphore = open.field("eventfd-semaphore").is_some_and(|value| value != "0");
        Ok(Descriptor { kind: FD_EVENT, a: open.number("eventfd-count", 16)?, b: u64::from(semaphore), ..base })
    }

    fn epoll(&self, at: usize, base: Descriptor, tables: &mut Tables) -> Result<Descriptor, Refusal> {
        let open = &self.all[at];
        let before = tables.watches.len();
        for line in open.info.lines().filter(|line| line.starts_with("tfd:")) {
            let Some(watch) = watch(open.number, line) else {
                return refuse("kernel", format!("/proc tells not what {open} watches"));
            };
            let same = tables.watches[before..].iter().filter(|other| other.target == watch.target).count();
            // closed by its number and living on elsewhere
            if !sys::is_watched(self.process, open.number, watch.target, same as u32).unwrap_or(false) {
                return refuse("descriptor", format!("{open} watches a descriptor that was closed, {}", watch.target));
            }
            tables.watches.push(watch);
            if tables.watches.len() > WATCHES_MAX {
                return refuse("descriptor", format!("{open} watches too many descriptors"));
            }
        }
        Ok(Descriptor { kind: FD_EPOLL, ..base })
    }

    fn pipe(&mut self, at: usize, base: Descriptor, tables: &mut Tables) -> Result<Descriptor, Refusal> {
        let open = &self.all[at];
        let ends = || self.all.iter().filter(|other| other.target == open.target);
        if self.agent.iter().any(|(inode, _)| *inode == open.inode) {
            let stream = (1..=2).find(|stream| ends().any(|other| other.number == *stream));
            let read = self.agent.contains(&(open.inode, true)) && !self.agent.contains(&(open.inode, false));
            return match stream {
                Some(stream) if read && open.has_mode(WRITE_ONLY) => {
                    Ok(Descriptor { kind: FD_OUTPUT, a: stream as u64, ..base })
                }
                _ => refuse("pipe", format!("{open} is shared with the agent")),
            };
        }
        if base.status & libc::O_DIRECT as u32 != 0 || !(open.has_mode(READ_ONLY) || open.has_mode(WRITE_ONLY)) {
            return refuse("pipe", format!("{open} is of an unusual mode"));
        }
        if !ends().any(|end| end.has_mode(READ_ONLY)) || !ends().any(|end| end.has_mode(WRITE_ONLY)) {
            return refuse("pipe", format!("{open} has no other end within the process"));
        }
        let writes = open.has_mode(WRITE_ONLY);
        let first = ends().find(|end| end.has_mode(READ_ONLY)).is_some_and(|end| end.number == open.number);
        let content = if first {
            sys::pipe_contents(&self.copy(open)?).or_refuse("pipe", &open.to_string())?
        } else {
            Vec::new()
        };
        if content.len() > CONTENT_MAX {
            return refuse("pipe", format!("{open} holds too much"));
        }
        let inode = open.inode;
        let number = place(&mut self.pipes, inode);
        let text = tables.add_text(&content);
        Ok(Descriptor { kind: FD_PIPE, a: number, b: u64::from(writes), text, ..base })
    }

    fn copy(&self, open: &Open) -> Result<OwnedFd, Refusal> {
        sys::copy_descriptor(&self.handle, open.number).or_refuse("descriptor", &open.to_string())
    }

    fn socket(&mut self, at: usize, base: Descriptor, tables: &mut Tables) -> Result<Descriptor, Refusal> {
        let open = &self.all[at];
        let socket = self.copy(open)?;
        let facts = sys::socket_facts(&socket).or_refuse("socket", &open.to_string())?;
        if matches!(self.link, Link::Frames) && open.number == LINK_DESCRIPTOR && facts.domain == libc::AF_UNIX {
            return Ok(Descriptor { kind: FD_LINK, ..base });
        }
        if facts.listening {
            return refuse("socket", format!("{open} listens"));
        }
        if let Link::Http { port, request } = self.link
            && facts.peer.is_some_and(|peer| *peer.ip() == Ipv4Addr::LOCALHOST && peer.port() == *port)
        {
            let first = !tables.descriptors.iter().any(|other| other.kind == FD_API);
            let text = tables.add_text(if first { request.as_bytes() } else { b"" });
            return Ok(Descriptor { kind: FD_API, text, ..base });
        }
        let dead = Descriptor { kind: FD_DEAD, ..base };
        if facts.domain == libc::AF_UNIX {
            match self.peer_of(at)? {
                Some((peer, true)) => return self.pair(at, peer, &socket, &facts, base, tables),
                Some(_) => {}
                // its peer has hung up already, which is how the JVM closes sockets that threads wait for
                None => return Ok(dead),
            }
        }
        self.dead += 1;
        Ok(dead)
    }

    /// Inode of the other end, and whether the process has that too.
    fn peer_of(&mut self, at: usize) -> Result<Option<(u64, bool)>, Refusal> {
        if self.diagnosis.is_none() {
            self.diagnosis = Some(Diagnosis::enter(self.process)?);
        }
        let (open, diagnosis) = (&self.all[at], self.diagnosis.as_ref().expect("made above"));
        let end = diagnosis.ask(open.inode)?;
        let Some(peer) = end.peer else { return Ok(None) };
        let within = self.all.iter().any(|other| other.inode == peer && other.target.starts_with("socket:"));
        if within && end.half {
            return refuse("socket", format!("{open} is shut down in one direction"));
        }
        Ok(Some((peer, within)))
    }

    fn pair(
        &mut self,
        at: usize,
        peer: u64,
        socket: &OwnedFd,
        facts: &sys::SocketFacts,
        base: Descriptor,
        tables: &mut Tables,
    ) -> Result<Descriptor, Refusal> {
        let open = &self.all[at];
        if !facts.stream {
            return refuse("socket", format!("{open} is an end of a pair that is no stream"));
        }
        let content = sys::socket_contents(socket).or_refuse("socket", &open.to_string())?;
        if content.len() > CONTENT_MAX {
            return refuse("socket", format!("{open} holds too much"));
        }
        let inode = open.inode;
        // a pair goes by the smaller of its inodes
        let number = place(&mut self.pairs, inode.min(peer));
        let text = tables.add_text(&content);
        Ok(Descriptor { kind: FD_PAIR, a: number, b: u64::from(inode > peer), text, ..base })
    }
}

/// Where the inode is in the list, put there if it is not.
fn place(list: &mut Vec<u64>, inode: u64) -> u64 {
    let at = list.iter().position(|one| *one == inode).unwrap_or_else(|| {
        list.push(inode);
        list.len() - 1
    });
    at as u64
}

/// `tfd:        5 events:       19 data:                5  pos:0 ino:7f sdev:d`
fn watch(epoll: i32, line: &str) -> Option<Watch> {
    let mut words = line.split_ascii_whitespace();
    let mut after = |name: &str| words.find(|word| *word == name).and_then(|_| words.next());
    let target = after("tfd:")?.parse().ok()?;
    let events = u32::from_str_radix(after("events:")?, 16).ok()?;
    let data = u64::from_str_radix(after("data:")?, 16).ok()?;
    Some(Watch { epoll, target, events, reserved: 0, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_read_from_what_the_kernel_tells_of_an_epoll_set() {
        let line = "tfd:       11 events: 80000019 data:  fffffff0000000b  pos:0 ino:7f sdev:d";
        let watch = watch(4, line).unwrap();
        assert_eq!((watch.epoll, watch.target, watch.events, watch.data), (4, 11, 0x8000_0019, 0x0fff_ffff_0000_000b));
    }
}
