//! The slots kept ready: how many, when one is made, which hear and are heard, when one too many ends.
//!
//! A slot costs 2 ms of work that nobody should wait for, some 400 kB of the kernel's memory, and nothing while it waits.
//! A few are kept always; after a burst that found too few, as many as it wanted, if the machine has the memory: bursts
//! come again, often by the minute.
use super::Launcher;
use super::disks::Disks;
use super::ending::Kept;
use super::failure::Failure;
use super::slot::{self, Message, Mould, Slot};
use crate::sys;
use std::collections::{HashSet, VecDeque};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

/// Slots without and with a way to the network.
pub const KINDS: [bool; 2] = [false, true];
/// New slots are made this long after the last start, so that they do not compete with the sandbox just started: it takes
/// that long until a copy has given its first answer. Sooner when fewer than half of the usual ones are left.
const REFILL_DELAY: Duration = Duration::from_millis(20);
const REFILL_DELAY_WHEN_FEW: Duration = Duration::from_millis(4);
/// Between two slots beyond the usual ones, which leaves the machine to those that the burst has started.
const GROWTH_DELAY: Duration = Duration::from_millis(8);
/// After a slot could not be made.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Slots in the making at once when more sandboxes are wanted than slots are ready. Making one is waiting for most of the
/// time, for grace periods of the kernel.
const AT_ONCE: usize = 8;
/// So many times as many as are usually ready must be waited for to be a burst.
const BURST: usize = 4;
/// Slots kept ready at most: Lambda's own limit of environments of an account, and this part of the machine's memory.
const MOST: usize = 1000;
const MEMORY_SHARE: u64 = 32;
/// Of one slot and its disk, rounded up.
const SLOT_BYTES: u64 = 512 << 10;
/// Descriptors of the launcher for each: a socket and a disk, one more disk that has come back, and as much to spare.
const SLOT_FILES: u64 = 6;
/// So long after the last burst fewer are kept, a quarter less each time.
const KEPT_AFTER_BURST: Duration = Duration::from_secs(75);
const SHRINK_EVERY: Duration = Duration::from_secs(4);

pub struct Stock {
    pub slots: VecDeque<Slot>,
    /// number of the next one
    pub next: u64,
    /// how many to have ready: always, at most, and now
    pub least: usize,
    pub most: usize,
    aim: usize,
    /// when the aim is to become smaller
    shrink_at: Instant,
    refill_at: Instant,
}

impl Stock {
    /// `least` 0: nothing is ever made ahead.
    pub fn of(least: usize) -> Stock {
        let memory = sys::machine_memory() / MEMORY_SHARE / SLOT_BYTES;
        let room = memory.min(sys::open_files_limit() / SLOT_FILES) as usize;
        let most = if least == 0 { 0 } else { room.min(MOST).max(least) };
        let now = Instant::now();
        Stock { slots: VecDeque::new(), next: 0, least, most, aim: least, shrink_at: now, refill_at: now }
    }

    fn has(&self, egress: bool) -> usize {
        self.slots.iter().filter(|slot| slot.wire.is_some() == egress).count()
    }

    fn ready(&self) -> usize {
        self.slots.iter().filter(|slot| slot.ready).count()
    }

    /// One has become a sandbox. `waited_for`: somebody still wants another.
    pub fn taken(&mut self, waited_for: bool) {
        let delay = match waited_for {
            true => Duration::ZERO,
            false if self.ready() * 2 >= self.least => REFILL_DELAY,
            false => REFILL_DELAY_WHEN_FEW,
        };
        self.refill_at = Instant::now() + delay;
    }

    fn expect(&mut self, count: usize) {
        self.aim = self.aim.max(count.min(self.most));
        self.shrink_at = Instant::now() + KEPT_AFTER_BURST;
    }

    /// How many are too many from now on, if it is time to ask.
    fn surplus(&mut self) -> usize {
        if self.aim == self.least || Instant::now() < self.shrink_at {
            return 0;
        }
        self.aim = (self.aim - self.aim.div_ceil(4)).max(self.least);
        self.shrink_at = Instant::now() + SHRINK_EVERY;
        self.slots.iter().filter(|slot| is_spare(slot)).count().saturating_sub(self.aim)
    }
}

fn is_spare(slot: &Slot) -> bool {
    slot.ready && slot.wire.is_none()
}

impl Launcher {
    /// Somebody waits for slots. Many of them are a burst, and such a burst may come again.
    pub fn notice_wants(&mut self) {
        let waiting = self.queue.len();
        if waiting > 0 {
            self.stock.refill_at = self.stock.refill_at.min(Instant::now());
        }
        if waiting > BURST * self.stock.least {
            self.stock.expect(waiting);
            if let Some(disks) = &mut self.disks {
                disks.expect(waiting);
            }
        }
    }

