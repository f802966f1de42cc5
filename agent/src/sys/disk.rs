//! Linux-only wrappers for a file system in a file: an unnamed file, a loop device (loop(4)), a mount that is nowhere yet.
use super::linux::{check, owned};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::Result;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr::null;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

// linux/loop.h
const LOOP_CTL_REMOVE: u64 = 0x4c81;
const LOOP_CTL_GET_FREE: u64 = 0x4c82;
const LOOP_CONFIGURE: u64 = 0x4c0a;
const LO_FLAGS_AUTOCLEAR: u32 = 4;

// linux/magic.h
const TMPFS_MAGIC: u32 = 0x0102_1994;
const RAMFS_MAGIC: u32 = 0x8584_58f6;

/// struct loop_config with its struct loop_info64.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    /// device, inode, rdevice, offset, size limit
    _numbers: [u64; 5],
    /// number, encrypt type, encrypt key size
    _more: [u32; 3],
    flags: u32,
    _names: [u8; 64 + 64 + 32],
    _init: [u64; 2],
    _reserved: [u64; 8],
}

/// A file without a name on the file system of the directory; it is gone when its last descriptor is.
pub fn unnamed_file(directory: &CStr) -> Result<File> {
    let flags = libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC;
    // SAFETY: the string ends in NUL and outlives the call.
    owned(unsafe { libc::open(directory.as_ptr(), flags, 0o600) }.into()).map(File::from)
}

/// Bytes that an ordinary user may still write on the file system of the directory, and whether that is memory (tmpfs).
pub fn free_space(directory: &CStr) -> Result<(u64, bool)> {
    // SAFETY: an all-zero statfs is valid and writable; the string ends in NUL.
    unsafe {
        let mut found: libc::statfs = std::mem::zeroed();
        check(libc::statfs(directory.as_ptr(), &mut found).into())?;
        let memory = [TMPFS_MAGIC, RAMFS_MAGIC].contains(&(found.f_type as u32));
        Ok((found.f_bavail * found.f_bsize as u64, memory))
    }
}

/// One of the machine's loop devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoopDevice {
    pub number: u32,
    /// there was none left, so the kernel has made it when we asked for one
    pub added: bool,
}

impl LoopDevice {
    /// For messages.
    pub fn to_word(self) -> u64 {
        u64::from(self.number) | u64::from(self.added) << 32
    }

    pub fn from_word(word: u64) -> LoopDevice {
        LoopDevice { number: word as u32, added: word >> 32 != 0 }
    }

    pub fn path(&self) -> CString {
        CString::new(format!("/dev/loop{}", self.number)).expect("no NUL in it")
    }

    /// Takes the device from the machine again, which it refuses while anybody has it open. Waits for grace periods, 50 ms.
    pub fn remove(&self) -> Result<()> {
        // SAFETY: no pointers.
        check(unsafe { libc::ioctl(loop_control()?.as_raw_fd(), LOOP_CTL_REMOVE as _, self.number) }.into()).map(drop)
    }
}

fn loop_control() -> Result<File> {
    File::options().read(true).write(true).open("/dev/loop-control")
}

/// The time as file systems write it down: of the last tick.
fn time_of_tick() -> SystemTime {
    // SAFETY: an all-zero timespec is valid and writable.
    let now = unsafe {
        let mut now: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now);
        now
    };
    UNIX_EPOCH + Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// A block device with the file's content. The device lets go of the file when nobody has it open and nothing of it is
