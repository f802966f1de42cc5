//! The other ends of Unix sockets, which only sock_diag(7) tells.
use super::refusal::{OrRefuse, Refusal, refuse};
use crate::launcher::failure::Step;
use crate::sys;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

// linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const UDIAG_SHOW_PEER: u32 = 4;
const UNIX_DIAG_PEER: u16 = 2;
const UNIX_DIAG_SHUTDOWN: u16 = 6;
const HEADER: usize = 16;
/// struct unix_diag_msg
const ANSWER: usize = 16;

/// Questions about the Unix sockets of one network namespace.
pub struct Diagnosis(OwnedFd);

pub struct End {
    /// inode of the socket at the other end
    pub peer: Option<u64>,
    /// one direction has been shut down
    pub half: bool,
}

impl Diagnosis {
    /// Moves the calling thread into the network namespace of the process, for good.
    pub fn enter(process: i32) -> Result<Diagnosis, Refusal> {
        let path = format!("/proc/{process}/ns/net");
        let here = fs::metadata("/proc/self/ns/net").step("stat a namespace")?;
        if fs::metadata(&path).step("stat a namespace")?.ino() != here.ino() {
            sys::set_namespace(&File::open(path).step("open a namespace")?, sys::CLONE_NEWNET).step("setns(net)")?;
        }
        Ok(Diagnosis(
            sys::netlink_socket(NETLINK_SOCK_DIAG).or_refuse("kernel", "sockets cannot be told apart (UNIX_DIAG)")?,
        ))
    }

    pub fn ask(&self, inode: u64) -> Result<End, Refusal> {
        let mut question = Vec::with_capacity(HEADER + 24);
        question.extend((HEADER as u32 + 24).to_ne_bytes());
        question.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        question.extend(NLM_F_REQUEST.to_ne_bytes());
        question.extend([0; 8]);
        // struct unix_diag_req: family and protocol, all states, inode, what to show, any cookie
        question.extend([libc::AF_UNIX as u8, 0, 0, 0]);
        for word in [u32::MAX, inode as u32, UDIAG_SHOW_PEER, u32::MAX, u32::MAX] {
            question.extend(word.to_ne_bytes());
        }
        sys::send(self.0.as_fd(), &question).step("ask for a socket's peer")?;
        let mut answer = vec![0; 4096];
        let length = sys::receive(self.0.as_fd(), &mut answer, true).step("ask for a socket's peer")?;
        read(&answer[..length]).map_or_else(|| refuse("kernel", "the kernel does not tell a socket's peer"), Ok)
    }
}

fn read(answer: &[u8]) -> Option<End> {
    let kind = u16::from_ne_bytes(*answer.get(4..)?.first_chunk()?);
    let mut rest = answer.get(HEADER + ANSWER..).filter(|_| kind != NLMSG_ERROR)?;
    let mut end = End { peer: None, half: false };
    while let Some(&[a, b, c, d]) = rest.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = rest.get(4..length)?;
        match u16::from_ne_bytes([c, d]) {
            // 0: it is closed already
            UNIX_DIAG_PEER => {
                end.peer = Some(u64::from(u32::from_ne_bytes(*value.first_chunk()?))).filter(|peer| *peer != 0)
            }
            UNIX_DIAG_SHUTDOWN => end.half = value.first().is_some_and(|sides| *sides != 0),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(end)
}
