import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

/** A broker in a process of its own, on loopback. */
export interface Broker extends AsyncDisposable {
  readonly port: number;
  /** Killed, as by a power cut. */
  kill(): Promise<void>;
  /** Started where it was, after kill(). */
  start(): Promise<void>;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts a program and waits until it takes connections at `port`. Rejects with what it printed. */
export async function runBroker(program: Program, port: number, dispose: () => void | Promise<void>): Promise<Broker> {
  let child: ChildProcess;
  const start = async () => {
    let said = "";
    child = spawn(program.command, program.args, {
      cwd: program.cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...program.env },
      detached: true,
    });
    child.on("error", (error) => {
      said += String(error);
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on("data", (chunk) => {
        said = (said + chunk).slice(-5000);
      });
    }
    const late = Date.now() + 90_000;
    while (!(await takesConnections(port))) {
      if (child.exitCode !== null || child.pid === undefined || Date.now() > late) {
        throw new Error(`${program.command} does not serve:\n${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = once(child, "exit");
    // With all that it has started itself.
    process.kill(-child.pid, "SIGKILL");
    await ended;
  };
  // It is in a group of its own: nobody else ends it with the test.
  const abandon = () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, "SIGKILL");
  };
  process.once("exit", abandon);
  await start();
  return {
    port,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      process.off("exit", abandon);
      await dispose();
    },
  };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (taken: boolean) => {
      socket.destroy();
      resolve(taken);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
