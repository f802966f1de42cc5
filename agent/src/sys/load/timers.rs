//! Timers of timer_create(2), made anew with their numbers: the kernel counts up from 0 in a process that has had none.
use super::super::linux::check;
use super::Tables;
use crate::image::format::Timer;
use std::io;

pub fn make_all(tables: &Tables<'_>) -> io::Result<()> {
    let mut next = 0;
    for timer in tables.all::<Timer>(tables.header().timers) {
        while next < timer.number {
            delete(make(timer)?)?;
            next += 1;
        }
        if make(timer)? != timer.number as i32 {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        next += 1;
    }
    Ok(())
}

fn make(timer: &Timer) -> io::Result<i32> {
    let mut number = -1;
    // SAFETY: all-zero is valid; the kernel reads the event and writes one int.
    unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = timer.signal;
        event.sigev_value.sival_ptr = timer.value as *mut _;
        check(libc::syscall(libc::SYS_timer_create, timer.clock, &event, &mut number))?;
    }
    Ok(number)
}

fn delete(number: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::syscall(libc::SYS_timer_delete, number) }).map(drop)
}
