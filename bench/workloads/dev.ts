import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { interleave, type Subject } from "../harness/interleave.ts";
import { tooLoaded } from "../harness/machine.ts";
import { startChild } from "../harness/processes.ts";
import { discards, judge, measurement, type WorkloadOptions, type WorkloadReport } from "../harness/report.ts";
import { repository } from "../peers/index.ts";
import { type Server, startServer } from "../subject/index.ts";

interface Kind {
  readonly name: string;
  readonly file: string;
  readonly source: (round: number) => string;
}

const kinds: readonly Kind[] = [
  {
    name: "JavaScript",
    file: "index.js",
    source: (round) => `exports.handler = async () => ({ round: ${round} });\n`,
  },
  {
    name: "TypeScript",
    file: "index.ts",
    source: (round) => `export const handler = async (): Promise<{ round: number }> => ({ round: ${round} });\n`,
  },
  {
    name: "Python",
    file: "lambda_function.py",
    source: (round) => `def lambda_handler(event, context):\n    return {"round": ${round}}\n`,
  },
];

/** What the goal allows beyond the handler's own init, ms. */
const allowed = 50;

/**
 * Goal 19: a file is saved in a project that `thaw dev` runs, until a call is answered by the new code, against that very start's
 * own code init and 50 ms.
 */
export async function dev(options: WorkloadOptions): Promise<WorkloadReport> {
  const server = await startServer();
  const scratch = mkdtempSync(join(tmpdir(), "thaw-bench-dev-"));
  const stops: (() => Promise<void>)[] = [];
  const own = new Map<string, number[]>();
  try {
    options.progress("preparing");
    const subjects: Subject[] = [];
    for (const kind of kinds) {
      const name = `dev-${kind.name.toLowerCase()}`;
      const folder = join(scratch, name);
      mkdirSync(folder);
      let count = 0;
      writeFileSync(join(folder, kind.file), kind.source(count));
      const argv = [join(repository, "bin", "thaw"), "dev", folder, "--endpoint", server.endpoint.origin];
      const child = await startChild(argv, (output) => output.includes(" is live at "), { readyWithinMs: 60_000 });
      stops.push(() => child.stop());
      await answered(server, name, count);
      const inits: number[] = [];
      own.set(`${kind.name}: own init and ${allowed} ms`, inits);
      subjects.push({
        name: `${kind.name}: save to first answer`,
        async once(round) {
          // what the save before has started beside the calls is over
          await pause(300);
          const began = performance.now();
          writeFileSync(join(folder, kind.file), kind.source(++count));
          const init = await answered(server, name, count);
          const ms = performance.now() - began;
          if (round >= 0) inits.push(init + allowed);
          return [ms];
        },
      });
    }
    const rounds = options.rounds ?? (options.quick ? 5 : 20);
    const run = await interleave(subjects, { rounds, warmups: 2, tooLoaded, progress: options.progress });
    const all = new Map([...run.samples, ...own]);
    return {
      name: "dev",
      loaded: run.loaded,
      measurements: [...all].map(([name, samples]) => measurement(name, "ms", samples)),
      verdicts: kinds.map(({ name }) => {
        const [subject, baseline] = [`${name}: save to first answer`, `${name}: own init and ${allowed} ms`];
        return judge(
          { goal: 19, what: "save to live", subject, baseline, limit: 1, direction: "at most" },
          all,
          run.loaded,
        );
      }),
      phases: [],
      missing: [],
      notes: ["the function is called all the while, 2 ms between calls", ...discards(run.discarded)],
    };
  } finally {
    await Promise.all(stops.map((stop) => stop()));
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Calls until the code of this round answers. Resolves with the ms that its environment needed to load it. */
async function answered(server: Server, name: string, round: number): Promise<number> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { payload, timing } = await server.invoke(name, {});
    if (payload.round === round) return timing.codeInit;
    if (performance.now() > deadline) throw new Error(`${name} still answers ${JSON.stringify(payload)}`);
    await pause(2);
  }
}
