//! Makes sandboxes: one small process with one thread, driven by the platform over a socket (control.rs). It keeps a few
//! slots ready (slot.rs), turns one into a sandbox on demand (enter.rs), reaps it and removes what is left of it; and it
//! kills everything when the socket closes, so nothing outlives the platform. Sandboxes die with the launcher.
mod calls;
mod cgroup;
mod control;
mod criu;
mod disk_maker;
mod disks;
mod dump;
mod egress;
mod ending;
mod enter;
mod ext4;
mod failure;
mod filter;
mod hierarchy;
mod roots;
mod shelf;
mod skeleton;
mod slot;
mod stock;
mod tree;
mod volume;

use crate::sys::{self, BpfInstruction};
use cgroup::Cgroups;
use control::{Control, Order, Request};
use disks::Disks;
use dump::{Dumps, Lesson, Lessons};
use egress::Egress;
use ending::{Kept, Leftover};
use failure::{Failure, Step};
use shelf::Shelf;
use slot::{Message, Plan, Slot};
use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;
use stock::{KINDS, Stock};
use tree::Tree;

/// The descriptor on which the platform has put the control socket.
const CONTROL: RawFd = 3;
/// Users of the machine that sandboxes run as: 2^28 numbers that no distribution hands out, a range for each launcher.
const FIRST_USER: u32 = 0x7000_0000;
/// The kernel needs a moment to let go of a group whose last process has just been reaped.
const REMOVE_DELAY: Duration = Duration::from_millis(2);
/// Bytes of /tmp unless a function asks for another size (EphemeralStorage).
const USUAL_TMP: u64 = 512 << 20;
/// Disks for /tmp kept ready for each slot kept ready: a burst of starts has them made ahead of time.
const DISKS_PER_SLOT: usize = 4;
/// Until the process that makes disks is told again what it had no ear for.
const DISKS_DELAY: Duration = Duration::from_millis(20);
/// Among the machine's processes: what the launcher does is short, and somebody waits for all of it, beside sandboxes that
/// may be busy for long.
const PRIORITY: i32 = -10;
struct Options {
    pool: usize,
    rootfs: Option<PathBuf>,
}

/// `--pool N` slots kept ready, `--rootfs DIR` instead of the host's own directories. The current directory is the one
/// of the host's socket.
fn options(args: &[String]) -> Result<Options, Failure> {
    let mut options = Options { pool: 4, rootfs: None };
    for pair in args.chunks(2) {
        match pair {
            [name, value] if name == "--pool" => options.pool = value.parse().step("--pool")?,
            [name, value] if name == "--rootfs" => {
                options.rootfs = Some(std::fs::canonicalize(value).step("--rootfs")?)
            }
            other => return Err(Failure::new("options", format!("{other:?} is not understood"))),
        }
    }
    Ok(options)
}

pub fn main(args: Vec<String>) {
    let control = Control::new(sys::adopt_descriptor(CONTROL));
    match Launcher::new(control, &args) {
        Ok(mut launcher) => launcher.serve(),
        Err((control, failure)) => {
            control.unusable(&failure);
            std::process::exit(1);
        }
    }
}

/// A sandbox from the plan's sending to the last trace's removal.
struct Sandbox {
    id: String,
    slot: u64,
    kept: Kept,
    socket: Option<OwnedFd>,
    failure: Option<Failure>,
    /// what its copy can tell of the image
    lesson: Option<Lesson>,
}

struct Launcher {
    control: Control,
    signals: OwnedFd,
    cgroups: Cgroups,
    tree: Tree,
    filter: Vec<BpfInstruction>,
    /// where /tmp can be on disk
    disks: Option<Disks>,
    lifeline: OwnedFd,
    /// closed by our death alone
    _lifeline_held: OwnedFd,
    stock: Stock,
    queue: VecDeque<Request>,
    sandboxes: HashMap<i32, Sandbox>,
    leftovers: Vec<Leftover>,
    egress: Egress,
    dumps: Dumps,
    lessons: Lessons,
    shelf: Shelf,
}

