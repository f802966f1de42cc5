//! A slot: a process made ahead of time that is already the first of its own process namespace, inside its own cgroups
//! and its own network namespace with loopback up. Given a plan it becomes a sandbox (enter.rs); nothing is ever moved
//! while somebody waits.
use super::cgroup::Cgroups;
use super::control::Request;
use super::egress::{Outside, Wire};
use super::enter;
use super::failure::{Failure, Step};
use super::tree::Tree;
use super::volume::{self, Volume};
use crate::sys::{self, BpfInstruction, Limit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Lambda's quotas: processes and threads, open files.
pub const PROCESSES: u64 = 1024;
const OPEN_FILES: u64 = 1024;

/// What slots say: that they are ready, with a description of the disk that they have made if they have, or why they will
/// never be: the letter, the step, NUL and the message.
const READY: u8 = b'R';
const FAILED: u8 = b'E';

pub struct Slot {
    pub number: u64,
    /// as the launcher sees it
    pub pid: i32,
    pub socket: OwnedFd,
    pub ready: bool,
    /// why it will never be ready
    pub failure: Option<Failure>,
    /// number of the disk of the stock that it has
    pub disk: Option<u64>,
    /// its way to the network, if it has one
    pub wire: Option<Wire>,
}

pub enum Message {
    /// the disk that it has made itself
    Ready(Option<Volume>),
    Failed(Failure),
    /// it is a sandbox now, or dead
    Closed,
}

/// What every slot is made from.
pub struct Mould<'a> {
    pub cgroups: &'a Cgroups,
    pub tree: &'a Tree,
    pub filter: &'a [BpfInstruction],
    /// bytes of the disk to have for /tmp; `None`: it can only be of memory here
    pub tmp: Option<u64>,
    /// readable end of a pipe whose other end only the launcher holds
    pub lifeline: &'a OwnedFd,
}

impl Slot {
    /// Makes the groups and the process; `ready` comes later, by message. `disk`: a mount for /tmp.
    pub fn start(mould: &Mould, number: u64, wire: Option<Wire>, disk: Option<&OwnedFd>) -> Result<Slot, Failure> {
        mould.cgroups.make(number, PROCESSES).step("cgroup")?;
        let (ours, theirs) = sys::message_pair().step("socketpair")?;
        match sys::fork_into(sys::CLONE_NEWPID).step("clone3(CLONE_NEWPID)") {
            Ok(0) => become_slot(mould, number, wire, disk, &theirs),
            Ok(pid) => Ok(Slot { number, pid, socket: ours, ready: false, failure: None, disk: None, wire }),
            Err(failure) => {
                mould.cgroups.remove(number);
                Err(failure)
            }
        }
    }

    /// `image`: of the process that the sandbox is to continue.
    pub fn launch(&self, plan: &Plan, image: Option<&OwnedFd>) -> Result<(), Failure> {
        sys::send_descriptor(self.socket.as_fd(), &plan.bytes, image).step("send the plan").map(drop)
    }
}

/// The next thing a slot has said; `None`: nothing yet.
pub fn listen(socket: &OwnedFd) -> Option<Message> {
    let mut buffer = [0; 1024];
    match sys::receive_descriptor(socket.as_fd(), &mut buffer, false) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        Err(_) | Ok((0, _)) => Some(Message::Closed),
        Ok((length, mount)) if buffer[0] == READY => {
            Some(Message::Ready(mount.and_then(|mount| Volume::described(&buffer[1..length], mount))))
        }
        Ok((length, _)) => {
            let text = String::from_utf8_lossy(&buffer[1..length]);
            let (step, message) = text.split_once('\0').unwrap_or(("slot", &text));
            Some(Message::Failed(Failure::new(step, message)))
        }
    }
}