/// mounted.
pub fn loop_device(file: &File) -> Result<(File, LoopDevice)> {
    let control = loop_control()?;
    for _ in 0..16 {
        let asked = time_of_tick();
        // SAFETY: no pointers.
        let number = check(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) }.into())? as u32;
        let mut found = LoopDevice { number, added: false };
        let device = File::options().read(true).write(true).open(OsStr::from_bytes(found.path().as_bytes()))?;
        // The call does not say whether it has made one. Where the nodes of /dev are not the kernel's, nobody can tell.
        found.added = device.metadata()?.created().is_ok_and(|born| born >= asked);
        // SAFETY: all-zero is valid for a structure of numbers.
        let mut config: LoopConfig = unsafe { std::mem::zeroed() };
        config.fd = file.as_raw_fd() as u32;
        config.block_size = 4096;
        config.flags = LO_FLAGS_AUTOCLEAR;
        // SAFETY: `config` has the layout of struct loop_config, which the call only reads.
        match check(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE as _, &raw const config) }.into()) {
            Ok(_) => return Ok((device, found)),
            // somebody else took it in between
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::from_raw_os_error(libc::EBUSY))
}

const FSCONFIG_SET_FLAG: u32 = 0;
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_CMD_CREATE: u32 = 6;
const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;

/// Mounts a device without putting it anywhere: the mount lives as long as the descriptor, or where `attach_tree` puts it.
/// Set-user-ID programs and device nodes on it mean nothing. `hints`: options with a value or without (empty), of which a
/// kernel that does not know one is to do without.
pub fn mount_nowhere(kind: &CStr, device: &CStr, hints: &[(&CStr, &CStr)]) -> Result<OwnedFd> {
    let none: *const libc::c_char = null();
    // SAFETY: all strings end in NUL and outlive the calls; null is what the kernel wants where there is no value.
    unsafe {
        let context = owned(libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC))?;
        let set = |command: u32, name: *const libc::c_char, value: *const libc::c_char| {
            check(libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, name, value, 0))
        };
        set(FSCONFIG_SET_STRING, c"source".as_ptr(), device.as_ptr())?;
        for (name, value) in hints {
            let _ = match value.is_empty() {
                true => set(FSCONFIG_SET_FLAG, name.as_ptr(), none),
                false => set(FSCONFIG_SET_STRING, name.as_ptr(), value.as_ptr()),
            };
        }
        set(FSCONFIG_CMD_CREATE, none, none)?;
        let limits = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        owned(libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, limits))
    }
}

/// How a file system stands, as far as those who had it could have changed it: free blocks, free inodes, then of the root
/// directory size, links, time of its last change (seconds and nanoseconds), flags, generation, bytes of extended attributes' names.
pub type DiskState = [i64; 9];

// linux/fs.h
const FS_IOC_GETFLAGS: u64 = 0x8008_6601;
const FS_IOC_GETVERSION: u64 = 0x8008_7601;

pub fn disk_state(mount: &OwnedFd) -> Result<DiskState> {
    let root = open_root(mount)?;
    let at = root.as_raw_fd();
    // SAFETY: all-zero structures of numbers are valid and writable; a null list of length 0 asks for the length alone.
    unsafe {
        let (mut space, mut found): (libc::statfs, libc::stat) = (std::mem::zeroed(), std::mem::zeroed());
        check(libc::fstatfs(at, &mut space).into())?;
        check(libc::fstat(at, &mut found).into())?;
        let (mut flags, mut generation): (libc::c_long, libc::c_long) = (0, 0);
        check(libc::ioctl(at, FS_IOC_GETFLAGS as _, &raw mut flags).into())?;
        check(libc::ioctl(at, FS_IOC_GETVERSION as _, &raw mut generation).into())?;
        let names = check(libc::flistxattr(at, std::ptr::null_mut(), 0) as i64)?;
        let times = [found.st_mtime, found.st_mtime_nsec];
        let counts = [space.f_bfree as i64, space.f_ffree as i64, found.st_size, found.st_nlink as i64];
        Ok([counts[0], counts[1], counts[2], counts[3], times[0], times[1], flags, generation, names])
    }
}

/// Mode and times of the root directory as they were in the beginning; `state`: then.
pub fn reset_root(mount: &OwnedFd, state: &DiskState) -> Result<()> {
    let root = open_root(mount)?;
    let time = libc::timespec { tv_sec: state[4], tv_nsec: state[5] };
    // SAFETY: two valid times; no pointers otherwise.
    unsafe {
        check(libc::fchmod(root.as_raw_fd(), 0o700).into())?;
        check(libc::futimens(root.as_raw_fd(), [time, time].as_ptr()).into()).map(drop)
    }
}

