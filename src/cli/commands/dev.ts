import { realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Deployments, deployProject } from "../dev/deployments.ts";
import { type EventFile, eventFiles, functionFor, send } from "../dev/events.ts";
import { createInspector, type Inspector } from "../dev/inspector.ts";
import { showCalls } from "../dev/live.ts";
import { type DevPlatform, platformFor } from "../dev/platform.ts";
import { type Project, readProject } from "../dev/project.ts";
import { fileVariables, variableFiles } from "../dev/variables.ts";
import { watchFolder } from "../dev/watch.ts";
import { CommandFailure } from "../failure.ts";
import { createLambda } from "../lambda.ts";
import { bytes, milliseconds, note, print, reportFailure, styled, warn } from "../output.ts";
import { type CommonOptions, connection, keyValues, wholeNumber } from "../settings.ts";

interface DevOptions extends CommonOptions {
  readonly env?: readonly string[];
  readonly stage?: string;
  readonly inspect?: string | true;
  readonly once?: boolean;
}

/** Runs a project as it is written, until Ctrl-C. */
export async function dev(given: string | undefined, options: DevOptions): Promise<void> {
  const folder = await realpath(given ?? ".").catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`Cannot run ${given}: ${error.message}`, { next: "name a folder", cause: error });
  });
  const inspect = options.inspect !== undefined;
  const port =
    typeof options.inspect === "string" ? wholeNumber("--inspect", options.inspect, { min: 1, max: 65_000 }) : 9229;
  const first = await readProject(folder, options.stage ?? "dev");
  const mayStart = options.endpoint === undefined && options.once !== true;
  const platform = await platformFor(connection(options), { mayStart, inspect });
  try {
    const session = await createSession(platform, folder, first, {
      ...options,
      inspectFrom: inspect ? port : undefined,
    });
    if (options.once !== true) await session.untilStopped();
    await session.close();
  } finally {
    await platform.stop();
  }
}

interface SessionOptions extends DevOptions {
  readonly inspectFrom: number | undefined;
}

async function createSession(platform: DevPlatform, folder: string, first: Project, options: SessionOptions) {
  const lambda = createLambda(platform.connection);
  const inspectors = new Map<string, Inspector>();
  const events = await eventFiles(folder);
  let project = first;
  let deployments: Deployments | undefined;
  let calls = new AbortController();

  /** Everything anew: at the start, and when the template or variables change. */
  const deploy = async (): Promise<void> => {
    const since = performance.now();
    for (const warning of project.warnings) warn(warning);
    const files = await fileVariables(folder);
    if (files.refused.length > 0) warn(`${variableFiles[0]}: Lambda sets ${files.refused.join(", ")} itself`);
    const variables = { ...files.variables, ...keyValues("--env", options.env ?? []) };
    const before = deployments;
    deployments = await deployProject(lambda, project, { variables, debug: options.inspectFrom !== undefined });
    await before?.dispose();
    calls.abort();
    calls = new AbortController();
    await follow(deployments);
    describe(deployments, performance.now() - since);
  };

  const follow = async ({ functions }: Deployments): Promise<void> => {
    for (const [id, name] of functions) {
      const inspector = await inspectorOf(id);
      const shown = showCalls(platform.connection, name, id, calls.signal, (line) => inspector?.heard(line) ?? false);
      shown.catch((error: unknown) => reportFailure(error, false));
    }
  };

  const inspectorOf = async (id: string): Promise<Inspector | undefined> => {
    const known = inspectors.get(id);
    if (known !== undefined || options.inspectFrom === undefined) return known;
    const at = options.inspectFrom + inspectors.size;
    const made = await createInspector(at, () =>
      note(styled("dim", `  ${id} waits for a debugger at 127.0.0.1:${at}`)),
    );
    inspectors.set(id, made);
    return made;
  };

  const describe = ({ functions, urls, outputs }: Deployments, ms: number): void => {
    const { endpoint } = platform.connection;
    print(
      `${styled("bold", project.name)} is live at ${styled("cyan", endpoint)} after ${milliseconds(ms)} (${project.kind})`,
    );
    for (const fn of project.functions) {
      const name = functions.get(fn.id);
      const debug = inspectors.get(fn.id);
      const debugger_ = debug === undefined ? "" : ` · debugger 127.0.0.1:${debug.port}`;
      print(`  ${styled("cyan", fn.id)} ${fn.runtime} ${fn.handler}${name === fn.id ? "" : ` as ${name}`}${debugger_}`);
    }
    for (const url of urls) print(`  ${url}`);
    for (const [name, value] of outputs) print(`  ${name} = ${value}`);
    if (process.stdin.isTTY) for (const { key, name } of events) print(styled("dim", `  key ${key}: send ${name}`));
  };

  const changed = async (paths: ReadonlySet<string>): Promise<void> => {
    try {
      if ([...paths].some((path) => path === resolve(project.file) || isVariables(path, folder))) {
        project = await readProject(folder, options.stage ?? "dev");
        await deploy();
        return;
      }
      for (const { id, ms, bytes: size } of (await deployments?.update(paths)) ?? []) {
        print(`${styled("cyan", id)} ${styled("green", "live")} ${milliseconds(ms)} after the save (${bytes(size)})`);
      }
    } catch (error) {
      // the version before goes on; the next save may repair it
      reportFailure(error, false);
    }
  };

  await deploy();
  return {
    async untilStopped(): Promise<void> {
      const folders = new Set([
        folder,
        ...project.functions.map(({ path }) => path).filter((path) => outside(path, folder)),
      ]);
      const watches = await Promise.all([...folders].map((each) => watchFolder(each, changed)));
      note(styled("dim", `Watching ${folder}. Ctrl-C stops.`));
      await stopped(events, (event) => sendEvent(platform, deployments!, event));
      for (const watch of watches) watch.close();
    },
    async close(): Promise<void> {
      calls.abort();
      for (const inspector of inspectors.values()) inspector.close();
      await deployments?.dispose();
    },
  };
}

const isVariables = (path: string, folder: string): boolean =>
  variableFiles.some((file) => path === `${folder}/${file}`);

function outside(path: string, folder: string): boolean {
  return !`${path}/`.startsWith(`${folder}/`) && !/\.(zip|jar)$/.test(path) && dirname(path) !== path;
}

async function sendEvent({ connection: to }: DevPlatform, { functions }: Deployments, event: EventFile): Promise<void> {
  const id = functionFor(event, [...functions.keys()]);
  if (id === undefined) return;
  try {
    print(`${styled("bold", `${id} ← ${event.name}`)}\n${await send(to, functions.get(id)!, event)}`);
  } catch (error) {
    reportFailure(error, false);
  }
}

/** Resolves with Ctrl-C, a signal or the key q; digits send events meanwhile. */
function stopped(events: readonly EventFile[], press: (event: EventFile) => Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const { stdin } = process;
    const end = (): void => {
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
    if (!stdin.isTTY) return;
    stdin.setRawMode(true);
    stdin.setEncoding("utf8").on("data", (key: string) => {
      if (key === "q" || key === "\u0003") return end();
      const event = events.find((each) => each.key === key);
      if (event !== undefined) void press(event);
    });
  });
}
