//! Control groups of both versions: finding the controllers, one group a sandbox in each hierarchy, limits, removal,
//! and sweeping what a launcher that was killed has left.
//!
//! Groups are made below the launcher's own (never beside or above it), so whatever limits the platform limits its
//! sandboxes: `<own group>/thaw-<pid>-<start time>/s<slot>`.
use crate::sys;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// The parts of a sandbox's limits that a machine may lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Part {
    Memory,
    Cpu,
    Pids,
    Freezer,
    /// cgroup v2's cgroup.kill: everything dies at once, frozen or not
    Kill,
}

pub const PARTS: [(Part, &str); 5] = [
    (Part::Memory, "memory"),
    (Part::Cpu, "cpu"),
    (Part::Pids, "pids"),
    (Part::Freezer, "freezer"),
    (Part::Kill, "kill"),
];

/// Period of the CPU quota in microseconds. Short, so that a function with a small share waits 20 ms and not 100 for its
/// next slice.
const CPU_PERIOD: u64 = 20_000;
/// The kernel's smallest quota in microseconds (kernel/sched/core.c, min_cfs_quota_period).
const CPU_QUOTA_MIN: u64 = 1_000;

/// One hierarchy that serves some parts.
#[derive(Debug)]
pub struct Hierarchy {
    pub v2: bool,
    /// our directory in it, parent of all slots
    pub parent: PathBuf,
    pub parts: Vec<Part>,
}

pub struct Cgroups {
    pub hierarchies: Vec<Hierarchy>,
    /// one sentence for every part that is missing
    pub missing: Vec<(Part, String)>,
}

/// A mounted hierarchy and our own group in it.
struct Mounted {
    v2: bool,
    options: Vec<String>,
    own: PathBuf,
    /// the highest group we can see
    top: PathBuf,
}

fn mounted() -> Vec<Mounted> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    parse_mounted(&mounts, &groups)
}

/// proc_pid_mountinfo(5) and cgroups(7): "hierarchy:controllers:path", the path relative to what the mount shows.
fn parse_mounted(mounts: &str, groups: &str) -> Vec<Mounted> {
    let mut found = Vec::new();
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let left: Vec<&str> = left.split(' ').collect();
        let right: Vec<&str> = right.split(' ').collect();
        let (Some(&root), Some(&point), Some(&kind)) = (left.get(3), left.get(4), right.first()) else { continue };
        let v2 = kind == "cgroup2";
        if !v2 && kind != "cgroup" {
            continue;
        }
        let options: Vec<String> = right.get(2).unwrap_or(&"").split(',').map(str::to_string).collect();
        let own = groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let same = if v2 {
                controllers.is_empty()
            } else {
                controllers.split(',').any(|c| !c.is_empty() && options.iter().any(|o| o == c))
            };
            same.then(|| {
                path.strip_prefix(root.trim_end_matches('/')).unwrap_or("/").trim_start_matches('/').to_string()
            })
        });
        if let Some(own) = own {
            found.push(Mounted { v2, options, own: Path::new(point).join(own), top: PathBuf::from(point) });
        }
    }
    found
}

/// Name of the directory of a launcher: its process number and start time, so that a number used again is no alibi.
fn parent_name(pid: u32) -> Option<String> {
    Some(format!("thaw-{pid}-{}", start_time(pid)?))
}

/// Field 22 of proc_pid_stat(5), in clock ticks since boot; of a process that is dead but not yet reaped, none.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    (state != "Z" && state != "X").then_some(())?;
    fields.nth(18).map(str::to_string)
}

