import { setImmediate } from "node:timers/promises";
import {
  type FunctionVersion,
  type Invocation,
  type InvocationResult,
  ServiceError,
  type Timing,
} from "../model/index.ts";
import { createQueue, type EventQueue, type QueueNeeds } from "./queue.ts";
import type { EventSettings } from "./running.ts";
import type { Delivery } from "./sending.ts";

/** For tests: the queue on a clock that only moves when told, with functions that are closures. */

/** Given back: the answer's JSON. Thrown: the function failed, or with a ServiceError it did not run. */
export type Handler = (event: unknown, invocation: Invocation) => unknown;

export interface Run {
  readonly at: number;
  readonly name: string;
  readonly requestId: string;
  readonly event: unknown;
}

export interface Bench {
  readonly queue: EventQueue;
  now(): number;
  /** Moves the clock, letting everything happen on its way. */
  advance(ms: number): Promise<void>;
  /** Lets what was begun come to rest, at this moment of the clock. */
  settle(): Promise<void>;
  /** Accepts an event, and waits until it is durable. Returns its requestId. */
  send(name: string, event?: unknown, qualifier?: string): Promise<string>;
  /** every invocation so far, oldest first; `at` since the bench was opened, in milliseconds */
  readonly runs: readonly Run[];
  readonly deliveries: readonly Delivery[];
  readonly reported: readonly unknown[];
  readonly notes: readonly string[];
  /** As SIGKILL: nothing that runs comes to an end, and nothing is written any more. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface BenchOptions {
  readonly path: string;
  readonly functions: Readonly<Record<string, Handler>>;
  readonly settings?: Readonly<Record<string, EventSettings>>;
  readonly deadLetterArn?: string;
  readonly places?: number;
  readonly from?: number;
  idle?(): number;
  deliver?(delivery: Delivery): Promise<void>;
}

export const owner = { account: "000000000000", region: "us-east-1" };
export const epoch = Date.UTC(2026, 0, 1);
const timing = { start: "warm", place: 0, handler: 1, total: 1 } as Timing;
let requests = 0;

export const targetOf = (name: string, version = "$LATEST"): FunctionVersion =>
  ({
    ...owner,
    name,
    version,
    ...(name === "zero" ? { reservedConcurrency: 0 } : {}),
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
  }) as FunctionVersion;

export function openBench(options: BenchOptions): Bench {
  let now = options.from ?? epoch;
  let dead = false;
  const due = new Set<{ readonly at: number; readonly run: () => void }>();
  const runs: Run[] = [];
  const deliveries: Delivery[] = [];
  const reported: unknown[] = [];
  const notes: string[] = [];

  async function invoke(invocation: Invocation): Promise<InvocationResult> {
    const { target, requestId, payload } = invocation;
    const event: unknown = JSON.parse(payload.toString("utf8"));
    runs.push({ at: now - epoch, name: target.name, requestId, event });
    const answered = { requestId, executedVersion: target.version, logTail: undefined, timing };
    try {
      const answer = await options.functions[target.name]!(event, invocation);
      if (dead) await new Promise(() => {});
      const bytes = Buffer.from(JSON.stringify(answer ?? null));
      return { ...answered, outcome: { kind: "returned", payload: bytes } };
    } catch (error) {
      if (dead) await new Promise(() => {});
      if (error instanceof ServiceError) throw error;
      const { name: errorType, message: errorMessage } = error as Error;
      const bytes = Buffer.from(JSON.stringify({ errorType, errorMessage }));
      const failure = { functionError: "Unhandled", errorType, payload: bytes } as const;
      return { ...answered, outcome: { kind: "failed", failure } };
    }
  }

  const needs: QueueNeeds = {
    path: options.path,
    clock: () => now,
    schedule(at, run) {
      const timer = { at, run };
      due.add(timer);
      return () => due.delete(timer);
    },
    resolve(_account, _region, name, qualifier) {
      if (options.functions[name] !== undefined) return targetOf(name, qualifier);
      throw new ServiceError("ResourceNotFoundException", `Function not found: ${name}`);
    },
    invoke,
    settings: (_scope, name, qualifier) => options.settings?.[`${name}:${qualifier}`] ?? options.settings?.[name],
    deadLetterArn: () => options.deadLetterArn,
    roleOf: () => "arn:aws:iam::000000000000:role/r",
    roleAllows: (_role, _action, resource) => !resource.endsWith(":forbidden"),
    trace: (target, traceId) => ({ header: traceId ?? "Root=1", looping: target.name === "looping" }),
    async deliver(delivery) {
      deliveries.push(delivery);
      await options.deliver?.(delivery);
    },
    places: options.places ?? 100,
    cpus: 2,
    idle: options.idle ?? (() => 1),
    note: (line) => notes.push(line),
    report: (error) => reported.push(error),
  };
  const queue = createQueue(needs);
  queue.takeUp();

  /** The flush of the disk is beside the thread: its end comes as an event of the loop. */
  const settle = async () => {
    for (let turn = 0; turn < 12; turn += 1) await setImmediate();
  };

  return {
    queue,
    now: () => now,
    settle,
    async advance(ms) {
      const end = now + ms;
      await settle();
      while (true) {
        const next = [...due].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
        if (next === undefined) break;
        due.delete(next);
        now = Math.max(now, next.at);
        next.run();
        await settle();
      }
      now = end;
    },
    async send(name, event = {}, qualifier) {
      requests += 1;
      const requestId = `00000000-0000-4000-8000-${String(requests).padStart(12, "0")}`;
      const target = targetOf(name, qualifier);
      const payload = Buffer.from(JSON.stringify(event));
      const invocation = { requestId, target, invokedArn: target.arn, payload, tail: false, received: 0 };
      await queue.accept(invocation, qualifier);
      await settle();
      return requestId;
    },
    runs,
    deliveries,
    reported,
    notes,
    async kill() {
      dead = true;
      due.clear();
      await queue.close();
    },
    close: () => queue.close(),
  };
}
