import { existsSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { differenceOfMedians } from "../../measure/index.ts";
import { type Bundle, bundle } from "../advise/bundle.ts";
import { contentsOf, sizeOf, writeContents } from "../advise/contents.ts";
import { type Advice, findings } from "../advise/findings.ts";
import { canProfile, profile } from "../advise/profile.ts";
import { defaultRole } from "../deploy/function.ts";
import { CommandFailure } from "../failure.ts";
import { type Call, call, type Target } from "../measure/call.ts";
import { forced, type Original, original, withCopy } from "../measure/copy.ts";
import { finding } from "../measure/findings.ts";
import type { Progress } from "../measure/run.ts";
import { progressLine } from "../measure/text.ts";
import { bytes, milliseconds, note, print, printJson, styled, table } from "../output.ts";
import { detect } from "../package/detect.ts";
import { zipFiles, zipFolder } from "../package/zip.ts";
import { readPayload } from "../payload.ts";
import { type CommonOptions, type Connection, connection, wholeNumber } from "../settings.ts";

interface AdviseOptions extends CommonOptions {
  readonly payload?: string;
  readonly qualifier?: string;
  readonly runtime?: string;
  readonly handler?: string;
  readonly runs?: string;
  readonly fix?: boolean;
  readonly out?: string;
}

/** What bundling does to a function's init, both measured in turns; ms. */
interface Proof {
  readonly beforeMs: number;
  readonly afterMs: number;
  /** 95 % confidence of the difference (after minus before) */
  readonly low: number;
  readonly high: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** did both answer the event alike? */
  readonly sameAnswer: boolean;
  readonly doubts: readonly string[];
}

/** Says what a function's cold starts could do without, each with what it costs, measured in its own sandbox. */
export async function advise(named: string, options: AdviseOptions): Promise<void> {
  const server = connection(options);
  const runs = wholeNumber("--runs", options.runs ?? "5", { min: 1, max: 100 });
  const payload = await readPayload(options.payload);
  const isFolder = existsSync(named) && statSync(named).isDirectory();
  const from = isFolder ? await fromFolder(server, named, options) : await original(server, named, options.qualifier);
  const { configuration, zip } = from;
  if (zip === undefined)
    throw new CommandFailure("A container image has no package to look into.", { next: "thaw bench" });
  const contents = await contentsOf(zip);
  const target: Target = { connection: server, name: configuration.FunctionName, qualifier: undefined, payload };
  const { say, done } = progressLine(options.json === true);

  const told = canProfile(configuration.Runtime) ? await profile(target, from, contents, runs, say) : undefined;
  const folder = await mkdtemp(join(tmpdir(), "thaw-advise-"));
  let bundled: Bundle | string = "only Node.js is bundled";
  try {
    if (configuration.Runtime?.startsWith("nodejs")) {
      await writeContents(contents, folder);
      bundled = await bundle(folder, contents, configuration.Handler ?? "");
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const used = typeof bundled === "string" ? undefined : bundled.used;
  const found = findings(configuration, contents, zip.length, told, used);
  const proof =
    typeof bundled === "string" || bundled.used.size < 2 ? undefined : await prove(target, from, bundled, runs, say);
  if (proof !== undefined && proof.high < 0) {
    const words = `its ${used?.size} files as one make init ${milliseconds(proof.beforeMs - proof.afterMs)} shorter (${milliseconds(proof.beforeMs)} → ${milliseconds(proof.afterMs)})`;
    found.push({ kind: "not bundled", about: configuration.Handler ?? "", ms: proof.beforeMs - proof.afterMs, words });
  }
  done();

  const fixed =
    options.fix && typeof bundled !== "string"
      ? await fix(bundled, proof, configuration.FunctionName, options)
      : undefined;
  if (options.json) {
    printJson({
      function: configuration.FunctionName,
      loadMs: told?.whole,
      findings: found,
      modules: told?.modules,
      proof,
      fixed,
    });
    return;
  }
  if (told === undefined)
    note(`Nothing was loaded with the clock on: that is for Node.js and Python, not ${configuration.Runtime}.`);
  else
    print(`Loading the code takes ${milliseconds(told.whole)} of a cold start (median of ${runs}, with the clock on).`);
  for (const line of text(found)) print(line);
  if (fixed !== undefined) print(fixed.words);
  else if (options.fix)
    note(`Nothing was fixed: ${typeof bundled === "string" ? bundled : "there is nothing to bundle"}.`);
}

async function fromFolder(server: Connection, folder: string, options: AdviseOptions): Promise<Original> {
  const found = await detect(folder, { runtime: options.runtime, handler: options.handler });
  const { zip } = await zipFolder(folder);
  const name = (found.name ?? basename(resolve(folder))).replaceAll(/[^\w-]/g, "-");
  const { runtime: Runtime, handler: Handler } = found;
  const configuration = {
    FunctionName: name,
    FunctionArn: "",
    Runtime,
    Handler,
    Role: defaultRole(server.account),
    Timeout: 30,
  };
  return { configuration, zip, tags: {} };
}

/** Cold starts of the package as it is and of the bundle, in turns, on two copies. */
async function prove(target: Target, from: Original, made: Bundle, runs: number, say: Progress): Promise<Proof> {
  const files = [...made.contents].map(([name, data]) => ({ name, bytes: data }));
  const { zip } = await zipFiles(files);
  return await withCopy(target.connection, from, {}, (before) =>
    withCopy(target.connection, { ...from, zip }, {}, async (after) => {
      const calls: [Call[], Call[]] = [[], []];
      for (let n = 0; n < Math.max(3, runs); n++) {
        say(`as it is and bundled, ${n + 1} of ${Math.max(3, runs)}`);
        for (const [i, copy] of [before, after].entries()) {
          await copy.change(forced(copy.configuration, `bundle-${n}`));
          calls[i]!.push(await call({ ...target, name: copy.name }));
        }
      }
      const inits = calls.map((each) => each.flatMap((one) => one.initMs ?? one.ms));
      const difference = differenceOfMedians(inits[1]!, inits[0]!);
      const [one, other] = calls.map((each) => each[0]!);
      return {
        beforeMs: finding("", "cold", calls[0]).init?.p50 ?? 0,
        afterMs: finding("", "cold", calls[1]).init?.p50 ?? 0,
        low: difference.low,
        high: difference.high,
        bytesBefore: sizeOf(await contentsOf(from.zip!)),
        bytesAfter: sizeOf(made.contents),
        sameAnswer:
          one!.failure === other!.failure && (one!.answer ?? Buffer.alloc(0)).equals(other!.answer ?? Buffer.alloc(0)),
        doubts: made.doubts,
      };
    }),
  );
}

/** Writes the bundle to a folder of its own, if the runs proved that it answers alike, starts no slower, and nothing speaks against it. */
async function fix(made: Bundle, proof: Proof | undefined, name: string, options: AdviseOptions) {
  if (proof === undefined) return undefined;
  const against = [
    ...(proof.sameAnswer ? [] : ["it answers the event differently; give one that works with --payload"]),
    ...(proof.low > 0 ? ["it starts slower"] : []),
    ...proof.doubts,
  ];
  if (against.length > 0)
    return {
      folder: undefined,
      words: `Not fixed: the bundle was made and tried, but ${against.slice(0, 3).join("; ")}.`,
    };
  const folder = options.out ?? `${name}-advised`;
  if (existsSync(folder))
    throw new CommandFailure(`${folder} is there already.`, { next: "name another folder with --out" });
  await writeContents(made.contents, folder);
  const sizes = `${bytes(proof.bytesBefore)} → ${bytes(proof.bytesAfter)}`;
  const inits = `${milliseconds(proof.beforeMs)} → ${milliseconds(proof.afterMs)}`;
  return {
    folder,
    words: `Fixed in ${folder}: ${sizes}, init ${inits}, the same answer. Deploy it: thaw deploy ${folder} --name ${name}`,
  };
}

function text(found: readonly Advice[]): string[] {
  if (found.length === 0) return ["Nothing to advise."];
  const rows = found.map((each) => [
    each.ms === undefined ? "" : milliseconds(each.ms),
    each.kind,
    each.about,
    each.words,
  ]);
  return [
    ...table(["costs", "what", "where", "advice"], rows),
    styled("dim", "Times are of each cold start without an image."),
  ];
}
