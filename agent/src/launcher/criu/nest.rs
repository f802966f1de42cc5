//! A sandbox for CRIU to restore in. Processes, from outside:
//!
//! - the slot, first of its process namespace: still privileged until the sandbox's own /proc is mounted, then nothing but
//!   the parent of the agent, with no capability and the filter on;
//! - the agent, first of a process namespace within, which the sandbox's user namespace owns;
//! - CRIU to be: a child of the agent with capabilities in that user namespace, waiting to be told where output goes. No
//!   process of the tenant's exists while it waits, and none may look into it later: it has capabilities that they lack.
//!
//! What CRIU restores are siblings of its own, so children of the agent (criu(8), --restore-sibling).
use super::{Copy, LAST_NUMBER};
use crate::agent::Waker;
use crate::launcher::enter::{COVERED, identity};
use crate::launcher::failure::{Failure, Step};
use crate::launcher::tree::sys_map_from_outside;
use crate::sys::{self, BpfInstruction, Ending};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// Mapped to root in the user namespace of a template: CRIU will not dump without one, and nothing ever runs as it.
const NOBODY: u32 = 0x6fff_fffe;
/// Where CRIU finds what it is given.
const GIVEN: [RawFd; 3] = [50, 51, 52];
const DIRECTORY: RawFd = 60;
const SLOT: RawFd = 3;

/// The identity of a template that CRIU is to dump. To be called inside the new root.
pub fn enter_as_template(user: u32, group: u32) -> Result<(), Failure> {
    // every descriptor of its processes must be of a mount that they can see
    sys::silence_streams().step("open /dev/null")?;
    let (ours, theirs) = sys::message_pair().step("socketpair")?;
    let helper = sys::fork_into(0).step("fork")?;
    if helper == 0 {
        drop(ours);
        let told = sys::receive(theirs.as_fd(), &mut [0], true).is_ok_and(|length| length == 1);
        let mapped = told && sys_map_from_outside("/proc/1", user, group, NOBODY).is_ok();
        sys::exit_now(i32::from(!mapped));
    }
    drop(theirs);
    identity(true, user, group, || {
        sys::send(ours.as_fd(), &[1]).step("ask for the map")?;
        match sys::wait_for(helper).step("wait")? {
            Ending::Code(0) => Ok(()),
            _ => Err(Failure::new("write uid_map", "the kernel refused")),
        }
    })
}

/// Forks twice and comes back in the agent, in the sandbox's identity, with all capabilities in its user namespace.
pub fn nest(copy: &Copy, user: u32, group: u32, filter: &[BpfInstruction]) -> Result<Waker, Failure> {
    let (slot, inside) = sys::message_pair().step("socketpair")?;
    let forker = sys::fork_into(0).step("fork")?;
    if forker > 0 {
        drop(inside);
        let Err(failure) = be_slot(&slot, forker, (user, group), filter);
        return Err(failure);
    }
    drop(slot);
    identity(true, user, group, || crate::launcher::tree::sys_map_own(user, group))?;
    let agent = sys::fork_into(sys::CLONE_NEWPID).step("clone3(CLONE_NEWPID)")?;
    if agent > 0 {
        let told = sys::send(inside.as_fd(), &agent.to_ne_bytes());
        sys::exit_now(i32::from(told.is_err()));
    }
    match sys::receive(inside.as_fd(), &mut [0], true) {
        Ok(1) => {}
        _ => return Err(Failure::new("proc", "the sandbox's own could not be mounted")),
    }
    wait_to_wake(copy)
}

/// The slot's part: mounts /proc for the inner namespace, gives everything up, and ends as the agent does.
fn be_slot(
    inside: &OwnedFd,
    forker: i32,
    (user, group): (u32, u32),
    filter: &[BpfInstruction],
) -> Result<std::convert::Infallible, Failure> {
    let mut number = [0; 4];
    match sys::receive(inside.as_fd(), &mut number, true) {
        Ok(4) => {}
        _ => return Err(Failure::new("nest", "the sandbox's identity could not be made")),
    }
    sys::wait_for(forker).step("wait")?;
    let agent = i32::from_ne_bytes(number);
    let namespace = File::open(format!("/proc/{agent}/ns/pid")).step("open the process namespace")?;
    sys::set_namespace(&namespace, sys::CLONE_NEWPID).step("setns(pid)")?;
    let mounter = sys::fork_into(0).step("fork")?;
    if mounter == 0 {
        sys::exit_now(i32::from(mount_proc().is_err()));
    }
    if !matches!(sys::wait_for(mounter).step("wait")?, Ending::Code(0)) {
        return Err(Failure::new("mount proc", "the kernel refused"));
    }
    sys::send(inside.as_fd(), &[1]).step("tell the agent")?;
    sys::drop_bounding_set();
    sys::become_user(user, group).step("become the sandbox's user")?;
    sys::set_capabilities(0).step("capset")?;
    sys::die_with_parent().step("prctl(PR_SET_PDEATHSIG)")?;
    sys::no_new_privileges().step("prctl(PR_SET_NO_NEW_PRIVS)")?;
    sys::install_filter(filter).step("seccomp")?;
    // the launcher's socket among them, which tells it that all went well once the agent has let go of it, too
    sys::close_from(SLOT);
    match sys::wait_for(agent) {
        Ok(Ending::Code(code)) => sys::exit_now(code),
        Ok(Ending::Signal(signal)) => sys::exit_now(128 + signal),
        Err(_) => sys::exit_now(125),
    }
}