impl Launcher {
    fn new(control: Control, args: &[String]) -> Result<Launcher, (Control, Failure)> {
        let prepare = || -> Result<_, Failure> {
            let options = options(args)?;
            sys::leave_session();
            sys::set_priority(PRIORITY);
            let signals = sys::signal_descriptor().step("signalfd")?;
            let cgroups = Cgroups::prepare();
            let here = || sys::open_directory(c".").step("open the run directory");
            let tree = Tree::build(here()?, options.rootfs.as_deref())?;
            let pipe = sys::output_pipe().step("pipe")?;
            Ok((options, signals, cgroups, tree, pipe))
        };
        match prepare() {
            Err(failure) => Err((control, failure)),
            Ok((options, signals, cgroups, tree, (lifeline, held))) => Ok(Launcher {
                control,
                signals,
                cgroups,
                tree,
                filter: filter::build(),
                disks: None,
                lifeline,
                _lifeline_held: held,
                stock: Stock::of(options.pool),
                queue: VecDeque::new(),
                sandboxes: HashMap::new(),
                leftovers: Vec::new(),
                egress: Egress::default(),
                dumps: Dumps::default(),
                lessons: Lessons::default(),
                shelf: Shelf::default(),
            }),
        }
    }

    fn serve(&mut self) {
        let disks = Disks::start(DISKS_PER_SLOT * self.stock.least, self.stock.most, USUAL_TMP);
        let no_disk = disks.as_ref().err().cloned();
        self.disks = disks.ok();
        self.control.ready(&self.cgroups, self.tree.privileged, egress::check().err().as_ref(), no_disk.as_ref());
        let mut ready = Vec::new();
        loop {
            let descriptors = self.descriptors();
            if sys::wait_readable(&descriptors, &mut ready, self.patience()).is_err() {
                break;
            }
            if ready[0] {
                match self.control.receive() {
                    None => break,
                    Some(orders) => orders.into_iter().for_each(|order| self.obey(order)),
                }
            }
            let spoken = descriptors.iter().zip(&ready).filter(|(_, ready)| **ready).map(|(descriptor, _)| *descriptor);
            // what slots say comes before their end, or the reason of the end would be lost
            self.listen(&spoken.collect());
            if ready[1] && self.signalled() {
                break;
            }
            self.remove_leftovers();
            self.refill();
            self.shrink();
        }
        self.end();
    }

    /// A slot that is ready says nothing until it is launched; its death is told by a signal.
    fn descriptors(&self) -> Vec<RawFd> {
        let sockets = self.sandboxes.values().filter_map(|sandbox| sandbox.socket.as_ref());
        [self.control.socket(), &self.signals]
            .into_iter()
            .chain(self.stock.slots.iter().filter(|slot| !slot.ready).map(|slot| &slot.socket))
            .chain(sockets)
            .chain(self.egress.socket())
            .chain(self.disks.as_ref().map(Disks::socket))
            .chain(self.dumps.sockets())
            .map(AsRawFd::as_raw_fd)
            .collect()
    }

