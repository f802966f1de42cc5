//! The runtime's processes: start, signal, reap.
use super::boot::{Boot, c_string};
use super::extensions::Extensions;
use super::host::Host;
use super::restore::Restorable;
use crate::frames;
use crate::sys::{self, Command, SpawnStep, Waited};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

/// How the runtime's main process ended.
pub enum Ended {
    Code(i32),
    Signal(i32),
}

pub struct Processes {
    /// own pid namespace: -1 reaches everything
    isolated: bool,
    /// the runtime's main process and leader of its group; 0: none
    main: i32,
    /// the child that makes the main process from an image, while it may fail; 0: none
    maker: i32,
    oom: OomScore,
    /// numbers of the extensions' processes
    pub extensions: Extensions,
}

impl Processes {
    pub fn new(isolated: bool) -> Processes {
        Processes { isolated, main: 0, maker: 0, oom: OomScore::open(), extensions: Extensions::default() }
    }

    /// Starts the first of the alternatives that can be, with `link` as its descriptor 3. The error is an error payload.
    pub fn start(&mut self, boot: &Boot, api_port: u16, link: Option<OwnedFd>, host: &mut Host) -> Result<(), Vec<u8>> {
        let argv = choose(&boot.command)?;
        let failed = |error: std::io::Error| frames::platform_error("Sandbox.Failure", &error.to_string());
        let (out_read, out_write) = sys::output_pipe().map_err(failed)?;
        let (err_read, err_write) = sys::output_pipe().map_err(failed)?;
        let argv: Vec<_> = argv.iter().map(|word| c_string(word)).collect();
        let command = Command {
            argv: &argv,
            env: &boot.environment(api_port),
            cwd: &c_string(&boot.cwd),
            stdout: out_write.as_raw_fd(),
            stderr: err_write.as_raw_fd(),
            link: link.as_ref().map(AsRawFd::as_raw_fd),
            dies_with_agent: !self.isolated,
        };
        self.oom.raise();
        let spawned = sys::spawn(&command);
        self.oom.restore();
        let program = &boot.cwd;
        self.main = spawned.map_err(|(step, error)| match step {
            SpawnStep::Process => failed(error),
            SpawnStep::Directory => {
                frames::platform_error("Runtime.InvalidWorkingDir", &format!("chdir {program}: {}", plain(&error)))
            }
            SpawnStep::Exec => invalid_entrypoint(&argv[0].to_string_lossy(), &plain(&error)),
        })?;
        host.capture(out_read, err_read);
        Ok(())
    }

    /// Continues the process of an image instead. The error is an error payload.
    pub fn restore(
        &mut self,
        restorable: &mut Restorable,
        api_port: u16,
        link: Option<OwnedFd>,
        host: &mut Host,
    ) -> Result<(), Vec<u8>> {
        let failed = |error: std::io::Error| frames::platform_error("Sandbox.RestoreFailed", &error.to_string());
        let (out_read, out_write) = sys::output_pipe().map_err(failed)?;
        let (err_read, err_write) = sys::output_pipe().map_err(failed)?;
        let output = [out_write.as_raw_fd(), err_write.as_raw_fd()];
        self.oom.raise();
        self.maker = restorable.maker();
        let restored = restorable.restore(output, link.as_ref().map(AsRawFd::as_raw_fd), api_port);
        self.oom.restore();
        self.main = restored.map_err(failed)?;
        host.capture(out_read, err_read);
        Ok(())
    }

    /// The runtime's main process; 0: none.
    pub fn main(&self) -> i32 {
        self.main
    }

    /// Starts an extension. Its standard streams are one pipe, whose other end is kept.
    pub fn extend(&mut self, argv: &[String], env: &[CString], cwd: &str) {
        let argv: Vec<_> = argv.iter().map(|word| c_string(word)).collect();
        let started = sys::output_pipe().map_err(|error| plain(&error)).and_then(|(read, write)| {
            let command = Command {
                argv: &argv,
                env,
                cwd: &c_string(cwd),
                stdout: write.as_raw_fd(),
                stderr: write.as_raw_fd(),
                link: None,
                dies_with_agent: !self.isolated,
            };
            self.oom.raise();
            let spawned = sys::spawn(&command);
            self.oom.restore();
            spawned.map(|pid| (pid, read)).map_err(|(_, error)| plain(&error))
        });
        self.extensions.add(started);
    }

