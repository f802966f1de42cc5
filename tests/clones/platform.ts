import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { awaitImage, imagesUsable } from "../../bench/subject/images.ts";
import { endEnvironments, type SandboxProcesses, sandboxesOf } from "../../bench/subject/index.ts";
import { type Server, type ServerOptions, startServer } from "../e2e/server.ts";
import { Client, type Code, type Settings } from "../security/client.ts";
import { until } from "../security/traces.ts";

/**
 * So often in a row the ladder may choose another start than a copy: where other work made the first ones slow, it looks again after eight
 * (src/environments/ladder.ts), and twice may be needed.
 */
const patience = 20;

/** How one call came out. */
export interface Called {
  readonly status: number;
  /** how the environment that served it came to be */
  readonly start: string;
  readonly functionError: string | undefined;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what its function answers
  readonly body: any;
  /** milliseconds since the epoch */
  readonly sent: number;
  readonly received: number;
}

/** A real platform whose functions' environments are copies of an initialised process. */
export interface Clones extends AsyncDisposable {
  readonly server: Server;
  readonly client: Client;
  /** Creates a function that wants an image and waits for it. Fails when it gets none. */
  deploy(name: string, code: Code, settings?: Settings): Promise<void>;
  /** Creates a function, calls it once, and waits for its image or for the reason why it has none. */
  tryDeploy(name: string, code: Code, settings?: Settings): Promise<string | undefined>;
  /** Ends a function's environments from outside, when none is being started: its next call is cold. */
  cool(name: string): Promise<void>;
  /** Ends them whatever they are at: to the platform, copies that were about to wake have failed. */
  kill(name: string): Promise<void>;
  /** The first call of a function that was created just before. */
  first(name: string, event?: unknown): Promise<Called>;
  /** A call in whatever environment there is. */
  call(name: string, event?: unknown): Promise<Called>;
  /** A call in a new environment, which must be a restored one. */
  clone(name: string, event?: unknown): Promise<Called>;
  /** Calls in `count` restored environments, up to `wide` of them alive at once; none of them serves twice. */
  clones(name: string, count: number, wide: number, event?: unknown): Promise<Called[]>;
  sandboxes(name: string): Promise<SandboxProcesses[]>;
}

/** Why no process can be restored on this machine; false where it can. Asked of a real platform. */
export async function noImages(): Promise<string | false> {
  await using server = await startServer();
  const { usable, reason } = await imagesUsable(adminOf(server));
  return usable ? false : `no images here: ${reason}`;
}

export async function startClones(options: ServerOptions = {}): Promise<Clones> {
  const server = await startServer(options);
  const client = new Client(server.endpoint);
  const endpoint = new URL(server.endpoint);
  const running = { endpoint, pid: server.process.pid! };

  const call = async (name: string, event: unknown = {}): Promise<Called> => {
    const sent = Date.now();
    const response = await fetch(new URL(`/2015-03-31/functions/${name}/invocations`, endpoint), {
      method: "POST",
      headers: { "content-type": "application/json", "x-thaw-timing": "1" },
      body: JSON.stringify(event),
    });
    const text = await response.text();
    return {
      status: response.status,
      start: JSON.parse(response.headers.get("x-thaw-timing") ?? "{}").start ?? "none",
      functionError: response.headers.get("x-amz-function-error") ?? undefined,
      text,
      body: parsed(text),
      sent,
      received: Date.now(),
    };
  };
  /**
   * Whether a copy served the call. The ladder may choose a rung below to see whether it still is the slower one; any
   * other start is a restore that failed, and the error says what the platform knows of it.
   */
  const isCopy = async (name: string, called: Called): Promise<boolean> => {
    if (called.start === "restore") return true;
    const { body } = await client.send("GET", "/_thaw/environments");
    const row = body.versions.findLast((one: { function: string }) => one.function === name);
    const chosen =
      /^(plain|pool)$/.test(called.start) && row?.image.state === "ready" && row.rungs.restore?.failures === 0;
    assert.ok(chosen, `a ${called.start} start: ${called.status} ${called.text.slice(0, 300)}\n${JSON.stringify(row)}`);
    return false;
  };
  const kill = (name: string) => endEnvironments(running, name);
  /** More may have been started than there were calls left for; killed on their way they would count against the image. */
  const cool = async (name: string) => {
    await until(
      async () =>
        (await client.send("GET", "/_thaw/environments")).body.environments as { function: string; state: string }[],
      (rows) => !rows.some((row) => row.function === name && /^(creating|initializing|restoring)$/.test(row.state)),
      20_000,
    );
    await kill(name);
  };
  const wanting = (settings: Settings): Settings => ({
    timeout: 60,
    memory: 512,
    ...settings,
    environment: { THAW_SNAPSHOT: "on", ...settings.environment },
  });
  const tryDeploy = async (name: string, code: Code, settings: Settings = {}): Promise<string | undefined> => {
    await client.deploy(name, code, wanting(settings));
    const first = await settled(() => call(name, { first: true }));
    assert.equal(first.status, 200, first.text);
    assert.equal(first.functionError, undefined, first.text);
    return awaitImage({ ...adminOf(server), cool, invoke: async (of) => ({ timing: await call(of) }) }, name);
  };

  return {
    server,
    client,
    cool,
    kill,
    call,
    first: (name, event) => settled(() => call(name, event)),
    tryDeploy,
    sandboxes: (name) => sandboxesOf(running, name),
    async deploy(name, code, settings) {
      assert.equal(await tryDeploy(name, code, settings), undefined, `${name} has no image`);
    },
    async clone(name, event) {
      for (let n = 0; n < patience; n++) {
        await cool(name);
        const called = await call(name, event);
        if (await isCopy(name, called)) return called;
      }
      throw new Error(`${patience} cold starts of ${name} in a row were plain by choice`);
    },
    async clones(name, count, wide, event) {
      const found: Called[] = [];
      let fruitless = 0;
      while (found.length < count) {
        assert.ok(fruitless < patience, `${patience} times in a row no start of ${name} was a copy's`);
        const before = found.length;
        await cool(name);
        const some = Math.min(wide, count - found.length);
        const round = await Promise.all(Array.from({ length: some }, () => call(name, event)));
        for (const called of round) {
          if (called.start !== "warm" && (await isCopy(name, called))) found.push(called);
        }
        fruitless = found.length === before ? fruitless + 1 : 0;
      }
      return found;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Functions are created at once and become active a little later. */
async function settled(call: () => Promise<Called>): Promise<Called> {
  for (let n = 0; ; n++) {
    const called = await call();
    if (called.status !== 409 || n > 100) return called;
    await delay(50);
  }
}

function adminOf(server: Server) {
  return {
    async call(method: string, path: string): Promise<Record<string, unknown>> {
      const response = await fetch(new URL(path, server.endpoint), { method });
      return (await response.json()) as Record<string, unknown>;
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
