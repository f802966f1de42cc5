import { createAdmission, createScalingRate } from "../capacity/index.ts";
import { Agenda, type Due } from "./agenda.ts";
import { Ledger } from "./ledger.ts";
import { type Pending, SimulatedEnvironment, Station } from "./station.ts";
import type { Call, SimulationResult, World } from "./world.ts";

export interface Simulation {
  /** The next thing happens; false: nothing is left. */
  step(): boolean;
  /** Goes on until all calls are answered or have given up, and then to `endMs`. */
  run(): SimulationResult;
  readonly nowMs: number;
  /** environments there are */
  readonly environments: number;
  /** calls that came so far */
  readonly calls: number;
}

export interface SimulationOptions {
  readonly world: World;
  /** in the order of their time */
  readonly calls: Iterable<Call>;
  /** it goes on at least until then, milliseconds: idle environments are paid for as long, and who is turned away comes again until then */
  readonly endMs: number;
  /** Told after each decision about a call (let in, observed, placed or made to wait): for measuring it. `began` is what `clock` said. */
  readonly watch?: { readonly clock: () => number; readonly decided: (began: number) => void };
}

/**
 * The platform's own decisions (admission, lines of waiting, scaling rate, keep-alive and pre-warming of src/capacity) about
 * environments without processes, on a clock that costs nothing. The same options give the same result.
 *
 * What it leaves out: events run as long as they are said to, however many run at once; a start takes as long as it is said
 * to; environments do not fail. Provisioned environments are ready when it begins.
 */
