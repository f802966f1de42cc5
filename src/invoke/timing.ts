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
  const { invoked, answered } = run;
  const total = finished - received;
  const admit = admitted - received;
  const handler = answered - invoked;
  const response = finished - answered;
  // Written out, for every warm invocation comes this way: copying the parts of an object costs more than the arithmetic.
  if (run.start === undefined) {
    const place = invoked - admitted;
    const unexplained = total - admit - place - handler - response;
    return {
      start: kind,
      total,
      admit,
      place,
      sandbox: 0,
      agent: 0,
      runtimeBoot: 0,
      codeInit: 0,
      restore: 0,
      hooks: 0,
      handler,
      response,
      unexplained,
    };
  }
  const { place, sandbox, agent, boot, load, told } = startPhases(run.start, admitted, invoked);
  const copied = kind === "restore" || kind === "pool";
  /** a copy of a runtime without a function loads it as a plain start does */
  const loads = kind !== "restore";
  const started = place + sandbox + agent + boot + load + (copied ? told : 0);
  const unexplained = total - admit - started - handler - response;
  return {
    start: kind,
    total,
    admit,
    place,
    sandbox,
    agent,
    runtimeBoot: copied ? 0 : boot,
    codeInit: loads ? load : 0,
    // A copy is awake when the platform has heard so; in milliseconds like these that is not nothing.
    restore: copied ? boot + told : 0,
    hooks: loads ? 0 : load,
    handler,
    response,
    unexplained,
  };
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
  const boot = until(start.load ?? start.ready);
  const load = until(start.loaded ?? at);
  const told = until(start.ready);
  // From there to the event being sent nobody works but the schedulers: it stays unexplained, and after a plain start so
  // does what the word of it took.
  return { place, sandbox, agent, boot, load, told };
}
