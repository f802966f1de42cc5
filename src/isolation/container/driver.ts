import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { monotonicMs } from "../../model/index.ts";
import { type Driver, type Sandbox, SandboxError, type SandboxSpec, type Snapshots } from "../driver.ts";
import type { Reception } from "../reception.ts";
import { openGroups } from "./groups.ts";
import { type Launcher, type LauncherEvents, type LauncherReady, startLauncher } from "./launcher.ts";
import { ContainerSandbox, endpointInside } from "./sandbox.ts";

export interface ContainerOptions {
  /** path of thaw-agent */
  readonly agent: string;
  readonly runDir: string;
  /** slots kept ready; 0: every sandbox is made from nothing */
  readonly pool: number;
  /** directory to use as every sandbox's root instead of one made of the host's own directories */
  readonly rootfs: string | undefined;
  /** the platform's public endpoint; shown to sandboxes at /run/thaw/endpoint.sock */
  readonly endpointSocket: string | undefined;
  readonly log: (line: string) => void;
}

/** How long a sandbox may take to dial. Long: a machine may be very busy; what fails is reported at once. */
const createMs = 10_000;

/** Between the order and the sandbox. Both the launcher and the agent must be heard of. */
interface Pending {
  readonly made: PromiseWithResolvers<{ readonly slot: number; readonly pid: number }>;
  readonly fail: (error: SandboxError) => void;
}

/** Containers made by the native launcher. */
export class ContainerDriver implements Driver {
  readonly name = "container";
  readonly #options: ContainerOptions;
  readonly #reception: Reception;
  readonly #pending = new Map<string, Pending>();
  readonly #living = new Map<string, ContainerSandbox>();
  #launcher: Promise<Launcher> | undefined;
  #closing = false;
  #snapshots: Snapshots = { usable: false, reason: "the launcher has not started" };

  constructor(options: ContainerOptions, reception: Reception) {
    this.#options = options;
    this.#reception = reception;
  }

  /** Starts the launcher and says what it found. Rejects with SandboxError where containers cannot be made. */
  async start(): Promise<LauncherReady> {
    const { found } = await this.#running();
    const reason = found.images === undefined ? "the agent in use cannot make images of processes" : found.images;
    this.#snapshots = { usable: reason === null, reason: reason ?? "" };
    return found;
  }

  get snapshots(): Snapshots {
    return this.#snapshots;
  }

  async create(spec: SandboxSpec): Promise<Sandbox> {
    const asked = monotonicMs();
    const launcher = await this.#running();
    const token = randomBytes(16).toString("hex");
    const abort = new AbortController();
    const made: Pending["made"] = Promise.withResolvers();
    const fail = (error: SandboxError) => {
      made.reject(error);
      abort.abort(error);
    };
    this.#pending.set(spec.id, { made, fail });
    const late = setTimeout(() => fail(new SandboxError("hello", `no sandbox within ${createMs} ms`)), createMs);
    try {
      const runtimeLink = spec.runtimeLink ?? false;
      const dialled = this.#reception.expect(token, runtimeLink, abort.signal);
      launcher.create({
        create: spec.id,
        token,
        mounts: this.#mounts(spec),
        tmp: spec.tmpBytes,
        memory: spec.memoryBytes,
        cpus: Math.max(spec.cpus, spec.initCpus ?? 0),
        network: spec.network,
        runtimeLink,
        image: spec.image ?? null,
      });
      const [agent, { slot, pid }] = await Promise.all([dialled, made.promise]);
      const groups = openGroups(launcher.found, slot, pid);
      const endpoint = this.#options.endpointSocket !== undefined;
      const parts = { id: spec.id, asked, dialled: agent, groups, endpoint, cpus: spec.cpus };
      const sandbox = new ContainerSandbox(parts, {
        kill: () => launcher.kill(spec.id),
        dump: (into, options) => launcher.dump({ dump: spec.id, into, ...options }),
      });
      this.#living.set(spec.id, sandbox);
      return sandbox;
    } catch (error) {
      launcher.kill(spec.id);
      throw error;
    } finally {
      clearTimeout(late);
      this.#pending.delete(spec.id);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    const launcher = await this.#launcher?.catch(() => undefined);
    await launcher?.close();
    await this.#reception.close();
  }

  #mounts(spec: SandboxSpec): (readonly [string, string])[] {
    const mounts = spec.mounts.map(({ source, target }) => [source, target] as const);
    const { endpointSocket } = this.#options;
    return endpointSocket === undefined ? mounts : [...mounts, [endpointSocket, endpointInside]];
  }

  #running(): Promise<Launcher> {
    if (this.#closing) return Promise.reject(new SandboxError("launcher", "the driver is closed"));
    if (!this.#launcher) {
      const launcher = startLauncher(this.#options, this.#events());
      this.#launcher = launcher;
      // a launcher that could not start is tried again by whoever comes next
      launcher.catch(() => this.#forget(launcher));
    }
    return this.#launcher;
  }

  #forget(launcher: Promise<Launcher> | undefined): void {
    if (this.#launcher === launcher) this.#launcher = undefined;
  }

  #events(): LauncherEvents {
    return {
      created: (id, slot, pid) => this.#pending.get(id)?.made.resolve({ slot, pid }),
      failed: (id, error) => {
        this.#pending.get(id)?.fail(error);
        this.#ended(id, { signal: constants.signals.SIGKILL, outOfMemory: false });
      },
      dumped: (id, facts) => this.#living.get(id)?.dumped(facts),
      refused: (id, why) => this.#living.get(id)?.dumped(why),
      exit: (id, exit) => {
        this.#pending.get(id)?.fail(new SandboxError("agent", "the sandbox ended before its agent said HELLO"));
        this.#ended(id, exit);
      },
      gone: (error) => {
        this.#launcher = undefined;
        if (!this.#closing)
          this.#options.log(`${error.message}; every sandbox ended with it, and a new one starts on demand`);
        for (const { fail } of this.#pending.values()) fail(error);
        for (const id of [...this.#living.keys()])
          this.#ended(id, { signal: constants.signals.SIGKILL, outOfMemory: false });
      },
    };
  }

  #ended(id: string, ending: { code?: number; signal?: number; outOfMemory: boolean }): void {
    this.#living.get(id)?.ended(ending);
    this.#living.delete(id);
  }
}
