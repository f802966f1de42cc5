//! Takes the image of a template's process tree. Runs in the launcher's helper process (launcher/dump/mod.rs).
use super::{FACTS, Facts, KERNEL_FACTS, LAST_NUMBER, Part, inventory};
use crate::launcher::dump::refusal::{OrRefuse, Refusal, refuse};
use crate::sys::{self, Ending};
use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Instant;

const LOG: &str = "dump.log";
/// Where CRIU finds the image's directory and the one for what it knows of the kernel.
const DIRECTORY: RawFd = 60;
const KERNEL: RawFd = 61;

pub struct CriuOrder {
    /// the program, as the sandbox sees it
    pub program: String,
    /// descriptor 3 is the runtime's connection to the host
    pub link: bool,
}

pub struct CriuFacts {
    pub bytes: u64,
    pub threads: usize,
    pub processes: usize,
    pub ms: f64,
}

/// Writes the image of everything below `agent` to the directory `into`, which must not exist. The processes stay stopped.
pub fn take(agent: i32, order: &CriuOrder, into: &Path) -> Result<CriuFacts, Refusal> {
    let began = Instant::now();
    let tree = Tree::find(agent, order)?;
    check_tmp(agent)?;
    let renewal = renewal(&tree)?;
    fs::DirBuilder::new().mode(0o700).create(into).or_refuse("failed", "mkdir of the image")?;
    // CRIU leaves everything stopped: what is true now was true of what it wrote
    let taken = write(agent, order, &tree, into).and_then(|bytes| check(renewal.as_ref()).map(|()| bytes));
    if taken.is_err() {
        let _ = fs::remove_dir_all(into);
    }
    let bytes = taken?;
    Ok(CriuFacts { bytes, threads: tree.threads, processes: tree.all.len(), ms: began.elapsed().as_secs_f64() * 1e3 })
}

#[cfg(snapshots)]
use super::renew::Renewal;
#[cfg(snapshots)]
fn renewal(tree: &Tree) -> Result<Option<Renewal>, Refusal> {
    super::renew::prepare(&tree.all)
}
#[cfg(snapshots)]
fn check(renewal: Option<&Renewal>) -> Result<(), Refusal> {
    renewal.map_or(Ok(()), Renewal::check)
}
#[cfg(not(snapshots))]
fn renewal(_: &Tree) -> Result<Option<()>, Refusal> {
    refuse("machine", "random generators are renewed on x86-64 only")
}
#[cfg(not(snapshots))]
fn check(_: Option<&()>) -> Result<(), Refusal> {
    Ok(())
}

/// Every sandbox has its own /tmp; CRIU does not carry files along.
fn check_tmp(agent: i32) -> Result<(), Refusal> {
    let entries = fs::read_dir(format!("/proc/{agent}/root/tmp")).or_refuse("gone", "the sandbox")?;
    let first = entries.flatten().map(|entry| entry.file_name()).find(|name| name != "lost+found");
    match first {
        Some(name) => {
            refuse("tmp", format!("criu cannot take files of /tmp along: {}", printable(&name.to_string_lossy())))
        }
        None => Ok(()),
    }
}

/// The one tree below the agent.
struct Tree {
    /// its first process, in its own namespace
    number: i32,
    threads: usize,
    /// all processes, in the namespace of this one
    all: Vec<i32>,
    output: [Option<u64>; 2],
    link: Option<u64>,
}

impl Tree {
    fn find(agent: i32, order: &CriuOrder) -> Result<Tree, Refusal> {
        let children = children(agent)?;
        let [main] = children[..] else {
            return refuse("orphans", format!("the agent has {} children instead of one", children.len()));
        };
        let (mut threads, mut all, mut at) = (0, vec![main], 0);
        while let Some(&pid) = all.get(at) {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).or_refuse("gone", "a process of the tree")?;
            for task in tasks.flatten() {
                let thread = number(task.file_name().to_string_lossy().parse().unwrap_or(0))?;
                if thread as u32 > LAST_NUMBER {
                    return refuse("numbers", format!("its process number {thread} is above {LAST_NUMBER}"));
                }
                threads += 1;
            }
            all.extend(self::children(pid)?);
            at += 1;
        }
        let inode = |descriptor: u32, kind: &str| {
            let target = fs::read_link(format!("/proc/{main}/fd/{descriptor}")).ok()?;
            target.to_str()?.strip_prefix(kind)?.strip_suffix(']')?.parse().ok()
        };
        let link = if order.link { inode(3, "socket:[") } else { None };
        if order.link && link.is_none() {
            return refuse("link", "its first process has no connection to the host as descriptor 3");
        }
        Ok(Tree { number: number(main)?, threads, all, output: [inode(1, "pipe:["), inode(2, "pipe:[")], link })
    }
}

fn children(pid: i32) -> Result<Vec<i32>, Refusal> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).or_refuse("gone", "a process of the tree")?.flatten() {
        let text = fs::read_to_string(task.path().join("children")).or_refuse("failed", "its children")?;
        found.extend(text.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()));
    }
    Ok(found)
}

/// The number in its own namespace.
fn number(pid: i32) -> Result<i32, Refusal> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).or_refuse("gone", "a process of the tree")?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    line.split_ascii_whitespace()
        .last()
        .and_then(|last| last.parse().ok())
        .ok_or_else(|| Refusal { code: "failed", why: "the kernel does not tell process numbers (NSpid)".into() })
}

