import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type CriuFeature, criuFeature, unusedCriu } from "./container/criu.ts";
import { ContainerDriver } from "./container/driver.ts";
import { probeContainer, unusableContainer } from "./container/probe.ts";
import { type Driver, type Probe, SandboxError } from "./driver.ts";
import { ProcessDriver, probeProcess, processWarning } from "./process/driver.ts";
import { openReception } from "./reception.ts";

export interface IsolationOptions {
  /** `auto`: containers where they work, else processes, with a warning */
  readonly driver: "auto" | "container" | "process";
  /** directory for sockets, made if missing, used by nobody else; gone sandboxes of a killed platform are swept from it */
  readonly runDir: string;
  /** root file system for containers, or undefined: made from the host's own directories */
  readonly rootfs: string | undefined;
  /** Unix socket of the platform's public endpoint, to be reachable from every sandbox */
  readonly endpointSocket?: string | undefined;
  /** where CRIU may be, to copy process trees with, and the file that keeps what was found out about it; undefined: not used */
  readonly criu?: { readonly places: readonly string[]; readonly cache: string } | undefined;
  /** path of thaw-agent; by default the one that `npm ci` has built */
  readonly agent?: string;
  /** prepared slots, 4 by default */
  readonly pool?: number;
  readonly log: (line: string) => void;
}

export interface Isolation {
  readonly driver: Driver;
  /** best first */
  readonly probes: readonly Probe[];
  /** what the operator must know about the driver in use */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

/** Where `npm ci` puts the agent. */
export const builtAgent = join(import.meta.dirname, "..", "..", "agent", "target", "release", "thaw-agent");

/** Chooses a driver and starts it. Rejects with SandboxError when the wanted one does not work here. */
export async function createIsolation(options: IsolationOptions): Promise<Isolation> {
  const agent = resolve(options.agent ?? builtAgent);
  if (!existsSync(agent)) {
    throw new SandboxError(
      "agent",
      `${agent} is missing: install Rust (https://rustup.rs) and run "npm run build:agent"`,
    );
  }
  mkdirSync(options.runDir, { recursive: true, mode: 0o711 });
  const { runDir, rootfs, endpointSocket, log } = options;
  const reception = await openReception(runDir);
  const probes: Probe[] = [];
  if (options.driver !== "process") {
    const container = new ContainerDriver(
      { agent, runDir, rootfs, endpointSocket, log, pool: options.pool ?? 4 },
      reception,
    );
    try {
      const probe = probeContainer(await container.start());
      const { criu } = options;
      // in the background: the first function may well need none
      if (criu) void container.tryCriu(criu.places, criu.cache).then(({ detail }) => log(detail), report(log));
      return {
        driver: container,
        probes: [probe, probeProcess(agent)],
        warnings: probe.features.filter(({ ok }) => !ok).map(({ name, detail }) => `isolation: no ${name}: ${detail}`),
        close: () => container.close(),
      };
    } catch (error) {
      probes.push(unusableContainer(error));
      if (options.driver === "container") {
        await reception.close();
        throw error;
      }
    }
  }
  const driver = new ProcessDriver({ agent, runDir, endpointSocket }, reception);
  const why = probes[0] ? [`isolation: containers do not work here: ${probes[0].reason}`] : [];
  return {
    driver,
    probes: [...probes, probeProcess(agent)],
    warnings: [...why, processWarning],
    close: () => driver.close(),
  };
}

function report(log: (line: string) => void): (error: Error) => void {
  return (error) => log(`criu cannot be tried out: ${error.message}`);
}

/**
 * Whether CRIU can copy process trees here, tried out in containers of its own; `used` false: only whether it is there.
 * Leaves nothing behind.
 */
export async function probeTrees(
  places: readonly string[],
  used: boolean,
  agent: string = builtAgent,
): Promise<CriuFeature> {
  if (!used) return unusedCriu(places);
  const runDir = mkdtempSync(join(tmpdir(), "thaw-probe-"));
  const reception = await openReception(runDir);
  const driver = new ContainerDriver(
    { agent, runDir, pool: 0, rootfs: undefined, endpointSocket: undefined, log: () => undefined },
    reception,
  );
  try {
    await driver.start();
    return criuFeature(await driver.tryCriu(places, join(runDir, "criu.json")));
  } catch (error) {
    return criuFeature({ usable: false, detail: (error as Error).message, criu: undefined });
  } finally {
    await driver.close();
    rmSync(runDir, { recursive: true, force: true });
  }
}

/** What this machine can do, best first, found out by trying. Takes about 20 ms and leaves nothing behind. */
export async function probeDrivers(agent: string = builtAgent): Promise<readonly Probe[]> {
  if (!existsSync(agent)) return [unusableContainer(new Error(`${agent} is missing`)), probeProcess(agent)];
  const runDir = mkdtempSync(join(tmpdir(), "thaw-probe-"));
  const reception = await openReception(runDir);
  const driver = new ContainerDriver(
    { agent, runDir, pool: 0, rootfs: undefined, endpointSocket: undefined, log: () => undefined },
    reception,
  );
  try {
    const found = await driver.start();
    // only a sandbox that was really made proves that one can be made
    const id = "0".repeat(32);
    const spec = { id, mounts: [], tmpBytes: 1 << 20, memoryBytes: 128 << 20, cpus: 1, network: "none" as const };
    await (await driver.create(spec)).kill();
    return [probeContainer(found), probeProcess(agent)];
  } catch (error) {
    return [unusableContainer(error), probeProcess(agent)];
  } finally {
    await driver.close();
    rmSync(runDir, { recursive: true, force: true });
  }
}
