import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { RuntimeUnavailable } from "./artifacts.ts";
import { withFetchLock } from "./fetch-lock.ts";
import { createInterrogator, interpreterPaths } from "./python-search.ts";
import { createRuntimes } from "./runtimes.ts";

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "thaw-runtimes-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const ownMajor = Number(process.versions.node.split(".")[0]);

test("the platform's own engine serves as the managed runtime of its major version, without fetching", async (t) => {
  const cache = directory(t);
  const lines: string[] = [];
  const runtimes = createRuntimes({ directory: cache, path: "", log: (line) => lines.push(line) });
  const known = (await runtimes.list()).find((one) => one.name === `nodejs${ownMajor}.x`);
  if (known?.state !== "ready") return t.skip("this engine is not one of Node.js's own releases");
  const found = await Promise.all([runtimes.get(`nodejs${ownMajor}.x`), runtimes.get(`nodejs${ownMajor}.x`)]);
  assert.equal(found[0], found[1]);
  assert.equal(found[0].version, process.versions.node);
  assert.equal(found[0].link, "frames");
  const mount = found[0].mounts.find(({ target }) => target === "/var/lang")!;
  assert.equal(
    execFileSync(join(mount.source, "bin/node"), ["--version"], { encoding: "utf8" }).trim(),
    process.version,
  );
  assert.equal(found[0].command[0]![0], "/var/lang/bin/node");
  assert.deepEqual(lines, []);
  assert.deepEqual(readdirSync(join(cache, "nodejs")), [
    `${process.versions.node}-${process.platform}-${process.arch}`,
  ]);
});

test("every bootstrap that a runtime starts is there", async (t) => {
  const runtimes = createRuntimes({ directory: directory(t), path: "", log: () => {} });
  for (const { name, state } of await runtimes.list()) {
    if (state !== "ready") continue;
    const { command, mounts } = await runtimes.get(name);
    const ours = mounts.find(({ target }) => target === "/var/runtime");
    if (ours === undefined) continue;
    const script = command[0]!.find((word) => word.startsWith("/var/runtime/"))!;
    assert.ok(existsSync(join(ours.source, script.slice("/var/runtime/".length))), `${name}: ${script}`);
  }
});

test("a machine without npm says so", async (t) => {
  const path = process.env.PATH;
  t.after(() => {
    process.env.PATH = path;
  });
  process.env.PATH = "/nonexistent";
  const other = [22, 24].find((major) => major !== ownMajor)!;
  const runtimes = createRuntimes({ directory: directory(t), path: "/nonexistent", log: () => {} });
  const status = (await runtimes.list()).find((one) => one.name === `nodejs${other}.x`);
  assert.equal(status?.state, "missing");
  await assert.rejects(runtimes.get(`nodejs${other}.x`), (error) => {
    assert.ok(error instanceof RuntimeUnavailable);
    assert.match(error.message, /install npm/);
    return true;
  });
});

