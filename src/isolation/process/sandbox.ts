import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import {
  type DumpFacts,
  DumpRefused,
  type Mount,
  type Sandbox,
  type SandboxExit,
  type SandboxMarks,
} from "../driver.ts";
import type { Dialled } from "../reception.ts";
import { processTree, residentBytes } from "./tree.ts";

const sampleEveryMs = 100;

/** An agent as an ordinary child process. Nothing isolates it; it only looks like a sandbox to the rest of the platform. */
export class ProcessSandbox implements Sandbox {
  readonly id: string;
  readonly marks: SandboxMarks;
  readonly link: Dialled["link"];
  readonly runtimeLink: Dialled["runtimeLink"];
  /** stopped by FREEZE frames */
  readonly freezer = false;
  readonly endpointSocket: string | undefined;
  readonly tmp: string;
  readonly exited: Promise<SandboxExit>;
  readonly #child: ChildProcess;
  readonly #mounts: readonly Mount[];
  #peak = 0;
  #sampled = Number.NEGATIVE_INFINITY;
  #killing: Promise<void> | undefined;

  constructor(
    made: { id: string; asked: number; dialled: Dialled; tmp: string; endpointSocket: string | undefined },
    child: ChildProcess,
    mounts: readonly Mount[],
  ) {
    this.id = made.id;
    this.marks = { asked: made.asked, main: made.dialled.main, hello: made.dialled.hello };
    this.link = made.dialled.link;
    this.runtimeLink = made.dialled.runtimeLink;
    this.tmp = made.tmp;
    this.endpointSocket = made.endpointSocket;
    this.#child = child;
    // the deepest mount decides
    this.#mounts = [...mounts].sort((a, b) => b.target.length - a.target.length);
    this.exited = this.#end();
  }

  path(inside: string): string {
    for (const { source, target } of [...this.#mounts, { source: this.tmp, target: "/tmp" }]) {
      if (inside === target) return source;
      if (inside.startsWith(`${target}/`)) return source + inside.slice(target.length);
    }
    return inside;
  }

  limitCpu(): void {}

  async dump(): Promise<DumpFacts> {
    throw new DumpRefused("driver", "the process driver copies no process");
  }

  freeze(): void {}

  thaw(): void {}

  /** The kernel reclaims by control groups; there is none. */
  async hibernate(): Promise<number> {
    return 0;
  }

  memoryPeakBytes(): number {
    const now = performance.now();
    if (now - this.#sampled >= sampleEveryMs) {
      this.#sampled = now;
      this.#peak = Math.max(this.#peak, this.memoryBytes());
    }
    return this.#peak;
  }

  memoryBytes(): number {
    return residentBytes(this.#tree());
  }

  takeOutOfMemory(): boolean {
    return false;
  }

  kill(): Promise<SandboxExit> {
    this.#killing ??= this.#killTree();
    return this.exited;
  }

  #tree(): number[] {
    return this.#child.pid === undefined || this.#child.exitCode !== null ? [] : processTree(this.#child.pid);
  }

  /**
   * The agent adopts whatever its runtime leaves behind, so all there is hangs below it. It is stopped first, so that it
   * starts and reaps nothing meanwhile, and goes last, so that nothing escapes to another parent.
   */
  async #killTree(): Promise<void> {
    const agent = this.#child.pid;
    if (agent === undefined) return;
    signal(agent, "SIGSTOP");
    for (let round = 0; round < 1000; round++) {
      const others = this.#tree().slice(1);
      if (others.length === 0) break;
      for (const pid of others) signal(pid, "SIGKILL");
      await delay(1);
    }
    signal(agent, "SIGKILL");
  }

  async #end(): Promise<SandboxExit> {
    const [code, name] = await new Promise<[number | null, string | null]>((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        resolve([this.#child.exitCode, this.#child.signalCode]);
      } else {
        this.#child.once("exit", (...how) => resolve(how));
      }
    });
    this.link.destroy();
    this.runtimeLink?.destroy();
    rmSync(this.tmp, { recursive: true, force: true });
    return { code: code ?? undefined, signal: name ?? undefined, outOfMemory: false };
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has just ended
  }
}
