//! The control groups' file systems as such: where they are mounted, which group is our own, writing a setting, removing a
//! directory, and sweeping what dead launchers have left.
use crate::sys;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// A mounted hierarchy and our own group in it.
pub struct Mounted {
    pub v2: bool,
    pub options: Vec<String>,
    pub own: PathBuf,
    /// the highest group we can see
    pub top: PathBuf,
}

pub fn mounted() -> Vec<Mounted> {
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
pub fn parent_name(pid: u32) -> Option<String> {
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

pub fn offers(group: &Path, controller: &str) -> bool {
    fs::read_to_string(group.join("cgroup.controllers"))
        .is_ok_and(|all| all.split_whitespace().any(|c| c == controller))
}

pub fn write(path: &Path, value: &str) -> Result<()> {
    // not fs::write: nothing is to be created, and a cgroup file takes one write
    use std::io::Write;
    let wrote = fs::OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes()));
    wrote.map_err(|error| Error::new(error.kind(), format!("writing {value} to {}: {error}", path.display())))
}

/// A file that some kernels do not have.
pub fn optional(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub fn make_directory(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Error::new(error.kind(), format!("creating {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

pub fn remove_directory(path: &Path) -> bool {
    match fs::remove_dir(path) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

pub fn kill_members(group: &Path) {
    for pid in fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines().filter_map(|l| l.parse().ok())
    {
        if pid > 0 {
            sys::kill_process(pid);
        }
    }
}

/// Ends everything below the `thaw-` groups whose launcher is gone, and removes them.
pub fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|n| n.strip_prefix("thaw-")) else { continue };
        let Some(pid) = owner.split('-').next().and_then(|pid| pid.parse().ok()) else { continue };
        if parent_name(pid).is_none_or(|living| name.to_str() != Some(&living)) {
            sweep_group(&entry.path());
        }
    }
}

pub fn sweep_group(parent: &Path) {
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
    fn the_name_of_a_launcher_holds_its_start_time() {
        let name = parent_name(std::process::id()).unwrap();
        assert!(name.starts_with(&format!("thaw-{}-", std::process::id())));
        assert_eq!(parent_name(u32::MAX), None);
    }
}
