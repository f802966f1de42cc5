/**
 * `npm run bench -- NAME… [--rounds N] [--quick] [--only PART[,PART]] [--json|--markdown]`, `-- --list`. Prints the machine, every measurement,
 * and every goal with its ratio; as one JSON document, or as the rows of a table. Exit 0 when everything ran (met or not),
 * 1 when something failed, 2 on bad usage. `starts` is every benchmark about starting environments, `all` is all.
 */
import { parseArgs } from "node:util";
import { banner, machine } from "./harness/machine.ts";
import { markdown } from "./harness/markdown.ts";
import { render, styleFor, type WorkloadOptions, type WorkloadReport } from "./harness/report.ts";
import { repository } from "./peers/index.ts";
import { asynchronous } from "./workloads/async.ts";
import { burst } from "./workloads/burst.ts";
import { churn } from "./workloads/churn.ts";
import { cold } from "./workloads/cold.ts";
import { control } from "./workloads/control.ts";
import { deploy } from "./workloads/deploy.ts";
import { dev } from "./workloads/dev.ts";
import { events } from "./workloads/events.ts";
import { memory } from "./workloads/memory.ts";
import { neverSeen } from "./workloads/never-seen.ts";
import { overhead } from "./workloads/overhead.ts";
import { policy } from "./workloads/policy.ts";
import { provisioned } from "./workloads/provisioned.ts";
import { restore } from "./workloads/restore.ts";
import { sandbox } from "./workloads/sandbox-goal.ts";
import { simulate } from "./workloads/simulate.ts";
import { startup } from "./workloads/startup.ts";
import { throughput } from "./workloads/throughput.ts";
import { warm } from "./workloads/warm.ts";

interface Workload {
  readonly about: string;
  readonly run: (options: WorkloadOptions) => Promise<WorkloadReport>;
}

const workloads: Readonly<Record<string, Workload>> = {
  cold: {
    about: "goals 1–5: a plain cold start, request to first byte, against a fresh process of the same binary",
    run: cold,
  },
  restore: {
    about: "goals 1–5: a cold start from an image, request to first byte, against a fresh process of the same binary",
    run: restore,
  },
  pool: { about: "goal 6: code that was never seen before, against a fresh process", run: neverSeen },
  memory: { about: "goal 10: memory of idle environments, against bare idle processes", run: memory },
  burst: { about: "goals 11 and 12: 100 and 1,000 cold calls at once", run: burst },
  policy: { about: "goal 16: keep-alive and pre-warming on generated traces, against ten fixed minutes", run: policy },
  simulate: {
    about:
      "goals 15 and 16: the scheduler's own code on a virtual clock: decisions among 100,000 environments, policies, bursts",
    run: simulate,
  },
  churn: { about: "goal 13: create, run and destroy for a minute, against runc", run: churn },
  provisioned: {
    about: "goal 14: the first call on every provisioned environment, against a warm call",
    run: provisioned,
  },
  deploy: {
    about: "goal 17: deploy of 10 MB to the first answer from its image, against unzip and one run",
    run: deploy,
  },
  dev: {
    about: "goal 19: a save in `thaw dev` to the first answer of the new code, against the handler's own init",
    run: dev,
  },
  sandbox: {
    about: "goal 7: an empty sandbox, created to its first instruction, against bwrap and runc",
    run: sandbox,
  },
  control: {
    about:
      "the control plane: reads, a deploy of 1 MB, acknowledged writes, 10,000 functions listed, started and recovered",
    run: control,
  },
  async: { about: "asynchronous invocations: accepted a second, memory of a long queue, latency", run: asynchronous },
  events: {
    about:
      "event sources and front doors: accepted a second, latency from sender to function, memory of long queues, doors against a bare call",
    run: events,
  },
  startup: {
    about:
      "goal 18: until the server listens, the command line's help, memory of an idle server, against a bare engine",
    run: startup,
  },
  warm: { about: "goal 8: a warm invocation on one connection, against node:http and the emulators", run: warm },
  overhead: {
    about: "what recording costs: warm invocations with metrics, log lines and traces, against without",
    run: overhead,
  },
  throughput: {
    about: "goal 9: warm invocations on 32 connections, against fastify, workerd and others",
    run: throughput,
  },
};

/** Names that stand for several. */
const groups: Readonly<Record<string, readonly string[]>> = {
  starts: ["restore", "pool", "memory", "burst", "churn", "provisioned", "deploy"],
  all: Object.keys(workloads),
};

function usage(problem: string): never {
  console.error(
    `${problem}\nusage: npm run bench -- ${[...Object.keys(workloads), ...Object.keys(groups)].join("|")} … [--rounds N] [--quick] [--only PART[,PART]] [--json|--markdown]`,
  );
  process.exit(2);
}

function readArguments(): {
  names: string[];
  rounds: number | undefined;
  quick: boolean;
  only: ReadonlySet<string> | undefined;
  format: "text" | "json" | "markdown";
  list: boolean;
} {
  const options = {
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  } as const;
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
    if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
      usage(`--rounds ${values.rounds}: not a whole number above 0`);
    const names = positionals.flatMap((name) => groups[name] ?? [name]);
    const unknown = names.find((name) => !(name in workloads));
    if (unknown !== undefined) usage(`${unknown}: no such benchmark`);
    if (names.length === 0 && !values.list) usage("which benchmark?");
    if (values.json && values.markdown) usage("--json and --markdown: one of them");
    const format = values.json ? "json" : values.markdown ? "markdown" : "text";
    const only = values.only === undefined ? undefined : new Set(values.only.split(","));
    return { names, rounds, quick: values.quick, only, format, list: values.list };
  } catch (error) {
    usage((error as Error).message);
  }
}

const { names, rounds, quick, only, format, list } = readArguments();
if (list) {
  const all = Object.entries(workloads).map(([name, { about }]) => ({ name, about }));
  console.log(
    format === "json" ? JSON.stringify(all) : all.map(({ name, about }) => `${name.padEnd(11)} ${about}`).join("\n"),
  );
  process.exit(0);
}

const style = styleFor(process.stdout);
const about = machine(repository);
const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
};
if (format === "text") console.log(`${banner(about)}\n`);
const reports: (WorkloadReport | { name: string; error: string })[] = [];
for (const name of names) {
  try {
    const report = await workloads[name]!.run({ rounds, quick, only, progress });
    progress("");
    reports.push(report);
    if (format === "text") console.log(`${render(report, style)}\n`);
  } catch (error) {
    progress("");
    process.exitCode = 1;
    const message = error instanceof Error ? error.message : String(error);
    reports.push({ name, error: message });
    console.error(`${name} failed: ${message}\n`);
  }
}
if (format === "json") console.log(JSON.stringify({ machine: about, reports }, null, 2));
if (format === "markdown") console.log(markdown(about, reports));
