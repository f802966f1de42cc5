import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Change } from "../deploy/differences.ts";
import { type DeployedFunction, deployFunction } from "../deploy/function.ts";
import { CommandFailure, usageFailure } from "../failure.ts";
import { createLambda, type FunctionConfiguration, type Lambda, type Settings } from "../lambda.ts";
import { bytes, milliseconds, note, print, printJson, styled, styledError, warn } from "../output.ts";
import { type CommonOptions, connection, keyValues, wholeNumber } from "../settings.ts";

export interface DeployOptions extends CommonOptions {
  readonly name?: string;
  readonly runtime?: string;
  readonly handler?: string;
  readonly memory?: string;
  readonly timeout?: string;
  readonly env?: readonly string[];
  readonly layer?: readonly string[];
  readonly publish?: boolean;
  readonly image?: boolean;
  readonly parameter?: readonly string[];
}

/** Deploys a folder or an image as one function, or what a SAM or CloudFormation template describes. */
export async function deploy(target: string, options: DeployOptions): Promise<void> {
  if (options.image) return await deployImage(createLambda(connection(options)), target, options);
  const stats = await stat(target).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`Cannot deploy ${target}: ${error.message}`, {
      next: "name a folder with code, or a template; an image with --image",
      cause: error,
    });
  });
  const lambda = createLambda(connection(options));
  if (stats.isDirectory()) {
    await deployFolder(lambda, target, options);
  } else if (/\.(ya?ml|json|template)$/i.test(target)) {
    const ofFolders = ["runtime", "handler", "memory", "timeout", "env", "layer", "publish"] as const;
    refuseFlags(
      options,
      ofFolders,
      "a folder; a template says this itself",
      "write it into the template, or pass values for its Parameters with --parameter KEY=VALUE",
    );
    const { deployTemplate } = await import("../deploy/template.ts");
    const outcome = await deployTemplate(lambda, target, {
      stack: options.name,
      parameters: keyValues("--parameter", options.parameter ?? []),
      warn: options.json ? () => {} : warn,
      done: options.json ? () => {} : showFunction,
      noted: options.json ? () => {} : print,
    });
    if (options.json) printJson(outcome);
  } else {
    throw usageFailure(
      `${target} is neither a folder nor a template (.yaml, .yml, .json).`,
      "name the folder that holds the code",
    );
  }
}

async function deployFolder(lambda: Lambda, folder: string, options: DeployOptions): Promise<void> {
  if (options.parameter !== undefined) {
    throw usageFailure("--parameter belongs to a template, and this is a folder.", "use --env for variables");
  }
  const started = performance.now();
  const settings = flagSettings(options);
  const [{ detect }, { zipFolder }] = await Promise.all([import("../package/detect.ts"), import("../package/zip.ts")]);
  const found = await detect(folder, { runtime: options.runtime, handler: options.handler });
  const name = options.name ?? functionName(found.name ?? basename(resolve(folder)));
  const existing = await lambda.getConfiguration(name);
  const code = await zipFolder(folder);
  const packMs = performance.now() - started;
  for (const warning of await (await import("../package/dependencies.ts")).missingDependencies(folder)) warn(warning);
  const deployed = await deployFunction(lambda, {
    name,
    complete: false,
    code,
    settings: {
      Runtime: found.runtime,
      Handler: found.handler,
      ...settings,
      ...variablesOf(options, existing),
    },
  });
  if (options.publish) deployed.version = (await lambda.publishVersion(name)).Version;
  if (options.json) {
    printJson({ functions: [{ ...deployed, timing: { packMs, ...deployed.timing } }] });
    return;
  }
  if (existing === undefined && (options.runtime === undefined || options.handler === undefined)) {
    note(styledError("dim", `${found.runtime} ${found.handler}: from ${found.because}`));
  }
  showFunction(deployed, packMs);
  note(`${styledError("cyan", "next:")}  thaw invoke ${name}`);
}

/** `--env` adds to what the function has; a variable that nobody names stays. */
function variablesOf(options: DeployOptions, existing: FunctionConfiguration | undefined): Settings {
  if (options.env === undefined) return {};
  const variables = { ...existing?.Environment?.Variables, ...keyValues("--env", options.env) };
  return { Environment: { Variables: variables } };
}