/// Runs in the new process; ends as a sandbox or not at all.
fn become_slot(mould: &Mould, number: u64, wire: Option<Wire>, disk: Option<&OwnedFd>, socket: &OwnedFd) -> ! {
    let mut keep = vec![socket.as_raw_fd(), mould.lifeline.as_raw_fd(), mould.tree.inner.as_raw_fd()];
    keep.extend(disk.map(AsRawFd::as_raw_fd));
    // first of all: the launcher has more open than a sandbox may have
    if let Err(failure) = sys::keep_descriptors(&keep).step("dup") {
        give_up(socket.as_fd(), &failure);
    }
    let socket = sys::borrow_descriptor(enter::SOCKET);
    if let Err(failure) = sys::die_with_parent().step("prctl(PR_SET_PDEATHSIG)") {
        give_up(socket, &failure);
    }
    // Without one, for want of space perhaps, /tmp will be made of memory. It outlives the slot, so no group of the slot's
    // is to answer for what the kernel keeps of it.
    let own = if disk.is_none() { mould.tmp.and_then(|bytes| volume::make(bytes).ok()) } else { None };
    if let Err(failure) = prepare(mould, number, wire) {
        give_up(socket, &failure);
    }
    let prepared = if disk.is_some() || own.is_some() { mould.tmp } else { None };
    let mut ready = vec![READY];
    ready.extend(own.iter().flat_map(Volume::description));
    let mount = own.as_ref().map(|volume| volume.mount.as_fd());
    if sys::hung_up(enter::LIFELINE) || sys::send_borrowed(socket, &ready, mount, true).is_err() {
        sys::exit_now(0);
    }
    if let Some(Err(failure)) = own.map(|own| sys::renumber(own.mount, enter::VOLUME).step("dup")) {
        give_up(socket, &failure);
    }
    // So large that the allocator maps it by itself: what is not written takes no memory of the agent, which keeps it.
    let mut buffer = vec![0; 4 * Plan::MAX];
    match sys::receive_descriptor(socket, &mut buffer, true) {
        Ok((0, _)) | Err(_) => sys::exit_now(0),
        Ok((length, image)) => {
            let Err(failure) = enter::enter(mould.tree.privileged, mould.filter, prepared, &buffer[..length], image);
            give_up(socket, &failure)
        }
    }
}

fn give_up(socket: BorrowedFd, failure: &Failure) -> ! {
    let mut text = vec![FAILED];
    text.extend(failure.step.bytes().chain([0]).chain(failure.message.bytes()));
    text.truncate(1000);
    let _ = sys::send(socket, &text);
    sys::exit_now(125)
}

/// Everything that needs no plan. The current directory stays that of the host's socket.
fn prepare(mould: &Mould, number: u64, wire: Option<Wire>) -> Result<(), Failure> {
    sys::leave_session();
    mould.cgroups.enter(number).step("cgroup")?;
    let outside = wire.map(|_| Outside::open()).transpose()?;
    sys::unshare(sys::CLONE_NEWNET | sys::CLONE_NEWUTS | sys::CLONE_NEWIPC).step("unshare")?;
    sys::loopback_up().step("bring loopback up")?;
    if let (Some(outside), Some(wire)) = (outside, wire) {
        outside.connect(wire.network, wire.index)?;
    }
    sys::set_host_name(enter::HOST_NAME).step("sethostname")?;
    for (limit, value) in [(Limit::OpenFiles, OPEN_FILES), (Limit::CoreBytes, 0)] {
        sys::set_limit(limit, value).step("setrlimit")?;
    }
    // what a function prints goes through the agent; nothing of it may reach the platform's own streams
    sys::silence_streams().step("open /dev/null")?;
    sys::unblock_signals();
    Ok(())
}

/// What a slot is to become: NUL-terminated texts, so that they can be handed to the kernel as they lie.
pub struct Plan {
    bytes: Vec<u8>,
}

impl Plan {
    /// Bytes that a plan may have; it travels as one message.
    pub const MAX: usize = 64 << 10;

    /// `mounts`: sources and targets in the inner mount namespace. `user`, `group`: of the machine, for this sandbox alone.
    /// `root`: empty, or what is the root in place of the base, in the inner mount namespace.
    pub fn new(
        request: &Request,
        user: u32,
        group: u32,
        root: &str,
        mounts: &[(std::ffi::CString, std::ffi::CString)],
    ) -> Result<Plan, Failure> {
        let tmp_bytes = request.tmp;
        let inodes = (tmp_bytes / 4096).clamp(1024, 1 << 20);
        let tmp = format!("size={tmp_bytes},nr_inodes={inodes},mode=0700,uid={user},gid={group}");
        let mut bytes = Vec::with_capacity(1024);
        let flag = |on: bool| if on { "1" } else { "0" };
        let (runtime_link, criu) = (flag(request.runtime_link), flag(request.criu));
        let relay = request.relay.unwrap_or(0).to_string();
        let numbers = [u64::from(user), u64::from(group), tmp_bytes].map(|number| number.to_string());
        let [user, group, tmp_bytes] = &numbers;
        for text in [&request.token, user, group, tmp_bytes, &tmp, runtime_link, criu, &relay, root] {
            bytes.extend(text.bytes().chain([0]));
        }
        for (source, target) in mounts {
            bytes.extend(source.as_bytes_with_nul());
            bytes.extend(target.as_bytes_with_nul());
        }
        if bytes.len() > Plan::MAX {
            return Err(Failure::new("plan", "too many mounts"));
        }
        Ok(Plan { bytes })
    }
}
