/**
 * Writes COVERAGE.md: every operation of Lambda's service model, what the one that is here does and does not do, and the test
 * that calls it through an official client. All of it is read from the code: operations from the table that serves them, words
 * from their docstrings (what follows `Not done:` is what they do not), tests from the clients' calls in them.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { serviceModel } from "../src/edge/lambda-api/model.ts";

const root = resolve(import.meta.dirname, "..");
const api = "src/edge/lambda-api";
export const pagePath = resolve(root, "COVERAGE.md");

/** One operation of the model. */
export interface Covered {
  readonly name: string;
  /** where it is implemented, from the repository's root; undefined: it is not */
  readonly file: string | undefined;
  readonly does: string;
  readonly doesNot: string;
  /** tests that call it through an official client, the plainest first, from the repository's root */
  readonly tests: readonly string[];
}

/** Served beside the table, by doors of their own: invocations. */
const doors: Readonly<Record<string, { readonly file: string; readonly does: string; readonly doesNot: string }>> = {
  Invoke: {
    file: `${api}/invoke.ts`,
    does: "RequestResponse and DryRun, with the log's tail; of Event, what `SPECIFICATION.md` says.",
    doesNot: "",
  },
  InvokeAsync: { file: `${api}/invoke-async.ts`, does: "As Invoke with Event; deprecated since 2014.", doesNot: "" },
  InvokeWithResponseStream: {
    file: `${api}/invoke-stream.ts`,
    does: "PayloadChunk as the function writes, InvokeComplete at its end.",
    doesNot: "",
  },
};

export function coverage(): Covered[] {
  const table = read(`${api}/operations/index.ts`);
  const served = new Map<string, { file: string; name: string }>();
  for (const [, name, file, value] of table.matchAll(
    /(\w+): async \(\) =>\s*\(await import\("\.\/([\w-]+\.ts)"\)\)\.(\w+)/g,
  )) {
    served.set(name!, { file: `${api}/operations/${file}`, name: value! });
  }
  const tests = globSync("tests/**/*.{ts,py}", { cwd: root })
    .sort(plainest)
    .map((file) => ({ file, text: read(file) }));
  return Object.keys(serviceModel().operations)
    .sort()
    .map((name): Covered => {
      const door = doors[name];
      const found = served.get(name) ?? (door === undefined ? undefined : { file: door.file, name });
      const text = found === undefined ? "" : read(found.file);
      if (found === undefined || text === "") return { name, file: undefined, does: "", doesNot: "", tests: [] };
      const called = calls(name);
      const callers = tests.filter(({ text }) => called.test(text)).map(({ file }) => file);
      return { name, file: found.file, ...(door ?? words(text, found.name)), tests: callers };
    });
}

/** Tests of one topic before those of everything; else by name. */
function plainest(one: string, other: string): number {
  const rank = (file: string) =>
    ["tests/e2e/", "tests/conformance/"].findIndex((folder) => file.startsWith(folder)) >>> 0;
  return rank(one) - rank(other) || (one < other ? -1 : 1);
}

function read(file: string): string {
  try {
    return readFileSync(resolve(root, file), "utf8");
  } catch {
    return "";
  }
}

/** How clients call it: `new XCommand(` (JavaScript), `.create_x(` (boto3), `"create-x"` (the aws CLI). */
function calls(name: string): RegExp {
  const words = name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(" ");
  return new RegExp(
    `new (lambda\\.)?${name}Command\\(|\\.${words.join("_")}\\(|"lambda",\\s*"${words.join("-")}"|lambda ${words.join("-")} `,
  );
}

/** The docstring before an exported value, without its markup and without method and path, which the model says too. */
function words(text: string, name: string): { does: string; doesNot: string } {
  const at = text.search(new RegExp(`^export (const|async function|function) ${name}\\b`, "m"));
  const before = text.slice(0, Math.max(at, 0)).trimEnd();
  const start = before.lastIndexOf("/**");
  if (!before.endsWith("*/") || start === -1) return { does: "", doesNot: "" };
  const plain = before
    .slice(start + 3, -2)
    .replace(/^\s*\* ?/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  const [does = "", doesNot = ""] = plain.split(/\s*Not done: /);
  const about = does.replace(/^(GET|PUT|POST|DELETE|PATCH) \S+?[.:]?(\s+|$)/, "");
  return { does: sentence(about), doesNot: sentence(doesNot) };
}

const sentence = (text: string): string =>
  text === "" ? "" : `${text[0]!.toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;

/** `before`: the page of now. A test that it names and that still calls the operation stays named. */
export function page(operations: readonly Covered[], before: string): string {
  const here = operations.filter(({ file }) => file !== undefined);
  const named = new Map(
    [...before.matchAll(/^\| \[(\w+)\].*\((tests\/\S+)\) \|$/gm)].map(([, name, test]) => [name, test]),
  );
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = operations.map(({ name, file, does, doesNot, tests }) => {
    const title = file === undefined ? name : `[${name}](${file})`;
    const chosen = tests.find((test) => named.get(name) === test) ?? tests[0];
    const test = chosen === undefined ? "–" : `[${basename(chosen)}](${chosen})`;
    return `| ${title} | ${file === undefined ? "no" : "yes"} | ${cell(does)} | ${cell(doesNot)} | ${test} |`;
  });
  return [
    "# Operations of Lambda",
    "",
    `${here.length} of the ${operations.length} operations of Lambda's service model are here; ${here.filter(({ tests }) => tests.length > 0).length} have a test through an official client.`,
    "The others are answered with 501 and their name. Written by `npm run coverage-page`, from the code; `SPECIFICATION.md` says more.",
    "",
    "| operation | here | what it does beyond its name | what it does not | test |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

if (import.meta.main) writeFileSync(pagePath, page(coverage(), read("COVERAGE.md")));
