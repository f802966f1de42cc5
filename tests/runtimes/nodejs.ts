import { join } from "node:path";
import { type Functions, functionsOf } from "./functions.ts";
import { nodeInterpreters } from "./interpreters.ts";

const bootstrap = join(import.meta.dirname, "..", "..", "runtimes", "nodejs", "bootstrap.cjs");

/** One major version of Node.js under test. */
export interface NodeUnderTest extends Functions {
  /** Lambda's name */
  readonly runtime: string;
  /** why it cannot be had here; false: it can */
  readonly skip: string | false;
  /** from 24 on, whose client is another (runtimes/nodejs/bootstrap.cjs) */
  readonly modern: boolean;
}

/** Every major version that Lambda has, from the oldest on. */
export const nodes: readonly NodeUnderTest[] = (await nodeInterpreters()).map(({ runtime, path, reason }) => {
  const modern = Number.parseInt(runtime.slice("nodejs".length), 10) >= 24;
  const functions = functionsOf({
    command: (flags) => [path!, ...flags, bootstrap],
    file: "index.js",
    handler: "index.handler",
    failedInit: modern ? 1 : 129,
  });
  return { ...functions, runtime, modern, skip: path === undefined ? reason! : false };
});
