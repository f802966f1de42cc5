import { openLoop } from "../../measure/index.ts";
import { askJson, ServiceFailure } from "../client.ts";
import { type Call, call, type Target } from "./call.ts";
import { type Copy, forced } from "./copy.ts";

/** Tells how far a measurement is. */
export type Progress = (text: string) => void;

const another = (target: Target, copy: Copy): Target => ({ ...target, name: copy.name, qualifier: undefined });

/**
 * Forced cold starts, one after the other, each after a change of the copy's environment variables, as the mission's
 * tester does (which overwrites the function's own variables; this does not). Several copies take turns.
 */
export async function coldStarts(
  sides: readonly { readonly target: Target; readonly copy: Copy }[],
  count: number,
  progress: Progress,
): Promise<Call[][]> {
  const calls: Call[][] = sides.map(() => []);
  for (let n = 0; n < count; n++) {
    progress(`cold start ${n + 1} of ${count}`);
    for (const [i, { target, copy }] of sides.entries()) {
      await copy.change(forced(copy.configuration, `${n}`));
      calls[i]!.push(await call(another(target, copy)));
    }
  }
  return calls;
}

/** Closed loop: `concurrency` callers until `count` calls are done, after one call each that does not count. Blocks of several targets take turns. */
export async function warmCalls(
  targets: readonly Target[],
  count: number,
  concurrency: number,
  progress: Progress,
): Promise<Call[][]> {
  const calls: Call[][] = targets.map(() => []);
  const rounds = targets.length > 1 ? Math.min(5, Math.ceil(count / concurrency)) : 1;
  for (const target of targets) await atOnce(target, concurrency);
  for (let round = 0; round < rounds; round++) {
    const upTo = Math.round((count * (round + 1)) / rounds);
    for (const [i, target] of targets.entries()) {
      let left = upTo - calls[i]!.length;
      const caller = async (): Promise<void> => {
        while (left-- > 0) {
          calls[i]!.push(await call(target));
          if (calls[i]!.length % 10 === 0) progress(`warm call ${calls[i]!.length} of ${count}`);
        }
      };
      await Promise.all(Array.from({ length: concurrency }, caller));
    }
  }
  return calls;
}

const atOnce = (target: Target, count: number): Promise<Call[]> =>
  Promise.all(Array.from({ length: count }, () => call(target)));

/**
 * `count` calls at once on a copy that has no environment but the one that served its first call. On Thaw this waits until
 * the version's image is made, so that the burst shows what callers see from then on.
 */
export async function burst(target: Target, copy: Copy, count: number, progress: Progress): Promise<Call[]> {
  progress(`burst of ${count}: preparing`);
  await copy.change(forced(copy.configuration, "burst"));
  const subject = another(target, copy);
  await call(subject);
  await untilImage(subject);
  progress(`burst of ${count}`);
  return await atOnce(subject, count);
}

/** What `GET /_thaw/environments` says of a version. */
interface VersionPage {
  readonly function: string;
  readonly image: { readonly state: string; readonly why: string };
}

/** Waits until Thaw has decided about the image of a version; elsewhere there is nothing to wait for. */
async function untilImage(target: Target, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    const page = await askJson<{ versions?: VersionPage[] } | undefined>(
      target.connection,
      "GET",
      "/_thaw/environments",
    ).catch((error: unknown) => {
      if (error instanceof ServiceFailure) return undefined;
      throw error;
    });
    if (page?.versions === undefined) return;
    const image = page.versions.find((version) => version.function === target.name)?.image;
    if (image?.state === "ready" || image?.state === "refused" || (image?.state === "none" && image.why !== "")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Calls at a constant rate for some seconds; `ms` of each counts from when it was due. At most 1,000 are under way. */
export async function atRate(target: Target, rate: number, seconds: number, progress: Progress): Promise<Call[]> {
  progress(`${rate} calls a second for ${seconds} s`);
  const calls: Call[] = [];
  const workers = Array.from({ length: Math.min(1000, Math.ceil(rate * seconds)) }, (_, i) => i);
  const send = async (_worker: number, n: number): Promise<number> => {
    calls[n] = await call(target);
    return calls[n].done;
  };
  const { samples } = await openLoop({ workers, rate, seconds, send });
  return calls.map((one, n) => ({ ...one, ms: samples[n]! }));
}
