//! A process whose threads are all stopped. Dropping it lets them go on as if nothing had been.
use super::process::{self, Status};
use super::refusal::{OrRefuse, Refusal, refuse};
use super::x86;
use crate::launcher::failure::Step;
use crate::sys::{self, Registers, Stop};
use std::time::{Duration, Instant};

/// For one thread to stop; a process whose threads hang in the kernel, or that is frozen, gets no image.
const PATIENCE: Duration = Duration::from_secs(3);
/// A process that makes threads faster than they can be stopped is given up after so many looks.
const ROUNDS: usize = 100;
const NAP: Duration = Duration::from_micros(50);
/// Looks at a thread that give way to others and do not sleep: most stops come within microseconds.
const EAGER_LOOKS: usize = 200;

pub struct Thread {
    /// in the namespace of this process
    pub id: i32,
    /// in its own
    pub number: u32,
    /// as it was stopped
    pub registers: Registers,
    pub blocked: u64,
    /// it has been made to do something
    used: bool,
    /// on its way to it when it was stopped
    signal: i32,
}

pub struct Stopped {
    pub process: i32,
    /// the process itself first, the others ascending
    pub threads: Vec<Thread>,
}

impl Stopped {
    /// Stops a process that is a child of `agent`, every thread of it.
    pub fn stop(process: i32, agent: i32) -> Result<Stopped, Refusal> {
        let mut stopped = Stopped { process, threads: Vec::new() };
        for round in 0.. {
            let known = |id: &i32| stopped.threads.iter().any(|thread| thread.id == *id);
            let new: Vec<i32> = process::threads(process)?.into_iter().filter(|id| !known(id)).collect();
            if new.is_empty() {
                break;
            }
            if round == ROUNDS {
                return refuse("busy", "it makes new threads all the time");
            }
            stopped.add(&new)?;
        }
        // Numbers are given anew when their owners have ended: now that it cannot end, is it still who was meant?
        let parent = Status::of(process, process)?.parent()?;
        if parent != agent as u64 || !stopped.threads.iter().any(|thread| thread.id == process) {
            return refuse("gone", "the runtime has ended");
        }
        // by its own numbers: those of this namespace may have begun anew in between
        stopped.threads.sort_by_key(|thread| (thread.id != process, thread.number));
        if !stopped.threads.is_sorted_by_key(|thread| thread.number) {
            return refuse("threads", "the numbers of its threads have begun anew");
        }
        Ok(stopped)
    }

    fn add(&mut self, new: &[i32]) -> Result<(), Refusal> {
        let mut seized = Vec::new();
        for &id in new {
            match sys::seize(id) {
                Ok(()) => seized.push(id),
                // it has just ended
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) && id != self.process => continue,
                Err(error) => return Err(error).or_refuse("busy", "a thread cannot be stopped"),
            }
            if !std::fs::exists(format!("/proc/{}/task/{id}", self.process)).unwrap_or(false) {
                return refuse("busy", "a thread ended while it was stopped");
            }
        }
        for &id in &seized {
            // of one that has just ended: the wait tells
            let _ = sys::interrupt(id);
        }
        for &id in &seized {
            match wait(id)? {
                Stop::Gone if id == self.process => return refuse("gone", "the runtime has ended"),
                Stop::Gone => {}
                stop => self.add_one(id, stop)?,
            }
        }
        Ok(())
    }

    fn add_one(&mut self, id: i32, stop: Stop) -> Result<(), Refusal> {
        let signal = if let Stop::Signal(signal) = stop { signal } else { 0 };
        let registers = sys::registers(id).step("read a thread's registers")?;
        let blocked = sys::blocked_signals(id).step("read a thread's signal mask")?;
        let number = Status::of(self.process, id)?.own_number()?;
        self.threads.push(Thread { id, number, registers, blocked, used: false, signal });
        match stop {
            Stop::Interrupted => Ok(()),
            Stop::Group => refuse("stopped", "the runtime was stopped by a signal"),
            _ => refuse("signal", "a signal came while the runtime was stopped"),
        }
    }

    /// Makes a thread do a system call, at a `syscall` instruction of its own that lies at `site`. A negative errno is the
    /// error.
    pub fn call(&mut self, thread: usize, site: u64, number: i64, arguments: [u64; 6]) -> Result<u64, Refusal> {
        let thread = &mut self.threads[thread];
        if !thread.used {
            // no handler of the process runs in between; SIGKILL and SIGSTOP cannot be kept away
            sys::block_signals(thread.id, u64::MAX).step("block a thread's signals")?;
            thread.used = true;
        }
        let registers = x86::calling(&thread.registers, site, number, arguments);
        sys::set_registers(thread.id, &registers).step("set a thread's registers")?;
        // in and out
        let mut left = 2;
        while left > 0 {
            sys::run_to_call(thread.id).step("let a thread run")?;
            match wait(thread.id)? {
                Stop::Call => left -= 1,
                Stop::Interrupted => {}
                Stop::Signal(signal) => {
                    thread.signal = signal;
                    return refuse("signal", "a signal came while the runtime was looked at");
                }
                Stop::Group => return refuse("stopped", "the runtime was stopped by a signal"),
                Stop::Gone => return refuse("gone", "the runtime has ended"),
            }
        }
        let result = x86::result(&sys::registers(thread.id).step("read a thread's registers")?);
        match i32::try_from(result) {
            Ok(error @ -4095..0) => {
                Err(std::io::Error::from_raw_os_error(-error)).or_refuse("kernel", "a call in the runtime")
            }
            _ => Ok(result as u64),
        }
    }
}

/// Waits until the thread stops.
fn wait(thread: i32) -> Result<Stop, Refusal> {
    let deadline = Instant::now() + PATIENCE;
    for look in 0.. {
        if let Some(stop) = sys::stop_of(thread) {
            return Ok(stop);
        }
        if Instant::now() > deadline {
            break;
        }
        if look < EAGER_LOOKS { std::thread::yield_now() } else { std::thread::sleep(NAP) }
    }
    refuse("busy", "a thread of the runtime does not stop")
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for thread in &self.threads {
            if thread.used {
                // who does not stand still any more needs nothing of this
                let _ = sys::set_registers(thread.id, &x86::continuing(&thread.registers));
                let _ = sys::block_signals(thread.id, thread.blocked);
            }
            let _ = sys::release(thread.id, thread.signal);
        }
    }
}
