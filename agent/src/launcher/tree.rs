//! The file tree of sandboxes, built once so that a sandbox needs only a copy of a very small mount namespace.
//!
//! The launcher owns two mount namespaces that the rest of the machine never sees. *Outer* is a copy of the host's (a
//! slave: it follows the host's mounts and gives nothing back); there paths are looked up. *Inner* is what sandboxes
//! copy; its root holds
//!   /skel     a tmpfs with the directories, /etc and /dev of every sandbox
//!   /base     the same, read-only, with the system's own directories bound in: the future root of every sandbox
//!   /host/0…  the file systems that functions and runtimes lie on, read-only
//!   /roots/0… the roots of container images, with what a sandbox needs laid over them
use super::failure::{Failure, Step};
use super::roots::Roots;
use super::skeleton;
use crate::sys::{self, MountLimits};
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

const READ_ONLY: MountLimits = MountLimits { read_only: true, no_devices: true };
/// Where the new root is put together: a directory every Linux has and on which no source can lie.
const WORKSHOP: &str = "/proc";
/// Paths that are remembered as looked up; one that is forgotten is just looked up again.
const REMEMBERED: usize = 20_000;

pub struct Tree {
    outer: File,
    pub inner: File,
    /// made by root: real device nodes, any number of users
    pub privileged: bool,
    skeleton: OwnedFd,
    base: OwnedFd,
    run: OwnedFd,
    file_systems: Vec<(PathBuf, String)>,
    sources: HashMap<String, CString>,
    targets: HashSet<String>,
    /// a root file system to use instead of the host's own directories
    rootfs: Option<PathBuf>,
    overlays: HashSet<String>,
    roots: Roots,
}

pub fn c_string(text: impl Into<Vec<u8>>) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::new("path", "a path holds a NUL byte"))
}

impl Tree {
    /// `run`: the directory of the host's socket; the launcher's current directory from here on.
    pub fn build(run: OwnedFd, rootfs: Option<&Path>) -> Result<Tree, Failure> {
        let privileged = sys::user_id() == 0;
        if !privileged {
            own_user_namespace()?;
        }
        sys::unshare(sys::CLONE_NEWNS).step("unshare(CLONE_NEWNS)")?;
        sys::mount(c"", c"/", c"", sys::MS_REC | sys::MS_SLAVE, c"").step("make mounts slaves")?;
        let outer = File::open("/proc/self/ns/mnt").step("open the mount namespace")?;
        sys::unshare(sys::CLONE_NEWNS).step("unshare(CLONE_NEWNS)")?;
        sys::mount(c"", c"/", c"", sys::MS_REC | sys::MS_PRIVATE, c"").step("make mounts private")?;
        let inner = File::open("/proc/self/ns/mnt").step("open the mount namespace")?;

        // An ordinary user may not see a file system without what is mounted on it, so gets the whole tree at once. It
        // also holds the /proc without which the kernel lets no user namespace mount another one.
        let whole = if privileged { None } else { Some(sys::clone_tree(c"/", true).step("open_tree(/)")?) };
        let root = Path::new(WORKSHOP);
        let at = |path: &str| c_string(format!("{WORKSHOP}/{path}"));
        sys::mount(c"tmpfs", &c_string(WORKSHOP)?, c"tmpfs", sys::MS_NOSUID, c"size=1m,mode=755")
            .step("mount tmpfs")?;
        for name in ["skel", "base", "host", "over", "top", "under", "roots"] {
            fs::create_dir(root.join(name)).step("mkdir")?;
        }
        sys::mount(c"tmpfs", &at("skel")?, c"tmpfs", sys::MS_NOSUID, c"size=64m,nr_inodes=100000,mode=755")
            .step("mount tmpfs")?;
        skeleton::fill(&root.join("skel"), privileged, rootfs.is_some())?;
        match rootfs {
            None => {
                sys::mount(&at("skel")?, &at("base")?, c"", sys::MS_BIND, c"").step("bind the skeleton")?;
                let limits = MountLimits { read_only: true, no_devices: false };
                sys::limit_mounts(&at("base")?, limits).step("mount_setattr")?;
                skeleton::bind_system(&root.join("skel"), &root.join("base"), privileged)?;
            }
            Some(directory) => {
                overlay(&[&root.join("skel"), directory], &root.join("base"))?;
                skeleton::bind_devices(Path::new("/dev"), &root.join("base"), privileged)?;
            }
        }
        skeleton::fill_around(&root.join("top"), &root.join("under"), privileged)?;
        let skeleton = sys::open_directory(&at("skel")?).step("open the skeleton")?;
        let base = sys::open_directory(&at("base")?).step("open the base")?;
        std::env::set_current_dir(root).step("chdir")?;
        sys::enter_root().step("pivot_root")?;
        let mut tree = Tree {
            outer,
            inner,
            privileged,
            skeleton,
            base,
            run,
            file_systems: Vec::new(),
            sources: HashMap::new(),
            targets: HashSet::new(),
            rootfs: rootfs.map(Path::to_path_buf),
            overlays: HashSet::new(),
            roots: Roots::default(),
        };
        if let Some(whole) = whole {
            tree.attach(&whole, Path::new("/"))?;
        }
        tree.go_out()?;
        Ok(tree)
    }

