import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** Files that are read, a later one wins. */
export const variableFiles = [".env", ".env.local"];

/** Variables that Lambda sets itself and refuses to be given. Source: Developer Guide, "Defined runtime environment variables". */
const reserved = /^(AWS_(?!LAMBDA_EXEC_WRAPPER|XRAY_)|_HANDLER$|_X_AMZN_TRACE_ID$|LAMBDA_(TASK_ROOT|RUNTIME_DIR)$)/;

/** What a project's files say, without what no function may be given. */
export async function fileVariables(
  folder: string,
): Promise<{ readonly variables: Record<string, string>; readonly refused: readonly string[] }> {
  const all: Record<string, string> = {};
  for (const file of variableFiles) {
    const text = await readFile(join(folder, file), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    Object.assign(all, parseEnv(text));
  }
  const refused = Object.keys(all).filter((name) => reserved.test(name));
  return { variables: Object.fromEntries(Object.entries(all).filter(([name]) => !refused.includes(name))), refused };
}