impl Cgroups {
    /// Finds the controllers, sweeps what dead launchers left and makes this launcher's directories.
    pub fn prepare() -> Cgroups {
        let mut made = Cgroups { hierarchies: Vec::new(), missing: Vec::new() };
        let name = parent_name(std::process::id()).unwrap_or_else(|| format!("thaw-{}-0", std::process::id()));
        let mut problems: Vec<(bool, Vec<String>, String)> = Vec::new();
        // version 2 first: its freezer and kill are better than the freezer of version 1
        let mut all = mounted();
        all.sort_by_key(|mount| !mount.v2);
        for mount in all {
            let result = if mount.v2 { made.prepare_v2(&mount, &name) } else { made.prepare_v1(&mount, &name) };
            if let Err(error) = result {
                problems.push((mount.v2, mount.options, error.to_string()));
            }
        }
        for (part, controller) in PARTS {
            if !made.has(part) {
                // the hierarchy of version 1 that has the controller says more than version 2, which could have had it
                let own = problems.iter().find(|(v2, options, _)| !v2 && options.iter().any(|o| o == controller));
                let why = own.or(problems.iter().find(|(v2, _, _)| *v2)).map(|(_, _, why)| why.clone());
                made.missing.push((part, why.unwrap_or_else(|| "no cgroup hierarchy here offers it".to_string())));
            }
        }
        made
    }

    fn prepare_v1(&mut self, mount: &Mounted, name: &str) -> Result<()> {
        let parts: Vec<Part> = PARTS
            .iter()
            .filter(|(part, controller)| mount.options.iter().any(|o| o == controller) && !self.has(*part))
            .map(|(part, _)| *part)
            .collect();
        if parts.is_empty() {
            return Ok(());
        }
        sweep(&mount.own);
        let parent = mount.own.join(name);
        make_directory(&parent)?;
        if parts.contains(&Part::Cpu) {
            weigh(&parent, false);
        }
        self.hierarchies.push(Hierarchy { v2: false, parent, parts });
        Ok(())
    }

    fn prepare_v2(&mut self, mount: &Mounted, name: &str) -> Result<()> {
        let mut result = Ok(());
        // A group with processes cannot share controllers out, unless it is the real root (cgroup-v2, "no internal
        // process constraint"); root may then use the top of what it sees.
        for base in [&mount.own, &mount.top] {
            sweep(base);
            let parent = base.join(name);
            if let Err(error) = make_directory(&parent) {
                result = Err(error);
                continue;
            }
            let wanted: Vec<(Part, &str)> = PARTS[..3].iter().copied().filter(|&(_, c)| offers(base, c)).collect();
            let mut parts: Vec<Part> = Vec::new();
            let mut refused = None;
            for (part, controller) in &wanted {
                let enabled = write(&base.join("cgroup.subtree_control"), &format!("+{controller}"))
                    .and_then(|()| write(&parent.join("cgroup.subtree_control"), &format!("+{controller}")));
                match enabled {
                    Ok(()) => parts.push(*part),
                    Err(error) => refused = Some(error),
                }
            }
            if let (Some(error), true) = (refused, base != &mount.top) {
                let _ = fs::remove_dir(&parent);
                result = Err(error);
                continue;
            }
            if parent.join("cgroup.freeze").exists() {
                parts.push(Part::Freezer);
            }
            if parent.join("cgroup.kill").exists() {
                parts.push(Part::Kill);
            }
            if parts.contains(&Part::Cpu) {
                weigh(&parent, true);
            }
            self.hierarchies.push(Hierarchy { v2: true, parent, parts });
            return Ok(());
        }
        result
    }

    pub fn has(&self, part: Part) -> bool {
        self.of(part).is_some()
    }

