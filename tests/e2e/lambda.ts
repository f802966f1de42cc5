import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  InvokeCommand,
  type InvokeCommandInput,
  LambdaClient,
  type LambdaClientConfig,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { ZipFile } from "yazl";
import type { Server } from "./server.ts";

export const role = "arn:aws:iam::000000000000:role/test";

/** Files by name; a pair carries the mode, 0o755 by default so that scripts can be started. */
export type Files = Readonly<Record<string, string | Buffer>>;

/** A client that tells what the first answer was: no retries that could hide a fault. */
export function lambdaOf(server: Server, more: Partial<LambdaClientConfig> = {}): LambdaClient {
  return new LambdaClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
    ...more,
  });
}

/** A zip of files given as text, or of a folder's. */
export async function zipOf(files: Files | string): Promise<Buffer> {
  const zip = new ZipFile();
  const mtime = new Date(1980, 0, 1);
  if (typeof files === "string") addFolder(zip, files, mtime);
  else {
    for (const [name, content] of Object.entries(files)) {
      zip.addBuffer(Buffer.from(content), name, { mtime, mode: 0o100755 });
    }
  }
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function addFolder(zip: ZipFile, folder: string, mtime: Date): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(folder, name);
    const { mode } = statSync(path);
    if (statSync(path).isFile()) zip.addBuffer(readFileSync(path), name, { mtime, mode });
  }
}

export interface FunctionOptions extends Partial<Omit<CreateFunctionCommandInput, "FunctionName" | "Code">> {
  /** files, or a folder of them */
  readonly code: Files | string;
}

/** Waiters of the SDK, asked as often as they can be. */
const patience = (client: LambdaClient) => ({ client, maxWaitTime: 120, minDelay: 1, maxDelay: 1 });

/** Creates a function and waits until it is active, as deployment tools do. */
export async function createFunction(client: LambdaClient, name: string, options: FunctionOptions) {
  const { code, ...settings } = options;
  const made = await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      MemorySize: 256,
      Timeout: 30,
      Code: { ZipFile: await zipOf(code) },
      ...settings,
    }),
  );
  await active(client, name);
  return made;
}

export async function active(client: LambdaClient, name: string): Promise<void> {
  await waitUntilFunctionActiveV2(patience(client), { FunctionName: name });
}

export async function updated(client: LambdaClient, name: string): Promise<void> {
  await waitUntilFunctionUpdatedV2(patience(client), { FunctionName: name });
}

export interface Answer {
  readonly status: number;
  /** parsed */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what its function answers
  readonly payload: any;
  readonly functionError: string | undefined;
  readonly version: string | undefined;
  readonly requestId: string;
  /** the decoded tail of the log */
  readonly log: string;
}

/** Invokes with the log's tail. */
export async function invoke(
  client: LambdaClient,
  name: string,
  event: unknown = {},
  more: Partial<InvokeCommandInput> = {},
): Promise<Answer> {
  const answer = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), LogType: "Tail", ...more }),
  );
  const text = answer.Payload?.transformToString() ?? "";
  return {
    status: answer.StatusCode ?? 0,
    payload: text === "" ? undefined : JSON.parse(text),
    functionError: answer.FunctionError,
    version: answer.ExecutedVersion,
    requestId: answer.$metadata.requestId ?? "",
    log: Buffer.from(answer.LogResult ?? "", "base64").toString(),
  };
}

/** What must come back: the function's own error, with its log, fails the test that did not expect it. */
export async function answerOf(
  client: LambdaClient,
  name: string,
  event: unknown = {},
  more: Partial<InvokeCommandInput> = {},
) {
  const answer = await invoke(client, name, event, more);
  if (answer.functionError) throw new Error(`${name} failed: ${JSON.stringify(answer.payload)}\n${answer.log}`);
  return answer.payload;
}

/** Was the invocation of this log the first of its environment? */
export function wasCold(log: string): boolean {
  return /^REPORT RequestId: .*\tInit Duration: [\d.]+ ms/m.test(log);
}
