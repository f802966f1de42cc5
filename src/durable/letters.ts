import type { Engine } from "./engine.ts";
import type { Execution } from "./records.ts";
import type { DurableStore } from "./store.ts";

export interface LettersNeeds {
  readonly engine: () => Engine;
  readonly store: DurableStore;
  /**
   * Hands the event of an execution that has failed to its function's dead-letter queue, if there is one. Resolves when that is
   * durable.
   */
  deadLetter(execution: Execution, input: string): Promise<void>;
  report(error: unknown): void;
}

/**
 * Events of executions that nobody waited for and that have failed, timed out or been stopped. What is owed stands with the execution, in the transaction
 * that ended it; a restart hands on what was not. Source: Developer Guide, "Best practices for Lambda durable functions".
 */
export function createLetters({ engine, store, deadLetter, report }: LettersNeeds) {
  const onTheirWay = new Set<string>();
  let stopped = false;

  async function send(execution: Execution): Promise<void> {
    await deadLetter(execution, store.root(execution.arn)?.input ?? "null");
    if (stopped) return;
    engine().change((unit) => {
      const live = unit.get(execution.arn);
      if (live !== undefined) live.execution.letterOwed = undefined;
    });
  }

  return {
    /** One is owed; however often this is said, it goes once. */
    owed(execution: Execution): void {
      const { arn } = execution;
      if (onTheirWay.has(arn)) return;
      onTheirWay.add(arn);
      send({ ...execution })
        .catch((error) => {
          if (!stopped) report(error);
        })
        .finally(() => onTheirWay.delete(arn));
    },
    stop(): void {
      stopped = true;
    },
  };
}