    /// Time until a slot is to be made or to end.
    pub fn stock_patience(&self) -> Option<Duration> {
        let wanted = KINDS.iter().any(|&egress| self.slots_wanted(egress) > 0);
        let shrinks = self.stock.aim > self.stock.least;
        let times = [wanted.then_some(self.stock.refill_at), shrinks.then_some(self.stock.shrink_at)];
        Some(times.into_iter().flatten().min()?.saturating_duration_since(Instant::now()))
    }

    /// What those in the making say. `spoken`: descriptors that have something to say.
    pub fn hear_slots(&mut self, spoken: &HashSet<RawFd>) {
        for slot in self.stock.slots.iter_mut().filter(|slot| !slot.ready) {
            if !spoken.contains(&slot.socket.as_raw_fd()) {
                continue;
            }
            match slot::listen(&slot.socket) {
                Some(Message::Ready(own)) => {
                    slot.ready = true;
                    if let (Some(own), Some(disks)) = (own, &mut self.disks) {
                        slot.disk = disks.adopt(own);
                    }
                }
                Some(Message::Failed(failure)) => slot.failure = Some(failure),
                Some(Message::Closed) | None => {}
            }
        }
    }

    /// A slot could not be made: whoever waits for one gets to know, and the next attempt comes later.
    pub fn no_slot(&mut self, failure: &Failure, egress: bool) {
        if let Some(at) = self.queue.iter().position(|request| request.egress == egress) {
            let request = self.queue.remove(at).expect("found above");
            self.control.failed(&request.id, failure);
        }
        self.stock.refill_at = Instant::now() + RETRY_DELAY;
    }

    /// Slots to be made, those with a way to the network or those without. The former are kept ready, too, from the
    /// first request on.
    fn slots_wanted(&self, egress: bool) -> usize {
        if egress && !self.egress.is_open() {
            return 0;
        }
        let in_making = self.stock.slots.len() - self.stock.ready();
        let queued = self.queue.iter().filter(|request| request.egress == egress).count();
        // those with a way to the network hold an address each
        let aim = if egress { self.stock.least } else { self.stock.aim };
        (aim + queued).saturating_sub(self.stock.has(egress)).min(AT_ONCE.saturating_sub(in_making))
    }

    /// Makes at most one slot, so that orders never wait for more than that.
    pub fn refill(&mut self) {
        if Instant::now() < self.stock.refill_at {
            return;
        }
        let Some(&egress) = KINDS.iter().find(|&&egress| self.slots_wanted(egress) > 0) else { return };
        if let Err(failure) = self.make_slot(egress) {
            self.no_slot(&failure, egress);
        } else if self.queue.is_empty() && self.stock.slots.len() > self.stock.least {
            self.stock.refill_at = Instant::now() + GROWTH_DELAY;
        }
    }

    /// What bursts wanted is forgotten, a part at a time; a slot that is too many ends.
    pub fn shrink(&mut self) {
        for _ in 0..self.stock.surplus() {
            self.retire(self.stock.slots.iter().position(is_spare).expect("just counted"));
        }
    }

    fn make_slot(&mut self, egress: bool) -> Result<(), Failure> {
        let wire = if egress { Some(self.egress.take_wire()?) } else { None };
        let number = self.stock.next;
        self.stock.next += 1;
        let disk = self.disks.as_mut().and_then(Disks::take);
        let mould = Mould {
            cgroups: &self.cgroups,
            tree: &self.tree,
            filter: &self.filter,
            tmp: self.disks.as_ref().map(Disks::size),
            lifeline: &self.lifeline,
        };
        let made = Slot::start(&mould, number, wire, disk.as_ref().map(|disk| &disk.mount));
        let disk = disk.and_then(|disk| Some(self.disks.as_mut()?.lend(disk)));
        match made {
            Ok(slot) => {
                self.stock.slots.push_back(Slot { disk, ..slot });
                Ok(())
            }
            Err(failure) => {
                Kept { wire: wire.map(|wire| wire.index), disk }.give_back(&mut self.egress, self.disks.as_mut());
                Err(failure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_more_are_kept_for_a_while_and_never_more_than_the_machine_has_room_for() {
        let mut stock = Stock::of(4);
        assert_eq!((stock.aim, stock.surplus()), (4, 0));
        stock.expect(7);
        assert_eq!((stock.aim, stock.surplus()), (7, 0), "not at once");
        stock.expect(1 << 40);
        assert!(stock.aim == stock.most && stock.most <= MOST);
        for _ in 0..40 {
            stock.shrink_at = Instant::now();
            stock.surplus();
        }
        assert_eq!(stock.aim, 4);
    }

    #[test]
    fn where_nothing_is_made_ahead_nothing_is_after_a_burst() {
        let mut stock = Stock::of(0);
        stock.expect(100);
        assert_eq!(stock.aim, 0);
    }
}
