import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { type DumpFacts, DumpRefused, SandboxError } from "../driver.ts";

/** Parts of a sandbox's limits that a machine may lack. */
export type Part = "memory" | "cpu" | "pids" | "freezer" | "kill";

/** What the launcher found; a sandbox's own group is `s<slot>` below a directory. */
export interface LauncherReady {
  readonly ready: number;
  readonly parts: Readonly<Partial<Record<Part, { readonly directory: string; readonly v2: boolean }>>>;
  /** why a part is missing */
  readonly missing: Readonly<Partial<Record<Part, string>>>;
  /** started as root */
  readonly privileged: boolean;
  /** why no sandbox can have network "egress", or null */
  readonly egress: string | null;
  /** why /tmp is not on disk but in memory, or null */
  readonly disk: string | null;
  /** why no image of a process can be made and restored, or null; absent in a launcher that has never heard of images */
  readonly images?: string | null;
}

export interface LauncherCreate {
  readonly create: string;
  readonly token: string;
  readonly mounts: readonly (readonly [source: string, target: string])[];
  readonly tmp: number;
  readonly memory: number;
  readonly cpus: number;
  readonly network: "none" | "egress";
  readonly runtimeLink: boolean;
  readonly image: string | null;
  /** port inside that leads to the platform's endpoint from the first; only with an image */
  readonly relay?: number | undefined;
  /** directory that is its root */
  readonly root?: string | null;
  /** CRIU may dump it */
  readonly criu?: boolean;
}

export interface LauncherDump {
  readonly dump: string;
  readonly into: string;
  readonly link: "frames" | "http";
  readonly api?: string;
  /** CRIU as the sandbox sees it: the whole tree, into a directory */
  readonly criu?: string;
}

/** What the launcher reports about one sandbox (agent/src/launcher/control.rs). */
export interface LauncherEvents {
  /** `pid`: the sandbox's first process as this machine sees it; `learns`: learn() is welcome */
  created(id: string, created: { readonly pid: number; readonly slot: number; readonly learns: boolean }): void;
  failed(id: string, error: SandboxError): void;
  dumped(id: string, facts: DumpFacts): void;
  refused(id: string, why: DumpRefused): void;
  exit(id: string, exit: { code?: number; signal?: number; outOfMemory: boolean }): void;
  /** the launcher is gone, and every sandbox of it */
  gone(error: SandboxError): void;
}

export interface LauncherOptions {
  /** path of thaw-agent */
  readonly agent: string;
  /** directory of the agents' socket */
  readonly runDir: string;
  readonly pool: number;
  readonly rootfs: string | undefined;
}

export interface Launcher {
  readonly found: LauncherReady;
  create(order: LauncherCreate): void;
  dump(order: LauncherDump): void;
  kill(id: string): void;
  /** A copy has given its first answer: what it has written to by then is noted for the next copies of its image. */
  learn(id: string): void;
  /** Ends every sandbox and the launcher; resolves when both are gone. */
  close(): Promise<void>;
}

type Line =
  | LauncherReady
  | { readonly unusable: string; readonly message: string }
  | { readonly created: string; readonly pid: number; readonly slot: number; readonly learns: boolean }
  | { readonly failed: string; readonly step: string; readonly message: string }
  | ({ readonly dumped: string } & DumpFacts)
  | { readonly refused: string; readonly code: string; readonly why: string }
  | { readonly exit: string; readonly code?: number; readonly signal?: number; readonly outOfMemory: boolean };

/** Starts the launcher process. Rejects with SandboxError where it cannot work; its step says what is missing. */
export async function startLauncher(options: LauncherOptions, events: LauncherEvents): Promise<Launcher> {
  const rootfs = options.rootfs === undefined ? [] : ["--rootfs", options.rootfs];
  const child = spawn(options.agent, ["launcher", "--pool", String(options.pool), ...rootfs], {
    cwd: options.runDir,
    // The kernel would write to memory that slots share with the launcher each time one of them is preempted (rseq(2)).
    env: { GLIBC_TUNABLES: "glibc.pthread.rseq=0" },
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const control = child.stdio[3] as Socket;
  control.on("error", () => undefined);
  const ended = endOf(child);
  const found = await new Promise<LauncherReady>((resolve, reject) => {
    void ended.then((why) => {
      reject(why);
      events.gone(why);
    });
    onLines(control, (text) => {
      const line = JSON.parse(text) as Line;
      if ("ready" in line) resolve(line);
      else if ("unusable" in line) reject(new SandboxError(line.unusable, line.message));
      else if ("created" in line) events.created(line.created, line);
      else if ("failed" in line) events.failed(line.failed, new SandboxError(line.step, line.message));
      else if ("dumped" in line) events.dumped(line.dumped, factsOf(line));
      else if ("refused" in line) events.refused(line.refused, new DumpRefused(line.code, line.why));
      else events.exit(line.exit, line);
    });
  });
  const say = (line: object) => void control.write(`${JSON.stringify(line)}\n`);
  return {
    found,
    create: say,
    dump: say,
    kill: (id) => say({ kill: id }),
    learn: (id) => say({ learn: id }),
    async close() {
      // the launcher kills everything when its socket closes, and ends when nothing is left
      control.destroy();
      await ended;
    },
  };
}

function factsOf({ bytes, pages, threads, processes, copied, sockets, ms }: DumpFacts): DumpFacts {
  return { bytes, pages, threads, processes, copied, sockets, ms };
}

function onLines(socket: Socket, take: (line: string) => void): void {
  let unfinished = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    const lines = (unfinished + text).split("\n");
    unfinished = lines.pop() ?? "";
    lines.forEach(take);
  });
}

function endOf(child: ChildProcess): Promise<SandboxError> {
  return new Promise((resolve) => {
    child.once("error", (cause) =>
      resolve(new SandboxError("launcher", `cannot be started: ${cause.message}`, { cause })),
    );
    child.once("exit", (code, signal) => resolve(new SandboxError("launcher", `ended (${signal ?? `code ${code}`})`)));
  });
}
