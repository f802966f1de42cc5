import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "../driver.ts";
import { builtAgent, createIsolation, type Isolation, probeDrivers } from "../isolation.ts";
import { type Dialled, openReception, type Reception } from "../reception.ts";
import { Link, spec, withIsolation } from "../testing.ts";
import { ContainerDriver } from "./driver.ts";

const [probe] = await probeDrivers();
const skip = probe?.usable ? false : `no containers here: ${probe?.reason}`;
const groupParents = (isolation: Isolation) =>
  isolation.probes[0]!.features.map(({ detail }) => /\S+\/thaw-\d+-\d+/.exec(detail)?.[0]).filter(
    (path) => path !== undefined,
  );

describe("nothing is left behind", { skip }, () => {
  test("after a hundred sandboxes there are as many groups, processes, namespaces, mounts and files as after ten", () =>
    withIsolation({}, async (isolation, runDir) => {
      const launcher = launcherOf(isolation);
      const churn = async (count: number) => {
        for (let done = 0; done < count; done += 5) {
          const five = await Promise.all(Array.from({ length: 5 }, () => isolation.driver.create(spec())));
          await Promise.all(five.map((sandbox) => sandbox.kill()));
        }
        // the pool is full again when there are as many waiting slots as it holds
        await until(() => slots(launcher).length === 2 && slots(launcher).every(isWaiting));
        return {
          groups: groupParents(isolation).map(
            (parent) => readdirSync(parent).filter((name) => /^s\d/.test(name)).length,
          ),
          // but for disks for /tmp, of which there is a stock that may not be full again
          descriptors: readdirSync(`/proc/${launcher}/fd`).filter((fd) => linkOr(`/proc/${launcher}/fd/${fd}`) !== "/")
            .length,
          own: readdirSync("/proc/self/fd").length,
          namespaces: namespacesOf([launcher, ...descendants(launcher)]).size,
          mounts: readFileSync("/proc/self/mountinfo", "utf8"),
          inner: readFileSync(`/proc/${slots(launcher)[0]}/mountinfo`, "utf8").split("\n").length,
          files: readdirSync(runDir),
        };
      };
      assert.deepEqual(await churn(100), await churn(10));
    }));

  test("after close() no group and no process is left", async () => {
    let parents: string[] = [];
    let pids: number[] = [];
    await withIsolation({}, async (isolation) => {
      await Promise.all([isolation.driver.create(spec()), isolation.driver.create(spec())]);
      const launcher = launcherOf(isolation);
      pids = [launcher, ...children(launcher)];
      parents = groupParents(isolation);
      assert.ok(parents.every(existsSync) && pids.length > 2);
    });
    assert.deepEqual(parents.filter(existsSync), []);
    assert.deepEqual(pids.filter(isAlive), []);
  });
});

describe("a sandbox that ends while it is being told of", { skip }, () => {
  test("is none: whoever asked for it is told so, and nobody waits for an end that was told before", async () => {
    const runDir = mkdtempSync(join(tmpdir(), "thaw-crash-"));
    const reception = await openReception(runDir);
    let first: Dialled | undefined;
    // A busy event loop hears of HELLO, of the making and of the end in one turn, before whoever waits has the word.
    const expect: Reception["expect"] = async (token, runtimeLink) => {
      const dialled = await reception.expect(token, runtimeLink, new AbortController().signal);
      if (first) return dialled;
      first = dialled;
      const [agent] = slots(launcher);
      process.kill(agent!, "SIGKILL");
      await until(() => slots(launcher).length === 0);
      await until(() => !readdirSync(groups).some((name) => /^s\d/.test(name)));
      // The launcher tells one thing after the other.
      await driver.create(spec());
      return dialled;
    };
    const options = { agent: builtAgent, runDir, pool: 0, rootfs: undefined, endpointSocket: undefined };
    const driver = new ContainerDriver({ ...options, log: () => undefined }, { ...reception, expect });
    const { ready: launcher, parts } = await driver.start();
    const groups = Object.values(parts)[0]!.directory;
    try {
      await assert.rejects(driver.create(spec()), (error) => error instanceof SandboxError && error.step === "agent");
      assert.ok(first?.link.destroyed);
    } finally {
      await driver.close();
      rmSync(runDir, { recursive: true, force: true });
    }
  });
});

describe("when the launcher is killed", { skip }, () => {
  test("its sandboxes end, orders under way fail cleanly, and a new launcher sweeps and serves", () =>
    withIsolation({}, async (isolation) => {
      const parents = groupParents(isolation);
      const launcher = launcherOf(isolation);
      const sandbox = await isolation.driver.create(spec());
      const link = new Link(sandbox);
      link.start(["/bin/sh", "-c", "sleep 1000 & echo up; sleep 1000"]);
      await link.says("up");
      const orphans = descendants(launcher);
      assert.ok(orphans.length >= 3);
      const underWay = Array.from({ length: 8 }, () => isolation.driver.create(spec()));
      process.kill(launcher, "SIGKILL");
      const results = await Promise.allSettled(underWay);
      assert.ok(results.every((r) => r.status === "fulfilled" || r.reason instanceof SandboxError));
      assert.ok(results.some((r) => r.status === "rejected"));
      assert.equal((await sandbox.exited).signal, "SIGKILL");
      await until(() => !orphans.some(isAlive));

      const next = await isolation.driver.create(spec());
      assert.equal((await new Link(next).sh("echo alive")).output, "alive\n");
      assert.deepEqual(parents.filter(existsSync), []);
    }));
});

