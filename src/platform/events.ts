import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Buses } from "../buses/index.ts";
import type { Config } from "../config.ts";
import { createDestinations } from "../destinations/index.ts";
import type { Durable } from "../durable/index.ts";
import { createRoleJudge, recursiveInvocation, traced } from "../edge/index.ts";
import type { Messages, ServiceSender } from "../messages/index.ts";
import { type FunctionVersion, type Invocation, type InvocationResult, ServiceError } from "../model/index.ts";
import { createQueue } from "../queue/index.ts";
import { createRemote } from "../remote/index.ts";
import type { Sources } from "../sources/index.ts";
import { later } from "./later.ts";
import { withLogGroups } from "./log-groups.ts";
import { meterMappings } from "./metering.ts";
import { createPlaces } from "./places.ts";
import type { Reporting, Stores } from "./stores.ts";

export interface EventsNeeds extends Reporting {
  readonly stores: Pick<Stores, "registry" | "ofAccount" | "logs" | "sealer" | "metering">;
  /** runs a function once */
  invoke(invocation: Invocation): Promise<InvocationResult>;
  /** where the platform listens */
  endpoint(): string;
}

const load = createRequire(import.meta.url);

export type Events = ReturnType<typeof createEvents>;

/** What outlives one invocation: durable executions, asynchronous events and where their records go. */
export function createEvents(config: Config, needs: EventsNeeds) {
  const { invoke, clock, note, report } = needs;
  const { registry, ofAccount, sealer, metering } = needs.stores;
  const cpus = availableParallelism();
  const remote = createRemote();
  const places = createPlaces(config, { endpoint: needs.endpoint, ofAccount });
  const schedule = (at: number, run: () => void) => scheduled(at - clock(), run);
  const chained = (target: FunctionVersion, traceId: string | undefined) => {
    const { header, looping } = traced(traceId, randomUUID(), target);
    return { header, looping: looping && registry.recursion.get(target, target.name)?.recursiveLoop !== "Allow" };
  };
  const keptAs = (name: string) => {
    const path = join(config.dataDir, name);
    return { path, owes: () => existsSync(path) };
  };
  const existing = (...name: Parameters<typeof registry.resolve>): FunctionVersion | undefined => {
    try {
      return registry.resolve(...name);
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ResourceNotFoundException") return undefined;
      throw error;
    }
  };
  const roleOf = (target: FunctionVersion) =>
    registry.functions.version(target, target.name, target.version).settings.Role;
  const deadLetterArn = (target: FunctionVersion) => {
    const { DeadLetterConfig } = registry.functions.version(target, target.name, target.version).settings;
    return (DeadLetterConfig as { TargetArn?: string } | undefined)?.TargetArn || undefined;
  };
  const durableFile = keptAs("durable.sqlite");
  const makeDurable = () =>
    (load("../durable/index.ts") as typeof import("../durable/index.ts")).createDurable({
      path: durableFile.path,
      sealer,
      clock,
      schedule,
      resolve: registry.resolve,
      invoke,
      trace(target, traceId) {
        const { header, looping } = chained(target, traceId);
        if (looping) throw recursiveInvocation();
        return header;
      },
      async deadLetter({ account, region, functionName, version, id, status, error }, input) {
        const target = existing(account, region, functionName, version);
        const arn = target === undefined ? undefined : deadLetterArn(target);
        if (target === undefined || arn === undefined) return;
        const ErrorMessage = (error?.ErrorMessage ?? status).slice(0, 1024);
        const attributes = { RequestID: id, ErrorCode: "200", ErrorMessage };
        const to = { account, region, name: functionName, arn, roleArn: roleOf(target), attributes };
        await queue.letter({ ...to, payload: Buffer.from(input) });
      },
      report,
    });
  const laterDurable = later<Durable>({
    make: makeDurable,
    owes: durableFile.owes,
    begin: (room) => room.takeUp(),
    unmade: { takeUp: () => laterDurable.begin(), close() {} },
  });
  const durable = laterDurable.room;
  const run = (invocation: Invocation) =>
    invocation.target.durable === undefined ? invoke(invocation) : durable.run(invocation);
  const roleAllows = config.auth === "iam" ? createRoleJudge(registry) : () => true;
  const destinations = createDestinations({ place: places.destination, send: remote.send });
  const queue = createQueue({
    path: join(config.dataDir, "queue.sqlite"),
    clock,
    schedule,
    resolve: registry.resolve,
    invoke: run,
    settings: registry.eventInvoke.get,
    deadLetterArn,
    deliver: withLogGroups(needs.stores.logs, destinations),
    roleOf,
    roleAllows,
    trace: chained,
    count: metering.functions.count,
    // One function alone gets half of them.
    places: registry.accountConcurrency,
    cpus,
    note,
    report,
  });

  const messagesNeeds = { registry, queue, clock, schedule, endpoint: needs.endpoint, note, report };
  const laterMessages = later<Messages>({
    make: () =>
      (load("./own-messages.ts") as typeof import("./own-messages.ts")).createOwnMessages(config, messagesNeeds),
    owes: keptAs("messages.sqlite").owes,
    begin: (room) => room.takeUp(),
    unmade: { takeUp: () => laterMessages.begin(), release() {}, close() {} },
  });
  const messages = laterMessages.room;

  // What is somewhere else is asked there.
  const hasMessages = (service: string) => config.upstream === undefined && !config.upstreams.has(service);
  const maySend = (arn: string, sender: ServiceSender) =>
    !hasMessages(arn.split(":")[2]?.toUpperCase() ?? "") ||
    (load("../messages/index.ts") as typeof import("../messages/index.ts")).mayServiceSend(
      messages,
      arn,
      sender,
      config.auth === "iam",
    );
  const busesNeeds = { clock, schedule, report, registry, queue, maySend };
  const laterBuses = later<Buses>({
    make: () => (load("./buses.ts") as typeof import("./buses.ts")).createOwnBuses(config, busesNeeds),
    owes: keptAs("schedules.sqlite").owes,
    begin: (room) => room.start(),
    unmade: { start: () => laterBuses.begin(), close: async () => {} },
  });
  const buses = laterBuses.room;

  const sourcesFile = keptAs("sources.sqlite");
  const makeSources = () =>
    (load("../sources/index.ts") as typeof import("../sources/index.ts")).createSources({
      path: sourcesFile.path,
      clock,
      mappings: registry.mappings.everything,
      resolve: registry.resolve,
      invoke: run,
      trace: chained,
      roleOf,
      timeoutOf: (target) =>
        Number(registry.functions.version(target, target.name, target.version).settings.Timeout ?? 3),
      place: places.source,
      send: remote.send,
      post: queue.post,
      report,
    });
  let drained = false;
  const laterSources = later<Sources>({
    make: makeSources,
    owes: () => sourcesFile.owes() || [...registry.mappings.everything()].length > 0,
    begin(room, owed) {
      // Whoever makes the first mapping says so by changed().
      if (owed) room.takeUp();
      if (drained) void room.drain(0);
    },
    unmade: {
      takeUp: () => laterSources.begin(),
      list: () => [],
      async drain() {
        drained = true;
      },
      close: async () => {},
    },
    kept: ["changed", "status", "check"],
  });
  const sources = laterSources.room;

  meterMappings(metering, { list: sources.list, mappings: registry.mappings.everything });

  return { durable, queue, messages, maySend, buses, sources, remote, run };
}

/** Calls back after `ms`, or after a day, the longest that a timer of Node.js is trusted with: who was woken early looks again. */
function scheduled(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.max(ms, 0), 86_400_000));
  return () => clearTimeout(timer);
}
