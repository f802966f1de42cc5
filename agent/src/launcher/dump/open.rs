//! Open descriptors of a process, as /proc tells of them (proc(5), fdinfo).
use super::refusal::{Refusal, refuse};
use crate::image::format::DESCRIPTORS_MAX;
use crate::launcher::failure::Step;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

/// What /proc tells of one descriptor, for that many watches.
const INFO_MAX: u64 = 1 << 20;

/// What is open, as /proc tells.
pub struct Open {
    pub number: i32,
    /// what /proc/PID/fd/N leads to
    pub target: String,
    pub inode: u64,
    pub info: String,
}

impl Open {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    /// A field that is a number.
    pub fn number(&self, name: &str, radix: u32) -> Result<u64, Refusal> {
        let value = self.field(name).and_then(|text| u64::from_str_radix(text, radix).ok());
        value.map_or_else(|| refuse("kernel", format!("/proc tells no {name} of {self}")), Ok)
    }

    /// `mode`: O_RDONLY, O_WRONLY or O_RDWR.
    pub fn has_mode(&self, mode: u32) -> bool {
        self.number("flags", 8).is_ok_and(|flags| flags as u32 & libc::O_ACCMODE as u32 == mode)
    }
}

impl std::fmt::Display for Open {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(to, "descriptor {} ({})", self.number, self.target)
    }
}

/// All of a process, ascending by number.
pub fn list(process: i32) -> Result<Vec<Open>, Refusal> {
    let mut all = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd")).step("list descriptors")? {
        let name = entry.step("list descriptors")?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if number >= DESCRIPTORS_MAX {
            return refuse("descriptor", format!("descriptor {number} is above {DESCRIPTORS_MAX}"));
        }
        let path = format!("/proc/{process}/fd/{number}");
        all.push(Open {
            number,
            target: fs::read_link(&path).step("read a descriptor")?.to_string_lossy().into_owned(),
            inode: fs::metadata(&path).step("stat a descriptor")?.ino(),
            info: info(process, number)?,
        });
    }
    all.sort_by_key(|open| open.number);
    Ok(all)
}

fn info(process: i32, number: i32) -> Result<String, Refusal> {
    let file = fs::File::open(format!("/proc/{process}/fdinfo/{number}")).step("read a descriptor")?;
    let mut text = String::new();
    match file.take(INFO_MAX).read_to_string(&mut text).step("read a descriptor")? as u64 {
        INFO_MAX => refuse("descriptor", format!("descriptor {number} watches too many others")),
        _ => Ok(text),
    }
}
