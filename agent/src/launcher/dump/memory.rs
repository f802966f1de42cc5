//! The memory of a stopped process: what lies where (proc(5), smaps), and what of it an image must hold.
use super::refusal::{OrRefuse, Refusal, refuse};
use crate::image::format::{PAGE, Range, WINDOW, WINDOW_BYTES};
use crate::launcher::failure::Step;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

/// More than the kernel lets a process have (vm.max_map_count), with some room, at under 1 KiB each.
const MAPS_TEXT_MAX: u64 = 96 << 20;
const PROTECTIONS: [(u8, u32); 3] = [(b'r', 1), (b'w', 2), (b'x', 4)];

/// One mapping.
#[derive(Debug, Clone, Default)]
pub struct Region {
    pub start: u64,
    pub end: u64,
    pub offset: u64,
    /// PROT_ bits
    pub protection: u32,
    pub shared: bool,
    pub inode: u64,
    /// a path, a name in brackets or nothing
    pub name: Vec<u8>,
    /// bytes of it that are somewhere, in memory or swapped out
    pub held: u64,
    protection_key: u64,
    flags: String,
}

impl Region {
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.split_ascii_whitespace().any(|one| one == flag)
    }

    pub fn is_file(&self) -> bool {
        self.name.starts_with(b"/")
    }

    /// The process has asked for it to be zeros in a child (MADV_WIPEONFORK), which is what a copy is to it: random number
    /// generators watch for copies so.
    pub fn is_wiped(&self) -> bool {
        self.has_flag("wf") || self.has_flag("dp")
    }

    fn overlaps(&self, start: u64, end: u64) -> bool {
        self.start < end && start < self.end
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(to, "memory at {:x} {}", self.start, String::from_utf8_lossy(&self.name))
    }
}

pub struct Layout {
    /// ascending
    pub regions: Vec<Region>,
    /// [vvar], [vvar_vclock], [vdso]
    pub kernel: [Range; 3],
}

/// All memory of the process; refused if an image cannot hold it.
pub fn layout(process: i32) -> Result<Layout, Refusal> {
    let mut layout = Layout { regions: Vec::new(), kernel: [Range::default(); 3] };
    for region in mappings(process)? {
        let range = Range { start: region.start, end: region.end };
        match region.name.as_slice() {
            b"[vvar]" => layout.kernel[0] = range,
            b"[vvar_vclock]" => layout.kernel[1] = range,
            b"[vdso]" => layout.kernel[2] = range,
            // the same for all processes
            b"[vsyscall]" => {}
            _ => {
                check(&region)?;
                layout.regions.push(region);
            }
        }
    }
    Ok(layout)
}

/// All mappings of a process, whatever they are.
pub fn mappings(process: i32) -> Result<Vec<Region>, Refusal> {
    let mut text = Vec::new();
    let maps = File::open(format!("/proc/{process}/smaps")).step("open smaps")?;
    maps.take(MAPS_TEXT_MAX).read_to_end(&mut text).step("read smaps")?;
    if text.len() as u64 == MAPS_TEXT_MAX {
        return refuse("memory", "it has too many mappings");
    }
    Ok(parse(&text))
}

fn parse(text: &[u8]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        // fields have names that begin with a capital, ranges are small hexadecimal numbers
        if line.first().is_some_and(u8::is_ascii_uppercase) {
            if let Some(region) = regions.last_mut() {
                note(region, &String::from_utf8_lossy(line));
            }
        } else if let Some(region) = head(line) {
            regions.push(region);
        }
    }
    regions
}

/// `start-end rwxp offset major:minor inode      name`
fn head(line: &[u8]) -> Option<Region> {
    let mut words = line.splitn(6, |byte| *byte == b' ');
    let mut word = || std::str::from_utf8(words.next()?).ok();
    let (start, end) = word()?.split_once('-')?;
    let permissions = word()?.as_bytes();
    let offset = u64::from_str_radix(word()?, 16).ok()?;
    let _device = word()?;
    let inode = word()?.parse().ok()?;
    Some(Region {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        offset,
        protection: PROTECTIONS.iter().filter(|(letter, _)| permissions.contains(letter)).map(|(_, bit)| bit).sum(),
        shared: permissions.get(3) == Some(&b's'),
        inode,
        name: words.next().unwrap_or_default().trim_ascii_start().to_vec(),
        ..Region::default()
    })
}