fn write(agent: i32, order: &CriuOrder, tree: &Tree, into: &Path) -> Result<u64, Refusal> {
    let directory = File::open(into).or_refuse("failed", "open the image")?;
    let kernel = sys::mount_nowhere(c"tmpfs", c"tmpfs", &[]).or_refuse("failed", "mount tmpfs")?;
    let user = fs::metadata(format!("/proc/{agent}/task")).or_refuse("gone", "the sandbox")?;
    let status = fs::read_to_string(format!("/proc/{agent}/status")).or_refuse("gone", "the sandbox")?;
    let id = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.split_ascii_whitespace().next()?.parse().ok())
    };
    let (user, group) = (id("Uid:").unwrap_or(user.uid()), id("Gid:").unwrap_or(user.gid()));
    let ending = run(agent, (user, group), &directory, &kernel, &arguments(order, tree))?;
    if !matches!(ending, Ending::Code(0)) {
        let log = fs::read_to_string(into.join(LOG)).unwrap_or_default();
        let said = log.lines().filter(|line| line.contains("Error")).take(3).collect::<Vec<_>>().join("; ");
        return refuse("criu", format!("criu cannot copy it ({ending:?}): {}", printable(&said)));
    }
    finish(order, tree, into, &directory, &kernel)
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(400).collect()
}

fn arguments(order: &CriuOrder, tree: &Tree) -> Vec<CString> {
    let mut words: Vec<String> = vec![order.program.clone(), "dump".into(), "--tree".into(), tree.number.to_string()];
    let directory = format!("/proc/self/fd/{DIRECTORY}");
    words.extend(["--images-dir".into(), directory, "--log-file".into(), LOG.into(), "-v1".into()]);
    // the platform kills it; it must not run on with what the image holds
    words.push("--leave-stopped".into());
    for option in ["--unprivileged", "--manage-cgroups=ignore", "--file-locks"] {
        words.push(option.into());
    }
    words.extend(["--network-lock".into(), "skip".into()]);
    if let Some(link) = tree.link {
        words.extend(["--external".into(), format!("unix[{link}]"), "--ext-unix-sk".into()]);
    }
    words.into_iter().filter_map(|word| CString::new(word).ok()).collect()
}

/// CRIU as the template's user, in all its namespaces but the user namespace.
fn run(
    agent: i32,
    (user, group): (u32, u32),
    directory: &File,
    kernel: &OwnedFd,
    arguments: &[CString],
) -> Result<Ending, Refusal> {
    let namespace = |name: &str| File::open(format!("/proc/{agent}/ns/{name}")).or_refuse("gone", "a namespace");
    let (processes, mounts) = (namespace("pid")?, namespace("mnt")?);
    let others = [("net", sys::CLONE_NEWNET), ("uts", sys::CLONE_NEWUTS), ("ipc", sys::CLONE_NEWIPC)];
    let others = others.map(|(name, kind)| namespace(name).map(|file| (file, kind)));
    sys::give_root(kernel, user, group).or_refuse("failed", "chown")?;
    sys::set_namespace(&processes, sys::CLONE_NEWPID).or_refuse("failed", "setns(pid)")?;
    let pid = sys::fork_into(0).or_refuse("failed", "fork")?;
    if pid > 0 {
        return sys::wait_for(pid).or_refuse("failed", "wait for criu");
    }
    let become_criu = || -> std::io::Result<()> {
        for other in others.iter().flatten() {
            sys::set_namespace(&other.0, other.1)?;
        }
        sys::set_namespace(&mounts, sys::CLONE_NEWNS)?;
        sys::pass_on(directory.as_fd(), DIRECTORY)?;
        sys::pass_on(kernel.as_fd(), KERNEL)?;
        sys::become_user_with_capabilities(user, group)?;
        sys::die_with_parent()?;
        let environment = format!("XDG_RUNTIME_DIR=/proc/self/fd/{KERNEL}");
        Err(sys::execute(arguments, &[c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".into(), CString::new(environment)?]))
    };
    let code = if become_criu().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) { 127 } else { 126 };
    sys::exit_now(code)
}

/// Makes of CRIU's files an image that any sandbox of the platform can read, and nobody else: root's directory is around it.
fn finish(order: &CriuOrder, tree: &Tree, into: &Path, directory: &File, kernel: &OwnedFd) -> Result<u64, Refusal> {
    let ids = fs::read(into.join(format!("ids-{}.img", tree.number))).or_refuse("failed", "its ids")?;
    let path = into.join("inventory.img");
    let mut inventory = fs::read(&path).or_refuse("failed", "its inventory")?;
    let changed = inventory::user_namespace(&ids).and_then(|own| inventory::set_user_namespace(&mut inventory, own));
    if changed.is_none() {
        return refuse("criu", "criu's inventory of the image is not of the form known");
    }
    fs::write(&path, inventory).or_refuse("failed", "write its inventory")?;
    if let Ok(known) = fs::read(sys::below(kernel.as_fd(), KERNEL_FACTS)) {
        fs::write(into.join(KERNEL_FACTS), known).or_refuse("failed", "write what criu knows")?;
    }
    let _ = fs::remove_file(into.join(LOG));
    let mut files = Vec::new();
    for entry in fs::read_dir(into).or_refuse("failed", "read the image")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push(Part::look(&into.to_string_lossy(), &name).or_refuse("failed", "read the image")?);
    }
    let facts = Facts { criu: order.program.clone(), main: tree.number, output: tree.output, link: tree.link, files };
    fs::write(into.join(FACTS), facts.json().to_string()).or_refuse("failed", "write its facts")?;
    let mut bytes = 0;
    for entry in fs::read_dir(into).or_refuse("failed", "read the image")?.flatten() {
        bytes += entry.metadata().map_or(0, |found| found.len());
        let name = CString::new(entry.file_name().as_encoded_bytes()).or_refuse("failed", "a name")?;
        sys::publish(directory.as_fd(), &name).or_refuse("failed", "chmod")?;
    }
    fs::set_permissions(into, fs::Permissions::from_mode(0o755)).or_refuse("failed", "chmod")?;
    Ok(bytes)
}
