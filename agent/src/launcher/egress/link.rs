//! The wire between the machine and one sandbox: a veth pair (veth(4)) with one address at each end, made by a slot
//! while it changes network namespaces (rtnetlink(7)). It goes with the sandbox's namespace, whoever ends that.
use super::netlink::{ACK, Message, NEW, Netlink, REQUEST, nest, put};
use super::network::Network;
use crate::launcher::failure::{Failure, Step};
use crate::sys;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;

const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;

/// struct ifinfomsg of an interface that is to be up or down; 0: one that is to be made.
fn interface(number: u32, up: bool) -> Vec<u8> {
    let flag = if up { libc::IFF_UP as u32 } else { 0 }.to_ne_bytes();
    [&[0; 4], &number.to_ne_bytes()[..], &flag, &flag].concat()
}

/// The machine's side, opened before the slot leaves its network namespace.
pub struct Outside {
    route: Netlink,
}

impl Outside {
    pub fn open() -> Result<Outside, Failure> {
        Ok(Outside { route: Netlink::open(sys::NETLINK_ROUTE).step("open netlink")? })
    }

    /// To be called in the slot's own network namespace: makes the pair, gives both ends their address, and makes the
    /// machine's end the way to everywhere.
    pub fn connect(&self, network: Network, index: u32) -> Result<(), Failure> {
        let namespace = File::open("/proc/self/ns/net").step("open the network namespace")?;
        // no address of version 6, which nothing here would filter or translate; a kernel without it needs no telling
        let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        let name = network.interface(index);
        self.route.order(&pair(&name, namespace.as_raw_fd()), 1).step("make a veth pair")?;
        let (host, sandbox) = network.addresses(index);
        self.route.order(&address(self.number(&name)?, host), 1).step("address of the veth pair")?;

        let inside = Netlink::open(sys::NETLINK_ROUTE).step("open netlink")?;
        let eth0 = sys::interface_index(c"eth0").step("find eth0")?;
        let up = Message::new(RTM_NEWLINK, REQUEST | ACK, 1, &interface(eth0, true)).bytes();
        inside.order(&up, 1).step("bring eth0 up")?;
        inside.order(&address(eth0, sandbox), 1).step("address of eth0")?;
        inside.order(&default_route(eth0, host), 1).step("route to the outside")
    }

    /// Number of the machine's end.
    fn number(&self, name: &str) -> Result<u32, Failure> {
        let question = Message::new(RTM_GETLINK, REQUEST | ACK, 1, &[0; 16]).name(IFLA_IFNAME, name).bytes();
        let answers = self.route.ask(&question).step("find the veth pair")?;
        let number = answers.first().and_then(|answer| answer.body.get(4..8)?.try_into().ok()).map(u32::from_ne_bytes);
        number.ok_or_else(|| Failure::new("find the veth pair", "no answer"))
    }
}

fn pair(name: &str, namespace: i32) -> Vec<u8> {
    // it cannot be up before its other end is there
    let mut peer = interface(0, false);
    put(&mut peer, IFLA_IFNAME, b"eth0\0");
    put(&mut peer, IFLA_NET_NS_FD, &namespace.to_ne_bytes());
    let mut info = Vec::new();
    put(&mut info, IFLA_INFO_KIND, b"veth\0");
    nest(&mut info, IFLA_INFO_DATA, &[(VETH_INFO_PEER, &peer)]);
    Message::new(RTM_NEWLINK, REQUEST | ACK | NEW, 1, &interface(0, true))
        .name(IFLA_IFNAME, name)
        .attribute(IFLA_LINKINFO, &info)
        .bytes()
}

/// struct ifaddrmsg. Two addresses are a network of 31 bits (RFC 3021).
fn address(interface: u32, address: Ipv4Addr) -> Vec<u8> {
    let fixed = [&[libc::AF_INET as u8, 31, 0, 0], &interface.to_ne_bytes()[..]].concat();
    let mut message = Message::new(RTM_NEWADDR, REQUEST | ACK | NEW, 1, &fixed);
    for kind in [IFA_LOCAL, IFA_ADDRESS] {
        message = message.attribute(kind, &address.octets());
    }
    message.bytes()
}

/// struct rtmsg: main table, static, universe, unicast.
fn default_route(interface: u32, gateway: Ipv4Addr) -> Vec<u8> {
    let fixed = [libc::AF_INET as u8, 0, 0, 0, libc::RT_TABLE_MAIN, 4, 0, 1, 0, 0, 0, 0];
    Message::new(RTM_NEWROUTE, REQUEST | ACK | NEW, 1, &fixed)
        .attribute(RTA_GATEWAY, &gateway.octets())
        .attribute(RTA_OIF, &interface.to_ne_bytes())
        .bytes()
}

/// Numbers and names of the interfaces of the current network namespace.
pub fn interfaces() -> Result<Vec<(u32, String)>, Failure> {
    let route = Netlink::open(sys::NETLINK_ROUTE).step("open netlink")?;
    let question = Message::new(RTM_GETLINK, REQUEST | super::netlink::DUMP, 1, &[0; 16]).bytes();
    let answers = route.ask(&question).step("list interfaces")?;
    let name = |body: &[u8]| {
        let attributes = super::netlink::attributes(body.get(16..)?);
        let (_, text) = attributes.into_iter().find(|(kind, _)| *kind == IFLA_IFNAME)?;
        let number = u32::from_ne_bytes(body.get(4..8)?.try_into().ok()?);
        Some((number, String::from_utf8_lossy(text).trim_end_matches('\0').to_string()))
    };
    Ok(answers.iter().filter_map(|answer| name(&answer.body)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_number_one() {
        assert!(interfaces().unwrap().contains(&(1, "lo".to_string())));
    }

    #[test]
    fn a_pair_names_both_ends() {
        let message = pair("thaw0-7", 5);
        let text = String::from_utf8_lossy(&message).into_owned();
        assert!(text.contains("thaw0-7\0") && text.contains("eth0\0") && text.contains("veth\0"));
    }
}
