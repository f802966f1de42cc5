import { join } from "node:path";
import { program } from "../harness/processes.ts";
import { command, npmPackages, repository } from "./cache.ts";

/** A fresh process that a cold start is compared with. */
export interface BareProgram {
  readonly name: string;
  readonly version: string;
  readonly argv: readonly string[];
}

/** The Node.js binary of npm's node-linux-* package of exactly this version: what nodejs22.x functions run on. */
export async function nodeBinary(version: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const directory = await npmPackages(`${name}-${version}`, [`${name}@${version}`]);
  return join(directory, "node_modules", name, "bin", "node");
}

/** `node -e 0`. `version` as process.version says it, with or without the v. */
export async function bareNode(version: string): Promise<BareProgram> {
  const binary = await nodeBinary(version.replace(/^v/, ""));
  return { name: "node -e 0", version, argv: [binary, "-e", "0"] };
}

/** `python3 -I -S -c 0` of the interpreter found on the PATH, its shims resolved. */
export async function barePython(): Promise<BareProgram> {
  const code = "import platform, sys; print(sys.executable); print(platform.python_version())";
  const [binary, version] = (await command("python3", ["-c", code], repository)).trim().split("\n");
  return { name: "python3 -I -S -c 0", version: version!, argv: [binary!, "-I", "-S", "-c", "0"] };
}

/** The interpreter of a minor version (`3.11`) on the PATH. */
export async function pythonOf(minor: string): Promise<string | undefined> {
  const found = program(`python${minor}`) ?? program("python3");
  if (!found) return undefined;
  const code = "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2])";
  const [binary, version] = (await command(found, ["-c", code], repository)).trim().split(" ");
  return version === minor ? binary : undefined;
}