    pub fn of(&self, part: Part) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.parts.contains(&part))
    }

    /// Directory of a slot's group for a part.
    pub fn directory(&self, part: Part, slot: u64) -> Option<PathBuf> {
        self.of(part).map(|hierarchy| hierarchy.parent.join(format!("s{slot}")))
    }

    pub fn is_v2(&self, part: Part) -> bool {
        self.of(part).is_some_and(|hierarchy| hierarchy.v2)
    }

    /// Makes a slot's groups with the limits that every sandbox has.
    pub fn make(&self, slot: u64, processes: u64) -> Result<()> {
        for hierarchy in &self.hierarchies {
            let group = hierarchy.parent.join(format!("s{slot}"));
            make_directory(&group)?;
            if hierarchy.parts.contains(&Part::Pids) {
                write(&group.join("pids.max"), &processes.to_string())?;
            }
            if hierarchy.parts.contains(&Part::Cpu) {
                // A quota from the start: the first one on a machine switches code paths in the whole kernel, which is
                // slow, and must not happen while somebody waits.
                write_cpus(&group, hierarchy.v2, 1.0)?;
            }
        }
        Ok(())
    }

    /// Moves the calling process in. Slow at times (10 ms), hence done by holders long before anybody waits.
    pub fn enter(&self, slot: u64) -> Result<()> {
        for hierarchy in &self.hierarchies {
            write(&hierarchy.parent.join(format!("s{slot}")).join("cgroup.procs"), "0")?;
        }
        Ok(())
    }

    /// The limits of one sandbox: bytes of memory and swap together, and CPUs.
    pub fn limit(&self, slot: u64, memory: u64, cpus: f64) -> Result<()> {
        if let Some(group) = self.directory(Part::Memory, slot) {
            if self.is_v2(Part::Memory) {
                write(&group.join("memory.max"), &memory.to_string())?;
                optional(write(&group.join("memory.swap.max"), "0"))?;
            } else {
                write(&group.join("memory.limit_in_bytes"), &memory.to_string())?;
                optional(write(&group.join("memory.memsw.limit_in_bytes"), &memory.to_string()))?;
            }
        }
        if let Some(group) = self.directory(Part::Cpu, slot) {
            write_cpus(&group, self.is_v2(Part::Cpu), cpus)?;
        }
        Ok(())
    }

    /// SIGKILL to every process of a slot's groups, frozen or not.
    pub fn kill(&self, slot: u64) {
        if let Some(group) = self.directory(Part::Kill, slot) {
            let _ = write(&group.join("cgroup.kill"), "1");
        }
        for hierarchy in &self.hierarchies {
            kill_members(&hierarchy.parent.join(format!("s{slot}")));
        }
        if let Some(group) = self.directory(Part::Freezer, slot) {
            if self.is_v2(Part::Freezer) {
                let _ = write(&group.join("cgroup.freeze"), "0");
            } else {
                // a frozen process of version 1 takes no signal
                let _ = write(&group.join("freezer.state"), "THAWED");
            }
        }
    }

    /// How many processes of the slot the kernel has killed for want of memory.
    pub fn out_of_memory_kills(&self, slot: u64) -> u64 {
        let Some(group) = self.directory(Part::Memory, slot) else { return 0 };
        let file = if self.is_v2(Part::Memory) { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(group.join(file)).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0)
    }

    /// Removes a slot's groups. False: the kernel is not done with them, try again soon.
    pub fn remove(&self, slot: u64) -> bool {
        let mut done = true;
        for hierarchy in &self.hierarchies {
            done &= remove_directory(&hierarchy.parent.join(format!("s{slot}")));
        }
        done
    }

    /// Removes this launcher's directories, once all slots are gone.
    pub fn remove_all(&self) {
        for hierarchy in &self.hierarchies {
            sweep_group(&hierarchy.parent);
        }
    }
}

/// CPUs as a quota of the period; a smaller share than the smallest quota gets a longer period.
fn cpu_quota(cpus: f64) -> (u64, u64) {
    let quota = (cpus * CPU_PERIOD as f64).round() as u64;
    if quota >= CPU_QUOTA_MIN {
        return (quota, CPU_PERIOD);
    }
    let period = (CPU_QUOTA_MIN as f64 / cpus).clamp(CPU_PERIOD as f64, 1_000_000.0) as u64;
    (CPU_QUOTA_MIN, period)
}

