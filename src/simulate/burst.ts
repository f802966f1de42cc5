import { fixedKeepAlive } from "./policies.ts";
import { createSimulation } from "./simulation.ts";
import type { SimulatedFunction, SimulationResult, World } from "./world.ts";

/** Under what limits a burst comes. */
export interface BurstLimits extends Pick<World, "accountConcurrency" | "perTenSeconds" | "cpus" | "retryMs"> {
  readonly about: SimulatedFunction;
  /** how long each event runs, milliseconds */
  readonly runMs: number;
  /** callers that are turned away give up after this, milliseconds */
  readonly patienceMs: number;
}

/** `count` calls of one function at the same moment, none of whose environments lives, but those it provisions. */
export function burst(count: number, limits: BurstLimits): SimulationResult {
  const { about, runMs, patienceMs, ...rest } = limits;
  const calls = Array.from({ length: count }, () => ({ atMs: 0, of: 0, runMs }));
  const world: World = { ...rest, functions: [about], keepAlive: fixedKeepAlive(600e3) };
  return createSimulation({ world, calls, endMs: patienceMs }).run();
}
