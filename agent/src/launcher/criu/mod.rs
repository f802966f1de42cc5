//! Copies of whole process trees, made with CRIU (https://criu.org, 4.2 or later): the way for what our own dumper refuses
//! because there is more than one process.
//!
//! Who may do what:
//! - the dump (dump.rs) is CRIU with the machine's privileges, inside the namespaces of the template, as the template's own
//!   user. It needs them to suspend the template's seccomp filter (ptrace(2), PTRACE_O_SUSPEND_SECCOMP);
//! - the restore (nest.rs) is CRIU without any privilege on the machine: it runs inside the new sandbox and has
//!   capabilities in the sandbox's own user namespace only. For the numbers of processes (clone3(2), set_tid) that user
//!   namespace must own the process namespace, so such a sandbox has a process namespace within the slot's. What the
//!   restored processes get is what the image holds: no capability, no_new_privs, the filter. A fault of CRIU's in reading
//!   an image gives what any ordinary user of a machine has.
//!
//! An image is a directory: CRIU's files and ours (`Facts`), readable by all but in a directory that is root's alone. A
//! sandbox sees it as a mount of its own that only CRIU has a descriptor of.
mod dump;
mod inventory;
mod nest;

use crate::launcher::failure::{Failure, Step};
use crate::sys;
pub use dump::{CriuOrder, take};
pub use nest::{enter_as_template, nest};
use serde_json::{Value, json};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const FACTS: &str = "thaw.json";
/// What CRIU has found out about the kernel, so that it need not again: its name is CRIU's.
const KERNEL_FACTS: &str = "criu.kdat";
/// Processes of a sandbox in which CRIU works have numbers up to here; its own, and all new ones, come above.
const LAST_NUMBER: u32 = 16_000;

/// What the platform has to know of an image beside what CRIU does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// the program, as the sandbox sees it
    pub criu: String,
    /// number of the tree's first process
    pub main: i32,
    /// inode numbers of the pipes that were its standard output and error
    pub output: [Option<u64>; 2],
    /// inode number of the socket that was its connection to the host
    pub link: Option<u64>,
    /// the files of the image: CRIU does not notice when one was cut
    pub files: Vec<Part>,
}

/// One file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub bytes: u64,
    /// of what is in it; 0 for pages of memory, which are not read for that
    pub checksum: u64,
}

impl Part {
    /// As it is now. `directory`: path of the image.
    fn look(directory: &str, name: &str) -> std::io::Result<Part> {
        let path = format!("{directory}/{name}");
        let bytes = std::fs::metadata(&path)?.len();
        let checksum = if name.starts_with("pages-") { 0 } else { checksum(&std::fs::read(&path)?) };
        Ok(Part { name: name.to_string(), bytes, checksum })
    }
}

/// FNV-1a: what an accident has changed is not restored. Nobody but root can write an image.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Facts {
    fn json(&self) -> Value {
        let files: Vec<_> = self.files.iter().map(|part| json!([part.name, part.bytes, part.checksum])).collect();
        json!({
            "criu": self.criu, "main": self.main, "stdout": self.output[0], "stderr": self.output[1], "link": self.link,
            "files": files,
        })
    }

    fn parse(bytes: &[u8]) -> Option<Facts> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        Some(Facts {
            criu: value["criu"].as_str()?.to_string(),
            main: i32::try_from(value["main"].as_i64()?).ok().filter(|main| *main > 1)?,
            output: [value["stdout"].as_u64(), value["stderr"].as_u64()],
            link: value["link"].as_u64(),
            files: value["files"].as_array()?.iter().map(part).collect::<Option<_>>()?,
        })
    }
}

fn part(value: &Value) -> Option<Part> {
    let name = value[0].as_str()?.to_string();
    Some(Part { name, bytes: value[1].as_u64()?, checksum: value[2].as_u64()? })
}

/// An image that a sandbox is about to continue.
pub struct Copy {
    facts: Facts,
    /// a mount that is nowhere
    directory: OwnedFd,
}

/// A directory is an image of ours; a file is not, and comes back. To be called in the machine's own file tree.
pub fn open(image: Option<OwnedFd>) -> Result<(Option<OwnedFd>, Option<Copy>), Failure> {
    let Some(image) = image else { return Ok((None, None)) };
    let number = image.as_raw_fd();
    if !std::fs::metadata(format!("/proc/self/fd/{number}")).step("look at the image")?.is_dir() {
        return Ok((Some(image), None));
    }
    let bytes = std::fs::read(sys::below(image.as_fd(), FACTS)).step("read the image")?;
    let facts = Facts::parse(&bytes).ok_or_else(|| Failure::new("read the image", "its facts are not ours"))?;
    for part in &facts.files {
        if Part::look(&sys::below(image.as_fd(), "."), &part.name).ok().as_ref() != Some(part) {
            return Err(Failure::new("read the image", format!("{} is not what was written", part.name)));
        }
    }
    let directory = sys::clone_tree_at(image.as_fd()).step("open_tree of the image")?;
    Ok((None, Some(Copy { facts, directory })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_as_they_were_written_and_nonsense_does_not() {
        let files = vec![Part { name: "pages-1.img".into(), bytes: 8192, checksum: 0 }];
        let facts = Facts { criu: "/usr/sbin/criu".into(), main: 2, output: [Some(7), None], link: Some(9), files };
        assert_eq!(Facts::parse(facts.json().to_string().as_bytes()), Some(facts));
        for bad in ["", "{}", r#"{"criu":"/c","main":1}"#, r#"{"criu":1,"main":2}"#] {
            assert_eq!(Facts::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
