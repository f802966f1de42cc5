//! From a prepared slot to a sandbox: mounts, root, identity, privileges, filter, agent. Everything here is on the path
//! of every start. The order matters:
//! - the host is dialled, and a disk made, in the machine's own file tree, which hides behind the new root;
//! - the user namespace comes last and owns none of the others, so being "root" in it could mount or configure nothing;
//! - the parent's death is watched for after the last change of credentials, which makes the kernel forget it.
use super::criu;
use super::failure::{Failure, Step};
use super::skeleton;
use super::slot::PROCESSES;
use super::tree::sys_map_own;
use super::volume;
use crate::agent;
use crate::sys::{self, BpfInstruction, Limit};
use std::convert::Infallible;
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::str::FromStr;

/// Numbers of the descriptors that a slot keeps.
pub const SOCKET: RawFd = 3;
pub const LIFELINE: RawFd = 4;
const INNER: RawFd = 5;
pub const VOLUME: RawFd = 6;
const LINK: RawFd = 3;
const RUNTIME_LINK: RawFd = 4;
/// The host's socket, in the current directory of every slot.
pub const HOST_SOCKET: &str = "agent.sock";
pub const HOST_NAME: &CStr = c"lambda";

/// Files of /proc that tell more than a function should know, to be covered where the kernel has them and lets
/// everybody read them. Docker's list; what only root may read needs no cover.
pub const COVERED: &[&CStr] = &[
    c"/base/proc/keys",
    c"/base/proc/key-users",
    c"/base/proc/latency_stats",
    c"/base/proc/sched_debug",
    c"/base/proc/timer_stats",
    c"/base/proc/kallsyms",
    c"/base/proc/interrupts",
];

/// Becomes the sandbox that `plan` describes and then the agent. `prepared`: bytes of the disk for /tmp that the slot has
/// made, if it could.
pub fn enter(
    privileged: bool,
    filter: &[BpfInstruction],
    prepared: Option<u64>,
    plan: &[u8],
    image: Option<OwnedFd>,
) -> Result<Infallible, Failure> {
    let mut texts = plan.split_inclusive(|byte| *byte == 0).filter_map(|text| CStr::from_bytes_with_nul(text).ok());
    let mut text = || texts.next().ok_or_else(|| Failure::new("plan", "it ends early"));
    let token = text()?.to_string_lossy().into_owned();
    let user = number(text()?)?;
    let group = number(text()?)?;
    let tmp_bytes: u64 = number(text()?)?;
    let tmp = text()?;
    let runtime_link = text()?.to_bytes() == b"1";
    let template = text()?.to_bytes() == b"1";
    let relay = Some(number(text()?)?).filter(|port: &u16| *port > 0);
    let root = text()?;
    let (image, copy) = criu::open(image)?;

    let disk = match prepared {
        Some(bytes) if bytes == tmp_bytes => Some(sys::adopt_descriptor(VOLUME)),
        // the disk was made for functions of another size
        Some(_) => volume::make(tmp_bytes).ok().map(|volume| volume.mount),
        None => None,
    };
    let dial = || Ok(sys::dial_unix(HOST_SOCKET).step("connect to the host")?.into_raw_fd());
    let mut links = vec![dial()?];
    if runtime_link {
        links.push(dial()?);
    }
    sys::set_namespace(&File::from(sys::adopt_descriptor(INNER)), sys::CLONE_NEWNS).step("setns(mnt)")?;
    sys::unshare(sys::CLONE_NEWNS).step("unshare(CLONE_NEWNS)")?;
    if !root.is_empty() {
        // read-only, as the mount it is of; everything below lands in it
        sys::mount(root, c"/base", c"", sys::MS_BIND | sys::MS_REC, c"").step("bind the root")?;
    }
    sys::mount(c"proc", c"/base/proc", c"proc", sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC, c"")
        .step("mount proc")?;
    for file in COVERED {
        // most kernels lack most of them
        let _ = sys::mount(c"/base/dev/null", file, c"", sys::MS_BIND, c"");
    }
    match disk {
        Some(disk) => {
            sys::give_root(&disk, user, group).step("chown /tmp")?;
            sys::attach_tree(&disk, c"/base/tmp").step("move_mount /tmp")?;
        }
        None => {
            sys::mount(c"tmpfs", c"/base/tmp", c"tmpfs", sys::MS_NOSUID | sys::MS_NODEV, tmp)
                .step("mount tmpfs /tmp")?;
        }
    }
    while let (Some(source), Some(target)) = (texts.next(), texts.next()) {
        // read-only, as the mount that the source lies on is
        sys::mount(source, target, c"", sys::MS_BIND, c"").map_err(|error| {
            Failure::new("mount", format!("{} at {}: {error}", source.to_string_lossy(), target.to_string_lossy()))
        })?;
    }
    std::env::set_current_dir("/base").step("chdir")?;
    sys::enter_root().step("pivot_root")?;

    let mut waker = None;
    match copy.as_ref().filter(|_| privileged) {
        Some(copy) => waker = Some(criu::nest(copy, user, group, filter)?),
        None if template && privileged => criu::enter_as_template(user, group)?,
        None => identity(privileged, user, group, || sys_map_own(user, group))?,
    }
    drop(copy);
    sys::set_dumpable(false);
    sys::drop_bounding_set();
    // Only over the sandbox's own user namespace, and until the copy is on its way: its program's name (agent/loader/).
    let kept = if image.is_some() { 1 << sys::CAP_CHECKPOINT_RESTORE } else { 0 };
    sys::set_capabilities(kept).step("capset")?;
    sys::die_with_parent().step("prctl(PR_SET_PDEATHSIG)")?;
    if sys::hung_up(LIFELINE) {
        sys::exit_now(0);
    }
    sys::no_new_privileges().step("prctl(PR_SET_NO_NEW_PRIVS)")?;
    sys::install_filter(filter).step("seccomp")?;
    // Closes the socket to the launcher too, which tells it that all went well.
    let image = image.map(|image| {
        links.push(image.into_raw_fd());
        LINK + links.len() as RawFd - 1
    });
    let waker = waker.map(|waker| {
        links.push(waker.socket);
        agent::Waker { socket: LINK + links.len() as RawFd - 1, ..waker }
    });
    sys::keep_descriptors(&links).step("dup")?;
    let runtime_link = runtime_link.then_some(RUNTIME_LINK);
    agent::run(agent::Config {
        link: LINK,
        runtime_link,
        image,
        waker,
        relay: relay.map(|port| (port, skeleton::ENDPOINT.to_string())),
        token,
        main_ms: sys::monotonic_ms(),
        isolated: true,
    })
}

/// Becomes the sandbox's user, in a user namespace of its own, with every capability in that one. `map` writes who is who.
pub fn identity(
    privileged: bool,
    user: u32,
    group: u32,
    map: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    if privileged {
        sys::become_user(user, group).step("become the sandbox's user")?;
    }
    // Its files in /proc belong to it only while it is dumpable, and it must write its own maps.
    sys::set_dumpable(true);
    sys::unshare(sys::CLONE_NEWUSER).step("unshare(CLONE_NEWUSER)")?;
    // Only now: the kernel holds a user namespace's maker to its limit for all the user's processes together, and as an
    // ordinary user all sandboxes are one user.
    sys::set_limit(Limit::Processes, PROCESSES).step("setrlimit")?;
    map()
}

fn number<N: FromStr>(text: &CStr) -> Result<N, Failure> {
    text.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| Failure::new("plan", "not a number"))
}
