//! What /proc tells of a process and its threads (proc(5)).
use super::refusal::{Refusal, refuse};
use crate::image::format::{Memory, THREADS_MAX};
use crate::launcher::failure::Step;
use std::fs;
use std::time::{Duration, Instant};

/// How often a process that is to come to rest is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// So many looks in a row must find all of its threads asleep.
const QUIET_LOOKS: u32 = 3;

/// The one child of the sandbox's first process. Refused if there is any other process, be it dead already.
pub fn only_child(agent: i32) -> Result<i32, Refusal> {
    let found = children(agent)?;
    let [child] = found[..] else {
        return refuse("children", format!("the sandbox has {} processes beside the agent, not one", found.len()));
    };
    match children(child)?.len() {
        0 => Ok(child),
        more => refuse("children", format!("the runtime has {more} child processes")),
    }
}

/// Of all its threads.
pub fn children(process: i32) -> Result<Vec<i32>, Refusal> {
    let mut all = Vec::new();
    for thread in threads(process)? {
        let path = format!("/proc/{process}/task/{thread}/children");
        match fs::read_to_string(&path) {
            Ok(text) => all.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<i32>().ok())),
            // the thread has just ended, or the kernel does not tell at all
            Err(_) if !fs::exists(format!("/proc/{process}/task/{thread}")).unwrap_or(true) => {}
            Err(error) => return refuse("kernel", format!("{path}: {error}")),
        }
    }
    Ok(all)
}

/// Numbers of all threads, ascending.
pub fn threads(process: i32) -> Result<Vec<i32>, Refusal> {
    let mut all = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task")).step("list threads")? {
        let name = entry.step("list threads")?.file_name();
        all.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
        if all.len() as u64 > THREADS_MAX {
            return refuse("threads", format!("it has more than {THREADS_MAX} threads"));
        }
    }
    all.sort_unstable();
    Ok(all)
}

/// Waits until all threads sleep in the kernel, so that garbage collection and compilation in the background are done;
/// not longer than `patience`.
pub fn await_rest(process: i32, patience: Duration) -> Result<(), Refusal> {
    let deadline = Instant::now() + patience;
    let mut quiet = 0;
    while quiet < QUIET_LOOKS && Instant::now() < deadline {
        let asleep = |thread: i32| state(process, thread).is_none_or(|state| state == 'S');
        quiet = if threads(process)?.into_iter().all(asleep) { quiet + 1 } else { 0 };
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// `None`: there is no such thread any more.
fn state(process: i32, thread: i32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok()?;
    text.rsplit_once(") ")?.1.chars().next()
}

/// /proc/PID/status of a thread.
pub struct Status(String);

impl Status {
    pub fn of(process: i32, thread: i32) -> Result<Status, Refusal> {
        Ok(Status(fs::read_to_string(format!("/proc/{process}/task/{thread}/status")).step("read a thread's status")?))
    }

    fn field(&self, name: &str) -> Result<&str, Refusal> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        match line {
            Some(value) => Ok(value.trim()),
            None => refuse("kernel", format!("/proc tells no {name} of a thread")),
        }
    }

    fn number(&self, name: &str, radix: u32) -> Result<u64, Refusal> {
        Ok(u64::from_str_radix(self.field(name)?, radix).step(name)?)
    }

    /// Its parent's number here.
    pub fn parent(&self) -> Result<u64, Refusal> {
        self.number("PPid", 10)
    }

    pub fn umask(&self) -> Result<u64, Refusal> {
        self.number("Umask", 8)
    }

    /// Number of the thread in its own namespace.
    pub fn own_number(&self) -> Result<u32, Refusal> {
        let last = self.field("NSpid")?.split_ascii_whitespace().next_back().unwrap_or_default();
        Ok(last.parse().step("NSpid")?)
    }

    /// Signals sent to the thread or the process and not yet received.
    pub fn pending(&self) -> Result<u64, Refusal> {
        Ok(self.number("SigPnd", 16)? | self.number("ShdPnd", 16)?)
    }

    /// Signals that the process has an own handler for, or ignores.
    pub fn handled(&self) -> Result<u64, Refusal> {
        Ok(self.number("SigCgt", 16)? | self.number("SigIgn", 16)?)
    }
}

/// Where the parts of the process lie; all but the end of its heap (brk).
pub fn memory(process: i32) -> Result<Memory, Refusal> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).step("read stat")?;
    let fields: Vec<&str> = text.rsplit_once(") ").map_or("", |(_, rest)| rest).split_ascii_whitespace().collect();
    // numbers as in proc(5): the first behind the name is field 3
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(Memory {
        start_code: field(26),
        end_code: field(27),
        start_data: field(45),
        end_data: field(46),
        start_brk: field(47),
        brk: 0,
        start_stack: field(28),
        arg_start: field(48),
        arg_end: field(49),
        env_start: field(50),
        env_end: field(51),
    })
}

pub fn name(process: i32, thread: i32) -> Result<[u8; 16], Refusal> {
    let text = fs::read(format!("/proc/{process}/task/{thread}/comm")).step("read comm")?;
    let mut name = [0; 16];
    for (to, from) in name[..15].iter_mut().zip(text.strip_suffix(b"\n").unwrap_or(&text)) {
        *to = *from;
    }
    Ok(name)
}
