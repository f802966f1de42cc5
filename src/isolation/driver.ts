import type { Duplex } from "node:stream";

/** Where a function runs. One interface, several implementations, one contract suite (driver.contract.ts and contract/). */
export interface Driver {
  readonly name: "container" | "process";
  /** can this machine copy an initialised process, and why not */
  readonly snapshots: Snapshots;
  /** can it copy a whole tree of processes, and why not, as far as it is known by now */
  readonly trees: Trees;
  /** Makes a sandbox whose first process is the agent. Resolves when the agent has dialled and said HELLO, on every link that was asked for. Rejects with SandboxError. */
  create(spec: SandboxSpec): Promise<Sandbox>;
  /** Kills every sandbox and waits until nothing of them is left. */
  close(): Promise<void>;
}

export interface Snapshots {
  readonly usable: boolean;
  /** one sentence: why not; empty where it works */
  readonly reason: string;
}

export interface Trees extends Snapshots {
  /** settles when it is known for good */
  readonly known: Promise<void>;
}

/** What a driver found out about this machine. */
export interface Probe {
  readonly driver: "container" | "process";
  readonly usable: boolean;
  /** one sentence: why usable or not */
  readonly reason: string;
  /** one row a feature: user namespaces, cgroup memory, freezer, seccomp … */
  readonly features: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

export interface Mount {
  /** path on the host: a directory or a file */
  readonly source: string;
  /** absolute path inside the sandbox */
  readonly target: string;
}

/** What a sandbox is made of. All mounts are read-only. */
export interface SandboxSpec {
  /** 32 hex digits, unique for ever */
  readonly id: string;
  readonly mounts: readonly Mount[];
  /**
   * Bytes of the private /tmp. On disk where the machine allows it (root, loop devices, ext4, space): then what is in it is
   * a cache to the kernel and no memory of the sandbox. Elsewhere it is made of memory and counts towards `memoryBytes`.
   */
  readonly tmpBytes: number;
  /** bytes all its processes may use together; the driver adds nothing */
  readonly memoryBytes: number;
  /** CPUs, fractional, from limitCpu() on: memoryMb / 1769 */
  readonly cpus: number;
  /** CPUs until then, if more: Lambda, too, lends an init CPU beyond what its memory size gives */
  readonly initCpus?: number;
  readonly network: "none" | "egress";
  /** its runtime gets a connection to the host of its own */
  readonly runtimeLink?: boolean;
  /** all of its processes may be copied (`DumpOptions.tree`). Only where `Driver.trees.usable` */
  readonly tree?: boolean | undefined;
  /** directory on the host that is its root, with what every sandbox has laid over it; container driver only */
  readonly rootfs?: string | undefined;
  /** where the platform's endpoint is to be inside; a copy finds it there before it is told to BOOT */
  readonly endpointPort?: number | undefined;
  /** path of an image on the host: a BOOT with `restore` makes the runtime of it. Only where `Driver.snapshots.usable` */
  readonly image?: string | undefined;
}

/** What the platform knows of a process that is to be copied (agent/PROTOCOL.md). */
export interface DumpOptions {
  /** how the runtime speaks with the platform */
  readonly link: "frames" | "http";
  /** the head of the request to the Runtime API whose answer it waits for, ended by an empty line */
  readonly api?: string;
  /** all processes below the agent, of a sandbox that was made with `tree`; `into` becomes a directory. Over `frames` only */
  readonly tree?: boolean;
}

/** What an image holds. */
export interface DumpFacts {
  /** of the file */
  readonly bytes: number;
  /** of 4 KiB, stored in it */
  readonly pages: number;
  readonly threads: number;
  /** where it is of a tree */
  readonly processes?: number | undefined;
  /** restores copy the memory instead of mapping it: the C library's madvise could not be replaced */
  readonly copied: boolean;
  /** connections to the outside, which have hung up in every copy */
  readonly sockets: number;
  /** how long the process was stopped, milliseconds */
  readonly ms: number;
}

/** Marks of a sandbox's making, monotonicMs(). */
export interface SandboxMarks {
  /** the driver was asked */
  readonly asked: number;
  /** the agent's first instruction inside the finished sandbox */
  readonly main: number;
  /** HELLO was read by the host */
  readonly hello: number;
}

/** How a sandbox ended. */
export interface SandboxExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** the kernel killed something in it for want of memory */
  readonly outOfMemory: boolean;
}

export interface Sandbox {
  readonly id: string;
  readonly marks: SandboxMarks;
  /** the agent's connection, HELLO already taken off it; closed when the sandbox ends */
  readonly link: Duplex;
  /** the connection that the agent gives to the runtime it boots with link `frames`, HELLO taken off; closed likewise */
  readonly runtimeLink: Duplex | undefined;
  /** true where freeze() and thaw() stop the processes from outside; false: send FREEZE and THAW frames instead */
  readonly freezer: boolean;
  /** path of the public endpoint's socket inside the sandbox, if the driver provides one */
  readonly endpointSocket: string | undefined;
  /** a path of the sandbox as its processes see it: unchanged for a container, translated through the mounts for a process */
  path(inside: string): string;
  /** directory its processes use as /tmp */
  readonly tmp: string;
  /** Init is over: from now on its processes share `cpus` of CPU time (until then up to `initCpus`). Returns at once. */
  limitCpu(): void;
  /**
   * Writes the image of its runtime's process to `into`, readable by the platform alone. The process has to be killed
   * afterwards. Rejects with DumpRefused where such a process cannot be copied, with SandboxError when the sandbox ends.
   */
  dump(into: string, options: DumpOptions): Promise<DumpFacts>;
  /** its processes get no CPU until thaw(); both return at once, take < 0.2 ms, and may be called twice */
  freeze(): void;
  thaw(): void;
  /**
   * Asks the kernel for the memory it can spare while its processes are frozen: pages of files and images that were not
   * written, and written ones where there is swap. Resolves with the bytes that were given back: without swap nearly
   * none, for what a runtime holds was written by it. The next call faults back what it needs. Never rejects.
   */
  hibernate(): Promise<number>;
  /** highest memory use so far in bytes; cheap enough for every invocation */
  memoryPeakBytes(): number;
  memoryBytes(): number;
  /** has the kernel killed a process of it for want of memory since the last call? */
  takeOutOfMemory(): boolean;
  /** SIGKILL to everything in it (frozen or not); resolves when nothing is left: processes, mounts, cgroups, files */
  kill(): Promise<SandboxExit>;
  /** settles when the sandbox is gone, whoever ended it */
  readonly exited: Promise<SandboxExit>;
}

/** The driver could not make a sandbox. `step` names the kernel call or the part that failed. */
export class SandboxError extends Error {
  readonly step: string;
  constructor(step: string, message: string, options?: ErrorOptions) {
    super(`${step}: ${message}`, options);
    this.name = "SandboxError";
    this.step = step;
  }
}

/** A process of this kind cannot be copied, or not by this machine. The message names what stands against it. */
export class DumpRefused extends Error {
  /** what kind of thing: `children`, `socket`, `unsupported` … */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "DumpRefused";
    this.code = code;
  }
}
