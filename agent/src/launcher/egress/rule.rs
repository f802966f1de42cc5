//! One rule of the kernel's packet filter (nf_tables), put together from the expressions of linux/netfilter/nf_tables.h.
//! Every value is big-endian but those that the kernel loads in its own order: interface numbers and connection states.
use super::netlink::{list, put};
use std::net::Ipv4Addr;

const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const NESTED: u16 = 0x8000;

const REGISTER: [u8; 4] = 1u32.to_be_bytes();
const VERDICT_REGISTER: [u8; 4] = 0u32.to_be_bytes();

const META_INTERFACE: u32 = 4;
const META_OUT_INTERFACE: u32 = 5;
const META_INTERFACE_NAME: u32 = 6;
const META_OUT_INTERFACE_NAME: u32 = 7;
const META_PROTOCOL_FAMILY: u32 = 15;

const EQUAL: u32 = 0;
const DIFFERENT: u32 = 1;

const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const SOURCE: u32 = 12;
const DESTINATION: u32 = 16;
const PORT: u32 = 2;

const STATE_OF_CONNECTION: u32 = 0;
const ESTABLISHED_OR_RELATED: u32 = 2 | 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Drop,
    Accept,
    /// go through that chain, and on here if it has not decided
    Jump(&'static str),
}

/// What a packet must be for the rule to apply, and what then becomes of it.
#[derive(Default)]
pub struct Rule(Vec<u8>);

impl Rule {
    pub fn new() -> Rule {
        Rule::default()
    }

    fn expression(mut self, name: &str, attributes: &[(u16, &[u8])]) -> Rule {
        let mut element = Vec::new();
        put(&mut element, EXPRESSION_NAME, &[name.as_bytes(), &[0]].concat());
        put(&mut element, EXPRESSION_DATA | NESTED, &list(attributes));
        put(&mut self.0, LIST_ELEMENT | NESTED, &element);
        self
    }

    fn meta(self, key: u32) -> Rule {
        self.expression("meta", &[(1, &REGISTER), (2, &key.to_be_bytes())])
    }

    fn compare(self, operation: u32, value: &[u8]) -> Rule {
        let data = list(&[(DATA_VALUE, value)]);
        self.expression("cmp", &[(1, &REGISTER), (2, &operation.to_be_bytes()), (3 | NESTED, &data)])
    }

    fn masked(self, mask: [u8; 4]) -> Rule {
        let (mask, zero) = (list(&[(DATA_VALUE, &mask)]), list(&[(DATA_VALUE, &[0; 4])]));
        let attributes: [(u16, &[u8]); 5] =
            [(1, &REGISTER), (2, &REGISTER), (3, &4u32.to_be_bytes()), (4 | NESTED, &mask), (5 | NESTED, &zero)];
        self.expression("bitwise", &attributes)
    }

    fn payload(self, base: u32, offset: u32, length: u32) -> Rule {
        let [base, offset, length] = [base, offset, length].map(u32::to_be_bytes);
        self.expression("payload", &[(1, &REGISTER), (2, &base), (3, &offset), (4, &length)])
    }

    /// came in by an interface whose name begins so
    pub fn enters(self, prefix: &str) -> Rule {
        self.meta(META_INTERFACE_NAME).compare(EQUAL, prefix.as_bytes())
    }

    /// goes out by an interface whose name begins so
    pub fn leaves(self, prefix: &str) -> Rule {
        self.meta(META_OUT_INTERFACE_NAME).compare(EQUAL, prefix.as_bytes())
    }

    pub fn enters_by(self, number: u32) -> Rule {
        self.meta(META_INTERFACE).compare(EQUAL, &number.to_ne_bytes())
    }

    pub fn leaves_by(self, number: u32) -> Rule {
        self.meta(META_OUT_INTERFACE).compare(EQUAL, &number.to_ne_bytes())
    }

    /// is not of version 4
    pub fn not_version_4(self) -> Rule {
        self.meta(META_PROTOCOL_FAMILY).compare(DIFFERENT, &[libc::NFPROTO_IPV4 as u8])
    }

    fn address(self, offset: u32, operation: u32, address: Ipv4Addr, prefix: u8) -> Rule {
        self.meta(META_PROTOCOL_FAMILY)
            .compare(EQUAL, &[libc::NFPROTO_IPV4 as u8])
            .payload(NETWORK_HEADER, offset, 4)
            .masked((u32::MAX << (32 - prefix)).to_be_bytes())
            .compare(operation, &address.octets())
    }

    pub fn source(self, address: Ipv4Addr, prefix: u8) -> Rule {
        self.address(SOURCE, EQUAL, address, prefix)
    }

    pub fn source_outside(self, address: Ipv4Addr, prefix: u8) -> Rule {
        self.address(SOURCE, DIFFERENT, address, prefix)
    }

    pub fn destination(self, address: Ipv4Addr, prefix: u8) -> Rule {
        self.address(DESTINATION, EQUAL, address, prefix)
    }

    /// the port of UDP and TCP
    pub fn port(self, port: u16) -> Rule {
        self.payload(TRANSPORT_HEADER, PORT, 2).compare(EQUAL, &port.to_be_bytes())
    }

    /// belongs to a connection that the other side has answered, or to one that such a connection announced
    pub fn answers(self) -> Rule {
        self.expression("ct", &[(1, &REGISTER), (2, &STATE_OF_CONNECTION.to_be_bytes())])
            .masked(ESTABLISHED_OR_RELATED.to_ne_bytes())
            .compare(DIFFERENT, &[0; 4])
    }

    /// takes the address of the interface it leaves by
    pub fn masquerade(self) -> Vec<u8> {
        self.expression("masq", &[]).0
    }

    pub fn then(self, verdict: Verdict) -> Vec<u8> {
        let code = match verdict {
            Verdict::Drop => libc::NF_DROP,
            Verdict::Accept => libc::NF_ACCEPT,
            Verdict::Jump(_) => -3,
        };
        let mut inner = list(&[(1, &code.to_be_bytes())]);
        if let Verdict::Jump(chain) = verdict {
            put(&mut inner, 2, &[chain.as_bytes(), &[0]].concat());
        }
        let data = list(&[(DATA_VERDICT | NESTED, &inner)]);
        self.expression("immediate", &[(1, &VERDICT_REGISTER), (2 | NESTED, &data)]).0
    }
}
