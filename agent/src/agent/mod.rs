//! The first process of a sandbox.

/// What the agent must know before it can dial the host; given by the launcher's fork or by the command line.
pub struct Config {
    /// connected socket to the host
    pub link: i32,
    /// 32 hex digits that HELLO repeats
    pub token: String,
    /// the agent's first instruction in the sandbox, ms of CLOCK_MONOTONIC
    pub main_ms: f64,
    /// own pid namespace: the agent is pid 1 and may signal everything with -1
    pub isolated: bool,
}

pub fn main(_main_ms: f64, _args: Vec<String>) {
    todo!()
}

/// Serves until the host closes the link or says SHUTDOWN. Never returns.
pub fn run(_config: Config) -> ! {
    todo!()
}
