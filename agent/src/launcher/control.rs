//! What the platform and the launcher say to each other: one JSON object a line on one stream socket.
use super::cgroup::{Cgroups, PARTS};
use super::dump::{self, DumpOrder};
use super::failure::Failure;
use crate::sys::{self, Ending};
use serde_json::{Value, json};
use std::os::fd::{AsFd, OwnedFd};

/// From the platform.
pub enum Order {
    Create(Request),
    /// number of a sandbox by its id
    Kill(String),
    /// take the image of a sandbox's runtime
    Dump(DumpOrder),
    /// a sandbox that learns: its copy has given its first answer
    Learn(String),
}

/// `{"create":id,"token":…,"mounts":[[source,target]…],"tmp":bytes,"memory":bytes,"cpus":n,"network":"none",
/// "runtimeLink":bool,"image":path|null,"relay":port|absent,"criu":bool,"root":path|null}`
pub struct Request {
    pub id: String,
    pub token: String,
    pub mounts: Vec<(String, String)>,
    pub tmp: u64,
    pub memory: u64,
    pub cpus: f64,
    pub egress: bool,
    /// the runtime gets a connection of its own
    pub runtime_link: bool,
    /// file of the process to continue
    pub image: Option<String>,
    /// of its own loopback, that leads to the platform's endpoint before a copy wakes; BOOT says so to everybody else
    pub relay: Option<u16>,
    /// its processes may be dumped by CRIU
    pub criu: bool,
    /// directory of the host that is its root, in place of what every sandbox has
    pub root: Option<String>,
}

fn parse(line: &[u8]) -> Option<Order> {
    let value: Value = serde_json::from_slice(line).ok()?;
    if let Some(id) = value.get("kill") {
        return Some(Order::Kill(id.as_str()?.to_string()));
    }
    if let Some(id) = value.get("learn") {
        return Some(Order::Learn(id.as_str()?.to_string()));
    }
    if let Some(id) = value.get("dump") {
        return DumpOrder::parse(id, &value).map(Order::Dump);
    }
    let text = |name: &str| value.get(name)?.as_str().map(str::to_string);
    let mounts = value
        .get("mounts")?
        .as_array()?
        .iter()
        .map(|pair| Some((pair.get(0)?.as_str()?.to_string(), pair.get(1)?.as_str()?.to_string())));
    Some(Order::Create(Request {
        id: text("create")?,
        token: text("token")?,
        mounts: mounts.collect::<Option<_>>()?,
        tmp: value.get("tmp")?.as_u64()?,
        memory: value.get("memory")?.as_u64()?,
        cpus: value.get("cpus")?.as_f64().filter(|cpus| *cpus > 0.0)?,
        egress: value.get("network")?.as_str()? == "egress",
        runtime_link: value.get("runtimeLink")?.as_bool()?,
        image: text("image"),
        relay: value.get("relay").and_then(Value::as_u64).and_then(|port| port.try_into().ok()),
        criu: value.get("criu").is_some_and(|criu| *criu == true),
        root: text("root"),
    }))
}

pub struct Control {
    socket: OwnedFd,
    unfinished: Vec<u8>,
    /// not on the stack, which slots would inherit page by page
    buffer: Vec<u8>,
}

/// So large that the allocator maps it by itself: what has never been written takes no memory.
const BUFFER: usize = 256 << 10;

