//! How sandboxes end, and the launcher: killing, burying, removing what is left, giving back what they had.
use super::Launcher;
use super::disks::Disks;
use super::egress::Egress;
use super::failure::Failure;
use super::slot::{self, Message, Slot};
use crate::sys::{self, Ending};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// For the processes that hold the door and the disks to end, at our own end. They do it without us, too.
const HELPERS_PATIENCE: Duration = Duration::from_secs(2);

/// What a slot has from elsewhere, to be given back when the last of it is gone.
#[derive(Clone, Copy)]
pub struct Kept {
    pub wire: Option<u32>,
    pub disk: Option<u64>,
}

impl Kept {
    pub fn of(slot: &Slot) -> Kept {
        Kept { wire: slot.wire.map(|wire| wire.index), disk: slot.disk }
    }

    pub fn give_back(self, egress: &mut Egress, disks: Option<&mut Disks>) {
        if let Some(wire) = self.wire {
            egress.release(wire);
        }
        if let (Some(disk), Some(disks)) = (self.disk, disks) {
            disks.release(disk);
        }
    }
}

pub struct Leftover {
    slot: u64,
    kept: Kept,
    /// whom to tell, with what, when it is gone; a slot that never was a sandbox has nobody
    exit: Option<(String, Ending, bool)>,
}

impl Launcher {
    pub fn kill(&mut self, id: &str) {
        if let Some(at) = self.queue.iter().position(|request| request.id == id) {
            self.queue.remove(at);
            self.control.failed(id, &Failure::new("kill", "killed before it was made"));
        }
        if let Some((pid, sandbox)) = self.sandboxes.iter().find(|(_, sandbox)| sandbox.id == id) {
            sys::kill_process(*pid);
            self.cgroups.kill(sandbox.slot);
        }
    }

    pub fn buried(&mut self, pid: i32, ending: Ending) {
        if let Some(sandbox) = self.sandboxes.remove(&pid) {
            let said = sandbox.socket.as_ref().and_then(slot::listen);
            let failure = sandbox.failure.or(if let Some(Message::Failed(said)) = said { Some(said) } else { None });
            let out_of_memory = self.cgroups.out_of_memory_kills(sandbox.slot) > 0;
            if let Some(failure) = &failure {
                self.control.failed(&sandbox.id, failure);
            }
            let exit = failure.is_none().then_some((sandbox.id, ending, out_of_memory));
            self.leftovers.push(Leftover { slot: sandbox.slot, kept: sandbox.kept, exit });
            return;
        }
        let Some(at) = self.stock.slots.iter().position(|slot| slot.pid == pid) else { return };
        let slot = self.stock.slots.remove(at).expect("found above");
        let kept = Kept::of(&slot);
        self.leftovers.push(Leftover { slot: slot.number, kept, exit: None });
        let said = slot.failure.or(match slot::listen(&slot.socket) {
            Some(Message::Failed(failure)) => Some(failure),
            _ => None,
        });
        let failure = said.unwrap_or_else(|| Failure::new("slot", format!("ended before it was used: {ending:?}")));
        self.no_slot(&failure, kept.wire.is_some());
    }

    /// Ends a slot that is one too many.
    pub fn retire(&mut self, at: usize) {
        let slot = self.stock.slots.remove(at).expect("the caller has found it");
        sys::kill_process(slot.pid);
        self.leftovers.push(Leftover { slot: slot.number, kept: Kept::of(&slot), exit: None });
    }

    /// The guard of the firewall is gone, which only an operator or the kernel's want of memory does: whoever has a wire
    /// would now reach this machine.
    pub fn cut_wires(&mut self) {
        let wired = self.sandboxes.iter().filter(|(_, sandbox)| sandbox.kept.wire.is_some());
        let wired = wired.map(|(pid, sandbox)| (*pid, sandbox.slot));
        let idle = self.stock.slots.iter().filter(|slot| slot.wire.is_some()).map(|slot| (slot.pid, slot.number));
        for (pid, slot) in wired.chain(idle) {
            sys::kill_process(pid);
            self.cgroups.kill(slot);
        }
    }

    pub fn remove_leftovers(&mut self) {
        let (cgroups, control) = (&self.cgroups, &self.control);
        self.leftovers.retain(|leftover| {
            if !cgroups.remove(leftover.slot) {
                cgroups.kill(leftover.slot);
                return true;
            }
            leftover.kept.give_back(&mut self.egress, self.disks.as_mut());
            if let Some((id, ending, out_of_memory)) = &leftover.exit {
                control.exit(id, *ending, *out_of_memory);
            }
            false
        });
    }

    /// Ends everything and waits until nothing is left.
    pub fn end(&mut self) {
        for slot in &self.stock.slots {
            sys::kill_process(slot.pid);
            self.cgroups.kill(slot.number);
        }
        for (pid, sandbox) in &self.sandboxes {
            sys::kill_process(*pid);
            self.cgroups.kill(sandbox.slot);
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut ready = Vec::new();
        while !(self.stock.slots.is_empty() && self.sandboxes.is_empty()) && Instant::now() < deadline {
            let _ = sys::wait_readable(&[self.signals.as_raw_fd()], &mut ready, 50);
            self.signalled();
        }
        self.egress.close();
        self.disks.iter_mut().for_each(Disks::close);
        let deadline = Instant::now() + HELPERS_PATIENCE;
        while (self.egress.is_open() || self.disks.is_some()) && Instant::now() < deadline {
            let _ = sys::wait_readable(&[self.signals.as_raw_fd()], &mut ready, 50);
            self.signalled();
        }
        self.remove_leftovers();
        self.cgroups.remove_all();
    }
}
