//! The seccomp filter of every sandbox: an allow-list at least as strict as Docker's default profile, for a process
//! without capabilities. What is unknown or dangerous and has a fallback in libc answers ENOSYS, what programs may try
//! and be refused answers EPERM.
//!
//! Built once when the launcher starts. It is a binary search over ranges of call numbers, not the usual chain of
//! comparisons: installing a filter makes the kernel run it once for every call number (its action cache,
//! seccomp_cache_prepare), and that is on the path of every start.
use super::calls::{ALLOWED, ALLOWED_HERE, Action, CHECKED, FORBIDDEN};
use crate::sys::BpfInstruction;
use libc::*;

/// AUDIT_ARCH_ values of linux/audit.h: the ELF machine, 64 bit, little endian.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

// Offsets in struct seccomp_data (seccomp(2)).
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const fn argument_at(index: u32) -> u32 {
    16 + 8 * index
}

fn statement(code: u32, k: u32) -> BpfInstruction {
    BpfInstruction { code: code as u16, jt: 0, jf: 0, k }
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> BpfInstruction {
    BpfInstruction { code: (BPF_JMP | code | BPF_K) as u16, jt, jf, k }
}

fn load(at: u32) -> BpfInstruction {
    statement(BPF_LD | BPF_W | BPF_ABS, at)
}

fn answer(value: u32) -> BpfInstruction {
    statement(BPF_RET | BPF_K, value)
}

fn refuse(error: i32) -> BpfInstruction {
    answer(SECCOMP_RET_ERRNO | error as u32)
}

/// The program; fits in one page.
pub fn build() -> Vec<BpfInstruction> {
    let mut program = vec![
        load(ARCHITECTURE_AT),
        jump(BPF_JEQ, ARCHITECTURE, 1, 0),
        answer(SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_AT),
    ];
    program.extend(search(&ranges()));
    program
}

/// First call numbers of stretches with the same action, ascending, from 0 to the end of all numbers. Numbers of the
/// x32 ABI (bit 30 set) belong to the last stretch, which refuses.
fn ranges() -> Vec<(u32, Action)> {
    let mut table: Vec<(u32, Action)> = CHECKED.iter().map(|&(n, action)| (n as u32, action)).collect();
    table.extend(FORBIDDEN.iter().map(|&n| (n as u32, Action::Refuse(EPERM))));
    table.extend(ALLOWED.iter().chain(ALLOWED_HERE).map(|&n| (n as u32, Action::Allow)));
    table.sort_by_key(|entry| entry.0);
    let mut ranges = vec![(0, Action::Refuse(ENOSYS))];
    let mut next = 0;
    let mut add = |from: u32, action: Action| {
        let last = ranges.len() - 1;
        if ranges[last].0 == from {
            ranges[last].1 = action;
        } else if ranges[last].1 != action {
            ranges.push((from, action));
        }
    };
    for (number, action) in table {
        if number > next {
            add(next, Action::Refuse(ENOSYS));
        }
        add(number, action);
        next = number + 1;
    }
    add(next, Action::Refuse(ENOSYS));
    ranges
}

fn search(ranges: &[(u32, Action)]) -> Vec<BpfInstruction> {
    if let [(_, action)] = ranges {
        return perform(*action);
    }
    let middle = ranges.len() / 2;
    let below = search(&ranges[..middle]);
    let mut program = if below.len() < 256 {
        vec![jump(BPF_JGE, ranges[middle].0, below.len() as u8, 0)]
    } else {
        // conditional jumps reach 255 instructions
        vec![jump(BPF_JGE, ranges[middle].0, 0, 1), jump(BPF_JA, below.len() as u32, 0, 0)]
    };
    program.extend(below);
    program.extend(search(&ranges[middle..]));
    program
}

fn perform(action: Action) -> Vec<BpfInstruction> {
    let allow = answer(SECCOMP_RET_ALLOW);
    match action {
        Action::Allow => vec![allow],
        Action::Refuse(error) => vec![refuse(error)],
        Action::WithoutFlags(flags) => vec![load(argument_at(0)), jump(BPF_JSET, flags, 0, 1), refuse(EPERM), allow],
        Action::OneOf(argument, values, error) => choose(argument, values, refuse(error), allow),
        Action::NoneOf(argument, values) => choose(argument, values, allow, refuse(EPERM)),
    }
}

fn choose(argument: u32, values: &[u32], otherwise: BpfInstruction, found: BpfInstruction) -> Vec<BpfInstruction> {
    let mut program = vec![load(argument_at(argument))];
    for (index, value) in values.iter().enumerate() {
        program.push(jump(BPF_JEQ, *value, (values.len() - index) as u8, 0));
    }
    program.extend([otherwise, found]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do: runs the program on a call.
    fn decide(program: &[BpfInstruction], architecture: u32, number: u32, arguments: [u32; 2]) -> u32 {
        let (mut at, mut a) = (0usize, 0u32);
        loop {
            let i = program[at];
            at += 1;
            let code = u32::from(i.code);
            if code == BPF_RET | BPF_K {
                return i.k;
            }
            if code == BPF_LD | BPF_W | BPF_ABS {
                a = match i.k {
                    NUMBER_AT => number,
                    ARCHITECTURE_AT => architecture,
                    16 => arguments[0],
                    24 => arguments[1],
                    other => panic!("offset {other}"),
                };
                continue;
            }
            let holds = match code & !BPF_JMP & !BPF_K {
                BPF_JA => {
                    at += i.k as usize;
                    continue;
                }
                BPF_JEQ => a == i.k,
                BPF_JGE => a >= i.k,
                BPF_JSET => a & i.k != 0,
                other => panic!("jump {other}"),
            };
            at += usize::from(if holds { i.jt } else { i.jf });
        }
    }

    fn call(number: c_long, arguments: [u32; 2]) -> u32 {
        decide(&build(), ARCHITECTURE, number as u32, arguments)
    }

    const ALLOW: u32 = SECCOMP_RET_ALLOW;
    const EPERM_: u32 = SECCOMP_RET_ERRNO | EPERM as u32;
    const ENOSYS_: u32 = SECCOMP_RET_ERRNO | ENOSYS as u32;

    #[test]
    fn every_call_gets_the_action_of_its_list() {
        let program = build();
        for number in 0..1024u32 {
            let n = c_long::from(number);
            if CHECKED.iter().any(|&(c, _)| c == n) {
                continue;
            }
            let expected = if ALLOWED.contains(&n) || ALLOWED_HERE.contains(&n) {
                ALLOW
            } else if FORBIDDEN.contains(&n) {
                EPERM_
            } else {
                ENOSYS_
            };
            assert_eq!(decide(&program, ARCHITECTURE, number, [0, 0]), expected, "call {number}");
        }
    }

    #[test]
    fn no_call_is_on_two_lists() {
        let mut all: Vec<c_long> =
            ALLOWED.iter().chain(ALLOWED_HERE).chain(FORBIDDEN).copied().chain(CHECKED.iter().map(|c| c.0)).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_thread_may_be_made_and_a_namespace_may_not() {
        assert_eq!(call(SYS_clone, [0x3d0f00, 0]), ALLOW);
        assert_eq!(call(SYS_clone, [CLONE_NEWUSER as u32 | SIGCHLD as u32, 0]), EPERM_);
        assert_eq!(call(SYS_clone, [CLONE_NEWNS as u32, 0]), EPERM_);
        assert_eq!(call(SYS_clone3, [0, 0]), ENOSYS_);
        assert_eq!(call(SYS_io_uring_setup, [0, 0]), ENOSYS_);
    }

    #[test]
    fn arguments_decide_about_sockets_personalities_and_terminals() {
        assert_eq!(call(SYS_socket, [AF_INET6 as u32, 0]), ALLOW);
        assert_eq!(call(SYS_socket, [AF_VSOCK as u32, 0]), SECCOMP_RET_ERRNO | EAFNOSUPPORT as u32);
        assert_eq!(call(SYS_personality, [0x20008, 0]), ALLOW);
        assert_eq!(call(SYS_personality, [0x40000, 0]), EPERM_);
        assert_eq!(call(SYS_ioctl, [0, 0x5401]), ALLOW);
        assert_eq!(call(SYS_ioctl, [0, 0x5412]), EPERM_);
    }

    #[test]
    fn another_architecture_is_killed_and_x32_is_unknown() {
        assert_eq!(decide(&build(), 0x4000_0003, 1, [0, 0]), SECCOMP_RET_KILL_PROCESS);
        assert_eq!(call(0x4000_0000 | SYS_read, [0, 0]), ENOSYS_);
    }
}
