import { createLambda } from "../lambda.ts";
import { bytes, note, print, printJson, table } from "../output.ts";
import { type CommonOptions, connection } from "../settings.ts";

/** Functions of the account and region. */
export async function list(options: CommonOptions): Promise<void> {
  const functions = await createLambda(connection(options)).list();
  if (options.json) {
    printJson({ functions });
    return;
  }
  if (functions.length === 0) {
    note("No functions yet. Next: thaw deploy ./my-function");
    return;
  }
  const rows = functions.map((each) => [
    each.FunctionName,
    each.Runtime ?? "-",
    each.Handler ?? "-",
    `${each.MemorySize ?? 128} MB`,
    `${each.Timeout ?? 3} s`,
    bytes(each.CodeSize ?? 0),
    each.LastModified ?? "",
  ]);
  for (const line of table(["NAME", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "CODE", "MODIFIED"], rows)) print(line);
}

/** For shell completion, where a message would only get in the way of typing: names or nothing. */
export async function functionNames(options: CommonOptions): Promise<void> {
  try {
    for (const each of await createLambda(connection(options)).list()) print(each.FunctionName);
  } catch {
    process.exitCode = 1;
  }
}
