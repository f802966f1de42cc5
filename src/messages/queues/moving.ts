import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Commits } from "../commits.ts";
import type { Head } from "../message.ts";
import { invalidParameter, MessageRefusal } from "../refusal.ts";
import type { MessageRow, MessageStore } from "../store.ts";
import { arnOf, type Catalogue, type Queue } from "./catalogue.ts";
import { enterGroup, settleGroup } from "./groups.ts";

/** A redrive of dead letters. Source: SQS API Reference, StartMessageMoveTask. */
export interface MoveTask {
  readonly id: string;
  readonly source: string;
  /** undefined: each message goes to where it was a dead letter of */
  readonly destination: string | undefined;
  readonly perSecond: number | undefined;
  readonly status: "RUNNING" | "COMPLETED" | "CANCELLED" | "FAILED";
  readonly moved: number;
  readonly toMove: number;
  /** ms since the epoch */
  readonly started: number;
  readonly failure?: string | undefined;
}

export interface Moving {
  /** Returns the task's handle. Throws MessageRefusal. */
  start(source: string, destination: string | undefined, perSecond: number | undefined): string;
  /** Returns how many messages have been moved. */
  cancel(handle: string): number;
  /** The latest first. */
  list(source: string, limit: number): readonly (MoveTask & { readonly handle: string | undefined })[];
  sourceOf(handle: string): string | undefined;
  /** Goes on with what another process left. */
  takeUp(): void;
  stop(): void;
}

export interface MovingNeeds {
  readonly store: MessageStore;
  readonly commits: Commits;
  readonly catalogue: Catalogue;
  clock(): number;
  arrived(queue: Queue): void;
  report(error: unknown): void;
}

/** AWS's own maximum. */
const mostPerSecond = 500;
const ticksPerSecond = 5;

const notThere = (what: string) => new MessageRefusal("ResourceNotFoundException", what);
const handleOf = ({ id, source }: MoveTask): string =>
  Buffer.from(JSON.stringify({ taskId: id, sourceArn: source })).toString("base64");

function readHandle(handle: string): { taskId?: string; sourceArn?: string } {
  try {
    return JSON.parse(Buffer.from(handle, "base64").toString("utf8")) as object;
  } catch {
    throw invalidParameter("Value for parameter TaskHandle is invalid.");
  }
}