    fn go_in(&self) -> Result<(), Failure> {
        sys::set_namespace(&self.inner, sys::CLONE_NEWNS).step("setns(mnt)")
    }

    fn go_out(&self) -> Result<(), Failure> {
        sys::set_namespace(&self.outer, sys::CLONE_NEWNS).step("setns(mnt)")?;
        // setns moves the current directory to the root
        sys::change_directory(&self.run).step("fchdir")
    }

    /// Puts a file system into inner, where the caller is to be.
    fn attach(&mut self, file_system: &OwnedFd, point: &Path) -> Result<(), Failure> {
        sys::limit_tree(file_system, READ_ONLY).step("mount_setattr")?;
        let inside = format!("/host/{}", self.file_systems.len());
        fs::create_dir_all(&inside).step("mkdir")?;
        sys::attach_tree(file_system, &c_string(inside.clone())?).step("move_mount")?;
        self.file_systems.push((point.to_path_buf(), inside));
        Ok(())
    }

    /// The path, in inner, of a file or directory of the host.
    pub fn source(&mut self, path: &str) -> Result<CString, Failure> {
        if let Some(known) = self.sources.get(path) {
            return Ok(known.clone());
        }
        let real = fs::canonicalize(path).map_err(|error| Failure::new("mount", format!("source {path}: {error}")))?;
        let point = if self.privileged { mount_point(&real)? } else { PathBuf::from("/") };
        if !self.file_systems.iter().any(|(known, _)| *known == point) {
            let tree = sys::clone_tree(&c_string(point.as_os_str().as_encoded_bytes())?, false).step("open_tree")?;
            self.go_in()?;
            let attached = self.attach(&tree, &point);
            self.go_out()?;
            attached?;
        }
        let (_, inside) = self.file_systems.iter().find(|(known, _)| *known == point).expect("just attached");
        let rest = real.strip_prefix(&point).expect("a mount point of the path");
        let found = c_string(Path::new(inside).join(rest).into_os_string().into_encoded_bytes())?;
        if self.sources.len() >= REMEMBERED {
            self.sources.clear();
        }
        self.sources.insert(path.to_string(), found.clone());
        Ok(found)
    }

    /// The path, in inner, of a sandbox's whole root, made of a directory of the host.
    pub fn root(&mut self, path: &str) -> Result<String, Failure> {
        let (known, stale) = self.roots.find(path)?;
        if let Some(known) = known {
            return Ok(known);
        }
        let lower = PathBuf::from(self.source(path)?.to_string_lossy().into_owned());
        let inside = self.roots.add(path)?;
        self.go_in()?;
        for old in stale {
            // sandboxes that have it keep it
            let _ = sys::unmount(&c_string(old)?);
        }
        let made = self.make_root(&lower, Path::new(&inside));
        self.go_out()?;
        made.inspect_err(|_| self.roots.forget(path))?;
        Ok(inside)
    }

    fn make_root(&self, lower: &Path, at: &Path) -> Result<(), Failure> {
        fs::create_dir_all(at).step("mkdir")?;
        overlay(&[Path::new("/top"), lower, Path::new("/under")], at)?;
        if self.privileged { Ok(()) } else { skeleton::bind_devices(Path::new("/base/dev"), at, false) }
    }

