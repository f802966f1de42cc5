//! A sandbox's /tmp on disk: an ext4 file system of its own in a sparse, unnamed file beside the platform's data, mounted
//! over a loop device. It is as large as the function's EphemeralStorage, and what is in it is a cache to the kernel, not
//! the sandbox's memory: in a tmpfs a function of 128 MB would be killed long before its 512 MB of /tmp were full.
//! Everything goes with the last mount, whoever ends that.
use super::ext4::Format;
use super::failure::{Failure, Step};
use crate::sys::{self, LoopDevice};
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of the disk that stay free: below that /tmp is made of memory.
const RESERVE: u64 = 1 << 30;

/// How ext4 is to treat a disk that is new, empty and in no need of surviving a crash
/// (https://docs.kernel.org/admin-guide/ext4.html).
const HINTS: &[(&CStr, &CStr)] = &[
    // there is no order of writes to keep
    (c"nobarrier", c""),
    // all inodes are zeroes already, and no thread need be started to see to that or to read bitmaps ahead
    (c"noinit_itable", c""),
    (c"no_prefetch_block_bitmaps", c""),
    // else the first look at the root reads 32 blocks of zeroes, and keeps them twice
    (c"inode_readahead_blks", c"0"),
];

/// A file system of its own, mounted nowhere yet.
pub struct Volume {
    pub mount: OwnedFd,
    pub bytes: u64,
    /// its as long as a mount of it lives
    pub device: LoopDevice,
}

impl Volume {
    /// What is to be said of it where its mount goes as a descriptor.
    pub fn description(&self) -> [u8; 16] {
        *[self.device.to_word().to_le_bytes(), self.bytes.to_le_bytes()].concat().first_chunk().expect("twice 8 bytes")
    }

    pub fn described(text: &[u8], mount: OwnedFd) -> Option<Volume> {
        let word = |at: usize| Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?));
        Some(Volume { mount, device: LoopDevice::from_word(word(0)?), bytes: word(8)? })
    }
}

/// Makes a /tmp of this size; the current directory is on the file system that is to hold it. Takes milliseconds, most of
/// them waiting for the kernel's grace periods.
pub fn make(bytes: u64) -> Result<Volume, Failure> {
    let (free, memory) = sys::free_space(c".").step("statfs")?;
    if memory {
        return Err(Failure::new("/tmp on disk", "the platform's run directory is in memory itself"));
    }
    if free < bytes + RESERVE {
        return Err(Failure::new("/tmp on disk", format!("only {} MB are free", free >> 20)));
    }
    let image = sys::unnamed_file(c".").step("open an unnamed file")?;
    let format = Format::holding(bytes);
    image.set_len(format.bytes()).step("ftruncate")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as u32);
    // The device first: the kernel flushes a file before it takes it. What is written to the device itself is where the
    // mount looks for it, and need not be read back through the file.
    let (content, device) = sys::loop_device(&image).step("loop device")?;
    format.write(&content, &sys::random_bytes().step("getrandom")?, now).step("write an empty ext4")?;
    Ok(Volume { mount: mount(device)?, bytes, device })
}

/// Another mount of a device that has been mounted already takes no time; of none that has not.
pub fn mount(device: LoopDevice) -> Result<OwnedFd, Failure> {
    sys::mount_nowhere(c"ext4", &device.path(), HINTS).step("mount ext4")
}
