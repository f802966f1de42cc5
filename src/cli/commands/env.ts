import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { askJson } from "../client.ts";
import { CommandFailure } from "../failure.ts";
import { note, print, printJson } from "../output.ts";
import { type CommonOptions, type Connection, connection } from "../settings.ts";

interface EnvOptions extends CommonOptions {
  readonly shell?: "sh" | "bash" | "zsh" | "fish" | "powershell";
  readonly force?: boolean;
}

/**
 * Prints the variables that point AWS's clients at Thaw. Credentials that are already set stay: a shell that later talks to AWS
 * again must not have lost its own. A platform that checks signatures is given its operator's key, if this user can read it.
 */
export async function env(options: EnvOptions): Promise<void> {
  const target = connection(options);
  const { endpoint, region } = target;
  const variables: Record<string, string> = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
  };
  const hasCredentials = Boolean(process.env.AWS_ACCESS_KEY_ID || process.env.AWS_PROFILE);
  if (!hasCredentials || options.force) {
    const key = await operatorKey(target);
    variables.AWS_ACCESS_KEY_ID = key?.AccessKeyId ?? "test";
    variables.AWS_SECRET_ACCESS_KEY = key?.SecretAccessKey ?? "test";
  } else if (!options.json) {
    note("# AWS credentials are already set and kept (--force replaces them).");
  }
  if (options.json) {
    printJson(variables);
    return;
  }
  for (const [name, value] of Object.entries(variables)) print(assignment(options.shell ?? "sh", name, value));
}

/** Undefined: the platform does not check signatures, or does not run; any key will do then. */
async function operatorKey(target: Connection) {
  const asked = askJson<{ auth?: string; dataDir: string }>(target, "GET", "/_thaw/info");
  const info = await asked.catch(() => undefined);
  if (info?.auth === undefined || info.auth === "off") return undefined;
  const path = join(info.dataDir, "operator.json");
  try {
    return JSON.parse(await readFile(path, "utf8")) as { AccessKeyId: string; SecretAccessKey: string };
  } catch (error) {
    throw new CommandFailure(`${target.endpoint} checks signatures, and its operator's key cannot be read: ${path}`, {
      next: "run this as the user and on the machine that runs the platform, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that `aws iam create-access-key` gave you",
      cause: error,
    });
  }
}

/** An assignment that the shell exports, the value quoted so that nothing in it is interpreted. */
function assignment(shell: NonNullable<EnvOptions["shell"]>, name: string, value: string): string {
  switch (shell) {
    case "fish":
      return `set -gx ${name} '${value.replace(/[\\']/g, "\\$&")}'`;
    case "powershell":
      return `$Env:${name} = '${value.replaceAll("'", "''")}'`;
    default:
      return `export ${name}='${value.replaceAll("'", "'\\''")}'`;
  }
}
