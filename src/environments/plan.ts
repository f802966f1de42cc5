import type { SandboxSpec } from "../isolation/index.ts";
import { type FunctionVersion, limits } from "../model/index.ts";
import type { InitializationType } from "../observe/index.ts";
import { type BareNeeds, barePlanOf, reasonAgainstBare } from "./bare.ts";
import { type Container, containerRuntime } from "./container-plan.ts";
import { extensionVariables, externalExtensions } from "./extension-files.ts";

/** What the planner asks of the rooms below. */
export interface PlanNeeds extends BareNeeds {
  unpacked(code: FunctionVersion["code"]): Promise<string>;
  layers(layers: FunctionVersion["layers"]): Promise<string | undefined>;
  runtime(name: string): Promise<Distribution>;
  /** a function's container image, unpacked */
  container?(code: FunctionVersion["code"]): Promise<Container>;
  /** Variables by which a new environment signs requests as its function. Absent, or undefined: it says which account it is. */
  credentials?(target: FunctionVersion): Readonly<Record<string, string>> | undefined;
  /** TCP port of the platform's own endpoint, the same inside every sandbox; 0 while it does not listen */
  endpointPort(): number;
}

/** The part of a runtime distribution that a plan is made from. */
export interface Distribution {
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
  readonly command: readonly (readonly string[])[];
  readonly env: Readonly<Record<string, string>>;
  readonly link: "frames" | "http";
  readonly tellsDraws: boolean;
  /** it can boot without a function: for any, or for those of one amount of memory; absent: it cannot */
  readonly bare?: "any" | "by memory" | undefined;
  readonly version: string;
  readonly compiles?: boolean;
}

/** Everything about a function version that starts of its environments share; made once, so that a cold start only fills in an id. */
export interface Plan {
  readonly target: FunctionVersion;
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
  readonly command: readonly (readonly string[])[];
  readonly env: Readonly<Record<string, string>>;
  readonly link: "frames" | "http";
  /** before it is copied, its runtime says whether init drew random bytes */
  readonly tellsDraws: boolean;
  readonly runtimeVersion: string;
  /** its runtime hands over what it compiled, and takes it again; a wrapper may run another */
  readonly compiles?: boolean;
  readonly memoryBytes: number;
  readonly tmpBytes: number;
  readonly cpus: number;
  readonly initCpus: number;
  readonly endpointPort: number;
  /** names of its external extensions, in /opt/extensions */
  readonly extensions: readonly string[];
  /** directory on the host that is the sandbox's root; undefined: the usual one */
  readonly rootfs?: string;
  /** where it starts; undefined: /var/task */
  readonly cwd?: string;
  /** credentials for one more environment */
  credentials?(): Readonly<Record<string, string>> | undefined;
  /** its runtime without the function; undefined: it cannot be used, and `unpooled` says why */
  readonly bare: Plan | undefined;
  readonly unpooled: string;
}

/** Makes the plan of a function version. Rejects with what the artifacts rejected with. */
export async function planOf(target: FunctionVersion, needs: PlanNeeds): Promise<Plan> {
  if (target.image !== undefined) return containerPlanOf(target, needs);
  const [code, layers, runtime] = await Promise.all([
    needs.unpacked(target.code),
    needs.layers(target.layers),
    needs.runtime(target.runtime),
  ]);
  const wrapper = target.environment.AWS_LAMBDA_EXEC_WRAPPER;
  const mounts = [...runtime.mounts, { source: code, target: "/var/task" }];
  if (layers !== undefined) mounts.push({ source: layers, target: "/opt" });
  const against = target.managed
    ? "its environments serve several events at once"
    : reasonAgainstBare(target, { ...defaults, ...runtime.env });
  const bare =
    against === undefined ? barePlanOf(target.account, target.runtime, runtime, needs, target.memoryMb) : undefined;
  return {
    target,
    mounts,
    command: wrapper ? runtime.command.map((argv) => [wrapper, ...argv]) : runtime.command,
    env: { ...environmentOf(target, runtime, needs.endpointPort()), ...concurrencyOf(target) },
    link: runtime.link,
    tellsDraws: runtime.tellsDraws,
    runtimeVersion: runtime.version,
    compiles: runtime.compiles === true && !wrapper && !target.managed,
    memoryBytes: target.memoryMb * 1024 * 1024,
    tmpBytes: target.ephemeralMb * 1024 * 1024,
    cpus: target.managed?.cpus ?? needs.cpusOf(target.memoryMb),
    initCpus: limits.initCpus,
    endpointPort: needs.endpointPort(),
    extensions: layers === undefined ? [] : await externalExtensions(layers),
    credentials: () => needs.credentials?.(target),
    bare,
    unpooled: bare ? "" : (against ?? unpooledFor(target.runtime)),
  };
}

/** What runtime interfaces go by that serve several events at once. */
function concurrencyOf({ managed }: FunctionVersion): Record<string, string> {
  return managed ? { AWS_LAMBDA_MAX_CONCURRENCY: String(managed.concurrency) } : {};
}