test("a fetch that fails leaves nothing behind, and the next demand tries again", async (t) => {
  const cache = directory(t);
  const bin = join(directory(t), "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "npm"), "#!/bin/sh\necho the registry is down >&2\nexit 7\n");
  chmodSync(join(bin, "npm"), 0o755);
  const path = process.env.PATH;
  t.after(() => {
    process.env.PATH = path;
  });
  process.env.PATH = bin;
  const other = [22, 24].find((major) => major !== ownMajor)!;
  const runtimes = createRuntimes({ directory: cache, path: bin, log: () => {} });
  for (let round = 0; round < 2; round++) {
    await assert.rejects(runtimes.get(`nodejs${other}.x`), /npm ended with 7: the registry is down/);
  }
  assert.deepEqual(readdirSync(join(cache, "nodejs")), []);
});

test("functions that bring their own runtime are searched for a bootstrap where Lambda searches", async (t) => {
  const runtimes = createRuntimes({ directory: directory(t), path: "", log: () => {} });
  for (const name of ["provided.al2023", "provided.al2", "provided"]) {
    const { command, link, mounts } = await runtimes.get(name);
    assert.deepEqual(command, [["/var/runtime/bootstrap"], ["/var/task/bootstrap"], ["/opt/bootstrap"]]);
    assert.equal(link, "http");
    assert.deepEqual(mounts, []);
  }
  const go = await runtimes.get("go1.x");
  assert.match(go.command.at(-1)!.join(" "), /\$_HANDLER/);
});

test("a runtime that cannot be run here says what to do instead", async (t) => {
  const runtimes = createRuntimes({ directory: directory(t), path: "", log: () => {} });
  const reason = async (name: string) => {
    const error = await runtimes.get(name).catch((caught: unknown) => caught);
    assert.ok(error instanceof RuntimeUnavailable, `${name}: ${error}`);
    assert.equal(error.runtime, name);
    return error.message;
  };
  assert.match(await reason("java99"), /install a JDK 99/);
  assert.match(await reason("ruby3.99"), /install Ruby 3\.99/);
  assert.match(await reason("ruby2.5"), /use ruby2\.7 or later/);
  assert.match(await reason("dotnet99"), /not a runtime of Lambda/);
  assert.match(await reason("dotnet10"), /dotnet/);
  assert.match(await reason("nodejs4.3"), /use nodejs26\.x/);
  assert.match(await reason("python2.7"), /use python3\.6 or later/);
  assert.match(await reason("python3.99"), /uv python install 3\.99/);
  assert.match(await reason("cobol"), /not a runtime of Lambda/);
});

/** An installation of Python as python-search finds it, around an interpreter of this machine. */
test("an interpreter on PATH is found once, asked once, and mounted where it lives", async (t) => {
  const [real] = interpreterPaths(process.env.PATH);
  if (real === undefined) return t.skip("no Python here");
  const minor = /3\.(\d+)$/.exec(real)![1];
  const cache = directory(t);
  const file = join(cache, "interpreters.json");
  const answer = (await createInterrogator(file)(real))!;
  assert.match(answer.version, new RegExp(`^3\\.${minor}\\.\\d+$`));
  const remembered = readFileSync(file, "utf8").replace(answer.version, `3.${minor}.99`);
  writeFileSync(file, remembered);
  assert.equal((await createInterrogator(file)(real))!.version, `3.${minor}.99`, "not asked again");
  writeFileSync(file, "{ cut off");
  assert.equal((await createInterrogator(file)(real))!.version, answer.version);

  const runtimes = createRuntimes({ directory: cache, path: process.env.PATH, log: () => {} });
  const found = await runtimes.get(`python3.${minor}`);
  const [program] = found.command[0]!;
  const mounted = found.mounts.some(({ source, target }) => source === target && program!.startsWith(`${target}/`));
  assert.ok(mounted || program!.startsWith("/usr/"), program);
  const bootstrap = found.mounts.find(({ target }) => target === "/var/runtime")!.source;
  const bytecode = readdirSync(join(bootstrap, "_thaw", "__pycache__"));
  assert.ok(bytecode.includes(`runtime.cpython-3${minor}.pyc`), "the bootstrap is mounted with its bytecode");
  assert.equal(
    execFileSync(program!, ["-s", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], {
      env: found.env,
      encoding: "utf8",
    }).trim(),
    found.version,
  );
});

test("a broken interpreter and a virtual environment are no runtimes", async (t) => {
  const bin = directory(t);
  writeFileSync(join(bin, "python3.98"), "#!/bin/sh\nexit 1\n");
  chmodSync(join(bin, "python3.98"), 0o755);
  const venv = {
    version: "3.97.1",
    executable: join(bin, "python3.97"),
    prefix: bin,
    basePrefix: "/usr",
    sitePackages: [],
  };
  writeFileSync(join(bin, "python3.97"), `#!/bin/sh\necho '${JSON.stringify(venv)}'\n`);
  chmodSync(join(bin, "python3.97"), 0o755);
  const runtimes = createRuntimes({ directory: directory(t), path: bin, log: () => {} });
  await assert.rejects(runtimes.get("python3.98"), RuntimeUnavailable);
  await assert.rejects(runtimes.get("python3.97"), RuntimeUnavailable);
});

test("of several interpreters the one with boto3 is taken, then the newest", async (t) => {
  const root = directory(t);
  const interpreter = (name: string, patch: number, boto3: boolean): string => {
    const prefix = join(root, name);
    const site = join(prefix, "site");
    mkdirSync(join(prefix, "bin"), { recursive: true });
    mkdirSync(join(site, "boto3"), { recursive: true });
    if (boto3) writeFileSync(join(site, "boto3", "__init__.py"), "");
    const executable = join(prefix, "bin", "python3.97");
    const answer = { version: `3.97.${patch}`, executable, prefix, basePrefix: prefix, sitePackages: [site] };
    writeFileSync(executable, `#!/bin/sh\necho '${JSON.stringify(answer)}'\n`);
    chmodSync(executable, 0o755);
    return join(prefix, "bin");
  };
  const choice = async (...bins: string[]) => {
    const runtimes = createRuntimes({ directory: directory(t), path: bins.join(":"), log: () => {} });
    return (await runtimes.get("python3.97")).version;
  };
  const [old, newest, equipped] = [interpreter("a", 2, false), interpreter("b", 10, false), interpreter("c", 1, true)];
  assert.equal(await choice(old, newest), "3.97.10");
  assert.equal(await choice(old, newest, equipped), "3.97.1");
});

test("two processes that fetch the same thing take turns", { timeout: 30_000 }, async (t) => {
  const lock = join(directory(t), "lock");
  const program = `
    import { withFetchLock } from ${JSON.stringify(join(import.meta.dirname, "fetch-lock.ts"))};
    await withFetchLock(${JSON.stringify(lock)}, async () => {
      process.stdout.write("in\\n");
      await new Promise((resolve) => process.stdin.once("data", resolve));
      process.stdout.write("out\\n");
    });
    process.exit();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  while (!said.includes("in")) await new Promise(setImmediate);
  const turn = withFetchLock(lock, async () => said);
  child.stdin.write("go\n");
  assert.match(await turn, /out/);
  assert.ok(!existsSync(lock));
});

test("a lock left by a process that died is taken over", async (t) => {
  const lock = join(directory(t), "lock");
  writeFileSync(lock, "");
  const { utimesSync } = await import("node:fs");
  utimesSync(lock, new Date(0), new Date(0));
  assert.equal(await withFetchLock(lock, async () => 1), 1);
});
