//! The process that holds the door: it makes the firewall, turns the machine's forwarding on if it was off, and waits for
//! the launcher's end. It outlives a killed launcher until the last wire of its sandboxes is gone, so no sandbox has a
//! wire without the rules for a moment; then it leaves the machine as it was.
use super::link::interfaces;
use super::netlink::Netlink;
use super::network::{FAMILY_NAME, NETWORKS, Network, PREFIX, name_servers};
use super::rule::{Rule, Verdict};
use super::table::{self, Chain, Hook};
use crate::launcher::failure::{Failure, Step};
use std::fs;
use std::io::{Error, ErrorKind};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// Table of the one guard, of all on this machine, that has turned forwarding on.
const FORWARDING_TABLE: &str = "thaw-forwarding";
/// For the kernel to take the wires of dead sandboxes down.
const WIRES_PATIENCE: Duration = Duration::from_secs(10);
/// How often to look for what nobody tells of.
const LOOK: Duration = Duration::from_millis(5);
const LOOK_FOR_OTHERS: Duration = Duration::from_millis(250);

/// An open door: dropping it closes it.
pub struct Guard {
    pub network: Network,
    table: Netlink,
    forwarding: Option<Netlink>,
}

impl Guard {
    pub fn open() -> Result<Guard, Failure> {
        check()?;
        let (network, table) = claim()?;
        let forwarding = forward()?;
        Ok(Guard { network, table, forwarding })
    }

    /// To be called when no new wire will be made. Takes as long as others need the forwarding that we have turned on.
    pub fn close(self) {
        let prefix = self.network.interface_prefix();
        let deadline = Instant::now() + WIRES_PATIENCE;
        let wired = || interfaces().is_ok_and(|all| all.iter().any(|(_, name)| name.starts_with(&prefix)));
        while wired() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        drop(self.table);
        let Some(_held) = self.forwarding else { return };
        loop {
            while others() {
                std::thread::sleep(LOOK_FOR_OTHERS);
            }
            let _ = fs::write(FORWARDING, "0");
            // somebody may have come between the look and the deed, and have seen it still on
            if !others() {
                return;
            }
            let _ = fs::write(FORWARDING, "1");
        }
    }
}

/// Can this process make firewall rules here? The reason if not.
pub fn check() -> Result<(), Failure> {
    table::names().map(drop).map_err(|error| {
        let why = match error.raw_os_error() {
            Some(libc::EPERM) => "it takes root (CAP_NET_ADMIN) to give sandboxes a network interface".to_string(),
            _ => format!("the kernel has no usable nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET): {error}"),
        };
        Failure::new("network", format!("\"egress\" is not available: {why}"))
    })
}

/// Takes the first free part of the addresses by making its table.
fn claim() -> Result<(Network, Netlink), Failure> {
    let routes = fs::read_to_string("/proc/net/route").step("read /proc/net/route")?;
    for network in (0..NETWORKS).map(|number| Network { number }) {
        if network.overlaps(&routes) {
            continue;
        }
        match table::hold(&network.table(), &chains(network, &name_servers())) {
            Ok(table) => return Ok((network, table)),
            Err(error) if is_taken(&error) => {}
            Err(error) => return Err(Failure::new("nf_tables", error)),
        }
    }
    Err(Failure::new("network", "every part of 198.18.0.0/15 is taken by another launcher or a route of this machine"))
}

fn is_taken(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::PermissionDenied)
}

/// What sandboxes may send and get. They reach neither the machine itself, nor each other, nor link-local addresses, where
/// clouds keep their machines' credentials; only name servers are exempt, for questions. Nobody can dial in.
fn chains(network: Network, name_servers: &[Ipv4Addr]) -> Vec<Chain> {
    let ours = network.interface_prefix();
    let from = || Rule::new().enters(&ours);
    let questions = || name_servers.iter().map(|&server| from().destination(server, 32).port(53).then(Verdict::Accept));

    let mut input: Vec<Vec<u8>> = questions().collect();
    input.push(from().then(Verdict::Drop));

    let mut forward = vec![
        from().not_version_4().then(Verdict::Drop),
        from().source_outside(network.first(), PREFIX).then(Verdict::Drop),
    ];
    forward.extend(questions());
    forward.extend([
        from().destination(Ipv4Addr::new(169, 254, 0, 0), 16).then(Verdict::Drop),
        from().leaves(FAMILY_NAME).then(Verdict::Drop),
        Rule::new().leaves(&ours).answers().then(Verdict::Accept),
        Rule::new().leaves(&ours).then(Verdict::Drop),
    ]);

    let translate = vec![Rule::new().source(network.first(), PREFIX).masquerade()];
    vec![
        Chain { name: "input", hook: Hook::Input, rules: input },
        Chain { name: "forward", hook: Hook::Forward, rules: forward },
        Chain { name: "translate", hook: Hook::Translate, rules: translate },
    ]
}

/// Makes the machine pass packets on, between sandboxes and the outside only: what it did not pass on before, from one of
/// its interfaces to another, it still does not. `None`: it did already, or another guard sees to it.
fn forward() -> Result<Option<Netlink>, Failure> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let old = interfaces()?.into_iter().filter(|(_, name)| name != "lo" && !name.starts_with(FAMILY_NAME));
        let old: Vec<u32> = old.map(|(number, _)| number).collect();
        let among = Chain {
            name: "among",
            hook: Hook::None,
            rules: old.iter().map(|&number| Rule::new().leaves_by(number).then(Verdict::Drop)).collect(),
        };
        let forward = Chain {
            name: "forward",
            hook: Hook::Forward,
            rules: old.iter().map(|&number| Rule::new().enters_by(number).then(Verdict::Jump("among"))).collect(),
        };
        let held = table::hold(FORWARDING_TABLE, &[among, forward]);
        let on = fs::read_to_string(FORWARDING).step("read ip_forward")?.trim() != "0";
        match held {
            Ok(_) if on => return Ok(None),
            Ok(held) => {
                fs::write(FORWARDING, "1").step("turn ip_forward on")?;
                return Ok(Some(held));
            }
            Err(error) if !is_taken(&error) => return Err(Failure::new("nf_tables", error)),
            Err(_) if on => return Ok(None),
            Err(_) if Instant::now() > deadline => {
                return Err(Failure::new("turn ip_forward on", "another process is at it and does not finish"));
            }
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

/// Does another guard's sandboxes' way lead through this machine?
fn others() -> bool {
    let ours = |name: &String| name.starts_with(FAMILY_NAME) && name != FORWARDING_TABLE;
    table::names().is_ok_and(|names| names.iter().any(ours))
}