impl Control {
    pub fn new(socket: OwnedFd) -> Control {
        Control { socket, unfinished: Vec::new(), buffer: vec![0; BUFFER] }
    }

    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Orders that have come in; `None`: the platform is gone, or does not speak our language.
    pub fn receive(&mut self) -> Option<Vec<Order>> {
        match sys::receive(self.socket.as_fd(), &mut self.buffer, false) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Some(Vec::new()),
            Err(_) | Ok(0) => return None,
            Ok(length) => self.unfinished.extend(&self.buffer[..length]),
        }
        let end = self.unfinished.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = self.unfinished.split_off(end);
        let whole = std::mem::replace(&mut self.unfinished, rest);
        whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse).collect()
    }

    pub fn say(&self, value: &Value) {
        let line = format!("{value}\n");
        let mut left = line.as_bytes();
        while !left.is_empty() {
            match sys::send(self.socket.as_fd(), left) {
                Ok(sent) => left = &left[sent..],
                // gone: the next receive says so too
                Err(_) => return,
            }
        }
    }

    /// `{"ready":pid,"parts":{"memory":{"directory":…,"v2":bool}…},"missing":{"memory":"why"…},"privileged":bool,"egress":"why not"|null,"disk":"why not"|null,"images":"why not"|null}`: a
    /// sandbox's own group is `s<slot>` below the directory.
    pub fn ready(&self, cgroups: &Cgroups, privileged: bool, no_egress: Option<&Failure>, no_disk: Option<&Failure>) {
        let mut parts = serde_json::Map::new();
        let mut missing = serde_json::Map::new();
        for (part, name) in PARTS {
            if let Some(hierarchy) = cgroups.of(part) {
                parts.insert(name.into(), json!({ "directory": hierarchy.parent, "v2": hierarchy.v2 }));
            }
        }
        for (part, why) in &cgroups.missing {
            let name = PARTS.iter().find(|(known, _)| known == part).map_or("", |(_, name)| name);
            missing.insert(name.into(), json!(why));
        }
        self.say(&json!({
            "ready": std::process::id(), "parts": parts, "missing": missing, "privileged": privileged,
            "egress": no_egress.map(|failure| &failure.message), "disk": no_disk.map(Failure::to_string),
            "images": dump::missing(privileged),
        }));
    }

    /// The launcher cannot work here.
    pub fn unusable(&self, failure: &Failure) {
        self.say(&json!({ "unusable": failure.step, "message": failure.message }));
    }

    /// All limits are set; the agent has dialled or soon will. `learns`: its image has no working set yet, and `{"learn":id}` is
    /// welcome when its copy has given its first answer.
    pub fn created(&self, id: &str, pid: i32, slot: u64, learns: bool) {
        self.say(&json!({ "created": id, "pid": pid, "slot": slot, "learns": learns }));
    }

    /// There is and will be no such sandbox.
    pub fn failed(&self, id: &str, failure: &Failure) {
        self.say(&json!({ "failed": id, "step": failure.step, "message": failure.message }));
    }

    /// Nothing of the sandbox is left.
    pub fn exit(&self, id: &str, ending: Ending, out_of_memory: bool) {
        let (name, value) = match ending {
            Ending::Code(code) => ("code", code),
            Ending::Signal(signal) => ("signal", signal),
        };
        self.say(&json!({ "exit": id, name: value, "outOfMemory": out_of_memory }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> (OwnedFd, Control) {
        let (platform, launcher) = sys::message_pair().unwrap();
        (platform, Control::new(launcher))
    }

    #[test]
    fn orders_may_come_in_pieces_and_together() {
        let (platform, mut control) = control();
        let whole =
            br#"{"create":"a","token":"t","mounts":[["/x","/var/task"]],"tmp":1,"memory":2,"cpus":0.5,"network":"none","runtimeLink":true}
{"kill":"a"}
"#;
        sys::send(platform.as_fd(), &whole[..20]).unwrap();
        assert!(control.receive().unwrap().is_empty());
        sys::send(platform.as_fd(), &whole[20..]).unwrap();
        let orders = control.receive().unwrap();
        let [Order::Create(request), Order::Kill(id)] = &orders[..] else { panic!("two orders") };
        assert_eq!((request.id.as_str(), id.as_str()), ("a", "a"));
        assert_eq!(request.mounts, [("/x".to_string(), "/var/task".to_string())]);
        assert!(!request.egress && request.runtime_link);
    }

    #[test]
    fn nonsense_and_a_closed_socket_end_the_conversation() {
        let (platform, mut first) = control();
        sys::send(platform.as_fd(), b"{\"create\":1}\n").unwrap();
        assert!(first.receive().is_none());
        let (platform, mut second) = control();
        drop(platform);
        assert!(second.receive().is_none());
    }
}
