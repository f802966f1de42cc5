/**
 * Writes src/edge/lambda-api/generated/model.json: every operation and shape of Lambda's public service model, without
 * its prose. The source is botocore, because it alone of the official clients carries the constraints (lengths, ranges,
 * patterns, enumerations); the JavaScript SDK's schemas are compared with it by name.
 *
 * usage: node scripts/generate-lambda-model.ts [botocore.whl | service-2.json]     (without: the newest, by pip)
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { fromBuffer } from "yauzl";

type Json = Record<string, unknown>;
interface ServiceModel {
  readonly operations: Readonly<Record<string, Json>>;
  readonly shapes: Readonly<Record<string, Json>>;
}

const entryName = /^botocore\/data\/lambda\/2015-03-31\/service-2\.json(\.gz)?$/;
const outputFile = join(import.meta.dirname, "../src/edge/lambda-api/generated/model.json");
const sdkSchemas = join(import.meta.dirname, "../node_modules/@aws-sdk/client-lambda/dist-es/schemas/schemas_0.js");

function fetchWheel(): { readonly source: string; readonly bytes: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "lambda-model-"));
  try {
    execFileSync("pip", ["download", "--quiet", "--no-deps", "--dest", folder, "botocore"], { stdio: "inherit" });
    const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
    if (wheel === undefined) throw new Error("pip downloaded no wheel of botocore");
    return { source: wheel, bytes: readFileSync(join(folder, wheel)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The one file of interest inside the wheel, which is a zip. */
function extract(wheel: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    fromBuffer(wheel, { lazyEntries: true }, (openError, zip) => {
      if (openError !== null) return reject(openError);
      zip.on("error", reject);
      zip.on("end", () => reject(new Error("this botocore has no Lambda model")));
      zip.on("entry", (entry) => {
        if (!entryName.test(entry.fileName)) return zip.readEntry();
        zip.openReadStream(entry, (readError, stream) => {
          if (readError !== null) return reject(readError);
          const chunks: Buffer[] = [];
          stream.on("data", (chunk: Buffer) => chunks.push(chunk));
          stream.on("error", reject);
          stream.on("end", () => {
            const bytes = Buffer.concat(chunks);
            resolve(entry.fileName.endsWith(".gz") ? gunzipSync(bytes) : bytes);
          });
        });
      });
      zip.readEntry();
    });
  });
}

function withoutProse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProse);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== "documentation");
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutProse(inner)]));
}

function operationOf(operation: Json): Json {
  const http = operation.http as { method: string; requestUri: string; responseCode?: number };
  const shape = (reference: unknown) => (reference as { shape: string } | undefined)?.shape;
  return {
    method: http.method,
    path: http.requestUri,
    status: http.responseCode ?? 200,
    input: shape(operation.input),
    output: shape(operation.output),
    errors: ((operation.errors ?? []) as unknown[]).map(shape),
  };
}

/** One entry a line, so that a new model makes a readable diff. */
function table(entries: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(entries).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}`;
}

const argument = process.argv[2];
const wheel = argument === undefined ? fetchWheel() : { source: basename(argument), bytes: readFileSync(argument) };
const text = wheel.source.endsWith(".json") ? wheel.bytes : await extract(wheel.bytes);
const model = JSON.parse(text.toString("utf8")) as ServiceModel;
const operations = Object.fromEntries(
  Object.entries(model.operations).map(([name, operation]) => [name, operationOf(operation)]),
);
const shapes = withoutProse(model.shapes) as Record<string, unknown>;
writeFileSync(
  outputFile,
  `{"source":${JSON.stringify(wheel.source)},\n"operations":${table(operations)},\n"shapes":${table(shapes)}}\n`,
);

const sdkNames = new Set(
  [...readFileSync(sdkSchemas, "utf8").matchAll(/export var (\w+)\$ = \[9,/g)].map((match) => match[1]),
);
const names = Object.keys(operations);
const report = (title: string, list: readonly unknown[]) =>
  list.length > 0 && console.log(`${title}: ${list.join(", ")}`);
console.log(`${names.length} operations from ${wheel.source}; ${sdkNames.size} in the JavaScript SDK`);
report(
  "only in botocore",
  names.filter((name) => !sdkNames.has(name)),
);
report(
  "only in the SDK",
  [...sdkNames].filter((name) => !names.includes(name ?? "")),
);
