//! The image of a process, as the dumper (launcher/dump/) writes it and the agent and the loader (loader/) read it. Plain
//! data without pointers, in the machine's own byte order; the loader, which has no library at all, includes this file too.
//!
//! One file: a `Header`, tables and frames up to `Header::tables` bytes, then pages of memory, and last the room for the
//! working set, which alone is written later (launcher/dump/learn.rs). Only the platform writes it.
#![allow(dead_code)]

pub const MAGIC: u64 = u64::from_le_bytes(*b"THAWIMG1");
pub const PAGE: u64 = 4096;

/// Addresses that belong to the loader in every restored process: above whatever V8 (46 bits) and the JVM choose for
/// themselves, below where the kernel puts programs. A process that uses one of them gets no image.
pub const WINDOW: u64 = 0x4f00_0000_0000;
pub const WINDOW_BYTES: u64 = 64 << 20;
/// The loader's entry, and what stands for the C library's madvise(2) in a restored process.
pub const LOADER_ENTRY: u64 = WINDOW;
pub const LOADER_MADVISE: u64 = WINDOW + 16;
/// The header and the tables are mapped here.
pub const TABLES: u64 = WINDOW + (1 << 20);
pub const TABLES_MAX: u64 = 31 << 20;
/// Where threads stand until they are let go.
pub const STACKS: u64 = WINDOW + (32 << 20);
pub const THREADS_MAX: u64 = 512;

/// The image's working set (working_set.rs) lies here until the loader has made use of it.
pub const WORKING_SET: u64 = WINDOW + (40 << 20);
/// Bytes that an image has for it, at its end.
pub const WORKING_SET_BYTES: u64 = 32 << 10;
/// Pages of one entry: it is the address of the first, and in the bits below a page's size how many more there are.
pub const STRETCH_MAX: u64 = PAGE;

/// Descriptors of a process with an image lie below; the loader's own are put here and above.
pub const DESCRIPTORS_MAX: i32 = 512;

#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Table {
    /// bytes from the image's beginning, a multiple of 8
    pub offset: u64,
    /// entries
    pub count: u64,
}

/// A stretch of the byte table `text`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Text {
    pub offset: u64,
    pub bytes: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Range {
    pub start: u64,
    pub end: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Header {
    pub magic: u64,
    /// bytes of header and tables, whole pages: pages of memory begin here
    pub tables: u64,
    /// bytes of the whole image
    pub bytes: u64,
    /// `checksum` of header and tables
    pub checksum: u64,
    /// of `Map`, ascending by address; an entry lies beside the ones before it or within the last one that is no `MAP_IMAGE`
    pub maps: Table,
    /// of `File`
    pub files: Table,
    /// of `Thread`: the first is the process itself, the others ascend by number
    pub threads: Table,
    /// of `Descriptor`, ascending
    pub descriptors: Table,
    /// of `Watch`
    pub watches: Table,
    /// of `Action`: 65, entry 0 unused
    pub actions: Table,
    /// of `Generator`
    pub generators: Table,
    /// of `Stored`, a directory before what is in it
    pub stored: Table,
    /// of `Timer`, ascending by number
    pub timers: Table,
    /// of u8
    pub text: Table,
    /// the kernel's own mappings: [vvar], [vvar_vclock], [vdso]; empty where the kernel has none
    pub kernel: [Range; 3],
    pub memory: Memory,
    /// the directory it is in
    pub directory: Text,
    pub umask: u32,
    /// process number in its own namespace
    pub pid: u32,
    /// where the C library's madvise continues when the kernel has refused, rax being the negative errno; 0: it could not
    /// be replaced, and pages are copied instead of mapped, so that MADV_DONTNEED gives zeros
    pub madvise_error: u64,
    /// the program, /proc/self/exe: index of the file and 1 more; 0: not known
    pub executable: u64,
    /// commands of membarrier(2) that the process has registered for, a set of bits
    pub barriers: u64,
    /// bytes from the image's beginning to the working set (working_set.rs): `WORKING_SET_BYTES`, no part of the checksum
    pub working_set: u64,
}

/// Of header and tables, whole words, the field itself taken as zero: what an accident has changed is not restored.
pub fn checksum(words: &[u64]) -> u64 {
    const FIELD: usize = core::mem::offset_of!(Header, checksum) / 8;
    sum(words.iter().enumerate().map(|(at, word)| if at == FIELD { 0 } else { *word }))
}

/// Notices accidents, not malice.
pub fn sum(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |sum, word| {
        (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    })
}

/// struct prctl_mm_map (prctl(2), PR_SET_MM_MAP) without the auxiliary vector and the executable.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Memory {
    pub start_code: u64,
    pub end_code: u64,
    pub start_data: u64,
    pub end_data: u64,
    pub start_brk: u64,
    pub brk: u64,
    pub start_stack: u64,
    pub arg_start: u64,
    pub arg_end: u64,
    pub env_start: u64,
    pub env_end: u64,
}

/// `Map::kind`: new anonymous memory (zeros)
pub const MAP_ANONYMOUS: u32 = 0;
/// a file of the sandbox, private
pub const MAP_FILE: u32 = 1;
/// a file of the sandbox, shared: only what the process may not write
pub const MAP_SHARED_FILE: u32 = 2;
/// pages of the image, over the entry before that covers them
pub const MAP_IMAGE: u32 = 3;
/// the main thread's stack: anonymous; room for it to grow to 8 MiB is made below
pub const MAP_STACK: u32 = 4;

