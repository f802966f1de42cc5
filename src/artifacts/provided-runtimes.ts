import type { RuntimeDistribution, RuntimeStatus } from "./artifacts.ts";
import type { RuntimeFamily } from "./runtimes.ts";
import { commonEnv, libraryPath, programPath } from "./sandbox-paths.ts";

const names = ["provided.al2023", "provided.al2", "provided", "go1.x"];

/** Where Lambda looks for a custom runtime's program, in its order. */
const bootstraps = [["/var/runtime/bootstrap"], ["/var/task/bootstrap"], ["/opt/bootstrap"]];

/**
 * go1.x runs the program that the handler names. Its clients speak the Runtime API when they see AWS_LAMBDA_RUNTIME_API
 * (aws-lambda-go since 1.18), so nothing of the old RPC protocol is needed.
 */
const handlerProgram = ["/bin/sh", "-c", 'exec "/var/task/$_HANDLER"'];

/** Runtimes that the function brings itself. */
export function createProvidedRuntimes(): RuntimeFamily {
  return {
    knows: (name) => names.includes(name),
    get: (name) => Promise.resolve(distribution(name)),
    list: () =>
      Promise.resolve(
        names.map((name): RuntimeStatus => ({ name, state: "ready", detail: "the function brings its own bootstrap" })),
      ),
  };
}

function distribution(name: string): RuntimeDistribution {
  return {
    name,
    version: "",
    mounts: [],
    command: name === "go1.x" ? [...bootstraps, handlerProgram] : bootstraps,
    env: { ...commonEnv, PATH: programPath.join(":"), LD_LIBRARY_PATH: libraryPath.join(":") },
    link: "http",
    tellsDraws: false,
  };
}
