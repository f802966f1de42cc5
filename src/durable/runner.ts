import { randomUUID } from "node:crypto";
import type { ErrorCode, ServiceError } from "../model/index.ts";
import { errorOf } from "./apply.ts";
import { close } from "./closing.ts";
import type { Engine, Unit } from "./engine.ts";
import { type InvokingNeeds, invokeOnce, type Outcome } from "./invoking.ts";
import { hasUnseen, isWaiting, type Live, record } from "./live.ts";
import { readOutput } from "./output.ts";
import { pauseNow } from "./pausing.ts";
import { type ErrorObject, type Execution, isClosed } from "./records.ts";
import { invocationEvent } from "./replay.ts";
import { checkpointToken, newSecret } from "./tokens.ts";

/** An invocation that runs now. Only in memory: after a restart its token is worth nothing, and the function is invoked again. */
export interface Running {
  readonly requestId: string;
  readonly secret: string;
  readonly started: number;
  /** of the token that the next checkpoint must bring */
  sequence: number;
  /** the last checkpoint, for a client that asks again because it has not heard the answer */
  last?: { readonly clientToken: string; readonly sequence: number; readonly answer: unknown };
  /** a pause took its token away: it is to be continued by another invocation */
  interrupted: boolean;
}

export interface RunnerNeeds extends InvokingNeeds {
  readonly engine: () => Engine;
  clock(): number;
  schedule(at: number, run: () => void): () => void;
  report(error: unknown): void;
}

export interface Runner {
  running(arn: string): Running | undefined;
  /** Invokes the function of an execution; to be called when none is running. */
  begin(live: Live): void;
  /** What is running is none of ours any more. */
  stop(): void;
}

/** Invocations in a row that may fail. Source: aws-durable-execution-sdk-python-testing. */
const failuresAllowed = 5;
/** PENDING with nothing to wait for may come of a race in an SDK, which a replay resolves. Same source. */
const emptyWaitsAllowed = 3;

/** Invokes durable functions and decides what their answers mean. */
export function createRunner(needs: RunnerNeeds): Runner {
  const running = new Map<string, Running>();
  let stopped = false;

  function begin(live: Live): void {
    const { execution } = live;
    const { arn } = execution;
    const run: Running = {
      requestId: randomUUID(),
      secret: newSecret(),
      started: needs.clock(),
      sequence: 0,
      interrupted: false,
    };
    running.set(arn, run);
    const payload = invocationEvent(live, checkpointToken({ arn, secret: run.secret, sequence: run.sequence }));
    execution.seen = execution.changes;
    execution.retryAt = undefined;
    invokeOnce(needs, {
      account: execution.account,
      region: execution.region,
      name: execution.functionName,
      qualifier: execution.version,
      requestId: run.requestId,
      payload,
      traceId: execution.traceId,
      tenantId: execution.tenantId,
    })
      .then((outcome) => finish(arn, run, outcome))
      .catch(needs.report);
  }

  function finish(arn: string, run: Running, outcome: Outcome): void {
    // A stopping server breaks functions off: they are taken up again at the next start.
    if (stopped) return;
    const engine = needs.engine();
    try {
      engine.change((unit) => {
        const live = unit.get(arn);
        running.delete(arn);
        if (live !== undefined) conclude(unit, live, run, outcome);
      });
    } catch (error) {
      running.delete(arn);
      needs.report(error);
      // What could not be written did not happen: the function is invoked again, for it is still owed that.
      needs.schedule(needs.clock() + 1000, () => void engine.change((unit) => unit.get(arn)));
    }
  }

  return {
    running: (arn) => running.get(arn),
    begin,
    stop() {
      stopped = true;
    },
  };
}

function conclude(unit: Unit, live: Live, run: Running, outcome: Outcome): void {
  const { execution } = live;
  const output = outcome.kind === "returned" ? readOutput(outcome.text, execution.resultBytes) : undefined;
  if (outcome.kind !== "refused") {
    const error = outcome.kind === "failed" ? outcome.error : output?.status === "FAILED" ? output.error : undefined;
    completed(live, run, unit.now, error);
  }
  // Without a token an invocation has nothing more to say, not even that it failed: some SDKs take that for an error.
  if (isClosed(execution.status) || run.interrupted) return;
  if (outcome.kind === "refused") refused(unit, live, outcome);
  else if (outcome.kind === "failed") retry(unit, live, outcome.error, failuresAllowed);
  else if (output?.status === "SUCCEEDED") close(unit, live, output);
  else if (output?.status === "FAILED") close(unit, live, output);
  else if (output?.status === "PENDING") suspended(unit, live);
  else close(unit, live, { status: "FAILED", error: invalidOutput(output?.message ?? "") });
  if (execution.status === "PAUSING") pauseNow(live, unit.now);
}

const invalidOutput = (ErrorMessage: string): ErrorObject => ({
  ErrorType: "InvalidParameterValueException",
  ErrorMessage,
});

function completed(live: Live, run: Running, now: number, error: ErrorObject | undefined): void {
  record(live, now, "InvocationCompleted", undefined, {
    StartTimestamp: run.started / 1000,
    EndTimestamp: now / 1000,
    RequestId: run.requestId,
    ...(error === undefined ? {} : { Error: errorOf(error) }),
  });
}

/** The function gave its environment back. It is invoked again at once when something happened meanwhile. */
function suspended(unit: Unit, live: Live): void {
  const { execution } = live;
  execution.refusals = 0;
  if (hasUnseen(live) || isWaiting(live)) {
    execution.failures = 0;
    execution.owed = hasUnseen(live);
    return;
  }
  retry(unit, live, invalidOutput("Cannot return PENDING status with no pending operations."), emptyWaitsAllowed);
}

/** Once more after 1, 2, 4 … seconds. AWS does not document the delays. */
function retry(unit: Unit, live: Live, error: ErrorObject, allowed: number): void {
  const { execution } = live;
  execution.failures += 1;
  execution.refusals = 0;
  if (execution.failures >= allowed) close(unit, live, { status: "FAILED", error });
  else execution.retryAt = unit.now + 1000 * 2 ** (execution.failures - 1);
}

/** No invocation could be had. A full account is waited for as long as it takes; a function that is gone is the end. */
function refused(unit: Unit, live: Live, { error }: Outcome & { kind: "refused" }): void {
  const why: ErrorObject = { ErrorType: error.code, ErrorMessage: error.message };
  if (error.code === "ResourceNotFoundException") {
    close(unit, live, { status: "FAILED", error: why });
  } else if (!isPassing(error)) {
    retry(unit, live, why, failuresAllowed);
  } else {
    live.execution.refusals += 1;
    live.execution.retryAt = unit.now + refusedFor(live.execution);
  }
}

/** Will the function run if only one waits? Concurrency is taken, a change is under way, or the fault is the platform's. */
export const isPassing = ({ code }: ServiceError): boolean => passing.has(code);

const passing: ReadonlySet<string> = new Set<ErrorCode>([
  "ResourceConflictException",
  "ResourceNotReadyException",
  "ServiceException",
  "SnapStartNotReadyException",
  "TooManyRequestsException",
]);

/** At most a minute, and never all at the same moment: thousands may have been woken together. */
export function refusedFor({ refusals }: Pick<Execution, "refusals">): number {
  const longest = Math.min(60_000, 250 * 2 ** Math.min(refusals, 10));
  return Math.ceil(longest * (0.5 + Math.random() / 2));
}
