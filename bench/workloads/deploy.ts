import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { program } from "../harness/processes.ts";
import {
  discards,
  judge,
  measurement,
  uncounted,
  type WorkloadOptions,
  type WorkloadReport,
} from "../harness/report.ts";
import { createSpawner } from "../harness/spawner.ts";
import { nodeBinary } from "../peers/index.ts";
import { largeArchive, publish, type Server, startServer, unseen } from "../subject/index.ts";

const ours = "UpdateFunctionCode and PublishVersion to the first answer from the image";
const theirs = "unzip and one run";

/**
 * Goal 17: new code of 10 MB, from the request that brings it to the first answer of an environment restored from its
 * image, against `unzip` and one run. The version before is called all the while.
 */
export async function deploy(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const spawner = createSpawner();
  const scratch = mkdtempSync(join(tmpdir(), "thaw-bench-deploy-"));
  try {
    options.progress("preparing");
    const fn = await largeArchive(10 * 2 ** 20);
    await server.create(fn, undefined, { SnapStart: { ApplyOn: "PublishedVersions" } });
    const node = await nodeBinary(String((await server.inspect(fn.name)).payload.version));
    const old = await publish(server, fn.name);
    writeFileSync(join(scratch, "code.zip"), fn.zip);
    const starts: string[] = [];
    const path = `/2015-03-31/functions/${fn.name}`;
    let count = 0;
    let served = 0;
    const subjects: Subject[] = [
      {
        name: ours,
        async once(round) {
          const { zip } = unseen(fn, count++);
          const meanwhile = background(server, fn.name, old);
          const began = performance.now();
          await server.call("PUT", `${path}/code`, { ZipFile: zip.toString("base64") });
          const version = await publish(server, fn.name);
          const { timing } = await server.inspect(fn.name, version);
          const ms = performance.now() - began;
          served += await meanwhile.stop();
          if (round >= 0) starts.push(timing.start);
          return [ms];
        },
      },
    ];
    if (program("unzip")) {
      const script = 'rm -rf "$0/out"; unzip -q "$0/code.zip" -d "$0/out" && cd "$0/out" && exec "$1" -e "$2"';
      const run = "require('./index.js').handler({}).then((a) => process.stdout.write(JSON.stringify(a)))";
      subjects.push({
        name: theirs,
        async once() {
          const { ms, code } = await spawner.run(["/bin/sh", "-c", script, scratch, node, run], "exit");
          if (code !== 0) throw new Error(`${theirs}: exit code ${code}`);
          return [ms];
        },
      });
    }
    const rounds = options.rounds ?? (options.quick ? 3 : 15);
    const run = await interleave(subjects, { rounds, tooLoaded, progress: options.progress });
    const goal = { goal: 17, what: "deploy", subject: ours, baseline: theirs, limit: 3, direction: "at most" } as const;
    const other = starts.filter((start) => start !== "restore").length;
    const why = other > 0 ? `${other} of ${starts.length} first answers were no restores` : undefined;
    return {
      name: "deploy",
      loaded: run.loaded,
      measurements: [...run.samples].map(([name, samples]) => measurement(name, "ms", samples)),
      verdicts: [uncounted(judge(goal, run.samples, run.loaded), why)],
      phases: [],
      missing: program("unzip") ? [] : [{ name: theirs, reason: "not installed (Debian: apt-get install unzip)" }],
      notes: [`the version before answered ${served} calls meanwhile, all of them rightly`, ...discards(run.discarded)],
    };
  } finally {
    spawner.close();
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Calls a version every 20 ms until stopped; a wrong answer is thrown then. Resolves with how many were answered. */
function background(server: Server, name: string, version: string): { stop(): Promise<number> } {
  let over = false;
  const calls = (async () => {
    let answered = 0;
    while (!over) {
      const response = await fetch(server.url(name, version), { method: "POST", body: '{"n":1}' });
      const text = await response.text();
      if (!response.ok || text !== '{"n":1}') throw new Error(`the old version answered ${response.status} ${text}`);
      answered += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return answered;
  })();
  calls.catch(() => undefined);
  return {
    stop() {
      over = true;
      return calls;
    },
  };
}