fn note(region: &mut Region, line: &str) {
    let Some((name, value)) = line.split_once(':') else { return };
    let number = || value.split_ascii_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    match name {
        "Rss" | "Swap" => region.held += number() << 10,
        "ProtectionKey" => region.protection_key = number(),
        "VmFlags" => region.flags = value.to_string(),
        _ => {}
    }
}

fn check(region: &Region) -> Result<(), Refusal> {
    let known_name = region.is_file()
        || region.name.is_empty()
        || [&b"[heap]"[..], b"[stack]"].contains(&region.name.as_slice())
        || region.name.starts_with(b"[anon:");
    let why = if region.overlaps(WINDOW, WINDOW + WINDOW_BYTES) {
        "lies where the loader of images is to lie"
    } else if region.end <= region.start || region.start % PAGE != 0 || region.end % PAGE != 0 {
        "is not made of pages"
    } else if region.has_flag("ht") {
        "is of huge pages of a fixed size"
    } else if ["pf", "io", "mm", "um", "uw", "ui", "ss"].iter().any(|flag| region.has_flag(flag)) {
        "is of a kind that cannot be copied"
    } else if region.protection_key != 0 {
        "has a protection key"
    } else if region.name.ends_with(b" (deleted)") {
        "is of a deleted file, or shared"
    } else if region.shared && (!region.is_file() || region.has_flag("mw")) {
        "is shared and can be written"
    } else if !known_name {
        "is of an unknown kind"
    } else {
        return Ok(());
    };
    refuse("memory", format!("{region} {why}"))
}

/// The content of a stopped process's memory.
pub struct Memory(File);

impl Memory {
    pub fn open(process: i32) -> Result<Memory, Refusal> {
        // not by process_vm_readv(2), which cannot read what the process itself may not: the JVM hides pages with content
        Ok(Memory(File::open(format!("/proc/{process}/mem")).step("open the runtime's memory")?))
    }

    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Refusal> {
        self.0.read_exact_at(into, address).or_refuse("memory", &format!("memory at {address:x} cannot be read"))
    }

    pub fn word(&self, address: u64) -> Result<u64, Refusal> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"55d000000000-55d000002000 r-xp 00001000 fe:00 42                         /usr/bin/a b
Size:                  8 kB
Rss:                   4 kB
Swap:                  4 kB
ProtectionKey:         0
VmFlags: rd ex mr mw me
7f0000000000-7f0000001000 rw-s 00000000 00:01 7                          /dev/zero (deleted)
Rss:                   0 kB
VmFlags: rd wr sh mr mw me ms
7f0000001000-7f0000002000 ---p 00000000 00:00 0 
Rss:                   0 kB
VmFlags: mr mw me
";

    #[test]
    fn mappings_are_read_with_their_names_and_flags() {
        let regions = parse(TEXT);
        assert_eq!(regions.len(), 3);
        let [code, shared, hidden] = &regions[..] else { unreachable!() };
        assert_eq!((code.start, code.end, code.offset), (0x55d0_0000_0000, 0x55d0_0000_2000, 0x1000));
        assert_eq!((code.protection, code.held, code.inode), (5, 8192, 42));
        assert_eq!(code.name, b"/usr/bin/a b");
        assert!(shared.shared && shared.has_flag("ms") && !code.has_flag("ms"));
        assert_eq!((hidden.protection, hidden.name.len()), (0, 0));
    }

    #[test]
    fn memory_that_an_image_cannot_hold_is_refused() {
        let [code, shared, _] = &parse(TEXT)[..] else { unreachable!() };
        assert!(check(code).is_ok());
        assert_eq!(check(shared).unwrap_err().code, "memory");
        let inside = Region { start: WINDOW, end: WINDOW + PAGE, ..Region::default() };
        assert!(check(&inside).is_err());
        let keyed = Region { protection_key: 1, ..code.clone() };
        assert!(check(&keyed).is_err());
        let unknown = Region { name: b"[uprobes]".to_vec(), ..code.clone() };
        assert!(check(&unknown).is_err());
    }
}