/** Pushes an image that is here, and makes a function of it or of one elsewhere. */
async function deployImage(lambda: Lambda, target: string, options: DeployOptions): Promise<void> {
  const ofOthers = ["runtime", "handler", "layer", "parameter"] as const;
  refuseFlags(
    options,
    ofOthers,
    "folders and templates",
    "an image has its runtime, its handler and all it needs in it",
  );
  const started = performance.now();
  // `team/shop:v1`, `/images/shop.tar`, `host:5000/shop@sha256:…` → shop
  const base = target
    .replace(/@sha256:.*$/, "")
    .replace(/\/+$/, "")
    .split("/")
    .at(-1)!
    .split(":")[0]!;
  const name = options.name ?? functionName(base.replace(/\.tar$/, ""));
  const settings = flagSettings(options);
  const existing = await lambda.getConfiguration(name);
  const { imageOf } = await import("../deploy/image.ts");
  const repository = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const code = await imageOf(lambda.connection, target, repository);
  const pushMs = performance.now() - started;
  const deployed = await deployFunction(lambda, {
    name,
    complete: false,
    code,
    settings: { ...settings, ...variablesOf(options, existing) },
  });
  if (options.publish) deployed.version = (await lambda.publishVersion(name)).Version;
  if (options.json) return printJson({ functions: [{ ...deployed, timing: { pushMs, ...deployed.timing } }] });
  showFunction(deployed, pushMs);
  note(`${styledError("cyan", "next:")}  thaw invoke ${name}`);
}

function flagSettings(options: DeployOptions): Settings {
  return {
    ...(options.memory === undefined
      ? {}
      : { MemorySize: wholeNumber("--memory", options.memory, { min: 128, max: 10_240, unit: "MB" }) }),
    ...(options.timeout === undefined
      ? {}
      : { Timeout: wholeNumber("--timeout", options.timeout, { min: 1, max: 900, unit: "seconds" }) }),
    ...(options.layer === undefined ? {} : { Layers: options.layer }),
  };
}

/** What the target says itself: a flag that would be ignored is a mistake to point out. */
function refuseFlags(options: DeployOptions, flags: readonly (keyof DeployOptions)[], to: string, next: string): void {
  const given = flags.filter((flag) => options[flag] !== undefined).map((flag) => `--${flag}`);
  if (given.length === 0) return;
  throw usageFailure(`${given.join(", ")} ${given.length === 1 ? "belongs" : "belong"} to ${to}.`, next);
}

/** A function name made of a folder's or package's: letters, digits, - and _, at most 64. */
export function functionName(text: string): string {
  const name = text
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
  if (name === "")
    throw usageFailure(`No function name can be made of ${JSON.stringify(text)}.`, "give one with --name");
  return name;
}

function showFunction(deployed: DeployedFunction, packMs?: number): void {
  const { name, arn, action, changes, code, timing, version } = deployed;
  const total = (packMs ?? 0) + timing.sendMs + timing.readyMs;
  const colour = action === "unchanged" ? "dim" : "green";
  print(`${styled("bold", name)} ${styled(colour, action)} in ${milliseconds(total)}`);
  for (const change of changes) print(`  ${describe(change)}`);
  print(`  ${arn}${version === undefined ? "" : `:${version}`}`);
  const phases = [
    ...(packMs === undefined ? [] : [`${"imageUri" in code ? "pushed" : "packed"} ${milliseconds(packMs)}`]),
    `sent ${milliseconds(timing.sendMs)}`,
    `ready ${milliseconds(timing.readyMs)}`,
  ];
  const what =
    "imageUri" in code
      ? `${code.imageUri}, ${bytes(code.sentBytes)} sent`
      : `${bytes(code.bytes)} zipped, ${code.files} ${code.files === 1 ? "file" : "files"}`;
  print(styled("dim", `  ${what} · ${phases.join(" · ")}`));
}

function describe({ member, from, to }: Change): string {
  // a variable may be a secret: its name is enough to see what changed
  if (member === "Environment") return `Environment: ${variableNames(from)} → ${variableNames(to)}`;
  const show = (value: unknown): string => (typeof value === "string" ? value || "(none)" : JSON.stringify(value));
  return `${member}: ${show(from)} → ${show(to)}`;
}

function variableNames(environment: unknown): string {
  const variables = (environment as { Variables?: Record<string, string> } | undefined)?.Variables ?? {};
  return Object.keys(variables).sort().join(", ") || "(none)";
}