    /// Milliseconds until there is something to do without being asked.
    fn patience(&self) -> i32 {
        let mut wait = None;
        if !self.leftovers.is_empty() {
            wait = Some(REMOVE_DELAY);
        }
        if self.disks.as_ref().is_some_and(Disks::is_behind) {
            wait = Some(wait.unwrap_or(DISKS_DELAY));
        }
        for other in [self.stock_patience(), self.dumps.patience()].into_iter().flatten() {
            wait = Some(wait.map_or(other, |wait| wait.min(other)));
        }
        wait.map_or(-1, |wait| wait.as_micros().div_ceil(1000) as i32)
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Create(request) => {
                let opened = if request.egress { self.egress.open() } else { Ok(()) };
                if let Some(disks) = &mut self.disks {
                    disks.resize(request.tmp);
                }
                self.queue.push_back(request);
                if let Err(failure) = opened {
                    self.no_slot(&failure, true);
                }
                self.launch_queued();
                self.notice_wants();
            }
            Order::Kill(id) => self.kill(&id),
            Order::Dump(order) => {
                let sandbox = self.sandboxes.iter().find(|(_, sandbox)| sandbox.id == order.id);
                let started = match sandbox {
                    Some((pid, _)) => self.dumps.start(*pid, order),
                    None => Err(dump::unknown(&order.id)),
                };
                started.unwrap_or_else(|refused| self.control.say(&refused));
            }
            Order::Learn(id) => {
                let sandbox = self.sandboxes.iter_mut().find(|(_, sandbox)| sandbox.id == id);
                if let Some((pid, lesson)) = sandbox.and_then(|(pid, sandbox)| Some((*pid, sandbox.lesson.take()?))) {
                    self.lessons.begin(pid, lesson);
                }
            }
        }
    }

    fn launch_queued(&mut self) {
        while let Some((queued, at)) = self.match_made() {
            let request = self.queue.remove(queued).expect("found above");
            let plan = match self.plan(&request) {
                Ok(plan) => plan,
                Err(failure) => {
                    self.control.failed(&request.id, &failure);
                    continue;
                }
            };
            let slot = self.stock.slots.remove(at).expect("found above");
            self.launch(slot, request, &plan);
            self.stock.taken(!self.queue.is_empty());
        }
    }

    /// The first request for which there is a slot, and the slot.
    fn match_made(&self) -> Option<(usize, usize)> {
        let slot = |egress| self.stock.slots.iter().position(|slot| slot.ready && slot.wire.is_some() == egress);
        let found =
            KINDS.map(|egress| Some((self.queue.iter().position(|request| request.egress == egress)?, slot(egress)?)));
        found.into_iter().flatten().min()
    }

    fn plan(&mut self, request: &Request) -> Result<Plan, Failure> {
        let mut mounts = Vec::with_capacity(request.mounts.len());
        let root = request.root.as_deref().map(|path| self.tree.root(path)).transpose()?.unwrap_or_default();
        for (index, (source, target)) in request.mounts.iter().enumerate() {
            let covered = request.mounts[..index].iter().any(|(_, other)| target.starts_with(&format!("{other}/")));
            let from = self.tree.source(source)?;
            mounts.push((from, self.tree.target(target, source, covered)?));
        }
        let (user, group) = if self.tree.privileged {
            // numbers come back after 2^16 sandboxes of this launcher, long after their owners are gone
            let user = FIRST_USER | (std::process::id() & 0xfff) << 16 | self.stock.next as u32 & 0xffff;
            (user, user)
        } else {
            (sys::user_id(), sys::group_id())
        };
        Plan::new(request, user, group, &root, &mounts)
    }

    fn launch(&mut self, slot: Slot, request: Request, plan: &Plan) {
        // The slot works on its mounts while we set its limits; no code of a tenant runs before the platform has heard
        // of both.
        let mut lesson = None;
        // Opened here, before the slot gives up the right to.
        let opened = request.image.as_deref().map(|path| self.shelf.image(path.as_ref())).transpose();
        let sent = opened.and_then(|image| {
            if let (Some(path), Some(image)) = (&request.image, &image) {
                lesson = self.lessons.of(path, image);
            }
            slot.launch(plan, image.as_ref())
        });
        let limited = self.cgroups.limit(slot.number, request.memory, request.cpus).step("cgroup limits");
        let failure = sent.and(limited).err();
        match &failure {
            None => self.control.created(&request.id, slot.pid, slot.number, lesson.is_some()),
            Some(_) => sys::kill_process(slot.pid),
        }
        let kept = Kept::of(&slot);
        let sandbox = Sandbox { id: request.id, slot: slot.number, kept, socket: Some(slot.socket), failure, lesson };
        self.sandboxes.insert(slot.pid, sandbox);
    }

    /// `spoken`: descriptors that have something to say.
    fn listen(&mut self, spoken: &HashSet<RawFd>) {
        self.hear_slots(spoken);
        for sandbox in self.sandboxes.values_mut() {
            match sandbox.socket.as_ref().filter(|socket| spoken.contains(&socket.as_raw_fd())).and_then(slot::listen) {
                Some(Message::Failed(failure)) => sandbox.failure = Some(failure),
                Some(Message::Closed) => sandbox.socket = None,
                Some(Message::Ready(_)) | None => {}
            }
        }
        self.dumps.listen().iter().for_each(|answer| self.control.say(answer));
        if self.disks.as_mut().is_some_and(|disks| disks.trade().is_err()) {
            self.disks = None;
        }
        if let Err(failure) = self.egress.listen() {
            while self.queue.iter().any(|request| request.egress) {
                self.no_slot(&failure, true);
            }
        }
        self.launch_queued();
    }

    /// True: we are to end.
    fn signalled(&mut self) -> bool {
        let pending = sys::pending_signals(&self.signals);
        while let Some((pid, ending)) = sys::reap() {
            self.disks.take_if(|disks| disks.pid == pid);
            if self.egress.buried(pid) {
                self.cut_wires();
            }
            self.buried(pid, ending);
        }
        // a terminal's interrupt goes to the whole group; the platform decides what it means
        pending.contains(&libc::SIGTERM)
    }
}
