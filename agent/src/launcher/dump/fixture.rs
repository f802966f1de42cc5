//! What tests make images of: a Python program below one that stands for the agent, with a /tmp of their own. It takes root.
use super::descriptors::Link;
use super::refusal::Refusal;
use super::take::{Facts, take, unfinished};
use crate::image::format::*;
use crate::sys::{self, Plain, Tables, values_of};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Starts the runtime with its streams and its link, and passes words on to it and its answers back.
const AGENT: &str = r#"
import os, socket, sys
out, err = os.pipe(), os.pipe()
ours, theirs = socket.socketpair()
pid = os.fork()
if pid == 0:
    null = os.open('/dev/null', os.O_RDWR)
    moved = [os.dup(fd) for fd in (null, out[1], err[1], theirs.fileno())]
    high = [__import__('fcntl').fcntl(fd, 0, 100) for fd in moved]
    for number, fd in enumerate(high): os.dup2(fd, number)
    os.closerange(4, 256)
    os.execv(sys.executable, ['runtime', '-c', sys.argv[1]])
for fd in (out[1], err[1]): os.close(fd)
theirs.close()
while True:
    print(ours.recv(100).decode(), flush=True)
    line = sys.stdin.readline()
    if not line: break
    ours.send(line.encode())
os.kill(pid, 9)
os.waitpid(pid, 0)
"#;

/// Says that it is ready, or what the program has left to be said, and answers each word with how long it is.
const SERVE: &str = r#"
import os
os.write(3, globals().get('ready', b'ready'))
while True:
    word = os.read(3, 100)
    if not word: break
    os.write(3, str(len(word)).encode())
"#;

pub struct Sandbox {
    pub agent: Child,
    pub input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub image: PathBuf,
}

impl Sandbox {
    /// `None`: it cannot be had here. `program` comes before the runtime says that it is ready.
    pub fn start(name: &str, program: &str) -> Option<Sandbox> {
        if sys::user_id() != 0 {
            println!("skipped: it takes root to look into another process");
            return None;
        }
        let program = format!("{program}\n{SERVE}");
        let private = r#"mount -t tmpfs none /tmp && exec "$0" -c "$1" "$2""#;
        let mut agent = Command::new("unshare")
            .args(["-m", "sh", "-c", private, "/usr/bin/python3", AGENT, &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let output = BufReader::new(agent.stdout.take()?);
        let image = std::env::temp_dir().join(format!("image-{name}-{}", std::process::id()));
        let mut sandbox = Sandbox { input: agent.stdin.take(), output, agent, image };
        let word = sandbox.answer();
        if word.is_empty() {
            println!("skipped: there is no unshare(1) or no /usr/bin/python3");
            return None;
        }
        assert_eq!(word, "ready");
        Some(sandbox)
    }

    pub fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_string()
    }

    /// The runtime goes on as before.
    pub fn assert_lives(&mut self) {
        self.input.as_mut().unwrap().write_all(b"four\n").unwrap();
        assert_eq!(self.answer(), "5");
    }

    pub fn dump(&self, link: &Link) -> Result<Facts, Refusal> {
        take(self.agent.id() as i32, link, &self.image)
    }

    pub fn refusal(&mut self) -> Refusal {
        let refusal = self.dump(&Link::Frames).unwrap_err();
        assert!(!self.image.exists() && !unfinished(&self.image).exists(), "nothing is left of it");
        self.assert_lives();
        refusal
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.agent.wait();
        let _ = fs::remove_file(&self.image);
    }
}

pub struct Image {
    pub bytes: Vec<u8>,
    pub header: Header,
}

impl Image {
    pub fn read(sandbox: &Sandbox) -> Image {
        let mut bytes = Vec::new();
        fs::File::open(&sandbox.image).unwrap().read_to_end(&mut bytes).unwrap();
        let header = values_of::<Header>(&bytes[..size_of::<Header>()])[0];
        let words: Vec<u64> = values_of(&bytes[..header.tables as usize]);
        assert_eq!(crate::image::check(&Tables::new(&words), bytes.len() as u64), Ok(()));
        Image { bytes, header }
    }

    pub fn table<T: Plain>(&self, table: Table) -> Vec<T> {
        let bytes = table.count as usize * size_of::<T>();
        values_of(&self.bytes[table.offset as usize..][..bytes])
    }

    pub fn text(&self, text: Text) -> &[u8] {
        &self.bytes[(self.header.text.offset + text.offset) as usize..][..text.bytes as usize]
    }

    pub fn maps(&self) -> Vec<Map> {
        self.table(self.header.maps)
    }

    /// Bytes at an address in copies, if they come from the image.
    pub fn memory(&self, address: u64, length: u64) -> Option<&[u8]> {
        let holds = |map: &&Map| map.kind == MAP_IMAGE && map.start <= address && address + length <= map.end;
        let map = *self.maps().iter().find(holds)?;
        Some(&self.bytes[(map.offset + address - map.start) as usize..][..length as usize])
    }

    pub fn descriptors(&self) -> Vec<Descriptor> {
        self.table(self.header.descriptors)
    }

    pub fn word(&self, thread: &Thread, at: u64) -> u64 {
        u64::from_le_bytes(*self.bytes[(thread.frame + at) as usize..].first_chunk().unwrap())
    }
}
