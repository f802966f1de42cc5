//! madvise(2) for a restored process. MADV_DONTNEED on anonymous memory promises zeros, and programs count on it (glibc's
//! heaps, V8, the JVM); on memory that is mapped from an image it would bring the image's bytes back. Such pages become
//! anonymous here.
use crate::format::*;
use crate::machine::*;
use crate::table;

/// Device and inode of the image.
pub static mut IMAGE: (u64, u64) = (0, 0);

const MADV_DONTNEED: i32 = 4;
const MADV_FREE: i32 = 8;
const PRIVATE_ANONYMOUS_FIXED: u64 = 0x02 | 0x20 | 0x10 | 0x4000;

/// What is mapped at an address.
struct Mapped {
    end: u64,
    protection: u64,
    from_image: bool,
}

/// Stands for the C library's function; gives what the kernel gave.
pub unsafe extern "C" fn madvise(start: u64, bytes: u64, advice: i32) -> i64 {
    let result = unsafe { call(MADVISE, start, bytes, advice as u64, 0, 0, 0) };
    if advice != MADV_DONTNEED && advice != MADV_FREE || start % PAGE != 0 {
        return result;
    }
    let end = start.saturating_add(bytes.saturating_add(PAGE - 1) & !(PAGE - 1));
    let mut replaced = false;
    let maps: &[Map] = unsafe { table((*(TABLES as *const Header)).maps) };
    // The last run that begins at or before `start` is the first that can reach into the range.
    let mut at = maps.partition_point(|map| map.start <= start);
    while at > 0 {
        at -= 1;
        if maps[at].kind == MAP_IMAGE {
            break;
        }
    }
    while let Some(map) = maps.get(at).filter(|map| map.start < end) {
        if map.kind == MAP_IMAGE && map.end > start {
            replaced |= unsafe { forget(map.start.max(start), map.end.min(end)) };
        }
        at += 1;
    }
    // MADV_FREE is refused for memory that is mapped from a file.
    if replaced { 0 } else { result }
}

unsafe fn forget(mut from: u64, to: u64) -> bool {
    let maps = unsafe { open_maps() };
    let mut replaced = false;
    while from < to {
        let Some(mapped) = (unsafe { mapped_at(maps, from) }) else { break };
        let end = mapped.end.min(to);
        if mapped.from_image {
            let made = unsafe { call(MMAP, from, end - from, mapped.protection, PRIVATE_ANONYMOUS_FIXED, u64::MAX, 0) };
            replaced |= made == from as i64;
        }
        from = end;
    }
    if maps >= 0 {
        unsafe { call(CLOSE, maps as u64, 0, 0, 0, 0, 0) };
    }
    replaced
}

unsafe fn open_maps() -> i64 {
    const CLOSE_ON_EXEC: u64 = 0o2000000;
    const HERE: u64 = -100i64 as u64;
    unsafe { call(OPENAT, HERE, c"/proc/self/maps".as_ptr() as u64, CLOSE_ON_EXEC, 0, 0, 0) }
}

/// struct procmap_query (linux/fs.h, Linux 6.11)
#[repr(C)]
#[derive(Default)]
struct Query {
    size: u64,
    flags: u64,
    address: u64,
    start: u64,
    end: u64,
    protection: u64,
    page: u64,
    offset: u64,
    inode: u64,
    major: u32,
    minor: u32,
    name_bytes: u32,
    build_id_bytes: u32,
    name: u64,
    build_id: u64,
}
const PROCMAP_QUERY: u64 = 0xc068_6611;

unsafe fn mapped_at(maps: i64, address: u64) -> Option<Mapped> {
    if maps < 0 {
        return None;
    }
    const COVERING_OR_NEXT: u64 = 0x10;
    let bytes = size_of::<Query>() as u64;
    let mut query = Query { size: bytes, flags: COVERING_OR_NEXT, address, ..Query::default() };
    let asked = unsafe { call(IOCTL, maps as u64, PROCMAP_QUERY, &raw mut query as u64, 0, 0, 0) };
    if asked == 0 {
        return Some(judge(address, &query));
    }
    const NO_ENTRY: i64 = -2;
    if asked == NO_ENTRY { None } else { unsafe { read_maps(maps, address) } }
}

fn judge(address: u64, found: &Query) -> Mapped {
    if found.start > address {
        return Mapped { end: found.start, protection: 0, from_image: false };
    }
    // makedev(3)
    let (major, minor) = (u64::from(found.major), u64::from(found.minor));
    let device = (major & 0xfff) << 8 | (major & !0xfff) << 32 | minor & 0xff | (minor & !0xff) << 12;
    // SAFETY: written once, before any thread of the process ran.
    let image = unsafe { IMAGE };
    Mapped { end: found.end, protection: found.protection & 7, from_image: (device, found.inode) == image }
}

/// The same from the text of /proc/self/maps, for older kernels: `start-end perms offset major:minor inode path`.
unsafe fn read_maps(maps: i64, address: u64) -> Option<Mapped> {
    let mut buffer = [0u8; 512];
    let mut found = Query::default();
    // which field of the line is being read, 7: the rest of the line
    let mut field = 0;
    let mut position = 0;
    loop {
        let got = unsafe { call(PREAD, maps as u64, buffer.as_mut_ptr() as u64, buffer.len() as u64, position, 0, 0) };
        if got <= 0 {
            return None;
        }
        position += got as u64;
        for &byte in buffer.iter().take(got as usize) {
            if byte == b'\n' {
                if found.end > address {
                    return Some(judge(address, &found));
                }
                found = Query::default();
                field = 0;
                continue;
            }
            let digit = u64::from((byte as char).to_digit(16).unwrap_or(0));
            match (field, byte) {
                (7, _) => {}
                (_, b' ') | (0, b'-') | (4, b':') => field += 1,
                (0, _) => found.start = found.start << 4 | digit,
                (1, _) => found.end = found.end << 4 | digit,
                (2, b'r') => found.protection |= 1,
                (2, b'w') => found.protection |= 2,
                (2, b'x') => found.protection |= 4,
                (4, _) => found.major = found.major << 4 | digit as u32,
                (5, _) => found.minor = found.minor << 4 | digit as u32,
                (6, _) => found.inode = found.inode * 10 + digit,
                _ => {}
            }
        }
    }
}
