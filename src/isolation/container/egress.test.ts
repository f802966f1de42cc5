import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Sandbox } from "../driver.ts";
import { type Isolation, probeDrivers } from "../isolation.ts";
import { Link, spec, withIsolation } from "../testing.ts";
import { connectPeer, type Peer, ports, run, traces } from "./testing-network.ts";

// The machine's own network is not touched: this file runs itself again in a new network namespace, which plays the
// machine, with one cable to a second one, which plays the world. 203.0.113.0/24 is for documentation (RFC 5737).
const machine = "203.0.113.1";
const world = "203.0.113.2";
const metadata = "169.254.169.254";
const forwarding = "/proc/sys/net/ipv4/ip_forward";

const egress = (isolation: Isolation) =>
  isolation.driver.create(
    spec({ network: "egress", mounts: [{ source: process.execPath, target: "/opt/node" }], memoryBytes: 512 << 20 }),
  );

if (process.env.THAW_TEST_NETWORK === "inside") withinTheTestsNetwork();
else {
  const [container] = await probeDrivers();
  const feature = container?.features.find(({ name }) => name === "network egress");
  const missing = ["unshare", "nsenter", "ip", "nft"].filter((name) => spawnSync(name, ["--version"]).error);
  const why = feature?.ok ? missing.map((name) => `no ${name} here`).join() : `no egress here: ${feature?.detail}`;

  describe("egress", { skip: why === "" ? false : why }, () => {
    test("everything holds in a network of the test's own", () => {
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const argv = [
        "--net",
        process.execPath,
        "--test-reporter=tap",
        "--test-timeout=60000",
        "--test",
        import.meta.filename,
      ];
      const ran = spawnSync("unshare", argv, { encoding: "utf8", env: { ...env, THAW_TEST_NETWORK: "inside" } });
      assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    });
  });
}

