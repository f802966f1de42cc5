import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Names of the external extensions in a tree that is /opt in the sandbox: what is no directory in its folder `extensions`. The
 * tree is the customer's: links on the way there are not followed.
 */
export async function externalExtensions(root: string, ...folders: readonly string[]): Promise<readonly string[]> {
  let folder = root;
  for (const name of [...folders, "extensions"]) {
    folder = join(folder, name);
    const found = await lstat(folder).catch(() => undefined);
    if (!found?.isDirectory()) return [];
  }
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Variables that are the runtime's alone ("Using the Lambda Extensions API", "Environment variables"). */
const runtimeOnly: readonly string[] = [
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_XRAY_CONTEXT_MISSING",
  "AWS_XRAY_DAEMON_ADDRESS",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
  "_AWS_XRAY_DAEMON_ADDRESS",
  "_AWS_XRAY_DAEMON_PORT",
  "_HANDLER",
];

/** The environment of an extension, of the runtime's. */
export function extensionVariables(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !runtimeOnly.includes(name) && !name.startsWith("_THAW_")),
  );
}
