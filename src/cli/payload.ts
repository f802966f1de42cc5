import { usageFailure } from "./failure.ts";
import { readNamedFile } from "./settings.ts";

/** The event's bytes: given as JSON, as @FILE, or on standard input as `-`. */
export async function readPayload(payload: string | undefined): Promise<Buffer> {
  if (payload === undefined) return Buffer.from("{}");
  const bytes = payload.startsWith("@")
    ? await readNamedFile("--payload", payload.slice(1))
    : payload === "-"
      ? await readStandardInput()
      : Buffer.from(payload);
  assertJson("--payload", bytes.toString());
  return bytes;
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A usage failure that names the flag, where `text` is not JSON. */
export function assertJson(flag: string, text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    throw usageFailure(
      `${flag} is not JSON: ${(error as Error).message} (${JSON.stringify(shown)})`,
      `quote it for the shell: ${flag} '{"key":"value"}'${flag === "--payload" ? ", or read a file: --payload @event.json" : ""}`,
    );
  }
}
