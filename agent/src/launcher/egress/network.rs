//! Addresses and names. All launchers of a machine share 198.18.0.0/15, which no network uses (RFC 2544: for measuring
//! routers) and no router of the Internet carries; each has one of 32 parts, and every sandbox two addresses of that.
use std::fs;
use std::net::Ipv4Addr;

const BASE: u32 = u32::from_be_bytes([198, 18, 0, 0]);
/// bits of the prefix of one launcher's part
pub const PREFIX: u8 = 20;
pub const NETWORKS: u32 = 32;
/// sandboxes of one network at a time
pub const WIRES: u32 = 1 << (32 - PREFIX as u32 - 1);
/// How every interface and every table of ours begins.
pub const FAMILY_NAME: &str = "thaw";

/// One launcher's part of the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub number: u32,
}

impl Network {
    pub fn first(self) -> Ipv4Addr {
        Ipv4Addr::from(BASE + (self.number << (32 - PREFIX as u32)))
    }

    /// Name of the firewall's table; whoever has made it has the network.
    pub fn table(self) -> String {
        format!("{FAMILY_NAME}{}", self.number)
    }

    /// How the names of this network's interfaces begin.
    pub fn interface_prefix(self) -> String {
        format!("{FAMILY_NAME}{}-", self.number)
    }

    /// The machine's end of a sandbox's wire; at most 15 characters.
    pub fn interface(self, index: u32) -> String {
        format!("{}{index}", self.interface_prefix())
    }

    /// The machine's address on a wire and the sandbox's.
    pub fn addresses(self, index: u32) -> (Ipv4Addr, Ipv4Addr) {
        let host = u32::from(self.first()) + 2 * index;
        (Ipv4Addr::from(host), Ipv4Addr::from(host + 1))
    }

    /// Does one of the machine's routes lead into this network? Text of /proc/net/route, addresses in host byte order.
    pub fn overlaps(self, routes: &str) -> bool {
        let (first, mask) = (u32::from(self.first()), u32::MAX << (32 - PREFIX as u32));
        routes.lines().skip(1).any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let number = |at: usize| fields.get(at).and_then(|hex| u32::from_str_radix(hex, 16).ok()).map(u32::from_be);
            let (Some(target), Some(target_mask)) = (number(1), number(7)) else { return false };
            // a default route leads everywhere and means nothing
            target_mask != 0 && target & mask & target_mask == first & mask & target_mask
        })
    }
}

/// Name servers that a sandbox can reach: of the machine's, those that are not the machine itself by its loopback
/// interface. A local cache in front of them (systemd-resolved) keeps its own list.
pub fn name_servers() -> Vec<Ipv4Addr> {
    for file in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
        let found = parse_name_servers(&fs::read_to_string(file).unwrap_or_default());
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn parse_name_servers(text: &str) -> Vec<Ipv4Addr> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok());
    named.filter(|address: &Ipv4Addr| !address.is_loopback() && !address.is_unspecified()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sandboxes_share_an_address_and_every_name_fits() {
        let last = Network { number: NETWORKS - 1 };
        assert_eq!(Network { number: 0 }.addresses(0), ("198.18.0.0".parse().unwrap(), "198.18.0.1".parse().unwrap()));
        assert_eq!(last.addresses(WIRES - 1).1, "198.19.255.255".parse::<Ipv4Addr>().unwrap());
        assert_eq!(Network { number: 1 }.addresses(0).0, "198.18.16.0".parse::<Ipv4Addr>().unwrap());
        assert!(last.interface(WIRES - 1).len() <= 15);
    }

    #[test]
    fn a_network_that_the_machine_has_a_route_into_is_not_used() {
        let routes = |line: &str| format!("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n{line}\n");
        let network = Network { number: 1 };
        // default route; 198.18.16.4/31; 198.18.0.0/15; 198.18.0.0/20
        assert!(!network.overlaps(&routes("eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0")));
        assert!(network.overlaps(&routes("x\t041012C6\t00000000\t0001\t0\t0\t0\tFEFFFFFF\t0\t0\t0")));
        assert!(network.overlaps(&routes("x\t000012C6\t00000000\t0001\t0\t0\t0\t0000FEFF\t0\t0\t0")));
        assert!(!network.overlaps(&routes("x\t000012C6\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0")));
    }

    #[test]
    fn name_servers_of_the_machine_alone_are_left_out() {
        let text = "# nameserver 9.9.9.9\nsearch a.b\nnameserver 127.0.0.53\nnameserver  192.0.2.1 \nnameserver ::1\n";
        assert_eq!(parse_name_servers(text), ["192.0.2.1".parse::<Ipv4Addr>().unwrap()]);
    }
}