describe("when the platform is killed", { skip }, () => {
  const platform = async (runDir: string) => {
    const module = JSON.stringify(join(import.meta.dirname, "..", "testing.ts"));
    const isolation = JSON.stringify(join(import.meta.dirname, "..", "isolation.ts"));
    const script = `
      import { createIsolation } from ${isolation};
      import { Link, spec } from ${module};
      const { driver, probes } = await createIsolation({ driver: "container", runDir: ${JSON.stringify(runDir)}, rootfs: undefined, log() {} });
      const links = (await Promise.all([1, 2, 3].map(() => driver.create(spec())))).map((sandbox) => new Link(sandbox));
      for (const link of links) { link.start(["/bin/sh", "-c", "echo up; sleep 1000"]); await link.says("up"); }
      links[0].sandbox.freeze();
      console.log(JSON.stringify(probes[0].features.map(({ detail }) => detail)));
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    const parents = (JSON.parse(line) as string[])
      .map((detail) => /\S+\/thaw-\d+-\d+/.exec(detail)?.[0] ?? "")
      .filter(Boolean);
    const launcher = Number(/thaw-(\d+)-/.exec(parents[0]!)?.[1]);
    return { child, parents, launcher, pids: descendants(launcher) };
  };
  const ended = async (child: ChildProcess) => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };

  test("the launcher ends every sandbox, frozen ones too, removes its groups and ends itself", async () => {
    const runDir = mkdtempSync(join(tmpdir(), "thaw-crash-"));
    const { child, parents, launcher, pids } = await platform(runDir);
    assert.ok(pids.length >= 6 && parents.every(existsSync));
    child.kill("SIGKILL");
    await ended(child);
    await until(() => ![launcher, ...pids].some(isAlive) && !parents.some(existsSync));
    rmSync(runDir, { recursive: true });
  });

  test("and the launcher with it, the sandboxes still end, and the next start sweeps the groups", async () => {
    const runDir = mkdtempSync(join(tmpdir(), "thaw-crash-"));
    const { child, parents, launcher, pids } = await platform(runDir);
    process.kill(launcher, "SIGSTOP");
    child.kill("SIGKILL");
    process.kill(launcher, "SIGKILL");
    await ended(child);
    await until(() => !isAlive(launcher));
    assert.ok(parents.every(existsSync));
    const isolation = await createIsolation({ driver: "container", runDir, rootfs: undefined, log: () => undefined });
    const swept = !parents.some(existsSync);
    await isolation.close();
    assert.ok(swept);
    await until(() => !pids.some(isAlive));
    assert.deepEqual(readdirSync(runDir), []);
    rmSync(runDir, { recursive: true });
  });
});

function launcherOf(isolation: Isolation): number {
  return Number(/thaw-(\d+)-/.exec(groupParents(isolation)[0] ?? "")?.[1]);
}

function children(pid: number): number[] {
  const text = readOr(`/proc/${pid}/task/${pid}/children`);
  return text.split(" ").filter(Boolean).map(Number);
}

/** Children in a network namespace of their own: not the launcher's own helpers. */
function slots(launcher: number): number[] {
  return children(launcher).filter((pid) => linkOr(`/proc/${pid}/ns/net`) !== linkOr("/proc/self/ns/net"));
}

function descendants(pid: number): number[] {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

function isAlive(pid: number): boolean {
  const state = readOr(`/proc/${pid}/stat`).split(") ")[1]?.[0];
  return state !== undefined && state !== "Z";
}

/** A slot that has said it is ready has nothing open but its streams and three descriptors, or four with a disk for /tmp. */
function isWaiting(pid: number): boolean {
  try {
    const open = readdirSync(`/proc/${pid}/fd`).length;
    return open === 6 || open === 7;
  } catch {
    return false;
  }
}

/** Every namespace that one of these processes is in: not the whole machine's, on which other tests run at the same time. */
function namespacesOf(pids: readonly number[]): Set<string> {
  const found = new Set<string>();
  for (const pid of pids) {
    for (const kind of ["user", "mnt", "pid", "net", "ipc", "uts"]) {
      try {
        found.add(readlinkSync(`/proc/${pid}/ns/${kind}`));
      } catch {
        // it has just ended
      }
    }
  }
  return found;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within 10 s: ${condition}`);
    await delay(5);
  }
}
