import { posix } from "node:path";
import type { FunctionVersion } from "../model/index.ts";
import type { Distribution } from "./plan.ts";

/** A container image as a plan needs it. */
export interface Container {
  readonly root: string;
  readonly config: {
    readonly env: Readonly<Record<string, string>>;
    readonly entryPoint: readonly string[];
    readonly command: readonly string[];
    readonly workingDirectory: string;
  };
}

/** Docker's, for images that set none. */
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * A container image as a runtime. What ImageConfig gives takes the place of what the image says, each by itself: unlike
 * Docker, Lambda keeps the image's CMD beside an entry point of the function's ("ImageConfig", API Reference).
 */
export function containerRuntime(
  { image = {} }: FunctionVersion,
  { config }: Container,
): Distribution & { cwd: string } {
  const entryPoint = image.entryPoint?.length ? image.entryPoint : config.entryPoint;
  const command = image.command?.length ? image.command : config.command;
  const cwd = posix.join("/", image.workingDirectory || config.workingDirectory);
  const env = { PATH: usualPath, LAMBDA_TASK_ROOT: "/var/task", LAMBDA_RUNTIME_DIR: "/var/runtime", ...config.env };
  const [program = "", ...rest] = [...entryPoint, ...command];
  return {
    mounts: [],
    command: programs(program, cwd, env.PATH).map((path) => [path, ...rest]),
    env,
    link: "http",
    tellsDraws: false,
    version: "",
    cwd,
  };
}

/** Where a program may be: execvp(3), but that a path is seen from the working directory. */
function programs(program: string, cwd: string, path: string): readonly string[] {
  if (program.includes("/")) return [posix.join(program.startsWith("/") ? "/" : cwd, program)];
  return path.split(":").map((folder) => posix.join("/", folder, program));
}
