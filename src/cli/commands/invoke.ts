import { ask } from "../client.ts";
import { CommandFailure, exitCodes, usageFailure } from "../failure.ts";
import { note, print, printJson, styledError } from "../output.ts";
import { assertJson, readPayload } from "../payload.ts";
import { type CommonOptions, connection } from "../settings.ts";
import { type Timing, waterfall } from "../waterfall.ts";

interface InvokeOptions extends CommonOptions {
  readonly payload?: string;
  readonly event?: string;
  readonly qualifier?: string;
  readonly clientContext?: string;
  readonly timing?: boolean;
  readonly tail?: boolean;
}

/** Invokes synchronously; the payload goes to standard output as it came, everything else to standard error. */
export async function invoke(name: string, options: InvokeOptions): Promise<void> {
  const target = connection(options);
  if (options.event !== undefined && options.payload !== undefined) {
    throw usageFailure("--event and --payload both say what the event is.", "give one of them");
  }
  const body = await readPayload(options.event === undefined ? options.payload : `@${options.event}`);
  const query = options.qualifier === undefined ? "" : `?Qualifier=${encodeURIComponent(options.qualifier)}`;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (options.tail) headers["x-amz-log-type"] = "Tail";
  if (options.timing) headers["x-thaw-timing"] = "1";
  if (options.clientContext !== undefined) {
    assertJson("--client-context", options.clientContext);
    headers["x-amz-client-context"] = Buffer.from(options.clientContext).toString("base64");
  }
  const answer = await ask(target, {
    method: "POST",
    path: `/2015-03-31/functions/${encodeURIComponent(name)}/invocations${query}`,
    headers,
    body,
  });

  const header = (key: string): string | undefined => {
    const value = answer.headers[key];
    return Array.isArray(value) ? value[0] : value;
  };
  const functionError = header("x-amz-function-error");
  const logHeader = header("x-amz-log-result");
  const log = logHeader === undefined ? undefined : Buffer.from(logHeader, "base64").toString();
  const timing = parseTiming(header("x-thaw-timing"));
  if (functionError !== undefined) process.exitCode = exitCodes.functionError;

  if (options.json) {
    printJson({
      statusCode: answer.status,
      functionError,
      executedVersion: header("x-amz-executed-version"),
      requestId: header("x-amzn-requestid"),
      payload: jsonOrText(answer.body),
      log,
      timing,
    });
    return;
  }
  print(answer.body.toString());
  if (log !== undefined) note(log.trimEnd());
  if (timing !== undefined) for (const line of waterfall(timing)) note(line);
  if (options.timing && timing === undefined) note("The server sent no timing.");
  if (functionError !== undefined) {
    note(`${styledError("red", "error:")} ${name} returned an error (${functionError}).`);
    if (!options.tail) note(`${styledError("cyan", "next:")}  thaw logs ${name}`);
  }
}

function jsonOrText(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return body.toString();
  }
}

function parseTiming(text: string | undefined): Timing | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Timing;
  } catch (error) {
    throw new CommandFailure(`The server's X-Thaw-Timing header is not JSON: ${text.slice(0, 80)}`, { cause: error });
  }
}