function withinTheTestsNetwork(): void {
  let outside: Peer;
  before(async () => {
    run("ip", "link", "set", "lo", "up");
    outside = await connectPeer("uplink", machine, world, metadata);
    run("ip", "route", "add", "default", "via", world);
  });
  after(() => outside.close());

  describe("a sandbox with egress", () => {
    test("reaches TCP and UDP servers out there under the machine's address; one without does not", () =>
      withIsolation({}, async (isolation) => {
        const link = new Link(await egress(isolation));
        assert.equal((await link.run(tcpTo(world, ports.tcp))).output, `tcp ${machine}\n`);
        assert.equal((await link.run(udpTo(world, ports.udp))).output, `udp ${machine}\n`);
        const without = new Link(await isolation.driver.create(spec()));
        assert.match((await without.run(tcpTo(world, ports.tcp))).output, /unreachable/);
      }));

    test("reaches no server of the machine, by whatever address", () =>
      withIsolation({}, async (isolation) => {
        const server = createServer((client) => client.end("machine\n")).listen(0, "0.0.0.0");
        await once(server, "listening");
        const { port } = server.address() as { port: number };
        const link = new Link(await egress(isolation));
        const addresses = [machine, "127.0.0.1", ...traces().addresses];
        assert.ok(addresses.length > 2);
        for (const address of addresses) {
          assert.doesNotMatch((await link.run(tcpTo(address, port, 0.3))).output, /machine/, address);
        }
        server.close();
      }));

    test("reaches no link-local address, where clouds keep credentials, and no other sandbox", () =>
      withIsolation({}, async (isolation) => {
        const link = new Link(await egress(isolation));
        // the machine itself gets through to it
        const [program, ...argv] = tcpTo(metadata, ports.tcp);
        assert.equal(run(program!, ...argv), `tcp ${machine}\n`);
        assert.doesNotMatch((await link.run(tcpTo(metadata, ports.tcp, 0.3))).output, /tcp/);
        await serve(await egress(isolation), 7000);
        const { addresses } = traces();
        assert.ok(addresses.length >= 2);
        for (const host of addresses) {
          const address = host.replace(/\d+$/, (last) => String(Number(last) + 1));
          assert.doesNotMatch((await link.run(tcpTo(address, 7000, 0.3))).output, /sandbox/, address);
        }
      }));

    test("is not reached from out there", () =>
      withIsolation({}, async (isolation) => {
        await serve(await egress(isolation), 7000);
        for (const host of traces().addresses) {
          const address = host.replace(/\d+$/, (last) => String(Number(last) + 1));
          assert.equal(await outside.dial(address, 7000), "nothing", address);
        }
      }));

    test("has no address of IP version 6", () =>
      withIsolation({}, async (isolation) => {
        const link = new Link(await egress(isolation));
        assert.equal((await link.sh("cat /proc/net/if_inet6 | grep -c eth0")).output, "0\n");
      }));

    test("finds the machine's name servers in its /etc/resolv.conf, but for those on loopback", () =>
      withIsolation({}, async (isolation) => {
        const { output } = await new Link(await egress(isolation)).sh("cat /etc/resolv.conf");
        const named = readFileSync("/etc/resolv.conf", "utf8").match(/^nameserver\s+\d+\.\d+\.\d+\.\d+/gm) ?? [];
        for (const line of named.filter((one) => !one.includes(" 127."))) assert.ok(output.includes(line), output);
        assert.doesNotMatch(output, /nameserver 127\./);
      }));
  });

  describe("the machine", () => {
    const clean = { tables: [], wires: [], addresses: [], forwarding: "0" };
    const becomesClean = () => until(() => JSON.stringify(traces()) === JSON.stringify(clean));

    test("has nothing of it before the first sandbox that asks, and nothing after close()", async () => {
      await becomesClean();
      await withIsolation({}, async (isolation) => {
        await isolation.driver.create(spec());
        assert.deepEqual(traces(), clean);
        await egress(isolation);
        const during = traces();
        assert.deepEqual([during.tables, during.forwarding], [["thaw-forwarding", "thaw0"], "1"]);
      });
      await becomesClean();
    });

    test("is as it was after the launcher was killed, and the next launcher serves", async () => {
      await withIsolation({}, async (isolation) => {
        const sandbox = await egress(isolation);
        process.kill(launcherOf(isolation), "SIGKILL");
        await sandbox.exited;
        await becomesClean();
        await egress(isolation);
      });
      await becomesClean();
    });

    test("forwards for two platforms until the last one ends", async () => {
      await withIsolation({}, async (second) => {
        await withIsolation({}, async (first) => {
          await egress(first);
          await egress(second);
          assert.deepEqual(traces().tables, ["thaw-forwarding", "thaw0", "thaw1"]);
        });
        await until(() => !traces().tables.includes("thaw0"));
        const link = new Link(await egress(second));
        assert.equal((await link.run(tcpTo(world, ports.tcp))).output, `tcp ${machine}\n`);
      });
      await becomesClean();
    });

    test("leaves forwarding alone where it was on already", async () => {
      writeFileSync(forwarding, "1");
      try {
        await withIsolation({}, async (isolation) => {
          await egress(isolation);
          assert.deepEqual(traces().tables, ["thaw0"]);
        });
        await until(() => traces().tables.length === 0 && traces().wires.length === 0);
        assert.equal(traces().forwarding, "1");
      } finally {
        writeFileSync(forwarding, "0");
      }
    });

    test("does not become a router between its other networks", async () => {
      const neighbour = await connectPeer("lan", "192.0.2.1", "192.0.2.2");
      try {
        await withIsolation({}, async (isolation) => {
          await egress(isolation);
          assert.equal(traces().forwarding, "1");
          assert.equal(await neighbour.dial(world, ports.tcp), "nothing");
        });
        await becomesClean();
        // that it could have: a machine that is told to forward does
        writeFileSync(forwarding, "1");
        assert.equal(await neighbour.dial(world, ports.tcp), "tcp 192.0.2.2");
      } finally {
        writeFileSync(forwarding, "0");
        await neighbour.close();
      }
    });

    test("lets no sandbox keep its wire when the firewall's guard is killed", () =>
      withIsolation({}, async (isolation) => {
        const sandbox = await egress(isolation);
        const launcher = launcherOf(isolation);
        const children = readFileSync(`/proc/${launcher}/task/${launcher}/children`, "utf8").trim().split(" ");
        // the children that live in the machine's network: the maker of disks, if there is one, and since then the guard
        const own = run("readlink", "/proc/self/ns/net");
        const guard = children.findLast((pid) => run("readlink", `/proc/${pid}/ns/net`) === own);
        process.kill(Number(guard), "SIGKILL");
        assert.equal((await sandbox.exited).signal, "SIGKILL");
        await until(() => traces().wires.length === 0);
        const link = new Link(await egress(isolation));
        assert.equal((await link.run(tcpTo(world, ports.tcp))).output, `tcp ${machine}\n`);
        writeFileSync(forwarding, "0");
      }));
  });
}

function tcpTo(host: string, port: number, seconds = 5): string[] {
  return ["/bin/bash", "-c", `timeout ${seconds} bash -c 'cat < /dev/tcp/${host}/${port}'`];
}

function udpTo(host: string, port: number): string[] {
  return ["/bin/bash", "-c", `exec 3<>/dev/udp/${host}/${port}; echo >&3; timeout 5 head -n 1 <&3`];
}

async function serve(sandbox: Sandbox, port: number): Promise<void> {
  const link = new Link(sandbox);
  const server = `require("net").createServer((c) => c.end("sandbox\\n")).listen(${port}, "0.0.0.0", () => console.log("up"))`;
  link.start(["/opt/node", "-e", server]);
  await link.says("up");
}

function launcherOf(isolation: Isolation): number {
  const details = isolation.probes[0]!.features.map(({ detail }) => detail).join("\n");
  return Number(/thaw-(\d+)-/.exec(details)?.[1]);
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within 10 s: ${condition} ${JSON.stringify(traces())}`);
    await delay(10);
  }
}
