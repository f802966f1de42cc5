import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RuntimeStatus } from "../../artifacts/index.ts";
import { exitCodes } from "../failure.ts";
import { print, printJson, styled } from "../output.ts";
import { type CommonOptions, connection } from "../settings.ts";

/** One finding: what was looked at, how it is, and what to do if it is not as it should be. */
interface Check {
  readonly topic: "isolation" | "engine" | "agent" | "runtimes" | "server";
  readonly name: string;
  /** `warn`: works, but less well than it could */
  readonly state: "ok" | "warn" | "fail";
  readonly detail: string;
  readonly next?: string;
}

/** Looks at this machine without needing a server. Exit code 1 when functions could not run. */
export async function doctor(options: CommonOptions): Promise<void> {
  const checks = [engine(), ...agent()];
  const [isolation, trees, runtimes, server] = await Promise.all([
    attempt("isolation", probeIsolation),
    attempt("isolation", probeProcessTrees),
    attempt("runtimes", probeRuntimes),
    probeServer(options),
  ]);
  checks.push(...isolation.checks, ...trees.checks, ...runtimes.checks, server);
  if (checks.some((check) => check.state === "fail")) process.exitCode = exitCodes.error;
  if (options.json) {
    printJson({ ok: process.exitCode === undefined, driver: isolation.value, checks });
    return;
  }
  let topic = "";
  for (const check of checks) {
    if (check.topic !== topic) print(styled("bold", check.topic));
    topic = check.topic;
    const mark = {
      ok: styled("green", "ok  "),
      warn: styled("yellow", "warn"),
      fail: styled("red", "fail"),
    }[check.state];
    print(`  ${mark}  ${check.name.padEnd(16)} ${check.detail}`);
    if (check.next !== undefined) print(`        ${styled("cyan", "next:")} ${check.next}`);
  }
}

/** A part that cannot even be looked at is one failed check, not the end of the report. */
async function attempt(
  topic: Check["topic"],
  probe: () => Promise<{ checks: Check[]; value?: string | undefined }>,
): Promise<{ checks: Check[]; value?: string | undefined }> {
  try {
    return await probe();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { checks: [{ topic, name: topic, state: "fail", detail }] };
  }
}

function engine(): Check {
  const version = process.versions.node;
  return Number(version.split(".")[0]) >= 24
    ? { topic: "engine", name: "Node.js", state: "ok", detail: `${version} (${process.execPath})` }
    : {
        topic: "engine",
        name: "Node.js",
        state: "fail",
        detail: `${version}; the platform needs 24 or later`,
        next: "run npm ci in Thaw's folder: it brings its own engine",
      };
}

function agent(): Check[] {
  const root = new URL("../../../", import.meta.url);
  const binary = fileURLToPath(new URL("agent/target/release/thaw-agent", root));
  const cargo = findOnPath("cargo");
  const found: Check = existsSync(binary)
    ? { topic: "agent", name: "thaw-agent", state: "ok", detail: binary }
    : {
        topic: "agent",
        name: "thaw-agent",
        state: "fail",
        detail: "the agent, the first process of every sandbox, is not built",
        next: cargo === undefined ? "install Rust (rustup.rs), then npm run build:agent" : "npm run build:agent",
      };
  return [
    found,
    cargo === undefined
      ? { topic: "agent", name: "cargo", state: "warn", detail: "not on the PATH; only needed to build the agent" }
      : { topic: "agent", name: "cargo", state: "ok", detail: cargo },
  ];
}

function findOnPath(command: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((directory) => join(directory, command))
    .find((path) => existsSync(path));
}

async function probeIsolation(): Promise<{ checks: Check[]; value: string | undefined }> {
  const { probeDrivers } = await import("../../isolation/index.ts");
  const probes = await probeDrivers();
  // the platform takes the first usable one, and they come best first
  const chosen = probes.find((probe) => probe.usable);
  const checks = probes.flatMap((probe): Check[] => {
    const used = probe === chosen ? "used: " : probe.usable ? "usable, not needed: " : "not usable: ";
    const first: Check = {
      topic: "isolation",
      name: probe.driver,
      state: probe.usable ? "ok" : "warn",
      detail: used + probe.reason,
      ...(probe === chosen && probe.driver === "process"
        ? { state: "warn", next: "functions are not isolated from this machine: run only code you trust" }
        : {}),
    };
    const features = probe.features.map(
      (feature): Check => ({
        topic: "isolation",
        name: `  ${feature.name}`,
        state: feature.ok ? "ok" : "warn",
        detail: feature.detail,
      }),
    );
    // what a driver that is not needed lacks is nobody's problem
    return probe === chosen || !probe.usable ? [first, ...features] : [first];
  });
  if (chosen === undefined) {
    const detail = "no way to isolate functions works on this machine";
    checks.push({ topic: "isolation", name: "driver", state: "fail", detail, next: "see the lines above" });
  }
  return { checks, value: chosen?.driver };
}

/** An extra: what our own images refuse is copied by CRIU, if it is there and asked for. */
async function probeProcessTrees(): Promise<{ checks: Check[] }> {
  const [{ probeTrees }, { configOf }] = await Promise.all([
    import("../../isolation/index.ts"),
    import("../../config.ts"),
  ]);
  const { used, places } = configOf({}).criu;
  const { name, ok, detail } = await probeTrees(places, used);
  return { checks: [{ topic: "isolation", name: `  ${name}`, state: ok ? "ok" : "warn", detail }] };
}

async function probeRuntimes(): Promise<{ checks: Check[] }> {
  const [{ createArtifacts }, { configOf }] = await Promise.all([
    import("../../artifacts/index.ts"),
    import("../../config.ts"),
  ]);
  // a store of its own: only one platform may use a data directory at a time, and one may be running
  const dataDir = await mkdtemp(join(tmpdir(), "thaw-doctor-"));
  try {
    const { runtimesDir } = configOf({});
    const path = process.env.PATH;
    const artifacts = createArtifacts({ dataDir, runtimesDir, ...(path && { path }), log: () => {} });
    return { checks: runtimeChecks(await artifacts.runtimes()) };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Runtimes that are in the same state for the same reason share a line. */
function runtimeChecks(runtimes: readonly RuntimeStatus[]): Check[] {
  const groups = Map.groupBy(runtimes, ({ state, detail }) => `${state}: ${detail}`);
  return [...groups].map(([words, group]) => ({
    topic: "runtimes",
    name: group.map(({ name }) => name).join(" "),
    state: group[0]?.state === "missing" ? "warn" : "ok",
    detail: words,
  }));
}

/** Whether something listens where clients will look, and whether it is Thaw. */
async function probeServer(options: CommonOptions): Promise<Check> {
  const target = connection(options);
  const url = new URL(target.endpoint);
  const check = { topic: "server", name: url.host } as const;
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (!(await listens(url.hostname.replace(/^\[(.*)\]$/, "$1"), port))) {
    return { ...check, state: "ok", detail: "nothing listens there: the port is free", next: "thaw up" };
  }
  try {
    const { ask } = await import("../client.ts");
    await ask(target, { method: "GET", path: "/_thaw/health" });
    return { ...check, state: "ok", detail: "Thaw is running" };
  } catch {
    return {
      ...check,
      state: "warn",
      detail: "another program listens there",
      next: "thaw up --port 4567, then thaw env --endpoint http://127.0.0.1:4567",
    };
  }
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => done(true));
    socket.once("timeout", () => done(false));
    socket.once("error", () => done(false));
  });
}
