import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Dependencies that the code names and the folder does not have: Lambda installs nothing, so such a function fails at its
 * first `require` or `import`. Sentences for a warning; none when everything is there.
 */
export async function missingDependencies(folder: string): Promise<string[]> {
  const files = new Set(await readdir(folder));
  const warnings: string[] = [];
  if (files.has("package.json") && !files.has("node_modules")) {
    const { dependencies } = await readJson(join(folder, "package.json"));
    // the AWS SDK version 3 comes with Lambda's Node.js runtimes
    const names = Object.keys(dependencies ?? {}).filter((name) => !name.startsWith("@aws-sdk/"));
    if (names.length > 0) {
      warnings.push(
        `${folder} has no node_modules, and package.json needs ${some(names)}: run npm ci --omit=dev in it first`,
      );
    }
  }
  if (files.has("requirements.txt")) {
    const names = (await readFile(join(folder, "requirements.txt"), "utf8"))
      .split("\n")
      .map((line) => /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(line)?.[1])
      .filter((name) => name !== undefined)
      .filter((name) => !["boto3", "botocore"].includes(name));
    // any installed package leaves its metadata beside it
    if (names.length > 0 && ![...files].some((file) => file.endsWith(".dist-info"))) {
      warnings.push(
        `requirements.txt in ${folder} names ${some(names)}, which are not in the folder: run pip install -r requirements.txt -t . in it first`,
      );
    }
  }
  return warnings;
}

function some(names: readonly string[]): string {
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

async function readJson(path: string): Promise<{ readonly dependencies?: Readonly<Record<string, string>> }> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as { readonly dependencies?: Readonly<Record<string, string>> };
  } catch {
    // detect.ts says so where it matters
    return {};
  }
}