fn mount_proc() -> std::io::Result<()> {
    // the slot's own shows this namespace, too: nobody is to find it
    sys::unmount(c"/proc")?;
    sys::mount(c"proc", c"/proc", c"proc", sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC, c"")?;
    for file in COVERED {
        let inside = CStr::from_bytes_with_nul(&file.to_bytes_with_nul()["/base".len()..]).unwrap_or(c"");
        let _ = sys::mount(c"/dev/null", inside, c"", sys::MS_BIND, c"");
    }
    Ok(())
}

/// Forks the process that becomes CRIU once the agent says so.
fn wait_to_wake(copy: &Copy) -> Result<Waker, Failure> {
    // the numbers below are the image's
    std::fs::write("/proc/sys/kernel/ns_last_pid", LAST_NUMBER.to_string()).step("write ns_last_pid")?;
    let (agent, waiting) = sys::message_pair().step("socketpair")?;
    let pid = sys::fork_into(0).step("fork")?;
    if pid > 0 {
        return Ok(Waker { socket: agent.into_raw_fd(), pid, main: copy.facts.main });
    }
    drop(agent);
    let code = match wake(copy, waiting.as_fd()) {
        Ok(()) => 0,
        Err(_) => 126,
    };
    sys::exit_now(code)
}

/// One message for each descriptor, then an empty one of the letter `g`. A closed socket: nobody wants a copy.
fn wake(copy: &Copy, agent: BorrowedFd) -> Result<(), Failure> {
    // With it CRIU would want to be root in the user namespace, which has none.
    let capabilities = sys::permitted_capabilities().step("capget")? & !sys::CAP_SETUID;
    sys::hand_down_capabilities(capabilities).step("capset")?;
    let mut words: Vec<String> = vec![copy.facts.criu.clone(), "restore".into()];
    words.extend(["--images-dir".into(), format!("/proc/self/fd/{DIRECTORY}"), "-v0".into()]);
    for option in
        ["--unprivileged", "--manage-cgroups=ignore", "--file-locks", "--restore-detached", "--restore-sibling"]
    {
        words.push(option.into());
    }
    let mut given = Vec::new();
    let mut letter = [0];
    loop {
        let (length, descriptor) = sys::receive_descriptor(agent, &mut letter, true).step("be told")?;
        if length == 0 {
            return Ok(());
        }
        let facts = &copy.facts;
        let (number, name) = match letter[0] {
            b'o' => (GIVEN[0], facts.output[0].map(|inode| format!("pipe:[{inode}]"))),
            b'e' => (GIVEN[1], facts.output[1].map(|inode| format!("pipe:[{inode}]"))),
            b'l' => (GIVEN[2], facts.link.map(|inode| format!("socket:[{inode}]"))),
            _ => break,
        };
        // both streams may be one
        if let (Some(descriptor), Some(name)) = (descriptor, name)
            && !words.iter().any(|word| word.ends_with(&format!(":{name}")))
        {
            words.extend(["--inherit-fd".into(), format!("fd[{number}]:{name}")]);
            given.push((number, descriptor));
        }
    }
    for (number, descriptor) in &given {
        sys::pass_on(descriptor.as_fd(), *number).step("dup")?;
    }
    sys::pass_on(copy.directory.as_fd(), DIRECTORY).step("dup")?;
    let arguments: Vec<CString> = words.into_iter().filter_map(|word| CString::new(word).ok()).collect();
    let kernel = CString::new(format!("XDG_RUNTIME_DIR=/proc/self/fd/{DIRECTORY}")).step("environment")?;
    debug_assert!(agent.as_raw_fd() < GIVEN[0]);
    Err(sys::execute(&arguments, &[c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".into(), kernel])).step("exec criu")
}