/** Of a function whose code is a container image: nothing is mounted, the image is all there is. */
async function containerPlanOf(target: FunctionVersion, needs: PlanNeeds): Promise<Plan> {
  const container = await needs.container?.(target.code);
  if (container === undefined) throw new Error("container images are not run here");
  const { command, env, link, tellsDraws, version, cwd } = containerRuntime(target, container);
  const endpointPort = needs.endpointPort();
  const endpoint = endpointPort > 0 ? { AWS_ENDPOINT_URL: `http://127.0.0.1:${endpointPort}` } : {};
  return {
    target,
    rootfs: container.root,
    cwd,
    mounts: [],
    command,
    env: { ...endpoint, ...env, ...target.environment, ...reserved(target), ...concurrencyOf(target) },
    link,
    tellsDraws,
    runtimeVersion: version,
    memoryBytes: target.memoryMb * 1024 * 1024,
    tmpBytes: target.ephemeralMb * 1024 * 1024,
    cpus: target.managed?.cpus ?? needs.cpusOf(target.memoryMb),
    initCpus: limits.initCpus,
    endpointPort,
    extensions: await externalExtensions(container.root, "opt"),
    credentials: () => needs.credentials?.(target),
    bare: undefined,
    unpooled: "a container image boots with its function",
  };
}

/** Where a sandbox has what was compiled of its function's code before. */
const compiledAt = "/var/compiled";

/** The same with what was compiled before, in a folder of the host's: for starts that compile, not for copies of what has. */
export function withCompiled(plan: Plan, folder: string): Plan {
  return {
    ...plan,
    mounts: [...plan.mounts, { source: folder, target: compiledAt }],
    env: { ...plan.env, _THAW_COMPILE_CACHE: compiledAt },
  };
}

function unpooledFor(runtime: string): string {
  return runtime.startsWith("provided") ? "nothing to boot ahead" : "a runtime of this kind boots with its function";
}

/** Lambda's defaults, for runtimes that do not say otherwise. */
const defaults = Object.freeze({
  LANG: "en_US.UTF-8",
  TZ: ":UTC",
  PATH: "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
  LD_LIBRARY_PATH: "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
});

/**
 * The runtime's environment: Lambda's defaults, then the function's own variables, then what Lambda reserves
 * (Lambda Developer Guide, "Defined runtime environment variables").
 */
function environmentOf(target: FunctionVersion, runtime: Distribution, endpointPort: number): Record<string, string> {
  const endpoint = endpointPort > 0 ? { AWS_ENDPOINT_URL: `http://127.0.0.1:${endpointPort}` } : {};
  return {
    ...defaults,
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    ...endpoint,
    ...runtime.env,
    ...target.environment,
    ...reserved(target),
    _HANDLER: target.handler,
    AWS_EXECUTION_ENV: `AWS_Lambda_${target.runtime}`,
    LAMBDA_TASK_ROOT: "/var/task",
    LAMBDA_RUNTIME_DIR: "/var/runtime",
  };
}

