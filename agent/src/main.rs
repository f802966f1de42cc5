//! One static binary, two jobs: `agent`, the first process of every sandbox, and `launcher`, the small privileged
//! process that makes sandboxes (Linux). The launcher forks and runs the agent without an exec, so a sandbox needs no file of ours.
mod agent;
mod frames;
#[cfg(snapshots)]
mod image;
#[cfg(target_os = "linux")]
mod launcher;
mod sys;

fn main() {
    let main_ms = sys::monotonic_ms();
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("agent") => agent::main(main_ms, args.collect()),
        #[cfg(target_os = "linux")]
        Some("launcher") => launcher::main(args.collect()),
        Some("--version") => println!("thaw-agent {}", env!("CARGO_PKG_VERSION")),
        _ => {
            eprintln!("usage: thaw-agent agent|launcher|--version (started by thaw, not by hand)");
            std::process::exit(2);
        }
    }
}
