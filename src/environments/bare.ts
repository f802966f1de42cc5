import { digestOf } from "../images/index.ts";
import { type FunctionVersion, limits } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import type { Distribution, Plan } from "./plan.ts";

/**
 * A runtime that has booted without a function ("bare", agent/PROTOCOL.md): copies of it take the code of functions that
 * nobody has seen. One for each account and distribution of a runtime: an image is never shared between accounts.
 */

/** Stands where other images have a function's version: no version is called so (numbers and `$LATEST`). */
const bareVersion = "bare";

/** Memory while it boots, where that decides nothing; a copy has that of its function. MB. */
const anyMb = 512;

export interface BareNeeds {
  /** an empty directory: where a function's code would be */
  readonly emptyDirectory: string;
  cpusOf(memoryMb: number): number;
}

/** Is this a runtime without a function? `name` is the runtime's then. */
export function isBare(owner: { readonly version: string }): boolean {
  return owner.version === bareVersion;
}

/**
 * What to boot. Undefined: such a runtime cannot be told later which function to load (agent/PROTOCOL.md).
 *
 * @param memoryMb of the functions it is for, where the runtime boots for an amount of memory
 */
export function barePlanOf(
  account: string,
  runtime: string,
  distribution: Distribution,
  needs: BareNeeds,
  memoryMb?: number,
): Plan | undefined {
  const { version, command, env, mounts, link, tellsDraws, bare } = distribution;
  if (bare === undefined || (bare === "by memory" && memoryMb === undefined)) return undefined;
  const ownMb = bare === "by memory" ? memoryMb! : anyMb;
  const sized: Record<string, string> = bare === "by memory" ? { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(ownMb) } : {};
  return {
    target: bareTarget(account, runtime, digestOf([runtime, version, command, { ...env, ...sized }, mounts]), ownMb),
    mounts: [...mounts, { source: needs.emptyDirectory, target: "/var/task" }],
    command,
    env: { ...env, ...sized, LAMBDA_TASK_ROOT: "/var/task", LAMBDA_RUNTIME_DIR: "/var/runtime", _THAW_BARE: "1" },
    link,
    tellsDraws,
    runtimeVersion: version,
    memoryBytes: ownMb * 2 ** 20,
    tmpBytes: limits.ephemeralMb.default * 2 ** 20,
    cpus: needs.cpusOf(bare === "by memory" ? ownMb : limits.mbPerVcpu),
    initCpus: limits.initCpus,
    endpointPort: 0,
    extensions: [],
    bare: undefined,
    unpooled: "it is what others are copied from",
  };
}

/** It goes through the same hands as a function's version does. */
function bareTarget(account: string, runtime: string, digest: string, memoryMb: number): FunctionVersion {
  return {
    account,
    region: "",
    name: runtime,
    version: bareVersion,
    arn: `${runtime} without a function, for account ${account}`,
    key: `${bareVersion} ${account} ${digest}`,
    runtime,
    handler: "",
    architecture: "x86_64",
    memoryMb,
    timeoutSeconds: limits.timeoutSeconds.default,
    ephemeralMb: limits.ephemeralMb.default,
    environment: {},
    code: { digest: "", size: 0 },
    layers: [],
    logFormat: "Text",
    logGroup: "",
    applicationLogLevel: "INFO",
    systemLogLevel: "INFO",
    tracing: "PassThrough",
    reservedConcurrency: undefined,
    provisionedConcurrency: 0,
    snapStart: false,
    network: "none",
  };
}

/** Variables that a runtime's program reads before any bootstrap does: too late for a copy (agent/PROTOCOL.md). */
const atStart =
  /^(JAVA_TOOL_OPTIONS$|JDK_JAVA_OPTIONS$|_JAVA_OPTIONS$|NODE_|UV_|PYTHON|RUBY|GEM_|LD_|LC_|MALLOC_|OPENSSL_|SSL|(LANG|LANGUAGE|LOCPATH|GLIBC_TUNABLES|AWS_LAMBDA_EXEC_WRAPPER)$)/;
/** Such that our bootstraps take over from RESUME. */
const takenOver: ReadonlySet<string> = new Set([
  "NODE_ENV",
  "NODE_PATH",
  "NODE_TLS_REJECT_UNAUTHORIZED",
  "PYTHONPATH",
  "UV_THREADPOOL_SIZE",
]);

/**
 * Why this version cannot take a runtime that has booted without it, in a few words; undefined: it can.
 *
 * @param preset variables that every function of the runtime has anyway
 */
export function reasonAgainstBare(
  { environment }: Pick<FunctionVersion, "environment">,
  preset: Readonly<Record<string, string>>,
): string | undefined {
  if (environment.THAW_SNAPSHOT === "off") return "the function's variable THAW_SNAPSHOT is off";
  const found = Object.keys(environment).find(
    (name) => atStart.test(name) && !takenOver.has(name) && environment[name] !== preset[name],
  );
  return found === undefined ? undefined : `the function's variable ${found} acts when its runtime boots`;
}

/** Nobody reads what a process says that has no function; why it failed is noted (snapshots.ts). */
export const unheard: InvocationLog = Object.freeze({
  initStart() {},
  initReport() {},
  restoreStart() {},
  restoreReport() {},
  begin() {},
  write() {},
  platform() {},
  listen() {},
  extension() {},
  subscribed() {},
  dropped() {},
  initialised() {},
  runtimeDone() {},
  end: () => undefined,
});
