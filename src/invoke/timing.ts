import type { Run, StartMarks } from "../environments/index.ts";
import type { StartKind, Timing } from "../model/index.ts";

/** When an invocation passed its stations, monotonicMs(). */
export interface Stations {
  readonly received: number;
  readonly admitted: number;
  readonly finished: number;
}

/**
 * Phases of one invocation. A phase is the time between two marks of one clock, cut to the invocation's own life: an
 * environment that began to start for somebody else counts from the moment this caller waited for it.
 */
export function timingOf(stations: Stations, run: Run, kind: StartKind): Timing {
  const { received, admitted, finished } = stations;
  const total = finished - received;
  const phases = run.start
    ? startPhases(run.start, admitted, run.invoked)
    : { place: run.invoked - admitted, sandbox: 0, agent: 0, runtimeBoot: 0, codeInit: 0 };
  const known = {
    admit: admitted - received,
    ...phases,
    handler: run.answered - run.invoked,
    response: finished - run.answered,
  };
  const explained = Object.values(known).reduce((sum, phase) => sum + phase, 0);
  return { start: kind, total, ...known, unexplained: total - explained };
}

function startPhases(start: Readonly<StartMarks>, admitted: number, invoked: number) {
  let at = admitted;
  /** Time until the next station, never negative and never counted twice. */
  const until = (mark: number) => {
    const phase = Math.max(0, Math.min(mark, invoked) - at);
    at += phase;
    return phase;
  };
  const place = until(start.asked);
  const sandbox = until(start.main);
  const agent = until(start.spawned);
  // A runtime of the user's own does not say when it began to load code: its boot and init are one.
  const runtimeBoot = until(start.load ?? start.ready);
  const codeInit = until(start.loaded ?? at);
  // From the handler being loaded to the event being sent nobody works but the schedulers: it stays unexplained.
  return { place, sandbox, agent, runtimeBoot, codeInit };
}