    /// The path, in inner, of a mount point of a sandbox, made if it is not there. `covered`: it lies in another mount of
    /// the same sandbox, so it must exist there and is not our business.
    pub fn target(&mut self, path: &str, source: &str, covered: bool) -> Result<CString, Failure> {
        let inside = c_string(format!("/base{path}"))?;
        if covered || self.targets.contains(path) {
            return Ok(inside);
        }
        check_target(path)?;
        let directory = fs::metadata(source).step("source")?.is_dir();
        let base = PathBuf::from(format!("/proc/self/fd/{}", self.base.as_raw_fd()));
        match existing(&base, path)? {
            Some(true) => {}
            Some(false) => self.make_target(path, directory)?,
            None => return Err(Failure::new("mount", format!("target {path} goes through a symbolic link or a file"))),
        }
        if self.targets.len() >= REMEMBERED {
            self.targets.clear();
        }
        self.targets.insert(path.to_string());
        Ok(inside)
    }

    fn make_target(&mut self, path: &str, directory: bool) -> Result<(), Failure> {
        let top = format!("/{}", path[1..].split('/').next().expect("not empty"));
        let skeleton = PathBuf::from(format!("/proc/self/fd/{}", self.skeleton.as_raw_fd()));
        if self.rootfs.is_some() {
            make_entry(&skeleton.join(&path[1..]), directory)?;
            let root = self.rootfs.clone().expect("checked");
            let lower = self.source(&root.to_string_lossy())?;
            return self.cover("", &skeleton, &PathBuf::from(lower.to_string_lossy().into_owned()));
        }
        if !self.overlays.contains(&top) && !is_system(&skeleton, &top) {
            return make_entry(&skeleton.join(&path[1..]), directory);
        }
        // below a directory of the host: a second layer over it that holds just the new mount point
        self.go_in()?;
        let made = make_entry(&PathBuf::from(format!("/over{path}")), directory);
        self.go_out()?;
        made?;
        let lower = self.source(&top)?;
        self.cover(&top, Path::new(&format!("/over{top}")), &PathBuf::from(lower.to_string_lossy().into_owned()))?;
        self.overlays.insert(top);
        Ok(())
    }

    /// Mounts `upper` over `lower` at a directory of the base, in place of what is mounted there.
    fn cover(&mut self, top: &str, upper: &Path, lower: &Path) -> Result<(), Failure> {
        let at = format!("/base{top}");
        self.go_in()?;
        let upper = if top.is_empty() { Path::new("/skel") } else { upper };
        let done = sys::unmount(&c_string(at.clone())?)
            .step("umount")
            .and_then(|()| overlay(&[upper, lower], Path::new(&at)))
            .and_then(
                |()| if top.is_empty() { skeleton::bind_devices(Path::new("/dev"), Path::new("/base"), self.privileged) } else { Ok(()) },
            )
            .and_then(|()| sys::open_directory(c"/base").step("open the base"));
        self.go_out()?;
        self.base = done?;
        Ok(())
    }
}

/// Directories as one, read-only, the first on top.
fn overlay(layers: &[&Path], at: &Path) -> Result<(), Failure> {
    let escape = |path: &Path| path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,");
    let layers: Vec<String> = layers.iter().map(|layer| escape(layer)).collect();
    let data = c_string(format!("lowerdir={}", layers.join(":")))?;
    sys::mount(
        c"overlay",
        &c_string(at.as_os_str().as_encoded_bytes())?,
        c"overlay",
        sys::MS_RDONLY | sys::MS_NOSUID,
        &data,
    )
    .step("mount overlay")
}

/// Is this top-level directory one of the host's, bound over the skeleton?
fn is_system(skeleton: &Path, top: &str) -> bool {
    skeleton::SYSTEM.contains(&&top[1..]) && skeleton.join(&top[1..]).is_dir()
}

fn make_entry(path: &Path, directory: bool) -> Result<(), Failure> {
    if directory {
        return fs::create_dir_all(path).step("mkdir");
    }
    fs::create_dir_all(path.parent().unwrap_or(path)).step("mkdir")?;
    File::create(path).map(drop).step("create a mount point")
}