#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Map {
    pub start: u64,
    pub end: u64,
    /// in the file, or in the image
    pub offset: u64,
    /// PROT_ bits
    pub protection: u32,
    pub kind: u32,
    /// index of the file
    pub file: u32,
    pub reserved: u32,
}

/// A mapped file. It must be the very same at restore: all of this is compared; of a file that is stored in the image, whose
/// inode is 0 here, its length alone.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct File {
    /// path inside the sandbox
    pub path: Text,
    pub device: u64,
    pub inode: u64,
    pub bytes: u64,
    pub modified_sec: i64,
    pub modified_nsec: i64,
}

/// `Stored::kind`
pub const STORED_FILE: u32 = 0;
pub const STORED_DIRECTORY: u32 = 1;
pub const STORED_LINK: u32 = 2;

/// Something that init has left in /tmp.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Stored {
    pub path: Text,
    /// of a link
    pub target: Text,
    pub kind: u32,
    pub mode: u32,
    /// of a file: where its bytes lie in the image, and how many
    pub offset: u64,
    pub bytes: u64,
    pub modified_sec: i64,
    pub modified_nsec: i64,
}

#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Thread {
    /// in the process's own namespace
    pub number: u32,
    /// bytes and signature of rseq(2); 0: not registered
    pub rseq_bytes: u32,
    pub rseq_signature: u32,
    pub reserved: u32,
    pub rseq: u64,
    pub name: [u8; 16],
    pub fs_base: u64,
    /// set_tid_address(2)
    pub clear_tid: u64,
    /// set_robust_list(2)
    pub robust: u64,
    pub robust_bytes: u64,
    /// Bytes from the image's beginning, a multiple of 64, to what rt_sigreturn(2) reads: struct ucontext as the kernel has
    /// it (304 bytes), 16 bytes unused, then the state of XSAVE as in a signal frame (magic numbers included), which
    /// `uc_mcontext.fpstate` points at where the tables lie in a copy.
    pub frame: u64,
    pub frame_bytes: u64,
}

/// Distance of the XSAVE state from the beginning of a frame.
pub const FRAME_STATE: u64 = 320;

/// `Descriptor::kind`: the same open file as descriptor `a`, which comes before it
pub const FD_SAME: u32 = 0;
/// `text` is the path, `a` the position
pub const FD_FILE: u32 = 1;
/// the pipe that the agent reads output from: `a` is 1 or 2
pub const FD_OUTPUT: u32 = 2;
/// the connection to the host of the runtime's own
pub const FD_LINK: u32 = 3;
/// a connection to the Runtime API of the agent; `text` is the request that it waits for the answer of, or empty
pub const FD_API: u32 = 4;
/// a socket whose other end is outside: after a restore its peer has hung up
pub const FD_DEAD: u32 = 5;
/// eventfd: `a` is the count, `b` 1 for a semaphore
pub const FD_EVENT: u32 = 6;
/// an end of a pipe within the process: `a` numbers the pipe, `b` is 1 for the writing end; `text`, with the first reading end, is what it holds
pub const FD_PIPE: u32 = 7;
/// an end of a socketpair within the process: `a` numbers the pair, `b` is the end (0 or 1); `text` is what can be read from this end
pub const FD_PAIR: u32 = 8;
/// epoll: its watches are in the table
pub const FD_EPOLL: u32 = 9;

#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Descriptor {
    pub number: i32,
    pub kind: u32,
    /// F_GETFL
    pub status: u32,
    /// 1: FD_CLOEXEC
    pub close_on_exec: u32,
    pub a: u64,
    pub b: u64,
    pub text: Text,
}

/// One descriptor in an epoll set.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Watch {
    pub epoll: i32,
    pub target: i32,
    pub events: u32,
    pub reserved: u32,
    pub data: u64,
}

/// struct sigaction as the kernel has it.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Action {
    pub handler: u64,
    pub flags: u64,
    pub restorer: u64,
    pub mask: u64,
}

/// A timer of timer_create(2) that is not running and raises a signal of the process.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Timer {
    pub number: u32,
    pub clock: i32,
    pub signal: i32,
    pub reserved: u32,
    /// what the signal carries
    pub value: u64,
}

/// Numbers of timers are below: those in between are made and deleted.
pub const TIMERS_MAX: u32 = 64;

/// A random number generator of OpenSSL: addresses of RAND_seed and RAND_poll. The loader calls the latter, what CRIU restores both.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Generator {
    pub seed: u64,
    pub poll: u64,
}

/// What the agent hands to the loader.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Call {
    /// where the kernel's own mappings are now
    pub kernel: [Range; 3],
    /// the image's descriptor
    pub image: i32,
    /// descriptor of file 0; file n is n above it
    pub files: i32,
    pub image_device: u64,
    pub image_inode: u64,
}

/// Exit codes of a process whose restore failed.
pub const FAILED_IMAGE: i32 = 101;
pub const FAILED_FILE: i32 = 102;
pub const FAILED_DESCRIPTOR: i32 = 103;
pub const FAILED_LOADER: i32 = 104;
pub const FAILED_KERNEL_MAPS: i32 = 105;
pub const FAILED_MAP: i32 = 106;
pub const FAILED_COPY: i32 = 107;
pub const FAILED_MEMORY: i32 = 108;
pub const FAILED_THREAD: i32 = 109;
pub const FAILED_NUMBER: i32 = 110;
pub const FAILED_PANIC: i32 = 111;
pub const FAILED_CAPABILITIES: i32 = 112;

/// A descriptor of the loader's own for every mapped file, from DESCRIPTORS_MAX up.
pub const FILES_MAX: i32 = 480;
