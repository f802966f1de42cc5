import { writeFile } from "node:fs/promises";
import { exitCodes, usageFailure } from "../failure.ts";
import { createLambda } from "../lambda.ts";
import type { Call, Target } from "../measure/call.ts";
import { type Copy, original, withCopy } from "../measure/copy.ts";
import { compare, type Finding, finding } from "../measure/findings.ts";
import { htmlReport } from "../measure/html.ts";
import { atRate, burst, coldStarts, warmCalls } from "../measure/run.ts";
import { memorySizes, sweep, sweepText } from "../measure/sweep.ts";
import { comparisonText, findingsText, progressLine } from "../measure/text.ts";
import { note, print, printJson, styledError } from "../output.ts";
import { readPayload } from "../payload.ts";
import { type CommonOptions, connection, spanMs, wholeNumber } from "../settings.ts";

interface BenchOptions extends CommonOptions {
  readonly payload?: string;
  readonly qualifier?: string;
  readonly against?: string;
  readonly cold?: string;
  readonly warm?: string;
  readonly concurrency?: string;
  readonly burst?: string;
  readonly rate?: string;
  readonly for?: string;
  readonly memory?: string;
  readonly html?: string;
}

interface Plan {
  readonly cold: number;
  readonly warm: number;
  readonly concurrency: number;
  readonly burst: number;
  readonly rate: number;
  readonly seconds: number;
  readonly memory: readonly number[];
}

/**
 * Measures a function where it is: forced cold starts and bursts on a copy of it, everything else on itself. Named kinds
 * are measured; without any, what the mission's tester does (10 cold, 100 warm by 10 callers) and a burst.
 */
export async function bench(name: string, options: BenchOptions): Promise<void> {
  const plan = planOf(options);
  const server = connection(options);
  const payload = await readPayload(options.payload);
  const first: Target = { connection: server, name, qualifier: options.qualifier, payload };
  const targets = [first, ...(options.against === undefined ? [] : [await other(first, options.against)])];
  const originals = await Promise.all(targets.map((target) => original(server, target.name, target.qualifier)));
  const { say, done } = progressLine(options.json === true);

  const found: Finding[] = [];
  const add = (kind: string, calls: readonly (readonly Call[])[]): void => {
    for (const [i, each] of calls.entries()) found.push(finding(label(targets[i]!), kind, each));
  };
  const withCopies = async (i: number, copies: Copy[]): Promise<void> => {
    if (i < targets.length) {
      return withCopy(server, originals[i]!, {}, (copy) => withCopies(i + 1, [...copies, copy]));
    }
    const sides = targets.map((target, at) => ({ target, copy: copies[at]! }));
    if (plan.cold > 0) add("cold", await coldStarts(sides, plan.cold, say));
    if (plan.burst > 0) {
      for (const side of sides) {
        const calls = await burst(side.target, side.copy, plan.burst, say);
        found.push(finding(label(side.target), `burst of ${plan.burst}`, calls));
      }
    }
  };
  if (plan.cold > 0 || plan.burst > 0) await withCopies(0, []);
  if (plan.warm > 0) add("warm", await warmCalls(targets, plan.warm, plan.concurrency, say));
  if (plan.rate > 0) {
    for (const target of targets) {
      found.push(finding(label(target), `${plan.rate} a second`, await atRate(target, plan.rate, plan.seconds, say)));
    }
  }
  const sizes =
    plan.memory.length === 0
      ? []
      : await withCopy(server, originals[0]!, {}, (copy) =>
          sweep(first, copy, { sizes: plan.memory, cold: 3, warm: 20 }, say),
        );
  done();

  const comparisons = targets.length < 2 ? [] : compared(found, label(targets[0]!), label(targets[1]!));
  const facts = [server.endpoint, new Date().toISOString(), `payload of ${payload.length} bytes`];
  const { configuration } = originals[0]!;
  facts.push(`${configuration.Runtime ?? "container image"}, ${configuration.MemorySize} MB`);
  if (options.json) {
    printJson({ function: label(first), facts, findings: found, comparisons, memory: sizes });
  } else {
    note(facts.join(" · "));
    if (found.length > 0) for (const line of findingsText(found)) print(line);
    if (comparisons.length > 0) print(`\n${comparisons.map(comparisonText).join("\n")}`);
    if (sizes.length > 0) for (const line of sweepText(sizes)) print(line);
  }
  if (options.html !== undefined) {
    const title = `${label(first)}${targets.length > 1 ? ` and ${label(targets[1]!)}` : ""}, measured`;
    await writeFile(options.html, htmlReport({ title, facts, findings: found, comparisons }));
    if (!options.json) note(`The report is in ${options.html}.`);
  }
  const failed = found.flatMap(({ failures }) => Object.keys(failures)).filter((why) => why !== "throttled");
  if (failed.length > 0) {
    process.exitCode = exitCodes.functionError;
    note(`${styledError("red", "error:")} some calls failed: ${failed[0]}`);
    note(`${styledError("cyan", "next:")}  thaw invoke ${name} --tail, with the same --payload`);
  }
}

const label = ({ name, qualifier }: Target): string => (qualifier === undefined ? name : `${name}:${qualifier}`);

function planOf(options: BenchOptions): Plan {
  const number = (flag: keyof BenchOptions, max: number, byDefault: number): number => {
    const text = options[flag];
    return text === undefined ? byDefault : wholeNumber(`--${flag}`, String(text), { min: 0, max });
  };
  const chosen = (["cold", "warm", "burst", "rate", "memory"] as const).some((flag) => options[flag] !== undefined);
  const plan = {
    cold: number("cold", 1000, chosen ? 0 : 10),
    warm: number("warm", 1_000_000, chosen ? 0 : 100),
    concurrency: Math.max(1, number("concurrency", 1000, 10)),
    burst: number("burst", 1000, chosen ? 0 : 10),
    rate: number("rate", 10_000, 0),
    seconds: options.for === undefined ? 10 : spanMs("--for", options.for) / 1000,
    memory: options.memory === undefined ? [] : memorySizes("--memory", options.memory),
  };
  if (plan.cold + plan.warm + plan.burst + plan.rate + plan.memory.length === 0) {
    throw usageFailure(
      "Nothing is left to measure.",
      "give one of --cold, --warm, --burst, --rate above 0, or --memory",
    );
  }
  return plan;
}

/** What --against names: a version number or alias of the same function, or else another function. */
async function other(first: Target, named: string): Promise<Target> {
  const sameFunction =
    /^(\d+|\$LATEST)$/.test(named) || (await createLambda(first.connection).getAlias(first.name, named)) !== undefined;
  if (sameFunction) return { ...first, qualifier: named };
  const [name = named, qualifier] = named.startsWith("arn:") ? [named] : named.split(":");
  return { ...first, name, qualifier };
}

function compared(found: readonly Finding[], subject: string, against: string) {
  return found
    .filter((each) => each.subject === subject)
    .flatMap((each) => {
      const rival = found.find((one) => one.subject === against && one.kind === each.kind);
      return rival === undefined ? [] : (compare(each, rival) ?? []);
    });
}