/** What every function has, and cannot change. */
function reserved(target: FunctionVersion): Record<string, string> {
  return {
    AWS_REGION: target.region,
    AWS_DEFAULT_REGION: target.region,
    AWS_LAMBDA_FUNCTION_NAME: target.name,
    AWS_LAMBDA_FUNCTION_VERSION: target.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(target.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: target.logGroup,
    AWS_LAMBDA_LOG_FORMAT: target.logFormat,
    ...(target.tracing === "Active" ? { AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemonPort}` } : {}),
    ...(target.logFormat === "JSON" ? { AWS_LAMBDA_LOG_LEVEL: target.applicationLogLevel } : {}),
    // A 12-digit key id selects the account of whoever calls our endpoint: a function calls as its own account.
    AWS_ACCESS_KEY_ID: target.account,
    AWS_SECRET_ACCESS_KEY: "thaw",
    AWS_SESSION_TOKEN: "thaw",
  };
}

/** Where a sandbox puts the paths that a plan names; a container puts them where they are. */
export interface Places {
  path(inside: string): string;
  readonly tmp: string;
  readonly endpointSocket: string | undefined;
}

/** How one environment differs from others of its plan. */
export interface StartTerms {
  readonly logStream: string;
  /** why it is initialised: AWS_LAMBDA_INITIALIZATION_TYPE */
  readonly initialization: InitializationType;
  /** variables by which it signs requests */
  readonly credentials?: Readonly<Record<string, string>> | undefined;
  /** only made to be copied */
  readonly template?: boolean;
  /** only made to hand over what its runtime compiles */
  readonly compile?: boolean;
  /** a copy, from the image that the sandbox was made with */
  readonly restore?: boolean;
  /** a copy that nobody waits for: its runtime serves events of its own before it says READY */
  readonly rehearse?: boolean;
}

/** What an environment of this version is initialised as, by its own snapshot feature or by what it is kept for. */
export function initializationOf(target: FunctionVersion, provisioned: boolean): InitializationType {
  if (target.managed) return "lambda-managed-instances";
  if (target.snapStart) return "snap-start";
  return provisioned ? "provisioned-concurrency" : "on-demand";
}

/** Name of an environment's log stream, as Lambda makes it; `at`: milliseconds since the epoch. */
export function logStreamOf(target: FunctionVersion, at: number, id: string): string {
  const day = new Date(at).toISOString().slice(0, 10).replaceAll("-", "/");
  return `${day}/[${target.version}]${id}`;
}

/** What a sandbox for this plan is made of. `image`: it becomes a copy. */
export function sandboxOf(plan: Plan, id: string, image?: string): SandboxSpec {
  return {
    id,
    mounts: plan.mounts,
    tmpBytes: plan.tmpBytes,
    memoryBytes: plan.memoryBytes,
    cpus: plan.cpus,
    initCpus: plan.initCpus,
    network: plan.target.network,
    runtimeLink: plan.link === "frames",
    rootfs: plan.rootfs,
    endpointPort: plan.endpointPort === 0 ? undefined : plan.endpointPort,
    image,
  };
}

/** Variables that differ between the environments of a plan. */
function ownVariables(start: StartTerms): Record<string, string> {
  return {
    AWS_LAMBDA_LOG_STREAM_NAME: start.logStream,
    AWS_LAMBDA_INITIALIZATION_TYPE: start.initialization,
    ...start.credentials,
    // Our bootstraps take it away before the function's code runs.
    ...(start.template ? { _THAW_TEMPLATE: "1" } : {}),
    ...(start.compile ? { _THAW_COMPILE: "1" } : {}),
  };
}

/** RESUME's document: what a copy must be told because it has another's variables. */
export function resumeDocument(start: StartTerms): string {
  return JSON.stringify({ ...rehearsal(start), env: ownVariables(start) });
}

/** RESUME's document for a copy of a runtime without a function: all of the function's variables, and that it shall load it. */
export function loadDocument(plan: Plan, start: StartTerms): string {
  return JSON.stringify({ ...rehearsal(start), env: { ...plan.env, ...ownVariables(start) }, load: true });
}

function rehearsal({ rehearse }: StartTerms): { readonly rehearse?: true } {
  return rehearse ? { rehearse } : {};
}

/** EXTEND's document (agent/PROTOCOL.md) for one sandbox. */
export function extendDocument(plan: Plan, places: Places, start: StartTerms, isolated: boolean): string {
  const env = extensionVariables(variablesIn(plan, places, start, isolated));
  const extensions = plan.extensions.map((name) => places.path(`/opt/extensions/${name}`));
  return JSON.stringify({ extensions, env, cwd: isolated ? "/" : places.tmp, apiPort: isolated ? 9001 : 0 });
}

function variablesIn(plan: Plan, places: Places, start: StartTerms, isolated: boolean): Record<string, string> {
  const env: Record<string, string> = { ...plan.env, ...ownVariables(start) };
  if (isolated) return env;
  if (plan.target.tracing === "Active") delete env.AWS_XRAY_DAEMON_ADDRESS;
  // No mounts: every path of the sandbox is translated to where it really lies.
  for (const [name, value] of Object.entries(env)) env[name] = translated(value, places);
  env.TMPDIR = places.tmp;
  return env;
}

/** Where X-Ray's daemon listens in a sandbox. */
const daemonPort = 2000;

/** BOOT's document (agent/PROTOCOL.md) for one sandbox. */
export function bootDocument(plan: Plan, places: Places, start: StartTerms, isolated: boolean): string {
  const env = variablesIn(plan, places, start, isolated);
  let command = plan.command;
  if (!isolated) command = command.map((argv) => argv.map((word) => translated(word, places)));
  return JSON.stringify({
    command,
    env,
    cwd: places.path(plan.cwd ?? "/var/task"),
    link: plan.link,
    ...(start.restore ? { restore: true } : {}),
    ...(plan.target.managed ? { concurrency: plan.target.managed.concurrency } : {}),
    apiPort: isolated ? 9001 : 0,
    maxResponseBytes: limits.syncResponseBytes,
    // Without a network of its own a process reaches the platform's port as it is.
    ...(isolated && places.endpointSocket && plan.endpointPort > 0
      ? { relay: { port: plan.endpointPort, socket: places.endpointSocket } }
      : {}),
    // On a network that others are on, too, the port may be anybody's.
    ...(isolated && plan.target.tracing === "Active" ? { datagrams: daemonPort } : {}),
  });
}

/** Paths below the sandbox's well-known directories, also inside PATH-like lists. */
function translated(value: string, places: Places): string {
  return value.replace(
    /(^|[:=])(\/(?:var\/(?:task|runtime|lang)|opt)(?:\/[^:]*)?)(?=:|$)/g,
    (_all, before, path) => `${before}${places.path(path)}`,
  );
}
