import { setImmediate } from "node:timers/promises";
import type { DurableSettings, FunctionVersion, Invocation, InvocationResult, Timing } from "../model/index.ts";
import { ServiceError } from "../model/index.ts";
import { createDurable, type Durable } from "./durable.ts";
import type { OperationUpdate } from "./validate.ts";

/** For tests: the engine on a clock that only moves when told, with functions that are closures. */

/** The event of a durable function, as the SDKs read it. */
export interface DurableEvent {
  readonly DurableExecutionArn: string;
  readonly CheckpointToken: string;
  readonly InitialExecutionState: {
    // biome-ignore lint/suspicious/noExplicitAny: as it comes over the wire
    readonly Operations: readonly any[];
    readonly NextMarker: string;
  };
  readonly UpdatedOperationIds: readonly string[];
}

/** Given back as the answer's JSON; thrown: the function failed, or with a ServiceError it did not run. */
export type Handler = (event: DurableEvent, invocation: Invocation) => unknown;

export interface Bench {
  readonly durable: Durable;
  now(): number;
  /** Moves the clock, letting everything happen on its way. */
  advance(ms: number): Promise<void>;
  /** Lets what was begun come to rest, at this moment of the clock. */
  settle(): Promise<void>;
  /** timers that are armed */
  readonly timers: () => number;
  /** every invocation so far, oldest first */
  readonly invocations: readonly Invocation[];
  readonly reported: readonly unknown[];
  /** As SIGKILL: nothing that runs comes to an end, and nothing is written any more. */
  kill(): void;
  /** Starts an execution of a function. */
  start(name: string, more?: { payload?: string; name?: string; synchronous?: boolean }): string;
  target(name: string): FunctionVersion & { readonly durable: DurableSettings };
}

const account = "000000000000";
const region = "us-east-1";
export const owner = { account, region };

const settings: DurableSettings = { timeoutSeconds: 600, retentionDays: 2 };
const never = new Promise<never>(() => {});
const timing = { start: "warm", total: 0 } as Timing;

/** `plain`: the functions that are not durable. */
export function openBench(
  functions: Readonly<Record<string, Handler>>,
  options: {
    path?: string;
    plain?: readonly string[];
    settings?: DurableSettings;
    from?: number;
    /** told of each letter: the function, how its execution ended, the event */
    deadLetter?: (letter: string) => Promise<void>;
  } = {},
): Bench {
  let dead = false;
  let now = options.from ?? Date.UTC(2026, 0, 1);
  const due = new Set<{ readonly at: number; readonly run: () => void }>();
  const invocations: Invocation[] = [];
  const reported: unknown[] = [];

  function target(name: string): FunctionVersion & { durable: DurableSettings } {
    const arn = `arn:aws:lambda:${region}:${account}:function:${name}`;
    if (functions[name] === undefined) {
      throw new ServiceError("ResourceNotFoundException", `Function not found: ${arn}`);
    }
    const durable = options.plain?.includes(name) ? undefined : (options.settings ?? settings);
    return { account, region, name, version: "$LATEST", arn, durable } as FunctionVersion & {
      durable: DurableSettings;
    };
  }

  async function invoke(invocation: Invocation): Promise<InvocationResult> {
    if (dead) return never;
    // No function answers before the step that started it is over.
    await setImmediate();
    invocations.push(invocation);
    const { requestId } = invocation;
    const result = { requestId, executedVersion: "$LATEST", logTail: undefined, timing };
    try {
      const event = JSON.parse(invocation.payload.toString("utf8")) as DurableEvent;
      const answer = await functions[invocation.target.name]!(event, invocation);
      if (dead) return await never;
      const payload = Buffer.from(JSON.stringify(answer) ?? "null");
      return { ...result, outcome: { kind: "returned", payload } };
    } catch (error) {
      if (dead) return await never;
      if (error instanceof ServiceError) throw error;
      const { name: errorType, message: errorMessage } = error as Error;
      const payload = Buffer.from(JSON.stringify({ errorType, errorMessage, trace: [] }));
      const failure = { functionError: "Unhandled", errorType, payload } as const;
      return { ...result, outcome: { kind: "failed", failure } };
    }
  }

  const durable = createDurable({
    path: options.path ?? ":memory:",
    clock: () => now,
    schedule(at, run) {
      const entry = { at, run };
      due.add(entry);
      return () => void due.delete(entry);
    },
    resolve: (_account, _region, name) => target(name),
    invoke,
    /** Each link of a chain is a letter longer. */
    trace(_target, traceId = "") {
      if (traceId.length < 16) return `${traceId}x`;
      throw new ServiceError("RecursiveInvocationException", "a loop");
    },
    async deadLetter({ functionName, status }, input) {
      await options.deadLetter?.(`${functionName} ${status} ${input}`);
    },
    report: (error) => reported.push(error),
  });

  /** Until no function has been invoked for more turns of the loop than any step here needs. */
  async function settle(): Promise<void> {
    let known = -1;
    while (known !== invocations.length) {
      known = invocations.length;
      for (let turn = 0; turn < 8; turn += 1) await setImmediate();
    }
  }

  return {
    durable,
    now: () => now,
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const [next] = [...due].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
        if (next === undefined) break;
        due.delete(next);
        now = Math.max(now, next.at);
        next.run();
        await settle();
      }
      now = end;
    },
    settle,
    timers: () => due.size,
    invocations,
    reported,
    kill() {
      dead = true;
      due.clear();
      durable.close();
    },
    start: (name, { payload = "{}", name: executionName, synchronous = false } = {}) =>
      durable.start({ target: target(name), payload, name: executionName, synchronous }).arn,
    target,
  };
}