fn open_root(mount: &OwnedFd) -> Result<OwnedFd> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the string is static.
    owned(unsafe { libc::openat(mount.as_raw_fd(), c".".as_ptr(), flags) }.into())
}

/// Gives the root directory of a mount to a user.
pub fn give_root(mount: &OwnedFd, user: u32, group: u32) -> Result<()> {
    // SAFETY: the string is static.
    check(unsafe { libc::fchownat(mount.as_raw_fd(), c"".as_ptr(), user, group, libc::AT_EMPTY_PATH) }.into()).map(drop)
}

/// Bytes nobody can guess.
pub fn random_bytes() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    // SAFETY: pointer and length belong to one buffer; a request this small is answered whole.
    check(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } as i64).map(|_| bytes)
}

/// Room for the control message that carries one descriptor, aligned as cmsg(3) wants it.
#[repr(align(8))]
struct ControlMessage([u8; 32]);

fn with_header<T>(bytes: &mut [u8], control: &mut ControlMessage, body: impl FnOnce(&mut libc::msghdr) -> T) -> T {
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: an all-zero msghdr is valid; its pointers are to values that outlive `body`.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    body(&mut header)
}

/// Sends bytes, and a copy of the descriptor with them (unix(7), SCM_RIGHTS).
pub fn send_descriptor(socket: BorrowedFd, bytes: &[u8], descriptor: Option<&OwnedFd>) -> Result<()> {
    send_borrowed(socket, bytes, descriptor.map(OwnedFd::as_fd), true)
}

/// The same of a descriptor that somebody else owns. `wait`: until there is room for it.
pub fn send_borrowed(socket: BorrowedFd, bytes: &[u8], descriptor: Option<BorrowedFd>, wait: bool) -> Result<()> {
    let flags = libc::MSG_NOSIGNAL | if wait { 0 } else { libc::MSG_DONTWAIT };
    let mut control = ControlMessage([0; 32]);
    let mut bytes = bytes.to_vec();
    with_header(&mut bytes, &mut control, |header| {
        // SAFETY: the buffer has room for one control message with one descriptor, and is aligned for its header.
        unsafe {
            if let Some(descriptor) = descriptor {
                header.msg_controllen = libc::CMSG_SPACE(size_of::<RawFd>() as u32) as _;
                let message = libc::CMSG_FIRSTHDR(header);
                (*message).cmsg_level = libc::SOL_SOCKET;
                (*message).cmsg_type = libc::SCM_RIGHTS;
                (*message).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
                libc::CMSG_DATA(message).cast::<RawFd>().write_unaligned(descriptor.as_raw_fd());
            }
            check(libc::sendmsg(socket.as_raw_fd(), header, flags) as i64).map(drop)
        }
    })
}

/// How many bytes were received, and the descriptor that came with them.
pub fn receive_descriptor(socket: BorrowedFd, bytes: &mut [u8], wait: bool) -> Result<(usize, Option<OwnedFd>)> {
    let mut control = ControlMessage([0; 32]);
    with_header(bytes, &mut control, |header| {
        header.msg_controllen = size_of::<ControlMessage>() as _;
        // SAFETY: the kernel writes at most the lengths told; a control message is read only if one is there, and the
        // descriptor in it is ours alone.
        unsafe {
            let flags = libc::MSG_CMSG_CLOEXEC | if wait { 0 } else { libc::MSG_DONTWAIT };
            let length = check(libc::recvmsg(socket.as_raw_fd(), header, flags) as i64)?;
            let message = libc::CMSG_FIRSTHDR(header);
            let rights = !message.is_null() && (*message).cmsg_type == libc::SCM_RIGHTS;
            let number = rights.then(|| libc::CMSG_DATA(message).cast::<RawFd>().read_unaligned());
            Ok((length as usize, number.map(|number| OwnedFd::from_raw_fd(number))))
        }
    })
}
