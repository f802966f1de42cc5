import { CommandFailure } from "../failure.ts";
import type { FunctionConfiguration, Lambda, Settings } from "../lambda.ts";
import type { Package } from "../package/zip.ts";
import { type Change, differences } from "./differences.ts";

/** An image that the platform can pull. */
export interface ImageCode {
  readonly uri: string;
  /** undefined: of a tag, which may mean another one by now */
  readonly digest: string | undefined;
  readonly sentBytes: number;
}

/** A function as it should be. */
export interface FunctionWish {
  readonly name: string;
  /** members of CreateFunction under AWS's names, without name, code and tags */
  readonly settings: Settings;
  /** true: what `settings` leaves out goes back to Lambda's default (a template says everything); false: it stays */
  readonly complete: boolean;
  readonly code: Package | ImageCode;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface DeployedFunction {
  readonly name: string;
  readonly arn: string;
  readonly runtime: string | undefined;
  readonly handler: string | undefined;
  readonly action: "created" | "updated" | "unchanged";
  readonly changes: readonly Change[];
  /** published version, if one was asked for */
  version?: string;
  readonly code:
    | { readonly bytes: number; readonly files: number; readonly sha256: string }
    | { readonly imageUri: string; readonly sentBytes: number };
  /** milliseconds: requests that carried code and configuration, then waiting until it could be invoked */
  readonly timing: { readonly sendMs: number; readonly readyMs: number };
}

export const defaultRole = (account: string): string => `arn:aws:iam::${account}:role/thaw-default`;

/** Creates or updates a function and waits until it is Active. Sends nothing when nothing would change. */
export async function deployFunction(lambda: Lambda, wish: FunctionWish): Promise<DeployedFunction> {
  const current = await lambda.getConfiguration(wish.name);
  return current === undefined ? await create(lambda, wish) : await update(lambda, wish, current);
}

async function create(lambda: Lambda, wish: FunctionWish): Promise<DeployedFunction> {
  const started = performance.now();
  const created = await lambda.create(wish.name, sentCode(wish.code), {
    Role: defaultRole(lambda.connection.account),
    ...wish.settings,
    ...(wish.tags === undefined || Object.keys(wish.tags).length === 0 ? {} : { Tags: wish.tags }),
  });
  const sent = performance.now();
  await untilReady(lambda, wish.name);
  return result(wish, created, "created", [], sent - started, performance.now() - sent);
}

async function update(lambda: Lambda, wish: FunctionWish, current: FunctionConfiguration): Promise<DeployedFunction> {
  const started = performance.now();
  const { changes, settings, architectures } = differences(current, wish.settings, wish.complete);
  const all: Change[] = [...changes];
  let ready = 0;
  const waited = async (): Promise<void> => {
    const since = performance.now();
    await untilReady(lambda, wish.name);
    ready += performance.now() - since;
  };
  const { code } = wish;
  checkPackageType(wish, current);
  if (current.CodeSha256 !== hashOf(code) || architectures !== undefined) {
    const to = "zip" in code ? shortHash(code.sha256) : code.uri;
    all.unshift({ member: "code", from: shortHash(current.CodeSha256), to });
    await lambda.updateCode(wish.name, sentCode(code), architectures);
    await waited();
  }
  if (Object.keys(settings).length > 0) {
    await lambda.updateConfiguration(wish.name, settings);
    await waited();
  }
  if (wish.tags !== undefined) all.push(...(await retag(lambda, current, wish.tags, wish.complete)));
  if (all.length === 0) await waited();
  const action = all.length === 0 ? "unchanged" : "updated";
  return result(wish, { ...current, ...wish.settings }, action, all, performance.now() - started - ready, ready);
}

async function retag(
  lambda: Lambda,
  current: FunctionConfiguration,
  tags: Readonly<Record<string, string>>,
  complete: boolean,
): Promise<Change[]> {
  const before = await lambda.getTags(current.FunctionName);
  const set = Object.entries(tags).filter(([key, value]) => before[key] !== value);
  const gone = complete ? Object.keys(before).filter((key) => tags[key] === undefined) : [];
  if (set.length > 0) await lambda.tag(current.FunctionArn, Object.fromEntries(set));
  if (gone.length > 0) await lambda.untag(current.FunctionArn, gone);
  return [
    ...set.map(([key, value]) => ({ member: `Tags.${key}`, from: before[key] ?? "", to: value })),
    ...gone.map((key) => ({ member: `Tags.${key}`, from: before[key] ?? "", to: "" })),
  ];
}

/**
 * Waits for what AWS's waiters `function-active-v2` and `function-updated-v2` wait for. A runtime that is fetched for the
 * first time may take a while, so the limit is theirs: five minutes.
 */
export async function untilReady(lambda: Lambda, name: string, limitMs = 300_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 500)) {
    const state = await lambda.getConfiguration(name);
    if (state === undefined) throw new CommandFailure(`${name} was deleted while it was being deployed.`);
    if (state.State === "Failed") throw notReady(name, state.StateReason);
    if (state.LastUpdateStatus === "Failed") throw notReady(name, state.LastUpdateStatusReason);
    if (state.State !== "Pending" && state.LastUpdateStatus !== "InProgress") return;
    if (performance.now() > deadline) {
      throw new CommandFailure(`${name} is still ${state.State ?? "Pending"} after ${limitMs / 1000} s.`, {
        next: `look at the server's output; thaw list`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function notReady(name: string, reason: string | undefined): CommandFailure {
  return new CommandFailure(`${name} could not be made ready: ${reason ?? "the server gave no reason"}`, {
    code: "FunctionFailed",
    next: "thaw doctor lists the runtimes this machine has",
  });
}

function result(
  wish: FunctionWish,
  state: FunctionConfiguration,
  action: DeployedFunction["action"],
  changes: readonly Change[],
  sendMs: number,
  readyMs: number,
): DeployedFunction {
  return {
    name: wish.name,
    arn: state.FunctionArn,
    runtime: state.Runtime,
    handler: state.Handler,
    action,
    changes,
    code:
      "zip" in wish.code
        ? { bytes: wish.code.zip.length, files: wish.code.files, sha256: wish.code.sha256 }
        : { imageUri: wish.code.uri, sentBytes: wish.code.sentBytes },
    timing: { sendMs, readyMs },
  };
}

const sentCode = (code: FunctionWish["code"]) => ("zip" in code ? code.zip : { imageUri: code.uri });

/** CodeSha256, as Lambda would answer it: of an image, its digest in hexadecimal. */
const hashOf = (code: FunctionWish["code"]): string | undefined =>
  "zip" in code ? code.sha256 : code.digest?.slice("sha256:".length);

/** Lambda cannot turn one into the other. */
function checkPackageType({ name, code }: FunctionWish, { PackageType = "Zip" }: FunctionConfiguration): void {
  if ((PackageType === "Image") !== "zip" in code) return;
  const [is, wanted] = PackageType === "Image" ? ["an image", "a zip"] : ["a zip", "an image"];
  throw new CommandFailure(`${name} was made of ${is} and cannot become one of ${wanted}.`, {
    next: `thaw delete ${name}, or give another --name`,
  });
}

function shortHash(hash: string | undefined): string {
  if (hash === undefined) return "";
  return (/^[0-9a-f]{64}$/.test(hash) ? hash : Buffer.from(hash, "base64").toString("hex")).slice(0, 12);
}
