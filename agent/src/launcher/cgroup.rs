//! Control groups of both versions: finding the controllers, one group a sandbox in each hierarchy, limits, removal,
//! and sweeping what a launcher that was killed has left.
//!
//! Groups are made below the launcher's own (never beside or above it), so whatever limits the platform limits its
//! sandboxes: `<own group>/thaw-<pid>-<start time>/s<slot>`.
use super::hierarchy::{
    Mounted, kill_members, make_directory, mounted, offers, optional, parent_name, remove_directory, sweep,
    sweep_group, write,
};
use std::fs;
use std::io::Result;
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
                write_cpus(&group, hierarchy.v2, 1.0, None)?;
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
            // what `make` has written
            write_cpus(&group, self.is_v2(Part::Cpu), cpus, Some(CPU_PERIOD))?;
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

/// `known`: the group's period by now, in microseconds. Each write of one makes the kernel look at every CPU.
fn write_cpus(group: &Path, v2: bool, cpus: f64, known: Option<u64>) -> Result<()> {
    let (quota, period) = cpu_quota(cpus);
    if v2 {
        optional(write(&group.join("cpu.weight"), &((cpus * 100.0) as u64).clamp(1, 10_000).to_string()))?;
        return write(&group.join("cpu.max"), &format!("{quota} {period}"));
    }
    optional(write(&group.join("cpu.shares"), &((cpus * 1024.0) as u64).clamp(2, 262_144).to_string()))?;
    if known != Some(period) {
        optional(write(&group.join("cpu.cfs_period_us"), &period.to_string()))?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_becomes_a_quota_the_kernel_accepts() {
        assert_eq!(cpu_quota(1.0), (20_000, 20_000));
        assert_eq!(cpu_quota(128.0 / 1769.0), (1447, 20_000));
        assert_eq!(cpu_quota(0.01), (1_000, 100_000));
        assert_eq!(cpu_quota(5.79), (115_800, 20_000));
    }
}
