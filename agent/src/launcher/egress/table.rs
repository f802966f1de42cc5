//! A table of the kernel's packet filter that belongs to one socket: while the socket is open nobody else may change it,
//! and when its holder dies, however, the kernel removes it (NFT_TABLE_F_OWNER, Linux 5.12). Written through netlink, so
//! no program of the machine is needed.
use super::netlink::{ACK, APPEND, DUMP, Message, NEW, Netlink, REQUEST, attributes, list};
use crate::sys;
use std::io::Result;

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// number of nf_tables among the users of nfnetlink
const SUBSYSTEM: u16 = 10;
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const GET_TABLE: u16 = SUBSYSTEM << 8 | 1;
const NEW_CHAIN: u16 = SUBSYSTEM << 8 | 3;
const NEW_RULE: u16 = SUBSYSTEM << 8 | 6;
const OWNER: u32 = 2;
const NESTED: u16 = 0x8000;

/// Where a chain of rules is asked (enum nf_inet_hooks).
#[derive(Clone, Copy)]
pub enum Hook {
    /// packets for the machine itself
    Input,
    Forward,
    /// on the way out, where addresses are translated
    Translate,
    /// only when another chain jumps to it
    None,
}

pub struct Chain {
    pub name: &'static str,
    pub hook: Hook,
    pub rules: Vec<Vec<u8>>,
}

/// struct nfgenmsg: both versions of IP, version 0, nothing.
fn general() -> [u8; 4] {
    [libc::NFPROTO_INET as u8, 0, 0, 0]
}

/// Makes the table with its chains, all or nothing. Who drops the answer drops the table. Fails with EEXIST or EPERM where
/// there is one of this name.
pub fn hold(name: &str, chains: &[Chain]) -> Result<Netlink> {
    let netlink = Netlink::open(sys::NETLINK_NETFILTER)?;
    let mut messages = vec![
        Message::new(NEW_TABLE, REQUEST | ACK | NEW, 2, &general())
            .name(1, name)
            .attribute(2, &OWNER.to_be_bytes())
            .bytes(),
    ];
    messages.extend(chains.iter().map(|chain| new_chain(name, chain)));
    for chain in chains {
        messages.extend(chain.rules.iter().map(|rule| {
            let message = Message::new(NEW_RULE, REQUEST | ACK | APPEND, 2, &general());
            message.name(1, name).name(2, chain.name).attribute(4 | NESTED, rule).bytes()
        }));
    }
    let border = |kind| Message::new(kind, REQUEST, 1, &[0, 0, 0, SUBSYSTEM as u8]).bytes();
    let batch = [border(BATCH_BEGIN), messages.concat(), border(BATCH_END)].concat();
    netlink.order(&batch, messages.len())?;
    Ok(netlink)
}

fn new_chain(table: &str, chain: &Chain) -> Vec<u8> {
    let message = Message::new(NEW_CHAIN, REQUEST | ACK | NEW, 2, &general()).name(1, table).name(3, chain.name);
    let (number, priority, kind) = match chain.hook {
        Hook::Input => (1u32, 0i32, "filter"),
        Hook::Forward => (2, 0, "filter"),
        Hook::Translate => (4, 100, "nat"),
        Hook::None => return message.bytes(),
    };
    let hook = list(&[(1, &number.to_be_bytes()), (2, &priority.to_be_bytes())]);
    let accept = (libc::NF_ACCEPT as u32).to_be_bytes();
    message.attribute(4 | NESTED, &hook).attribute(5, &accept).name(7, kind).bytes()
}

/// Names of all tables there are. Fails with EPERM without CAP_NET_ADMIN, and where the kernel has no nf_tables.
pub fn names() -> Result<Vec<String>> {
    let netlink = Netlink::open(sys::NETLINK_NETFILTER)?;
    let answers = netlink.ask(&Message::new(GET_TABLE, REQUEST | DUMP, 1, &general()).bytes())?;
    let name = |body: &[u8]| {
        let (_, text) = attributes(body.get(4..)?).into_iter().find(|(kind, _)| *kind == 1)?;
        Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_string())
    };
    Ok(answers.iter().filter_map(|answer| name(&answer.body)).collect())
}
