import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { constants } from "node:os";
import { monotonicMs } from "../../model/index.ts";
import { type Driver, type Sandbox, SandboxError, type SandboxSpec, type Snapshots, type Trees } from "../driver.ts";
import type { Dialled, Reception } from "../reception.ts";
import { type Criu, type CriuProbe, findCriu, probeCriu } from "./criu.ts";
import type { CriuNeeds } from "./criu-selftest.ts";
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
  readonly made: PromiseWithResolvers<{ readonly slot: number; readonly pid: number; readonly learns: boolean }>;
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

  #criu: Criu | undefined;
  #trees: Trees = { usable: false, reason: "THAW_CRIU is off", known: Promise.resolve() };

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

  get trees(): Trees {
    return this.#trees;
  }

  /**
   * Finds CRIU and tries it out with sandboxes; from then on `trees` says whether it works. `places`, `cache`: as of
   * probeCriu().
   */
  async tryCriu(places: readonly string[], cache: string): Promise<CriuProbe> {
    const { promise: known, resolve } = Promise.withResolvers<void>();
    this.#trees = { usable: false, reason: "criu is being tried out", known };
    try {
      const found = await findCriu(places);
      if (typeof found !== "string" && this.#snapshots.usable) this.#criu = found;
      const probe: CriuProbe = this.#snapshots.usable
        ? await probeCriu(places, this.#criuNeeds(), cache)
        : { usable: false, detail: this.#snapshots.reason, criu: undefined };
      this.#trees = { usable: probe.usable, reason: probe.usable ? "" : probe.detail, known };
      return probe;
    } finally {
      resolve();
    }
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
    let links: Dialled | undefined;
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
        ...(spec.image === undefined || this.#options.endpointSocket === undefined ? {} : { relay: spec.endpointPort }),
        criu: spec.tree ?? false,
        root: spec.rootfs ?? null,
      });
      const [agent, { slot, pid, learns }] = await Promise.all([dialled, made.promise]);
      links = agent;
      // Its end may have been told in the same breath as its making: nobody would ever tell of it again.
      abort.signal.throwIfAborted();
      const groups = openGroups(launcher.found, slot, pid);
      const endpoint = this.#options.endpointSocket !== undefined;
      const parts = { id: spec.id, asked, dialled: agent, groups, endpoint, cpus: spec.cpus };
      const sandbox = new ContainerSandbox(parts, {
        kill: () => launcher.kill(spec.id),
        learn: learns ? () => launcher.learn(spec.id) : undefined,
        dump: (into, { tree, ...options }) =>
          launcher.dump({
            dump: spec.id,
            into,
            ...options,
            ...(tree && this.#criu ? { criu: this.#criu.program } : {}),
          }),
      });
      this.#living.set(spec.id, sandbox);
      return sandbox;
    } catch (error) {
      launcher.kill(spec.id);
      links?.link.destroy();
      links?.runtimeLink?.destroy();
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
    const criu = spec.tree || (spec.image !== undefined && isTree(spec.image));
    for (const { source, target } of (criu && this.#criu?.mounts) || []) mounts.push([source, target]);
    const { endpointSocket } = this.#options;
    return endpointSocket === undefined ? mounts : [...mounts, [endpointSocket, endpointInside]];
  }

  /** Sandboxes for CRIU to be tried out in; create() gives them what it needs. */
  #criuNeeds(): CriuNeeds {
    const size = { tmpBytes: 16 << 20, memoryBytes: 512 << 20, cpus: 1, network: "none", runtimeLink: true } as const;
    return {
      create: async ({ criu, image }) => {
        const id = randomBytes(16).toString("hex");
        const { link, runtimeLink } = await this.create({ ...size, id, mounts: [], tree: criu, image });
        for (const end of [link, runtimeLink!]) end.on("error", () => undefined);
        return { id, link, runtimeLink: runtimeLink! };
      },
      dump: (id, into) => this.#living.get(id)!.dump(into, { link: "frames", tree: true }),
      kill: async (id) => void (await this.#living.get(id)?.kill()),
    };
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
      created: (id, created) => this.#pending.get(id)?.made.resolve(created),
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

/** An image of a whole tree is a directory. What is not there is the launcher's to complain about. */
function isTree(image: string): boolean {
  return statSync(image, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
