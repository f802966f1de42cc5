import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openReception, type Reception } from "./reception.ts";

const never = new AbortController().signal;

async function withReception(
  body: (reception: Reception, runDir: string) => Promise<void>,
  name = "run",
  helloMs = 5000,
) {
  const root = mkdtempSync(join(tmpdir(), "thaw-reception-"));
  const runDir = join(root, name);
  mkdirSync(runDir);
  const reception = await openReception(runDir, helloMs);
  try {
    await body(reception, runDir);
  } finally {
    await reception.close();
    rmSync(root, { recursive: true });
  }
}

function hello(token: string, type = 0x81, role = "agent"): Buffer {
  const payload = Buffer.from(JSON.stringify({ token, role, protocol: 3, version: "0", pid: 1, main: 1.5, hello: 2 }));
  const header = Buffer.alloc(12);
  header.writeUInt32LE(payload.length, 0);
  header[4] = type;
  return Buffer.concat([header, payload]);
}

async function dial(reception: Reception, ...pieces: Buffer[]) {
  const socket = connect(reception.address);
  await once(socket, "connect");
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return socket;
}

const closed = async (socket: Awaited<ReturnType<typeof dial>>) => {
  socket.resume();
  await once(socket, "close");
};

describe("the socket agents dial", () => {
  test("takes HELLO byte by byte and leaves what follows to the link's owner", () =>
    withReception(async (reception) => {
      const expected = reception.expect("a", false, never);
      const bytes = [...hello("a"), ...Buffer.from("rest")].map((byte) => Buffer.from([byte]));
      const agent = await dial(reception, ...bytes);
      const { link, main } = await expected;
      assert.equal(main, 1.5);
      let rest = "";
      while (rest.length < 4) {
        const more: Buffer | null = link.read();
        if (more) rest += more.toString();
        else await once(link, "readable");
      }
      assert.equal(rest, "rest");
      agent.destroy();
      link.destroy();
    }));

  test("a token works once, an unknown one never", () =>
    withReception(async (reception) => {
      const expected = reception.expect("a", false, never);
      await closed(await dial(reception, hello("b")));
      const first = await dial(reception, hello("a"));
      const { link } = await expected;
      await closed(await dial(reception, hello("a")));
      assert.equal(first.destroyed, false);
      first.destroy();
      link.destroy();
    }));

  test("waits for the runtime's link too where there is to be one, in whatever order they come, and takes each once", () =>
    withReception(async (reception) => {
      for (const roles of [
        ["agent", "runtime"],
        ["runtime", "agent"],
      ] as const) {
        let arrived = false;
        const expected = reception.expect("a", true, never).finally(() => {
          arrived = true;
        });
        const first = await dial(reception, hello("a", 0x81, roles[0]));
        await closed(await dial(reception, hello("a", 0x81, roles[0])));
        await closed(await dial(reception, hello("a", 0x81, "stranger")));
        assert.equal(arrived, false);
        const second = await dial(reception, hello("a", 0x81, roles[1]));
        const { link, runtimeLink } = await expected;
        (roles[0] === "agent" ? first : second).write("from the agent");
        (roles[0] === "agent" ? second : first).write("from the runtime");
        assert.equal(String((await once(link, "data"))[0]), "from the agent");
        assert.equal(String((await once(runtimeLink!, "data"))[0]), "from the runtime");
        for (const socket of [first, second, link, runtimeLink!]) socket.destroy();
      }
      const expected = reception.expect("a", false, never);
      await closed(await dial(reception, hello("a", 0x81, "runtime")));
      const agent = await dial(reception, hello("a"));
      const { link, runtimeLink } = await expected;
      assert.equal(runtimeLink, undefined);
      for (const socket of [agent, link]) socket.destroy();
    }));

  test("another frame, a huge one, nonsense, a half HELLO and silence are closed", () =>
    withReception(
      async (reception) => {
        const huge = hello("a");
        huge.writeUInt32LE(1 << 20, 0);
        const broken = Buffer.concat([hello("a").subarray(0, 12), Buffer.alloc(hello("a").length - 12, "x")]);
        for (const bytes of [hello("a", 0x8a), huge, broken, hello("a").subarray(0, 20), Buffer.alloc(0)]) {
          await closed(await dial(reception, bytes));
        }
      },
      "run",
      50,
    ));

  test("waiting can be given up, with a reason", () =>
    withReception(async (reception) => {
      const abort = new AbortController();
      const expected = reception.expect("a", false, abort.signal);
      abort.abort(new Error("enough"));
      await assert.rejects(expected, /enough/);
      await closed(await dial(reception, hello("a")));
    }));

  test(
    "is for this user alone, and a path too long for an address does not matter",
    { skip: process.platform !== "linux" },
    () =>
      withReception(async (reception, runDir) => {
        assert.equal(statSync(join(runDir, "agent.sock")).mode & 0o777, 0o600);
        const expected = reception.expect("a", false, never);
        const agent = await dial(reception, hello("a"));
        (await expected).link.destroy();
        agent.destroy();
      }, "long".repeat(40)),
  );
});
