import { note, print, printJson } from "../output.ts";
import { type CommonOptions, connection } from "../settings.ts";

interface EnvOptions extends CommonOptions {
  readonly shell?: "sh" | "bash" | "zsh" | "fish" | "powershell";
  readonly force?: boolean;
}

/**
 * Prints the variables that point AWS's clients at Thaw. Credentials that are already set stay: Thaw takes any, and a
 * shell that later talks to AWS again must not have lost its own.
 */
export async function env(options: EnvOptions): Promise<void> {
  const { endpoint, region } = connection(options);
  const variables: Record<string, string> = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
  };
  const hasCredentials = Boolean(process.env.AWS_ACCESS_KEY_ID || process.env.AWS_PROFILE);
  if (!hasCredentials || options.force) {
    variables.AWS_ACCESS_KEY_ID = "test";
    variables.AWS_SECRET_ACCESS_KEY = "test";
  } else if (!options.json) {
    note("# AWS credentials are already set and kept (--force replaces them).");
  }
  if (options.json) {
    printJson(variables);
    return;
  }
  for (const [name, value] of Object.entries(variables)) print(assignment(options.shell ?? "sh", name, value));
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
