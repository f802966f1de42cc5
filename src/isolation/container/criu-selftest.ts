import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { DumpFacts, Mount } from "../driver.ts";
import type { Criu } from "./criu.ts";

/** What it takes to copy a process tree: the launcher's orders, and the two links of every sandbox. */
export interface CriuNeeds {
  /** `criu`: it may be dumped by CRIU. `image`: a directory; the sandbox restores it. */
  create(what: {
    readonly mounts: readonly Mount[];
    readonly criu?: boolean;
    readonly image?: string;
  }): Promise<CriuSandbox>;
  /** `program`: CRIU as the sandbox sees it. `into` must not exist. Rejects with DumpRefused. */
  dump(id: string, into: string, program: string): Promise<DumpFacts>;
  /** resolves when nothing of it is left */
  kill(id: string): Promise<void>;
}

export interface CriuSandbox {
  readonly id: string;
  readonly link: Duplex;
  readonly runtimeLink: Duplex;
}

const patienceMs = 5000;
const bootType = 0x01;
const headerBytes = 12;
/** A parent and a child that both must live on, and a line that comes back changed. */
const script = 'sleep 1000 & echo up >&3; read -r line <&3; kill -0 $! && echo "$line again" >&3; wait';

/** Dumps and restores a shell with a child. Rejects with what failed. */
export async function selfTest(criu: Criu, needs: CriuNeeds, image: string): Promise<void> {
  const { mounts } = criu;
  const template = await needs.create({ mounts, criu: true });
  try {
    start(template, ["/bin/sh", "-c", script]);
    if ((await answer(template)) !== "up\n") throw new Error("the shell did not start");
    await needs.dump(template.id, image, criu.program);
  } finally {
    await needs.kill(template.id);
  }
  const copy = await needs.create({ mounts, image });
  try {
    start(copy, [], true);
    copy.runtimeLink.write("once\n");
    if ((await answer(copy)) !== "once again\n") throw new Error("the copy answers wrongly");
  } finally {
    await needs.kill(copy.id);
  }
}

/** BOOT (agent/PROTOCOL.md). */
export function start(sandbox: CriuSandbox, command: readonly string[], restore = false): void {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };
  const boot = { command: [command], env, cwd: "/tmp", link: "frames", apiPort: 0, maxResponseBytes: 1 << 20, restore };
  const body = Buffer.from(JSON.stringify(restore ? { ...boot, command: [] } : boot));
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(body.length, 0);
  header[4] = bootType;
  sandbox.link.write(Buffer.concat([header, body]));
}

/** The next bytes of the runtime. */
export async function answer(sandbox: CriuSandbox): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs);
  const ended = once(sandbox.runtimeLink, "close", { signal }).then(() => {
    throw new Error("the runtime ended");
  });
  const [bytes] = (await Promise.race([once(sandbox.runtimeLink, "data", { signal }), ended])) as [Buffer];
  return bytes.toString();
}
