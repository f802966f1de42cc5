import { deployFunction, untilReady } from "../deploy/function.ts";
import type { Lambda } from "../lambda.ts";
import { type Package, packageFrom, zipFolder } from "../package/zip.ts";
import { debugging } from "./debugging.ts";
import type { DevFunction, Project } from "./project.ts";
import { type Deployed, deployStack, type Extras } from "./stack.ts";
import { type Bundler, createBundler } from "./typescript.ts";

/** What a save has come to. */
export interface Update {
  readonly id: string;
  /** from when the save was seen until the next call runs the new code, ms */
  readonly ms: number;
  readonly bytes: number;
}

/** A project as it stands on a platform. */
export interface Deployments {
  /** physical name of each function */
  readonly functions: ReadonlyMap<string, string>;
  readonly urls: readonly string[];
  readonly outputs: ReadonlyMap<string, string>;
  /** Deploys the functions that these changed paths belong to, and answers with those whose code is another now. */
  update(paths: ReadonlySet<string>): Promise<Update[]>;
  dispose(): Promise<void>;
}

/** Puts a whole project on the platform: by CloudFormation where there is a template, else as one function. */
export async function deployProject(
  lambda: Lambda,
  project: Project,
  given: { readonly variables: Readonly<Record<string, string>>; readonly debug: boolean },
): Promise<Deployments> {
  const extras = new Map(
    project.functions.map((fn) => {
      const debug = given.debug ? debugging(fn, given.variables) : undefined;
      const variables = { ...given.variables, ...debug?.variables };
      return [fn.id, { handler: debug?.handler ?? fn.handler, files: debug?.files ?? [], variables }] as const;
    }),
  );
  const bundlers = new Map<string, Bundler>();
  const shared = new Map<string, Promise<Package>>();
  const packaged = async (fn: DevFunction): Promise<Package> => {
    if (fn.entry !== undefined) {
      const bundler = bundlers.get(fn.id) ?? (await createBundler({ ...fn, entry: fn.entry, debug: given.debug }));
      bundlers.set(fn.id, bundler);
      return await bundler.bundle();
    }
    // functions of one folder have one package
    const { files } = extras.get(fn.id)!;
    const key = `${files.length} ${fn.path}`;
    const archive = /\.(zip|jar)$/i.test(fn.path);
    const known = shared.get(key) ?? (files.length > 0 && !archive ? zipFolder(fn.path, files) : packageFrom(fn.path));
    shared.set(key, known);
    return await known;
  };

  const hashes = new Map<string, string>();
  const packages = new Map<string, Package>();
  for (const fn of project.functions) {
    const code = await packaged(fn);
    packages.set(fn.id, code);
    hashes.set(fn.id, code.sha256);
  }
  shared.clear();
  const deployed =
    project.template === undefined
      ? await deployOne(
          lambda,
          project.functions[0]!,
          packages.get(project.functions[0]!.id)!,
          extras.get(project.functions[0]!.id)!,
        )
      : await deployStack(lambda.connection, project, packages, extras);

  const update = async (fn: DevFunction, since: number): Promise<Update | undefined> => {
    const code = await packaged(fn);
    if (code.sha256 === hashes.get(fn.id)) return undefined;
    const name = deployed.functions.get(fn.id);
    if (name === undefined) return undefined;
    await lambda.updateCode(name, code.zip);
    await untilReady(lambda, name);
    hashes.set(fn.id, code.sha256);
    return { id: fn.id, ms: performance.now() - since, bytes: code.zip.length };
  };

  return {
    ...deployed,
    async update(paths) {
      const since = performance.now();
      shared.clear();
      const touched = project.functions.filter((fn) => concerns(fn, bundlers.get(fn.id), paths));
      const updates = await Promise.all(touched.map((fn) => update(fn, since)));
      return updates.filter((each) => each !== undefined);
    },
    async dispose() {
      await Promise.all([...bundlers.values()].map((bundler) => bundler.dispose()));
    },
  };
}

/** A bundle's sources are known; of a folder every file counts. A bundle that failed may be repaired by any file. */
function concerns(fn: DevFunction, bundler: Bundler | undefined, paths: ReadonlySet<string>): boolean {
  const sources = bundler?.sources();
  for (const path of paths) {
    if (sources === undefined ? path === fn.path || path.startsWith(`${fn.path}/`) : sources.has(path)) return true;
    if (sources !== undefined && (sources.size === 0 || /\/package(-lock)?\.json$/.test(path))) return true;
  }
  return false;
}

async function deployOne(
  lambda: Lambda,
  fn: DevFunction,
  code: Package,
  { handler, variables }: Extras,
): Promise<Deployed> {
  await deployFunction(lambda, {
    name: fn.id,
    complete: false,
    code,
    settings: { Runtime: fn.runtime, Handler: handler, Environment: { Variables: variables } },
  });
  return { functions: new Map([[fn.id, fn.id]]), outputs: new Map(), urls: [] };
}