export const pending = { Status: "PENDING" };
export const succeeded = (Result?: string) => ({ Status: "SUCCEEDED", Result });

/** The operations of an event by id, without the execution's own. */
export const operationsOf = ({ InitialExecutionState }: DurableEvent) =>
  new Map(InitialExecutionState.Operations.slice(1).map((operation) => [operation.Id as string, operation]));

/** Updates as functions send them. */
export const updates = {
  wait: (Id: string, WaitSeconds: number): OperationUpdate => ({
    Id,
    Type: "WAIT",
    Action: "START",
    WaitOptions: { WaitSeconds },
  }),
  callback: (Id: string, CallbackOptions = {}): OperationUpdate => ({
    Id,
    Type: "CALLBACK",
    Action: "START",
    CallbackOptions,
  }),
  invoke: (Id: string, FunctionName: string, Payload = "{}"): OperationUpdate => ({
    Id,
    Type: "CHAINED_INVOKE",
    Action: "START",
    Payload,
    ChainedInvokeOptions: { FunctionName },
  }),
  step: (Id: string, Action: OperationUpdate["Action"], more: Partial<OperationUpdate> = {}): OperationUpdate => ({
    Id,
    Type: "STEP",
    Action,
    ...more,
  }),
  context: (Id: string, Action: OperationUpdate["Action"], more: Partial<OperationUpdate> = {}): OperationUpdate => ({
    Id,
    Type: "CONTEXT",
    Action,
    ...more,
  }),
};

/** A function that first sends these updates, and succeeds when the first of their operations is over. */
export const once =
  (...batch: readonly OperationUpdate[]): ((bench: () => Bench) => Handler) =>
  (bench) =>
  (event) => {
    const [first] = operationsOf(event).values();
    if (first === undefined) {
      bench().durable.checkpoint(event.DurableExecutionArn, event.CheckpointToken, batch, undefined);
      return pending;
    }
    return first.Status === "STARTED" || first.Status === "PENDING" ? pending : succeeded(JSON.stringify(first));
  };

/** The engine with one function, `f`, which is given the bench that it runs on. */
export function benchOf(handler: (bench: () => Bench) => Handler, more: Parameters<typeof openBench>[1] = {}) {
  const bench: Bench = openBench({ f: handler(() => bench) }, more);
  bench.durable.takeUp();
  return bench;
}

/** The kinds of events of its history, oldest first. */
export const typesOf = (bench: Bench, arn: string): string[] =>
  bench.durable.history(arn, { limit: 1000, newestFirst: false }).map((event) => event.EventType);
