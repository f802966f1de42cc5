import { readFile } from "node:fs/promises";
import { percentile } from "../../measure/index.ts";
import { CommandFailure } from "../failure.ts";
import { call, type Target } from "../measure/call.ts";
import { type Copy, forced, type Original, withCopy } from "../measure/copy.ts";
import type { Progress } from "../measure/run.ts";
import { zipFiles } from "../package/zip.ts";
import type { Contents } from "./contents.ts";

/** One module as the probe saw it load; ms. `self` leaves out what it loaded in turn. */
export interface LoadedModule {
  /** relative to the package; absolute: the runtime's */
  readonly file: string;
  readonly by: string | null;
  readonly self: number;
  readonly total: number;
}

/** What the probe tells of one cold start. */
export interface Profile {
  /** loading the handler's module with all it loads, ms */
  readonly whole: number;
  readonly failure: string | null;
  readonly connections: readonly { readonly to: string; readonly at: string }[];
  readonly modules: readonly LoadedModule[];
}

/** Does the probe know this runtime? */
export const canProfile = (runtime: string | undefined): boolean => /^(nodejs|python)/.test(runtime ?? "");

/**
 * Loads a function's code in its own sandbox with the clock on, several times, each in a new environment: medians. The
 * probe stands in the handler's place on a copy, so the handler itself never runs.
 */
export async function profile(
  target: Target,
  from: Original,
  contents: Contents,
  times: number,
  progress: Progress,
): Promise<Profile> {
  const { Runtime = "", Handler = "" } = from.configuration;
  const python = Runtime.startsWith("python");
  const probe = await readFile(new URL(python ? "probe.py" : "probe.cjs", import.meta.url));
  const name = python ? "thaw_advise.py" : "thaw_advise.cjs";
  const files = [...contents].map(([file, bytes]) => ({ name: file, bytes }));
  const { zip } = await zipFiles([...files, { name, bytes: probe }]);
  const settings = (n: number) => {
    const { Variables } = forced(from.configuration, `advise-${n}`).Environment as {
      Variables: Record<string, string>;
    };
    return { Environment: { Variables: { ...Variables, THAW_ADVISE_HANDLER: Handler } } };
  };
  const probed = { ...from, zip };
  return await withCopy(target.connection, probed, { ...settings(0), Handler: "thaw_advise.handler" }, async (copy) => {
    const found: Profile[] = [];
    for (let n = 0; n < times; n++) {
      progress(`loading the code with the clock on, ${n + 1} of ${times}`);
      if (n > 0) await copy.change(settings(n));
      found.push(await once(target, copy));
    }
    return medians(found);
  });
}

async function once(target: Target, copy: Copy): Promise<Profile> {
  const { failure, answer } = await call({ ...target, name: copy.name, qualifier: undefined });
  if (failure !== undefined) throw new CommandFailure(`The probe could not run: ${failure}`);
  const told = JSON.parse(answer?.toString() ?? "") as Profile;
  if (told.failure !== null) {
    throw new CommandFailure(`The function's code does not load: ${told.failure}`, { next: "thaw invoke … --tail" });
  }
  return told;
}

/** Of every module its median times, of the others the first's. */
function medians(profiles: readonly Profile[]): Profile {
  const [first] = profiles;
  const median = (of: (profile: Profile) => number): number => percentile(profiles.map(of), 50);
  const modules = first!.modules.map((module) => {
    const same = (each: Profile) => each.modules.find((other) => other.file === module.file) ?? module;
    return { ...module, self: median((each) => same(each).self), total: median((each) => same(each).total) };
  });
  return { ...first!, whole: median((each) => each.whole), modules };
}
