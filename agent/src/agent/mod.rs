//! The first process of a sandbox: spawns the runtime, captures its output, serves the Runtime API.
mod api;
mod boot;
mod conn;
mod core;
mod datagrams;
mod deliveries;
mod extensions;
mod host;
mod http;
mod inbox;
mod outbox;
mod process;
mod relay;
mod restore;
mod several;
mod work;

use crate::sys;
use std::os::fd::IntoRawFd;

/// What the agent must know before it can dial the host; given by the launcher's fork or by the command line.
pub struct Config {
    /// connected socket to the host
    pub link: i32,
    /// another one, for the runtime
    pub runtime_link: Option<i32>,
    /// an opened image of a process (Linux)
    pub image: Option<i32>,
    /// what makes the process of an image of CRIU's (Linux)
    pub waker: Option<Waker>,
    /// port and socket of the platform's endpoint, for a copy that may wake before BOOT is read
    pub relay: Option<(u16, String)>,
    /// 32 hex digits that HELLO repeats
    pub token: String,
    /// the agent's first instruction in the sandbox, ms of CLOCK_MONOTONIC
    pub main_ms: f64,
    /// own pid namespace: the agent is pid 1 and may signal everything with -1
    pub isolated: bool,
}

/// A child of the agent's that waits to become CRIU.
#[derive(Clone, Copy)]
pub struct Waker {
    pub socket: i32,
    pub pid: i32,
    /// number of the process that it makes
    pub main: i32,
}

/// `thaw-agent agent --link unix:PATH [--runtime-link]`, token in THAW_TOKEN: dials the host itself, twice if the runtime is
/// to have a link of its own, for sandboxes without a launcher.
pub fn main(main_ms: f64, args: Vec<String>) {
    let token = sys::take_env("THAW_TOKEN").unwrap_or_default();
    let (address, twice) = match args.as_slice() {
        [flag, address] if flag == "--link" => (Some(address), false),
        [flag, address, more] if flag == "--link" && more == "--runtime-link" => (Some(address), true),
        _ => (None, false),
    };
    let Some(path) = address.and_then(|address| address.strip_prefix("unix:")) else {
        fail("usage: thaw-agent agent --link unix:PATH [--runtime-link], with THAW_TOKEN set")
    };
    sys::fill_standard_fds();
    sys::leave_session();
    let dial = || match std::os::unix::net::UnixStream::connect(path) {
        Ok(link) => link.into_raw_fd(),
        Err(error) => fail(&format!("cannot reach the host at {path}: {error}")),
    };
    let (link, runtime_link) = (dial(), twice.then(dial));
    // Pid 1 is pid 1 of a namespace: everything else in it is below the agent.
    run(Config { link, runtime_link, image: None, waker: None, relay: None, token, main_ms, isolated: std::process::id() == 1 })
}

/// Serves until the host closes the link or says SHUTDOWN. Never returns.
pub fn run(config: Config) -> ! {
    sys::fill_standard_fds();
    let mut agent = match core::Agent::new(&config) {
        Ok(agent) => agent,
        Err(error) => fail(&error.to_string()),
    };
    agent.hello(&config);
    std::process::exit(agent.serve());
}

fn fail(message: &str) -> ! {
    eprintln!("thaw-agent: {message}");
    std::process::exit(1);
}