fn write_cpus(group: &Path, v2: bool, cpus: f64) -> Result<()> {
    let (quota, period) = cpu_quota(cpus);
    if v2 {
        optional(write(&group.join("cpu.weight"), &((cpus * 100.0) as u64).clamp(1, 10_000).to_string()))?;
        return write(&group.join("cpu.max"), &format!("{quota} {period}"));
    }
    optional(write(&group.join("cpu.shares"), &((cpus * 1024.0) as u64).clamp(2, 262_144).to_string()))?;
    optional(write(&group.join("cpu.cfs_period_us"), &period.to_string()))?;
    // a kernel without CFS bandwidth has shares only
    optional(write(&group.join("cpu.cfs_quota_us"), &quota.to_string()))
}

/// All sandboxes together weigh as much as four busy processes on every CPU. Without it they weigh as one process of
/// this machine together, and an init beside a busy compiler takes several times as long.
fn weigh(parent: &Path, v2: bool) {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let (file, one, most) = if v2 { ("cpu.weight", 100, 10_000) } else { ("cpu.shares", 1024, 262_144) };
    // a kernel that takes no weight still shares out evenly
    let _ = write(&parent.join(file), &(one * 4 * cpus).min(most).to_string());
}

fn offers(group: &Path, controller: &str) -> bool {
    fs::read_to_string(group.join("cgroup.controllers"))
        .is_ok_and(|all| all.split_whitespace().any(|c| c == controller))
}

fn write(path: &Path, value: &str) -> Result<()> {
    // not fs::write: nothing is to be created, and a cgroup file takes one write
    use std::io::Write;
    let wrote = fs::OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes()));
    wrote.map_err(|error| Error::new(error.kind(), format!("writing {value} to {}: {error}", path.display())))
}

/// A file that some kernels do not have.
fn optional(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn make_directory(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Error::new(error.kind(), format!("creating {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

fn remove_directory(path: &Path) -> bool {
    match fs::remove_dir(path) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn kill_members(group: &Path) {
    for pid in fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines().filter_map(|l| l.parse().ok())
    {
        if pid > 0 {
            sys::kill_process(pid);
        }
    }
}

/// Ends everything below the `thaw-` groups whose launcher is gone, and removes them.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|n| n.strip_prefix("thaw-")) else { continue };
        let Some(pid) = owner.split('-').next().and_then(|pid| pid.parse().ok()) else { continue };
        if parent_name(pid).is_none_or(|living| name.to_str() != Some(&living)) {
            sweep_group(&entry.path());
        }
    }
}

fn sweep_group(parent: &Path) {
    for _ in 0..500 {
        let slots: Vec<PathBuf> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        for slot in &slots {
            if !remove_directory(slot) {
                let _ = write(&slot.join("cgroup.kill"), "1");
                kill_members(slot);
                let _ = write(&slot.join("freezer.state"), "THAWED");
            }
        }
        if remove_directory(parent) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_own_group_behind_the_root_of_the_mount() {
        let mounts = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let groups = "4:memory:/docker/abc/x\n3:cpu,cpuacct:/\n0::/user.slice\n";
        let found = parse_mounted(mounts, groups);
        let own: Vec<&str> = found.iter().map(|m| m.own.to_str().unwrap()).collect();
        assert_eq!(
            own,
            ["/sys/fs/cgroup/memory/x", "/sys/fs/cgroup/cpu,cpuacct/", "/sys/fs/cgroup/unified/user.slice"]
        );
        assert_eq!(found.iter().map(|m| m.v2).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn a_share_becomes_a_quota_the_kernel_accepts() {
        assert_eq!(cpu_quota(1.0), (20_000, 20_000));
        assert_eq!(cpu_quota(128.0 / 1769.0), (1447, 20_000));
        assert_eq!(cpu_quota(0.01), (1_000, 100_000));
        assert_eq!(cpu_quota(5.79), (115_800, 20_000));
    }

    #[test]
    fn the_name_of_a_launcher_holds_its_start_time() {
        let name = parent_name(std::process::id()).unwrap();
        assert!(name.starts_with(&format!("thaw-{}-", std::process::id())));
        assert_eq!(parent_name(u32::MAX), None);
    }
}
