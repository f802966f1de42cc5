import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DumpFacts } from "../driver.ts";
import { openReception } from "../reception.ts";
import type { CriuNeeds, CriuSandbox } from "./criu-selftest.ts";
import { startLauncher } from "./launcher.ts";

/** A launcher of its own, spoken to directly: sandboxes that CRIU may dump or restore in. */
export interface CriuBench extends CriuNeeds {
  create(what: Parameters<CriuNeeds["create"]>[0]): Promise<BenchSandbox>;
  /** a directory that is gone afterwards */
  readonly directory: string;
}

export interface BenchSandbox extends CriuSandbox {
  /** the sandbox's first process as this machine sees it */
  readonly pid: number;
}

export async function withCriuBench(agent: string, body: (bench: CriuBench) => Promise<void>): Promise<void> {
  const runDir = mkdtempSync(join(tmpdir(), "thaw-criu-"));
  const reception = await openReception(runDir);
  const made = new Map<string, PromiseWithResolvers<number>>();
  const dumps = new Map<string, PromiseWithResolvers<DumpFacts>>();
  const failures = new Map<string, AbortController>();
  const links = new Map<string, readonly Socket[]>();
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const launcher = await startLauncher(
    { agent, runDir, pool: 2, rootfs: undefined },
    {
      created: (id, { pid }) => made.get(id)?.resolve(pid),
      failed: (id, error) => {
        made.get(id)?.reject(error);
        failures.get(id)?.abort(error);
        ends.get(id)?.resolve();
      },
      dumped: (id, facts) => dumps.get(id)?.resolve(facts),
      refused: (id, why) => dumps.get(id)?.reject(why),
      exit: (id) => ends.get(id)?.resolve(),
      gone: () => undefined,
    },
  );
  const bench: CriuBench = {
    directory: runDir,
    async create({ mounts, image, criu = false }) {
      const id = randomBytes(16).toString("hex");
      const token = randomBytes(16).toString("hex");
      const failed = new AbortController();
      failures.set(id, failed);
      made.set(id, Promise.withResolvers());
      ends.set(id, Promise.withResolvers());
      const dialled = reception.expect(token, true, AbortSignal.any([failed.signal, AbortSignal.timeout(10_000)]));
      launcher.create({
        create: id,
        token,
        mounts: mounts.map(({ source, target }) => [source, target] as const),
        tmp: 16 << 20,
        memory: 512 << 20,
        cpus: 2,
        network: "none",
        runtimeLink: true,
        image: image ?? null,
        criu,
      });
      const [pid, { link, runtimeLink }] = await Promise.all([made.get(id)!.promise, dialled]);
      links.set(id, [link, runtimeLink!]);
      for (const socket of links.get(id)!) socket.on("error", () => undefined);
      return { id, pid, link, runtimeLink: runtimeLink! };
    },
    dump(id, into, program) {
      dumps.set(id, Promise.withResolvers());
      launcher.dump({ dump: id, into, link: "frames", criu: program });
      return dumps.get(id)!.promise;
    },
    async kill(id) {
      launcher.kill(id);
      await ends.get(id)!.promise;
      for (const socket of links.get(id) ?? []) socket.destroy();
    },
  };
  try {
    await body(bench);
  } finally {
    await launcher.close();
    for (const socket of [...links.values()].flat()) socket.destroy();
    await reception.close();
    rmSync(runDir, { recursive: true, force: true });
  }
}