/// `Some(true)` it is there, `Some(false)` it can be made, `None` something on the way is not a directory.
fn existing(base: &Path, path: &str) -> Result<Option<bool>, Failure> {
    let mut at = base.to_path_buf();
    let parts: Vec<&str> = path[1..].split('/').collect();
    for (index, part) in parts.iter().enumerate() {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(false)),
            Err(error) => return Err(Failure::new("mount", format!("target {path}: {error}"))),
            Ok(found) if found.is_dir() => {}
            Ok(found) => {
                let last = index + 1 == parts.len();
                return Ok((last && (found.is_file() || found.file_type().is_socket())).then_some(true));
            }
        }
    }
    Ok(Some(true))
}

/// A target is an absolute path in its plainest form, outside what the sandbox itself provides.
fn check_target(path: &str) -> Result<(), Failure> {
    let plain = path.len() > 1
        && path.starts_with('/')
        && path[1..].split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    let own = ["/proc", "/dev", "/tmp"].iter().any(|own| path == *own || path.starts_with(&format!("{own}/")));
    if plain && !own && Path::new(path).components().all(|c| matches!(c, Component::RootDir | Component::Normal(_))) {
        return Ok(());
    }
    Err(Failure::new("mount", format!("target {path} is not a plain absolute path outside /proc, /dev and /tmp")))
}

/// The mount that a path lies on: its mount point in our view (proc_pid_mountinfo(5)).
fn mount_point(path: &Path) -> Result<PathBuf, Failure> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").step("read mountinfo")?;
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    // the deepest; of several on one point the last, which covers the others
    let deepest = points.filter(|point| path.starts_with(point)).max_by_key(|point| point.components().count());
    deepest.ok_or_else(|| Failure::new("mount", format!("no mount holds {}", path.display())))
}

/// mountinfo writes space, tab, newline and backslash as \ and three octal digits.
fn unescape(field: &str) -> PathBuf {
    let mut plain = field.to_string();
    for (code, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        plain = plain.replace(code, character);
    }
    PathBuf::from(plain)
}

/// A user namespace in which we are who we are, with every capability over what we make from now on.
fn own_user_namespace() -> Result<(), Failure> {
    let (user, group) = (sys::user_id(), sys::group_id());
    sys::unshare(sys::CLONE_NEWUSER).step("unshare(CLONE_NEWUSER)")?;
    sys_map(user, user, group, group)
}

/// Maps one user and one group of the parent into the user namespace just entered (user_namespaces(7)).
pub fn sys_map(inside_user: u32, user: u32, inside_group: u32, group: u32) -> Result<(), Failure> {
    fs::write("/proc/self/setgroups", "deny").step("write setgroups")?;
    fs::write("/proc/self/uid_map", format!("{inside_user} {user} 1")).step("write uid_map")?;
    fs::write("/proc/self/gid_map", format!("{inside_group} {group} 1")).step("write gid_map")
}

/// Makes the machine's user and group those of functions in the user namespace just entered.
pub fn sys_map_own(user: u32, group: u32) -> Result<(), Failure> {
    sys_map(skeleton::USER, user, skeleton::GROUP, group)
}

/// The same for another process (its directory in /proc), with a root in it besides, which takes a privileged writer.
pub fn sys_map_from_outside(process: &str, user: u32, group: u32, root: u32) -> Result<(), Failure> {
    let map = |name: &str, inside: u32, outside: u32| {
        fs::write(format!("{process}/{name}"), format!("0 {root} 1\n{inside} {outside} 1\n")).step("write the maps")
    };
    fs::write(format!("{process}/setgroups"), "deny").step("write setgroups")?;
    map("uid_map", skeleton::USER, user)?;
    map("gid_map", skeleton::GROUP, group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_plain_absolute_paths() {
        for good in ["/var/task", "/home/someone/.pyenv/versions/3.11.7", "/usr/local/x"] {
            assert!(check_target(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "var", "/a/../b", "/a//b", "/a/", "/./a", "/proc/x", "/tmp", "/dev/null"] {
            assert!(check_target(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_deepest_mount_holds_a_path() {
        assert_eq!(mount_point(Path::new("/proc/self")).unwrap(), Path::new("/proc"));
        assert_eq!(unescape("/a\\040b"), Path::new("/a b"));
    }
}
