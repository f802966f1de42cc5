import type { FunctionConfiguration } from "../lambda.ts";
import { bytes, milliseconds } from "../output.ts";
import { type Contents, dependencyOf, pipInstalled, sizeOf } from "./contents.ts";
import type { LoadedModule, Profile } from "./profile.ts";

/** Something that could be better. */
export interface Advice {
  readonly kind:
    | "heavy dependency"
    | "work at init"
    | "connection at init"
    | "client in the handler"
    | "sdk version 2"
    | "unused package"
    | "large package"
    | "vpc"
    | "layer"
    | "not bundled";
  /** file, package or address that it is about */
  readonly about: string;
  /** what it costs each cold start, measured; undefined: nothing was measured */
  readonly ms?: number;
  readonly bytes?: number;
  readonly words: string;
}

/** below this, a module's time is not worth anybody's */
const worthMs = 5;
const largeBytes = 50 * 2 ** 20;

/** All that a profile and a package say, dearest first. `used`: the files a bundler reaches from the handler, where there is one. */
export function findings(
  about: FunctionConfiguration,
  contents: Contents,
  zipBytes: number,
  profile: Profile | undefined,
  used: ReadonlySet<string> | undefined,
): Advice[] {
  const installed = pipInstalled(contents);
  const found = [
    ...(profile === undefined ? [] : slowModules(profile.modules, installed)),
    ...(profile?.connections ?? []).map(
      ({ to, at }): Advice => ({
        kind: "connection at init",
        about: to,
        words: `opened while the code loads${at === "" ? "" : ` ${at}`}: a copy of the environment cannot have it, and it may be dead when the first event comes; connect in the handler, once`,
      }),
    ),
    ...clientsInHandlers(contents, installed),
    ...unused(contents, installed, profile, used),
    ...sizes(contents, zipBytes, about),
  ];
  const vpc = about.VpcConfig as { SubnetIds?: readonly string[] } | undefined;
  if (
    vpc?.SubnetIds?.length &&
    !/\b(pg|mysql2?|redis|ioredis|mongodb|psycopg2?|pymysql|memcached)\b/.test(ownText(contents, installed))
  ) {
    found.push({
      kind: "vpc",
      about: vpc.SubnetIds.join(", "),
      words: "it is in a VPC, and its code names no driver of a database or cache that would need one",
    });
  }
  return found.sort((a, b) => (b.ms ?? 0) - (a.ms ?? 0));
}

/** Dependencies by what they took with all they brought, and own modules by what their own statements took. */
function slowModules(modules: readonly LoadedModule[], installed: ReadonlySet<string>): Advice[] {
  const own = new Map<string, number>();
  const dependencies = new Map<string, { self: number; entered: number }>();
  for (const module of modules) {
    const dependency = dependencyOf(module.file, installed);
    if (dependency === undefined) {
      own.set(module.file, (own.get(module.file) ?? 0) + module.self);
      continue;
    }
    const sum = dependencies.get(dependency) ?? { self: 0, entered: 0 };
    sum.self += module.self;
    // from the function's own code: its time holds that of all it loads
    if (module.by !== null && dependencyOf(module.by, installed) === undefined) sum.entered += module.total;
    dependencies.set(dependency, sum);
  }
  const found: Advice[] = [];
  for (const [name, { self, entered }] of dependencies) {
    const ms = Math.max(self, entered);
    if (ms < worthMs || name === "the runtime") continue;
    if (name === "aws-sdk") {
      const words =
        "the AWS SDK version 2 is no longer maintained, and loads every service: use @aws-sdk/client-… of version 3";
      found.push({ kind: "sdk version 2", about: name, ms, words });
    } else {
      const words = `takes ${milliseconds(ms)} to load: import only the part that is used, or import it in the branch that needs it`;
      found.push({ kind: "heavy dependency", about: name, ms, words });
    }
  }
  for (const [file, ms] of own) {
    if (ms < worthMs) continue;
    const words = `its own top-level statements take ${milliseconds(ms)}: do that work when it is first needed, or before deploying`;
    found.push({ kind: "work at init", about: file, ms, words });
  }
  return found;
}

const isCode = (file: string): boolean => /\.([cm]?js|py)$/.test(file);

function ownFiles(contents: Contents, installed: ReadonlySet<string>): [string, string][] {
  return [...contents]
    .filter(([file]) => isCode(file) && dependencyOf(file, installed) === undefined)
    .map(([file, text]) => [file, text.toString()]);
}

const ownText = (contents: Contents, installed: ReadonlySet<string>): string =>
  ownFiles(contents, installed)
    .map(([, text]) => text)
    .join("\n");

/** Clients of AWS made on an indented line: inside some function, so anew with each call. Seen in the text, not measured. */
function clientsInHandlers(contents: Contents, installed: ReadonlySet<string>): Advice[] {
  return ownFiles(contents, installed).flatMap(([file, text]) =>
    text.split("\n").flatMap((line, at): Advice[] => {
      const made = /^\s+.*?(new (?:[A-Z]\w+Client|AWS\.\w+)\(|boto3\.(?:client|resource)\()/.exec(line)?.[1];
      if (made === undefined || /^\s*(\/\/|#|\*)/.test(line)) return [];
      const words = `${made}…) is inside a function: make clients once, at the top, so that warm calls keep their connections`;
      return [{ kind: "client in the handler", about: `${file}:${at + 1}`, words }];
    }),
  );
}

/** Packages that nothing reaches: by the bundler's word for Node.js; for Python those that were not loaded and that no own file names. */
function unused(
  contents: Contents,
  installed: ReadonlySet<string>,
  profile: Profile | undefined,
  used: ReadonlySet<string> | undefined,
): Advice[] {
  const sums = new Map<string, number>();
  for (const [file, data] of contents) {
    const name = dependencyOf(file, installed);
    if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + data.length);
  }
  const needed = new Set(
    [...(used ?? []), ...(profile?.modules.map(({ file }) => file) ?? [])].map((file) => dependencyOf(file, installed)),
  );
  const text = ownText(contents, installed);
  const sure = used !== undefined || (profile !== undefined && installed.size > 0);
  if (!sure) return [];
  return [...sums]
    .filter(([name]) => !needed.has(name) && !new RegExp(`\\b${name.replaceAll(/\W/g, "\\$&")}\\b`).test(text))
    .map(([name, size]) => ({
      kind: "unused package" as const,
      about: name,
      bytes: size,
      words: `${bytes(size)} that the handler does not reach: leave it out`,
    }));
}

function sizes(contents: Contents, zipBytes: number, about: FunctionConfiguration): Advice[] {
  const whole = sizeOf(contents);
  const found: Advice[] = [];
  if (whole > largeBytes) {
    const words = `${bytes(whole)} unpacked (${bytes(zipBytes)} zipped); above 50 MB a start is slow wherever the package is not cached`;
    found.push({ kind: "large package", about: about.FunctionName, bytes: whole, words });
  }
  let dependencies = 0;
  for (const [file, data] of contents) if (file.includes("node_modules/")) dependencies += data.length;
  if (dependencies > 5 * 2 ** 20 && !about.Layers?.length) {
    const words = `${bytes(dependencies)} are dependencies: a layer makes deploys of the code small (it does not make starts faster)`;
    found.push({ kind: "layer", about: "node_modules", bytes: dependencies, words });
  }
  return found;
}
