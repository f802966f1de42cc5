import { join } from "node:path";
import { program } from "../harness/processes.ts";
import { command, npmPackages, repository } from "./cache.ts";

/** The Node.js binary of npm's node-linux-* package of exactly this version (as process.version says it): what nodejs22.x functions run on. */
export async function nodeBinary(ofVersion: string): Promise<string> {
  const version = ofVersion.replace(/^v/, "");
  const name = `node-${process.platform}-${process.arch}`;
  const directory = await npmPackages(`${name}-${version}`, [`${name}@${version}`]);
  return join(directory, "node_modules", name, "bin", "node");
}

/** The python3 of the PATH, its shims resolved. */
export async function findPython(): Promise<{ readonly binary: string; readonly version: string } | undefined> {
  if (!program("python3")) return undefined;
  const code = "import platform, sys; print(sys.executable); print(platform.python_version())";
  const [binary, version] = (await command("python3", ["-c", code], repository)).trim().split("\n");
  return { binary: binary!, version: version! };
}
