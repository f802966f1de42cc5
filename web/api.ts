import { signal } from "@preact/signals";
import { type Key, signed } from "./sign.ts";

/** The operator's key, in this page's memory only: it is gone with the tab. */
export const key = signal<Key | undefined>(undefined);
/** the platform wants a key, or another one */
export const locked = signal(false);
export const platform = signal<Info | undefined>(undefined);

/** `/_thaw/info`, as far as it is shown. */
export interface Info {
  readonly version: string;
  readonly endpoint: string;
  readonly region: string;
  readonly account: string;
  readonly driver: string;
  readonly auth: string;
  readonly uptimeMs: number;
  readonly snapshots: { readonly policy: string; readonly usable?: boolean; readonly storedBytes: number };
  readonly events: Readonly<Record<string, number>>;
  readonly sources: readonly Mapping[];
}

export interface Mapping {
  readonly uuid: string;
  readonly source: string;
  readonly functionName: string;
  readonly state: string;
  readonly problem?: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly iteratorAgeMs?: number;
  /** records of topics that are there and were not read */
  readonly offsetLag?: number;
}

/** What the platform said when it did not do what it was asked. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Request {
  readonly method?: string;
  readonly service?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** signs in place of the key that is kept */
  readonly with?: Key;
}

/** Asks the platform. Throws Refused with its message. */
export async function send(path: string, request: Request = {}): Promise<Response> {
  const { method = "GET", service = "lambda", body = "", headers = {} } = request;
  const url = new URL(path, location.href);
  const region = platform.value?.region ?? "us-east-1";
  const proof = await signed({ method, url, service, region, body, headers }, request.with ?? key.value);
  const answer = await fetch(url, {
    method,
    headers: { ...headers, ...proof },
    ...(method === "GET" ? {} : { body }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  if (answer.status === 401 || answer.status === 403) locked.value = true;
  throw new Refused(answer.status, messageOf(text) ?? `${answer.status} ${answer.statusText}`);
}

export async function ask<T>(path: string, request: Request = {}): Promise<T> {
  return (await (await send(path, request)).json()) as T;
}

/** A service that speaks AWS's JSON protocol. */
export function askService<T>(service: string, target: string, body: unknown): Promise<T> {
  const headers = { "x-amz-target": target, "content-type": "application/x-amz-json-1.0" };
  return ask("/", { method: "POST", service, headers, body: JSON.stringify(body) });
}

/** JSON documents, one a line, as they come. */
export async function* lines<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const { body } = await send(path, { signal });
  let rest = "";
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) yield JSON.parse(part) as T;
  }
}

function messageOf(text: string): string | undefined {
  try {
    const { message, Message } = JSON.parse(text) as { message?: string; Message?: string };
    return message ?? Message;
  } catch {
    return undefined;
  }
}
