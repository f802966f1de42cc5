import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { monotonicMs } from "../../model/index.ts";
import { type Driver, type Probe, type Sandbox, SandboxError, type SandboxSpec } from "../driver.ts";
import type { Reception } from "../reception.ts";
import { ProcessSandbox } from "./sandbox.ts";

/** To be shown wherever this driver is used. */
export const processWarning =
  "isolation: NONE. Functions run as ordinary processes of this user: they can read and change this user's files, use the network, see other processes, and no memory or CPU limit holds them. Run only code you trust.";

export interface ProcessOptions {
  readonly agent: string;
  readonly runDir: string;
  readonly endpointSocket: string | undefined;
}

const createMs = 10_000;
const tmpPrefix = "tmp-";

/** Works wherever the agent runs; isolates nothing. */
export class ProcessDriver implements Driver {
  readonly name = "process";
  readonly snapshots = { usable: false, reason: "the process driver isolates nothing and copies no process" };
  readonly trees = { ...this.snapshots, known: Promise.resolve() };
  readonly #options: ProcessOptions;
  readonly #reception: Reception;
  readonly #living = new Set<Sandbox>();
  #closed = false;

  constructor(options: ProcessOptions, reception: Reception) {
    this.#options = options;
    this.#reception = reception;
    // what a platform that was killed has left
    mkdirSync(options.runDir, { recursive: true });
    for (const name of readdirSync(options.runDir)) {
      if (name.startsWith(tmpPrefix)) rmSync(join(options.runDir, name), { recursive: true, force: true });
    }
  }

  async create(spec: SandboxSpec): Promise<Sandbox> {
    if (this.#closed) throw new SandboxError("create", "the driver is closed");
    if (spec.rootfs !== undefined) throw new SandboxError("root", "container images need the container driver");
    const asked = monotonicMs();
    const token = randomBytes(16).toString("hex");
    for (const { source } of spec.mounts) {
      if (!existsSync(source)) throw new SandboxError("mount", `source ${source} does not exist`);
    }
    const tmp = mkdtempSync(join(this.#options.runDir, tmpPrefix));
    const runtimeLink = spec.runtimeLink ?? false;
    const words = ["agent", "--link", `unix:${this.#reception.address}`, ...(runtimeLink ? ["--runtime-link"] : [])];
    const child = spawn(this.#options.agent, words, {
      cwd: tmp,
      env: { THAW_TOKEN: token, TMPDIR: tmp },
      stdio: ["ignore", "ignore", "inherit"],
      detached: true,
    });
    const abort = new AbortController();
    const fail = (step: string, message: string) => abort.abort(new SandboxError(step, message));
    const late = setTimeout(() => fail("hello", `no HELLO within ${createMs} ms`), createMs);
    child.once("error", (error) => fail("spawn", error.message));
    child.once("exit", (code, signal) => fail("agent", `ended before HELLO (${signal ?? `code ${code}`})`));
    try {
      const dialled = await this.#reception.expect(token, runtimeLink, abort.signal);
      const { endpointSocket } = this.#options;
      const sandbox = new ProcessSandbox({ id: spec.id, asked, dialled, tmp, endpointSocket }, child, spec.mounts);
      this.#living.add(sandbox);
      void sandbox.exited.then(() => this.#living.delete(sandbox));
      return sandbox;
    } catch (error) {
      if (child.pid !== undefined && child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
      rmSync(tmp, { recursive: true, force: true });
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#living].map((sandbox) => sandbox.kill()));
    await this.#reception.close();
  }
}

export function probeProcess(agent: string): Probe {
  const there = existsSync(agent);
  return {
    driver: "process",
    usable: there,
    reason: there ? "works everywhere, isolates nothing" : `${agent} is missing: npm run build:agent`,
    features: [{ name: "isolation", ok: false, detail: "functions run as ordinary processes of this user" }],
  };
}