export function createMoving(needs: MovingNeeds): Moving {
  const { store, commits, catalogue, clock, arrived, report } = needs;
  const tasks = new Map<string, { number: number; task: MoveTask }>();
  let stopped = false;
  for (const { number, document } of store.documents("move-task")) {
    const task = JSON.parse(document) as MoveTask;
    tasks.set(task.id, { number, task });
  }

  function put(id: string, change: Partial<MoveTask>): void {
    const known = tasks.get(id)!;
    known.task = { ...known.task, ...change };
    store.changeDocument(known.number, JSON.stringify(known.task));
  }

  const ofSource = (arn: string) =>
    [...tasks.values()].filter(({ task }) => task.source === arn).sort((one, other) => other.number - one.number);

  /** Moves a few messages of one task. False: it is over. */
  function step(id: string, limit: number): boolean {
    const { task } = tasks.get(id)!;
    if (task.status !== "RUNNING") return false;
    const from = catalogue.byArn(task.source);
    const given = task.destination === undefined ? undefined : catalogue.byArn(task.destination);
    const fail = (failure: string) => {
      put(id, { status: "FAILED", failure });
      return false;
    };
    if (from === undefined || (task.destination !== undefined && given === undefined)) {
      return fail("AWS.SimpleQueueService.NonExistentQueue");
    }
    const now = clock();
    const rows = from.settings.fifo
      ? store.dueGroups(from.number, now, limit).flatMap(({ id: group }) => store.front(group, 1))
      : store.due(from.number, now, Math.min(limit, task.toMove - task.moved));
    let moved = task.moved;
    for (const row of rows) {
      const to = given ?? (row.source === undefined ? undefined : catalogue.byArn(row.source));
      if (to === undefined) {
        put(id, { moved });
        return fail(
          row.source === undefined ? "CouldNotDetermineMessageSource" : "AWS.SimpleQueueService.NonExistentQueue",
        );
      }
      sendAgain(store, row, to, now);
      arrived(to);
      moved += 1;
    }
    const over = rows.length === 0 || moved >= task.toMove;
    put(id, { moved, ...(over ? { status: "COMPLETED" as const } : {}) });
    return !over;
  }

  async function run(id: string): Promise<void> {
    const { task } = tasks.get(id)!;
    const rate = Math.min(task.perSecond ?? mostPerSecond, mostPerSecond);
    const each = Math.max(1, Math.floor(rate / ticksPerSecond));
    for (;;) {
      await pause(Math.max(1000 / ticksPerSecond, 1000 / rate), undefined, { ref: false });
      if (stopped || !commits.change(() => step(id, each))) return;
    }
  }

  return {
    start(source, destination, perSecond) {
      const from = catalogue.byArn(source);
      if (from === undefined)
        throw notThere("The resource that you specified for the SourceArn parameter doesn't exist.");
      const takesLetters = [...catalogue.everything()].some(({ settings }) => settings.redrive?.arn === source);
      if (!takesLetters) throw invalidParameter("Source queue must be configured as a Dead Letter Queue.");
      const to = destination === undefined ? undefined : catalogue.byArn(destination);
      if (destination !== undefined && to === undefined) {
        throw notThere("The resource that you specified for the DestinationArn parameter doesn't exist.");
      }
      if (to !== undefined && to.settings.fifo !== from.settings.fifo) {
        throw invalidParameter("The source queue and the destination queue must be of the same type.");
      }
      if (perSecond !== undefined && (perSecond < 1 || perSecond > mostPerSecond)) {
        throw invalidParameter(
          `Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and ${mostPerSecond}.`,
        );
      }
      const known = ofSource(source);
      if (known.some(({ task }) => task.status === "RUNNING")) {
        throw invalidParameter(
          "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        );
      }
      const { visible } = store.counts(from.number, clock());
      const task: MoveTask = {
        id: randomUUID(),
        source: arnOf(from.record),
        destination,
        perSecond,
        status: "RUNNING",
        moved: 0,
        toMove: visible,
        started: clock(),
      };
      // As many as are shown.
      for (const old of known.slice(9)) {
        store.removeDocument(old.number);
        tasks.delete(old.task.id);
      }
      const number = store.addDocument("move-task", task.id, JSON.stringify(task));
      tasks.set(task.id, { number, task });
      run(task.id).catch(report);
      return handleOf(task);
    },
    cancel(handle) {
      const { taskId = "", sourceArn = "" } = readHandle(handle);
      if (catalogue.byArn(sourceArn) === undefined) {
        throw notThere("The resource that you specified for the SourceArn parameter doesn't exist.");
      }
      const known = tasks.get(taskId);
      if (known === undefined || known.task.source !== sourceArn) throw notThere("Task does not exist.");
      if (known.task.status !== "RUNNING") throw invalidParameter("Task is not running.");
      put(taskId, { status: "CANCELLED" });
      return known.task.moved;
    },
    list: (source, limit) =>
      ofSource(source)
        .slice(0, limit)
        .map(({ task }) => ({ ...task, handle: task.status === "RUNNING" ? handleOf(task) : undefined })),
    sourceOf: (handle) => readHandle(handle).sourceArn,
    takeUp() {
      for (const { task } of tasks.values()) if (task.status === "RUNNING") run(task.id).catch(report);
    },
    stop() {
      stopped = true;
    },
  };
}

/** "Redriven messages are considered new messages with a new messageID and enqueueTime": SQS Developer Guide. */
function sendAgain(store: MessageStore, row: MessageRow, to: Queue, now: number): void {
  const content = store.content(row.id);
  store.remove(row.id);
  if (row.group !== undefined) settleGroup(store, row.group, now);
  if (content === undefined) return;
  const head: Head = { ...(JSON.parse(content.head) as Head), id: randomUUID() };
  const group = to.settings.fifo ? enterGroup(store, to.number, head.group ?? "", now) : undefined;
  store.add({ queue: to.number, due: now, sent: now, group, head: JSON.stringify(head), body: content.body });
}