    /// Kills the runtime and all that came of it; where there are extensions, no more than its group, as nobody knows whose
    /// the others are.
    pub fn kill_runtime(&self) {
        if self.extensions.any() {
            self.signal_runtime(sys::SIGKILL);
        } else {
            self.signal_all(sys::SIGKILL);
        }
    }

    /// Signals the runtime's own group.
    pub fn signal_runtime(&self, signal: i32) {
        if self.main > 0 {
            sys::kill(-self.main, signal);
        }
    }

    /// Signals everything but the agent.
    pub fn signal_all(&self, signal: i32) {
        if self.isolated {
            sys::kill(-1, signal);
            return;
        }
        self.signal_runtime(signal);
        // Whatever left the group is still below the agent, which adopts orphans (Linux).
        for pid in descendants(std::process::id() as i32) {
            sys::kill(pid, signal);
        }
    }

    /// Reaps everything that has ended. Gives the end of the main process, and whether no child is left.
    pub fn reap(&mut self) -> (Option<Ended>, bool) {
        let mut ended = None;
        loop {
            let (pid, how) = match sys::wait_any() {
                Waited::Running => return (ended, false),
                Waited::Alone => return (ended, true),
                Waited::Exited { pid, code } => (pid, Ended::Code(code)),
                Waited::Signaled { pid, signal } => (pid, Ended::Signal(signal)),
            };
            if let Some(extension) = self.extensions.number(pid) {
                self.extensions.ended(extension, how);
                continue;
            }
            let failed = pid == self.maker && !matches!(how, Ended::Code(0));
            if pid == self.main || failed {
                ended = Some(how);
            }
        }
    }

    /// The group id may be reused from now on.
    pub fn forget(&mut self) {
        self.main = 0;
    }
}

/// The first program that is an executable file.
fn choose(command: &[Vec<String>]) -> Result<&Vec<String>, Vec<u8>> {
    let mut present = None;
    for argv in command {
        if let Ok(file) = std::fs::metadata(&argv[0])
            && file.is_file()
        {
            if file.permissions().mode() & 0o111 != 0 {
                return Ok(argv);
            }
            present = present.or(Some(&argv[0]));
        }
    }
    if let Some(program) = present {
        return Err(invalid_entrypoint(program, "permission denied"));
    }
    let programs: Vec<&str> = command.iter().map(|argv| argv[0].as_str()).collect();
    let message = format!("Couldn't find valid bootstrap(s): [{}]", programs.join(" "));
    Err(frames::platform_error("Runtime.InvalidEntrypoint", &message))
}

/// Lambda's words for an exec that failed.
fn invalid_entrypoint(program: &str, reason: &str) -> Vec<u8> {
    frames::platform_error("Runtime.InvalidEntrypoint", &format!("fork/exec {program}: {reason}"))
}

/// The kernel's text alone, in lower case as Lambda has it.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// Every process below `pid`; empty where the kernel does not tell (CONFIG_PROC_CHILDREN).
fn descendants(pid: i32) -> Vec<i32> {
    let mut found: Vec<i32> = Vec::new();
    let mut at = 0;
    let mut of = pid;
    loop {
        for task in std::fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()));
        }
        let Some(next) = found.get(at) else { return found };
        of = *next;
        at += 1;
    }
}

/// Makes the kernel choose the runtime before the agent when memory runs out: a child inherits the score of the moment
/// of its creation. Best effort; the file is opened before the process hides itself from its own user.
struct OomScore {
    file: Option<std::fs::File>,
    own: String,
}

impl OomScore {
    const CHILD: &str = "500";

    fn open() -> OomScore {
        let path = "/proc/self/oom_score_adj";
        let own = std::fs::read_to_string(path).unwrap_or_default();
        let lower = own.trim().parse::<i32>().is_ok_and(|own| own < 500);
        OomScore { file: if lower { std::fs::OpenOptions::new().write(true).open(path).ok() } else { None }, own }
    }

    fn raise(&self) {
        self.write(OomScore::CHILD);
    }

    fn restore(&self) {
        self.write(self.own.trim());
    }

    fn write(&self, value: &str) {
        if let Some(file) = &self.file {
            let _ = std::os::unix::fs::FileExt::write_at(file, value.as_bytes(), 0);
        }
    }
}
