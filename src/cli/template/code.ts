import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { isMapping } from "../../templates/index.ts";
import type { CodeSource } from "./plan.ts";
import type { Resource, ResourceReader } from "./resource.ts";

/** Where a function's code is. undefined after an error. */
export async function codeOf(
  resource: Resource,
  read: ResourceReader,
  runtime: string,
): Promise<CodeSource | undefined> {
  if (resource.type === "AWS::Serverless::Function") {
    if ("InlineCode" in resource.properties) return inline(read, "InlineCode", read.value("InlineCode"), runtime);
    return await contentOf(read, "CodeUri");
  }
  const code = read.value("Code");
  if (isMapping(code) && "ZipFile" in code) return inline(read, "Code", code.ZipFile, runtime);
  return await contentOf(read, "Code");
}

/** A folder or archive beside the template, named by a property. undefined after an error. */
export async function contentOf(read: ResourceReader, property: string): Promise<CodeSource | undefined> {
  const value = read.value(property);
  if (value === undefined) {
    read.failResource(`needs ${property}: the folder or zip that holds the code`);
    return undefined;
  }
  if (typeof value !== "string" || /^(s3|https?):\/\//.test(value)) {
    read.fail(property, "code in S3 is not built yet; name a folder or a zip beside the template");
    return undefined;
  }
  const path = resolve(read.folder, value);
  try {
    await access(path);
  } catch {
    read.fail(property, `${value} does not exist (looked for ${path})`);
    return undefined;
  }
  return { kind: "path", path };
}

/**
 * Text becomes index.js or index.py, whatever the handler says; other languages cannot be written inline.
 * Source: CloudFormation User Guide, AWS::Lambda::Function Code, `ZipFile`.
 */
function inline(read: ResourceReader, property: string, text: unknown, runtime: string): CodeSource | undefined {
  if (typeof text !== "string") {
    read.fail(property, "inline code must be text");
    return undefined;
  }
  if (runtime.startsWith("nodejs")) return { kind: "inline", file: "index.js", text };
  if (runtime.startsWith("python")) return { kind: "inline", file: "index.py", text };
  read.fail(property, `inline code is for Node.js and Python, not ${runtime}`);
  return undefined;
}