export function createSimulation(options: SimulationOptions): Simulation {
  const { world, watch } = options;
  const { keepAlive, cpus = Number.POSITIVE_INFINITY, memoryBudgetBytes = Number.POSITIVE_INFINITY, retryMs } = world;
  const everyMs = world.reclaimEveryMs ?? 5000;
  const agenda = new Agenda();
  const ledger = new Ledger(options.endMs, world.parts ?? 60);
  const stations = world.functions.map((each) => new Station(each, cpus));
  const byKey = new Map(stations.map((station) => [station.target.arn, station]));
  const unreserved = world.accountConcurrency - setAside(stations);
  const admission = createAdmission({ unreserved: () => unreserved });
  const rate = createScalingRate({ perTenSeconds: world.perTenSeconds });
  /** all that exist, by id: as the keep-alive names them */
  const environments = new Map<string, SimulatedEnvironment>();
  /** starts that wait for a CPU, for whoever waits in their station's line or for nobody (a pre-warm) */
  const queued: { readonly station: Station; readonly wanted: boolean }[] = [];
  let queuedFrom = 0;
  let freeCpus = cpus;
  let usedBytes = 0;
  let made = 0;
  let nowMs = 0;
  /** calls let in that are not answered yet, or that come again */
  let open = 0;
  const coming = options.calls[Symbol.iterator]();
  let next = coming.next();

  function create(station: Station, about: { provisioned: boolean; wanted: boolean }): SimulatedEnvironment {
    const environment = new SimulatedEnvironment(`e${made++}`, station, life, about);
    station.environments++;
    usedBytes += environment.memoryBytes;
    environments.set(environment.id, environment);
    ledger.made(nowMs);
    return environment;
  }

  function begin(station: Station, wanted: boolean): void {
    if (freeCpus <= 0) queued.push({ station, wanted });
    else if (!wanted || station.line.stillWanted()) {
      freeCpus--;
      ledger.starts++;
      agenda.put(nowMs + station.about.startMs, create(station, { provisioned: false, wanted }));
    }
  }

  /** A CPU is free: those that wait for it begin, in their order. */
  function beginQueued(): void {
    while (freeCpus > 0 && queuedFrom < queued.length) {
      const { station, wanted } = queued[queuedFrom++]!;
      begin(station, wanted);
    }
    if (queuedFrom === queued.length) queuedFrom = queued.length = 0;
  }

  /** Begins what starts a line asks for, and comes again when somebody's patience ends. */
  function startForTheImpatient(station: Station): void {
    const { begin: count, againAtMs = Number.POSITIVE_INFINITY } = station.line.begin(nowMs);
    for (let each = 0; each < count; each++) begin(station, true);
    if (againAtMs >= station.wakeMs) return;
    station.wakeMs = againAtMs;
    agenda.put(againAtMs, {
      happen() {
        station.wakeMs = Number.POSITIVE_INFINITY;
        startForTheImpatient(station);
      },
    });
  }

  function serve(environment: SimulatedEnvironment, call: Pending): void {
    environment.runMs = call.runMs;
    ledger.runs(nowMs);
    agenda.put(nowMs + call.runMs, environment);
  }

  /** Nobody waits for it. */
  function idle(environment: SimulatedEnvironment): void {
    environment.idleSinceMs = nowMs;
  }

  function noMoreIdle(environment: SimulatedEnvironment): void {
    if (!environment.provisioned) ledger.idleByteMs += (nowMs - environment.idleSinceMs) * environment.memoryBytes;
    environment.idleSinceMs = -1;
  }

  const life = {
    started(environment: SimulatedEnvironment): void {
      const { station, wanted } = environment;
      freeCpus++;
      station.line.tookToStart(station.about.startMs);
      if (wanted) station.line.startEnded();
      // It has not run anything: what its next event takes is all that is known of it.
      environment.runMs = 0;
      const call = station.line.next();
      if (call) wakes(environment, call);
      else {
        station.line.rest(environment);
        idle(environment);
      }
      beginQueued();
      startForTheImpatient(station);
    },
    answered(environment: SimulatedEnvironment): void {
      const { station, runMs } = environment;
      admission.release(station.target);
      ledger.running--;
      ledger.answered++;
      open--;
      const gbSeconds = ((station.about.memoryMb / 1024) * runMs) / 1000;
      if (environment.provisioned) ledger.provisionedRunGbSeconds += gbSeconds;
      else ledger.runGbSeconds += gbSeconds;
      const call = station.line.offer(environment, runMs);
      if (call) wakes(environment, call);
      else idle(environment);
    },
  };

  /** A call that waited has an environment. */
  function wakes(environment: SimulatedEnvironment, call: Pending): void {
    ledger.waited(nowMs - call.atMs, nowMs);
    serve(environment, call);
  }

  function arrive(call: Pending): void {
    const began = watch ? watch.clock() : 0;
    const { station } = call;
    const environment = decide(call);
    watch?.decided(began);
    if (environment) {
      noMoreIdle(environment);
      serve(environment, call);
    } else startForTheImpatient(station);
  }

  /** An environment, or undefined: it waits, or was turned away. */
  function decide(call: Pending): SimulatedEnvironment | undefined {
    const { station } = call;
    const { arn } = station.target;
    let reason = admission.admit(station.target);
    if (reason === undefined) {
      keepAlive.observe(arn, nowMs, station.measured);
      const environment = station.line.take();
      if (environment) return environment;
      reason = rate.take(arn, nowMs);
      if (reason === undefined) {
        station.line.wait(call, nowMs, station.environments);
        return undefined;
      }
      admission.release(station.target);
    }
    ledger.throttled(reason, nowMs);
    if (retryMs !== undefined && nowMs + retryMs <= options.endMs) agenda.put(nowMs + retryMs, again(call));
    else {
      ledger.rejected++;
      open--;
    }
    return undefined;
  }

  const again = (call: Pending): Due => ({ happen: () => arrive(call) });

  /** As the platform's housekeeping: some end, some are started before anybody asks. */
  function lookThrough(): void {
    const resting: SimulatedEnvironment[] = [];
    for (const { line } of stations) {
      for (const environment of line.idle()) {
        environment.idleMs = nowMs - environment.idleSinceMs;
        resting.push(environment);
      }
    }
    const ended = new Map<Station, Set<SimulatedEnvironment>>();
    for (const id of keepAlive.reclaim(resting, usedBytes, memoryBudgetBytes, nowMs)) {
      const environment = environments.get(id)!;
      const { station } = environment;
      noMoreIdle(environment);
      environments.delete(id);
      station.environments--;
      ledger.environments--;
      usedBytes -= environment.memoryBytes;
      const together = ended.get(station);
      if (together) together.add(environment);
      else ended.set(station, new Set([environment]));
    }
    for (const [station, together] of ended) station.line.dropAll(together);
    for (const key of keepAlive.prewarms(nowMs)) {
      const station = byKey.get(key)!;
      if (station.environments > 0) continue;
      ledger.prewarms++;
      begin(station, false);
    }
  }

  let lookMs = everyMs;

  for (const station of stations) {
    for (let each = 0; each < (station.about.provisioned ?? 0); each++) {
      const environment = create(station, { provisioned: true, wanted: false });
      environment.runMs = 0;
      environment.idleSinceMs = 0;
      station.line.rest(environment);
    }
  }

  function step(): boolean {
    const callMs = next.done ? Number.POSITIVE_INFINITY : next.value.atMs;
    const dueMs = agenda.nextMs;
    const isOver = callMs === Number.POSITIVE_INFINITY && open === 0;
    if (lookMs <= callMs && lookMs <= dueMs && !(isOver && lookMs > options.endMs)) {
      nowMs = lookMs;
      lookMs += everyMs;
      lookThrough();
      return true;
    }
    // What is due goes first: an environment that answers in this moment can serve who comes in it.
    if (dueMs <= callMs && dueMs < Number.POSITIVE_INFINITY) {
      nowMs = dueMs;
      agenda.take().happen(nowMs);
      return true;
    }
    if (next.done) return false;
    const { of, runMs, atMs } = next.value;
    nowMs = atMs;
    next = coming.next();
    open++;
    ledger.came(nowMs);
    arrive({ station: stations[of]!, runMs, atMs });
    return true;
  }

  return {
    step,
    run() {
      while (step());
      const endMs = Math.max(nowMs, options.endMs);
      nowMs = endMs;
      for (const environment of environments.values()) if (environment.idleSinceMs >= 0) noMoreIdle(environment);
      for (const { about } of stations) {
        ledger.provisionedGbSeconds += ((about.provisioned ?? 0) * (about.memoryMb / 1024) * endMs) / 1000;
      }
      return ledger.result(endMs);
    },
    get nowMs() {
      return nowMs;
    },
    get environments() {
      return environments.size;
    },
    get calls() {
      return ledger.calls;
    },
  };
}

/** Of the account's concurrency, what is reserved, and what those provision that have no reservation. */
function setAside(stations: readonly Station[]): number {
  let sum = 0;
  for (const { about } of stations) sum += about.reserved ?? about.provisioned ?? 0;
  return sum;
}
