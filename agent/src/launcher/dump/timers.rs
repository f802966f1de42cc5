//! Timers of timer_create(2). Ruby has one from its start on, which runs only while several threads want the CPU.
use super::memory::Memory;
use super::refusal::{Refusal, refuse};
use super::stopped::Stopped;
use crate::image::format::{TIMERS_MAX, Timer};
use crate::launcher::failure::Step;

/// All timers of the process, none of which may be running. `page`: where the process can be told the time of one.
pub fn all(stopped: &mut Stopped, memory: &Memory, site: u64, page: u64) -> Result<Vec<Timer>, Refusal> {
    let text = std::fs::read_to_string(format!("/proc/{}/timers", stopped.process)).step("read timers")?;
    let Some(timers) = parse(&text) else {
        return refuse("timer", "the runtime has a timer of the system of a kind that cannot be copied (timer_create)");
    };
    for timer in &timers {
        stopped.call(0, site, libc::SYS_timer_gettime, [timer.number.into(), page, 0, 0, 0, 0])?;
        let words = [0, 8, 16, 24].map(|at| memory.word(page + at));
        // one that repeats has no time left for a moment, while its signal is on its way
        if words.into_iter().any(|word| !matches!(word, Ok(0))) {
            return refuse("timer", "a timer of the system runs in the runtime (timer_settime)");
        }
    }
    Ok(timers)
}

/// proc_pid_timers(5), one timer after another: `ID: 0`, `signal: 26/00007f…`, `notify: signal/pid.2`, `ClockID: 1`.
fn parse(text: &str) -> Option<Vec<Timer>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut timers = Vec::new();
    for four in lines.chunks(4) {
        let [id, signal, notify, clock] = four else { return None };
        let (signal, value) = signal.strip_prefix("signal: ")?.split_once('/')?;
        if !notify.starts_with("notify: signal/pid.") {
            return None;
        }
        let timer = Timer {
            number: id.strip_prefix("ID: ")?.parse().ok()?,
            clock: clock.strip_prefix("ClockID: ")?.parse().ok()?,
            signal: signal.parse().ok()?,
            value: u64::from_str_radix(value.trim_start_matches("0x"), 16).ok()?,
            ..Timer::default()
        };
        // a clock of one process or thread has a number below zero
        if timer.number >= TIMERS_MAX || timer.clock < 0 {
            return None;
        }
        timers.push(timer);
    }
    timers.sort_by_key(|timer| timer.number);
    Some(timers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_that_raise_a_signal_of_the_process_are_understood_and_no_others() {
        let text = "ID: 1\nsignal: 26/0000000000000001\nnotify: signal/pid.2\nClockID: 1\n";
        let timer = parse(text).unwrap()[0];
        assert_eq!((timer.number, timer.clock, timer.signal, timer.value), (1, 1, 26, 1));
        assert!(parse("").unwrap().is_empty());
        for other in ["notify: signal/tid.3", "notify: none/pid.2", "notify: thread/pid.2"] {
            assert!(parse(&text.replace("notify: signal/pid.2", other)).is_none(), "{other}");
        }
        assert!(parse(&text.replace("ClockID: 1", "ClockID: -6")).is_none());
        assert!(parse(&text.replace("ID: 1\nsig", "ID: 99\nsig")).is_none());
    }
}
