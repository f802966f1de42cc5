import assert from "node:assert/strict";
import { readdirSync, readFileSync, realpathSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { builtAgent, probeDrivers } from "../isolation.ts";
import { type Criu, findCriu, isNewEnough, probeCriu, usualPlaces } from "./criu.ts";
import { answer, type CriuSandbox, start } from "./criu-selftest.ts";
import { type CriuBench, withCriuBench } from "./criu-testing.ts";

const place = process.env.THAW_TEST_CRIU;
const found = await findCriu(place === undefined ? usualPlaces : [place]);
const [container] = await probeDrivers();
const root = container?.usable && process.getuid?.() === 0;
const skip = typeof found === "string" ? found : root ? false : "it takes root and containers";
const criu = found as Criu;
const copies = 50;

const node = { source: dirname(realpathSync(process.execPath)), target: "/opt/node" };
const code = `
const { spawn } = require("node:child_process"), { readSync, writeSync } = require("node:fs");
const cat = spawn("/bin/cat", [], { stdio: ["pipe", "pipe", "inherit"] });
const bytes = Buffer.alloc(100);
const serve = () => {
  const length = readSync(3, bytes);
  if (length === 0) process.exit(0);
  cat.stdin.write(bytes.subarray(0, length));
  cat.stdout.once("data", (line) => { writeSync(3, line.toString().trim() + " again\\n"); serve(); });
};
cat.once("spawn", () => { writeSync(3, "up\\n"); serve(); });`;
const programs: Readonly<Record<string, readonly string[]>> = {
  "a shell with children in the background": [
    "/bin/bash",
    "-c",
    'sleep 1000 & while :; do sleep 0.01; done & echo up >&3; while read -r line <&3; do kill -0 $(jobs -p) && echo "$line again" >&3; done',
  ],
  "a Node.js process with a child that it talks to": ["/opt/node/node", "-e", code],
  "a wrapper script that stays around its runtime": ["/bin/sh", "-c", '/opt/node/node -e "$0"; exit 3', code],
};

/** Calls `body` with the image of a program that has said `up`. */
async function withImage(command: readonly string[], body: (bench: CriuBench, image: string) => Promise<void>) {
  await withCriuBench(builtAgent, async (bench) => {
    const image = join(bench.directory, "image");
    const template = await bench.create({ mounts: [...criu.mounts, node], criu: true });
    start(template, command);
    assert.equal(await answer(template), "up\n");
    await bench.dump(template.id, image, criu.program);
    await bench.kill(template.id);
    await body(bench, image);
  });
}

test("only a criu from 4.2 on is one", async () => {
  for (const [version, enough] of Object.entries({
    "3.17.1": false,
    "4.1.1": false,
    "4.2": true,
    "4.10": true,
    "5.0": true,
  }))
    assert.equal(isNewEnough(version), enough, version);
  assert.match((await findCriu(["/no/criu", "/bin/true"])) as string, /^there is no criu: install /);
});

describe("copies of process trees", { skip }, () => {
  test("the self-test passes, and its answer is kept for this kernel and boot", () =>
    withCriuBench(builtAgent, async (bench) => {
      const cache = join(bench.directory, "criu.json");
      const probe = await probeCriu([criu.path], bench, cache);
      assert.equal(probe.detail, `criu ${criu.version} copies process trees here`);
      const never = { ...bench, create: () => Promise.reject(new Error("not cached")) };
      assert.deepEqual(await probeCriu([criu.path], never, cache), probe);
      writeFileSync(cache, readFileSync(cache, "utf8").replace(criu.version, "another"));
      assert.match((await probeCriu([criu.path], never, cache)).detail, /fails here: not cached/);
    }));

  for (const [name, command] of Object.entries(programs)) {
    test(`${name}: ${copies} copies live, and nothing is left of them`, (t) =>
      withImage(command, async (bench, image) => {
        const before = readdirSync(image).map((file) => [file, statSync(join(image, file)).mtimeMs]);
        const took: number[] = [];
        for (let ordinal = 0; ordinal < copies; ordinal++) {
          const asked = performance.now();
          const copy = await bench.create({ mounts: [...criu.mounts, node], image });
          start(copy, [], true);
          copy.runtimeLink.write(`${ordinal}\n`);
          assert.equal(await answer(copy), `${ordinal} again\n`);
          took.push(performance.now() - asked);
          copy.runtimeLink.write("more\n");
          assert.equal(await answer(copy), "more again\n");
          const user = userOf(copy.pid);
          await bench.kill(copy.id);
          assert.deepEqual(processesOf(user), []);
        }
        took.sort((a, b) => a - b);
        t.diagnostic(`p50 ${took[copies / 2]!.toFixed(1)} ms, p90 ${took[copies * 0.9]!.toFixed(1)} ms`);
        assert.deepEqual(
          readdirSync(image).map((file) => [file, statSync(join(image, file)).mtimeMs]),
          before,
        );
      }));
  }

  test("a copy has the rights of a plain start and no more, from its first instruction on", async () => {
    const look =
      "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' | sed 's/ [0-9]* 1$//'; " +
      "ulimit -a; cut -d' ' -f2- /proc/self/mounts | sort; cat /proc/self/oom_score_adj; " +
      "for p in /proc/[0-9]*; do ls -l $p/fd/ $p/map_files 2>/dev/null; done | grep -c -e image -e '[.]img'; " +
      "touch /proc/sys/kernel/ns_last_pid 2>&1; echo 9 2>&1 >/proc/sys/kernel/ns_last_pid; unshare -U true 2>&1; ls /proc/1/root /proc/1/fd 2>&1";
    const script = `look() { { ${look}; } 2>&1; echo done; }; echo up >&3; while read -r l <&3; do look >/tmp/seen 2>&1; tr '\\n' '|' </tmp/seen >&3; done`;
    await withImage(["/bin/bash", "-c", script], async (bench, image) => {
      const seen = async (image: string | undefined) => {
        const sandbox = await bench.create({ mounts: [...criu.mounts, node], ...(image !== undefined && { image }) });
        start(sandbox, ["/bin/bash", "-c", script], image !== undefined);
        if (image === undefined) assert.equal(await answer(sandbox), "up\n");
        sandbox.runtimeLink.write("look\n");
        const said = await answer(sandbox);
        await bench.kill(sandbox.id);
        return said.split("|").join("\n");
      };
      const plain = await seen(undefined);
      assert.match(plain, /CapEff:\t0+\n(.*\n)*.*NoNewPrivs:\t1\nSeccomp:\t2\n(.*\n)*done\n/);
      for (let time = 0; time < 5; time++) assert.equal(await seen(image), plain);
    });
  });

  test("copies draw other random numbers and keys than each other, on all threads, from the first one on", () => {
    const draw = `
const { spawn } = require("node:child_process"), { readSync, writeSync } = require("node:fs"), crypto = require("node:crypto");
spawn("/bin/sleep", ["1000"]);
const draw = (done) => crypto.randomBytes(8, (_, bytes) => done([bytes.toString("hex"), crypto.randomBytes(8).toString("hex"),
  crypto.generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }).x]));
draw(() => {
  writeSync(3, "up\\n");
  readSync(3, Buffer.alloc(9));
  draw((drawn) => { writeSync(3, JSON.stringify(drawn)); readSync(3, Buffer.alloc(9)); });
});`;
    return withImage(["/opt/node/node", "-e", draw], async (bench, image) => {
      const seen: string[] = [];
      for (let time = 0; time < 5; time++) {
        const copy = await bench.create({ mounts: [...criu.mounts, node], image });
        start(copy, [], true);
        copy.runtimeLink.write("draw\n");
        seen.push(...(JSON.parse(await answer(copy)) as string[]));
        await bench.kill(copy.id);
      }
      assert.equal(new Set(seen).size, 15, seen.join(" "));
    });
  });

  test("what copies would share or lose is refused: an OpenSSL in a child, files in /tmp", () =>
    withCriuBench(builtAgent, async (bench) => {
      const says = 'require("node:fs").writeSync(3, "up\\n"); require("node:fs").readSync(3, Buffer.alloc(9));';
      const refused = {
        generator: `require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"]); setTimeout(() => { ${says} }, 500);`,
        tmp: `require("node:fs").writeFileSync("/tmp/cache", "x"); ${says}`,
      };
      for (const [code, program] of Object.entries(refused)) {
        const template = await bench.create({ mounts: [...criu.mounts, node], criu: true });
        start(template, ["/opt/node/node", "-e", program]);
        assert.equal(await answer(template), "up\n");
        const image = join(bench.directory, code);
        await assert.rejects(bench.dump(template.id, image, criu.program), { name: "DumpRefused", code });
        assert.throws(() => statSync(image), { code: "ENOENT" });
        await bench.kill(template.id);
      }
    }));

  test("an image that was cut or changed is not restored", () =>
    withImage(programs["a shell with children in the background"]!, async (bench, image) => {
      const refused = (name: string) =>
        assert.rejects(bench.create({ mounts: criu.mounts, image }), { step: "read the image" }, name);
      for (const name of readdirSync(image)) {
        const whole = readFileSync(join(image, name));
        truncateSync(join(image, name), Math.floor(whole.length / 2));
        await refused(name);
        writeFileSync(join(image, name), whole);
      }
      const core = readdirSync(image).find((name) => name.startsWith("core-"))!;
      const bytes = readFileSync(join(image, core));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(join(image, core), bytes);
      await refused(core);
    }));

  test("where criu fails, the agent says that the process has ended", () =>
    withImage(programs["a shell with children in the background"]!, async (bench, image) => {
      // without criu's own directory there is no criu in the sandbox
      const copy = await bench.create({ mounts: [node], image });
      const told = exitOf(copy);
      start(copy, [], true);
      await assert.rejects(answer(copy), /the runtime ended|ECONNRESET/);
      assert.match(await told, /^\{"code":126\}/);
      await bench.kill(copy.id);
    }));

  test("a tree with a connection is refused with criu's reason, and there is no image", () =>
    withCriuBench(builtAgent, async (bench) => {
      const image = join(bench.directory, "image");
      const template = await bench.create({ mounts: [...criu.mounts, node], criu: true });
      const connected = `const net = require("node:net"); const s = net.createServer().listen(0, "127.0.0.1", () => net.connect(s.address().port, "127.0.0.1", () => { const f = require("node:fs"); f.writeSync(3, "up\\n"); f.readSync(3, Buffer.alloc(1)); }));`;
      start(template, ["/opt/node/node", "-e", connected]);
      assert.equal(await answer(template), "up\n");
      await assert.rejects(bench.dump(template.id, image, criu.program), { name: "DumpRefused", message: /TCP/ });
      assert.throws(() => statSync(image), { code: "ENOENT" });
      await bench.kill(template.id);
    }));
});

/** The agent's EXIT, its last frame. */
async function exitOf(copy: CriuSandbox): Promise<string> {
  let said = "";
  for await (const bytes of copy.link) {
    said += (bytes as Buffer).toString("latin1");
    const exit = /\x8b.{7}(\{".*)/s.exec(said);
    if (exit) return exit[1]!;
  }
  return said;
}

function userOf(pid: number): string {
  return /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
}

function processesOf(user: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && userOf(Number(name)) === user;
    } catch {
      return false; // it has just ended
    }
  });
}
