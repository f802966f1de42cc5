//! What is in a sandbox's root before anything is mounted on it: directories, a small /etc of our own, devices.
use super::egress::network::name_servers;
use super::failure::{Failure, Step};
use super::tree::c_string;
use crate::sys::{self, MountLimits};
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Top-level directories that are the host's own, read-only; where the host has a link, so have we.
pub const SYSTEM: &[&str] = &["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Lambda's user and group as functions see them (`id` in a function: uid=993(sbx_user1051) gid=990).
pub const USER: u32 = 993;
pub const GROUP: u32 = 990;
pub const HOST_NAME: &str = "lambda";
/// Where the platform's own endpoint appears, if it offers one.
pub const ENDPOINT: &str = "/run/thaw/endpoint.sock";

const DIRECTORIES: &[&str] = &[
    "dev",
    "etc",
    "home/sbx_user1051",
    "mnt",
    "node_modules",
    "opt",
    "proc",
    "root",
    "run/thaw",
    "sys",
    "tmp",
    "var/lang",
    "var/runtime",
    "var/task",
    "var/tmp",
];

const DEVICES: &[(&str, u32, u32)] =
    &[("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Parts of the host's /etc that programs of /usr need and that say nothing about the host. Only what everybody may read
/// is copied, and links stay links.
const FROM_HOST: &[&str] = &[
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "gai.conf",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
];
/// Bytes that may be copied from one directory of /etc.
const COPY_LIMIT: u64 = 16 << 20;

pub fn fill(root: &Path, privileged: bool, own_root: bool) -> Result<(), Failure> {
    for name in DIRECTORIES {
        fs::create_dir_all(root.join(name)).step("mkdir")?;
    }
    fs::File::create(root.join(&ENDPOINT[1..])).step("create a mount point")?;
    // Java keeps its settings there and finds them through a link in /usr
    let java = fs::read_dir("/etc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let java = java.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with("java-"));
    if !own_root {
        for name in FROM_HOST.iter().map(|name| name.to_string()).chain(java) {
            let mut left = COPY_LIMIT;
            copy(&Path::new("/etc").join(&name), &root.join("etc").join(&name), &mut left);
        }
    }
    accounts(root)?;
    network_files(root)?;
    links(root);
    devices(root, privileged)?;
    if own_root {
        return Ok(());
    }
    for name in SYSTEM {
        let host = Path::new("/").join(name);
        match fs::symlink_metadata(&host) {
            Ok(found) if found.is_symlink() => {
                symlink(fs::read_link(&host).step("readlink")?, root.join(name)).step("symlink")?;
            }
            Ok(found) if found.is_dir() => fs::create_dir(root.join(name)).step("mkdir")?,
            _ => {}
        }
    }
    Ok(())
}

/// What lies over a container image's own files (`top`: what is the sandbox's, whatever an image has there, so that no
/// link of an image leads a mount elsewhere) and under them (`under`: what an image may lack).
pub fn fill_around(top: &Path, under: &Path, privileged: bool) -> Result<(), Failure> {
    for name in ["dev", "etc", "proc", "run/thaw", "sys", "tmp"] {
        fs::create_dir_all(top.join(name)).step("mkdir")?;
    }
    fs::File::create(top.join(&ENDPOINT[1..])).step("create a mount point")?;
    network_files(top)?;
    links(top);
    devices(top, privileged)?;
    for name in DIRECTORIES {
        fs::create_dir_all(under.join(name)).step("mkdir")?;
    }
    accounts(under)
}

fn accounts(root: &Path) -> Result<(), Failure> {
    for (name, text) in [
        (
            "passwd",
            format!(
                "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:{USER}:{GROUP}::/home/sbx_user1051:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
            ),
        ),
        ("group", format!("root:x:0:\nsbx_user1051:x:{GROUP}:\nnogroup:x:65534:\n")),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n".to_string(),
        ),
    ] {
        fs::write(root.join("etc").join(name), text).step("write /etc")?;
    }
    Ok(())
}

fn network_files(root: &Path) -> Result<(), Failure> {
    let resolver = resolver(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default(), &name_servers());
    for (name, text) in [
        ("hosts", format!("127.0.0.1 localhost {HOST_NAME} sandbox.localdomain sandbox\n::1 localhost\n")),
        ("hostname", format!("{HOST_NAME}\n")),
        ("resolv.conf", resolver),
    ] {
        fs::write(root.join("etc").join(name), text).step("write /etc")?;
    }
    Ok(())
}

fn links(root: &Path) {
    let links = [
        ("proc/self/mounts", "etc/mtab"),
        ("/proc/self/fd", "dev/fd"),
        ("/proc/self/fd/0", "dev/stdin"),
        ("/proc/self/fd/1", "dev/stdout"),
        ("/proc/self/fd/2", "dev/stderr"),
        // ES modules do not look at NODE_PATH: what the Node.js runtimes offer to import lies above every module
        ("/var/runtime/@thaw", "node_modules/@thaw"),
        // shared memory counts as /tmp does, and is as private
        ("/tmp", "dev/shm"),
    ];
    for (target, name) in links {
        let _ = symlink(if target.starts_with("proc") { "../proc/self/mounts" } else { target }, root.join(name));
    }
}

fn devices(root: &Path, privileged: bool) -> Result<(), Failure> {
    for (name, major, minor) in DEVICES {
        let path = root.join("dev").join(name);
        if privileged && sys::make_device(&c_string(path.as_os_str().as_encoded_bytes())?, *major, *minor).is_ok() {
            continue;
        }
        // bound from the host later
        fs::write(&path, "").step("create a mount point")?;
    }
    Ok(())
}

/// The host's resolver settings with the name servers that a sandbox can reach.
fn resolver(host: &str, servers: &[Ipv4Addr]) -> String {
    let settings = host.lines().filter(|line| line.starts_with("search") || line.starts_with("options"));
    let servers = servers.iter().map(|server| format!("nameserver {server}"));
    servers.chain(settings.map(str::to_string)).map(|line| line + "\n").collect()
}

/// Binds the host's own directories and, where there are no nodes, its devices over the base.
pub fn bind_system(skeleton: &Path, base: &Path, privileged: bool) -> Result<(), Failure> {
    for name in SYSTEM {
        if fs::symlink_metadata(skeleton.join(name)).is_ok_and(|found| found.is_dir()) {
            bind(&Path::new("/").join(name), &base.join(name), true)?;
        }
    }
    bind_devices(Path::new("/dev"), base, privileged)
}

/// `from`: where the machine has its devices.
pub fn bind_devices(from: &Path, base: &Path, privileged: bool) -> Result<(), Failure> {
    for (name, _, _) in DEVICES {
        let node = base.join("dev").join(name);
        if privileged && fs::metadata(&node).is_ok_and(|found| !found.is_file()) {
            continue;
        }
        bind(&from.join(name), &node, false)?;
    }
    Ok(())
}

fn bind(source: &Path, target: &Path, no_devices: bool) -> Result<(), Failure> {
    let (from, to) =
        (c_string(source.as_os_str().as_encoded_bytes())?, c_string(target.as_os_str().as_encoded_bytes())?);
    let bound = sys::mount(&from, &to, c"", sys::MS_BIND | sys::MS_REC, c"")
        .and_then(|()| sys::limit_mounts(&to, MountLimits { read_only: true, no_devices }));
    bound.map_err(|error| Failure::new("bind", format!("{}: {error}", source.display())))
}

/// Copies what everybody may read. Whatever cannot be read is left out: a sandbox does without.
fn copy(from: &Path, to: &Path, left: &mut u64) {
    let Ok(found) = fs::symlink_metadata(from) else { return };
    if let Some(parent) = to.parent() {
        let _ = fs::create_dir_all(parent);
    }
    if found.is_symlink() {
        let _ = fs::read_link(from).and_then(|target| symlink(target, to));
    } else if found.is_dir() && found.permissions().mode() & 0o005 == 0o005 {
        let _ = fs::create_dir_all(to);
        for entry in fs::read_dir(from).into_iter().flatten().flatten() {
            copy(&entry.path(), &to.join(entry.file_name()), left);
        }
    } else if found.is_file() && found.permissions().mode() & 0o004 != 0 && found.len() <= *left {
        *left -= found.len();
        let _ = fs::copy(from, to).and_then(|_| fs::set_permissions(to, fs::Permissions::from_mode(0o644)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolver_keeps_its_settings_and_asks_who_can_be_reached() {
        let host = "nameserver 127.0.0.53\noptions edns0\nsearch example.com\n";
        let found = resolver(host, &["192.0.2.1".parse().unwrap()]);
        assert_eq!(found, "nameserver 192.0.2.1\noptions edns0\nsearch example.com\n");
    }

    #[test]
    fn private_files_are_not_copied() {
        let root = std::env::temp_dir().join(format!("thaw-skeleton-{}", std::process::id()));
        fs::create_dir_all(root.join("from")).unwrap();
        fs::write(root.join("from/open"), "1").unwrap();
        fs::write(root.join("from/closed"), "2").unwrap();
        fs::set_permissions(root.join("from/open"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(root.join("from/closed"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::set_permissions(root.join("from"), fs::Permissions::from_mode(0o755)).unwrap();
        copy(&root.join("from"), &root.join("to"), &mut 100);
        assert!(root.join("to/open").exists());
        assert!(!root.join("to/closed").exists());
        fs::remove_dir_all(&root).unwrap();
    }
}
