import type { ServiceError } from "../model/index.ts";
import { applyUpdates } from "./apply.ts";
import type { Chains } from "./chains.ts";
import { close } from "./closing.ts";
import type { Engine, Unit } from "./engine.ts";
import { type Live, unseen } from "./live.ts";
import { pauseNow } from "./pausing.ts";
import { isClosed } from "./records.ts";
import { statePage } from "./replay.ts";
import type { Runner, Running } from "./runner.ts";
import { fireDue } from "./timers.ts";
import { checkpointToken, readCheckpointToken } from "./tokens.ts";
import { checkUpdates, invalid, type OperationUpdate } from "./validate.ts";
import { operationView } from "./views.ts";

export interface CheckpointAnswer {
  /** undefined: this invocation has no more to say, for its execution ended or was paused */
  readonly CheckpointToken: string | undefined;
  readonly NewExecutionState: { readonly Operations: readonly Record<string, unknown>[] };
}

/** What a running function says and asks, with the token of its invocation. */
export interface Checkpoints {
  /** Applies updates whole or not at all, and tells what else has changed. Throws InvalidParameterValueException. */
  checkpoint(
    arn: string,
    token: string,
    updates: readonly OperationUpdate[],
    clientToken: string | undefined,
  ): CheckpointAnswer;
  /** A page of what a replay needs. */
  state(
    arn: string,
    token: string,
    page: { marker?: string | undefined; limit: number },
  ): { readonly operations: readonly Record<string, unknown>[]; readonly nextMarker: string | undefined };
}

export function createCheckpoints(engine: Engine, runner: Runner, chains: Chains): Checkpoints {
  /** The running invocation that a token belongs to; `sequence` need not be the current one. */
  function bearer(arn: string, token: string): { readonly run: Running; readonly sequence: number } {
    const given = readCheckpointToken(token);
    const run = runner.running(arn);
    if (given === undefined || run === undefined || given.arn !== arn || given.secret !== run.secret) throw stale();
    return { run, sequence: given.sequence };
  }

  function open(arn: string): Live {
    const live = engine.look(arn);
    if (live === undefined || isClosed(live.execution.status)) throw stale();
    return live;
  }

  function apply(unit: Unit, live: Live, run: Running, updates: readonly OperationUpdate[]): CheckpointAnswer {
    const { execution } = live;
    const { chained, closed } = applyUpdates(live, updates, unit.now);
    for (const operation of chained) chains.start(unit, live, operation);
    if (closed === undefined) fireDue(live, unit.now);
    const Operations = unseen(live).map(operationView);
    if (closed !== undefined) {
      close(unit, live, closed);
      return { CheckpointToken: undefined, NewExecutionState: { Operations } };
    }
    if (execution.status === "PAUSING") {
      pauseNow(live, unit.now);
      run.interrupted = true;
      return { CheckpointToken: undefined, NewExecutionState: { Operations: [] } };
    }
    execution.seen = execution.changes;
    run.sequence += 1;
    const next = checkpointToken({ arn: execution.arn, secret: run.secret, sequence: run.sequence });
    return { CheckpointToken: next, NewExecutionState: { Operations } };
  }

  return {
    checkpoint(arn, token, updates, clientToken) {
      const { run, sequence } = bearer(arn, token);
      if (clientToken !== undefined && run.last?.clientToken === clientToken && run.last.sequence === sequence) {
        return run.last.answer as CheckpointAnswer;
      }
      if (sequence !== run.sequence || run.interrupted) throw stale();
      checkUpdates(open(arn), updates);
      const answer = engine.change((unit) => apply(unit, unit.get(arn) ?? open(arn), run, updates));
      run.last = { clientToken: clientToken ?? "", sequence, answer };
      return answer;
    },
    state(arn, token, { marker, limit }) {
      const { run, sequence } = bearer(arn, token);
      if (sequence !== run.sequence) throw stale();
      const { operations, nextMarker } = statePage(open(arn), marker, limit);
      return { operations: operations.map(operationView), nextMarker };
    },
  };
}

/** The text that the official SDKs look for: such an invocation is to be repeated, not its execution to be failed. */
const stale = (): ServiceError => invalid("Invalid checkpoint token");
