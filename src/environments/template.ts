import { randomUUID } from "node:crypto";
import { type Driver, type DumpFacts, DumpRefused } from "../isolation/index.ts";
import { type FunctionVersion, limits, monotonicMs } from "../model/index.ts";
import type { InitializationType, InvocationLog } from "../observe/index.ts";
import { isBare, unheard } from "./bare.ts";
import { refuseRequest } from "./company.ts";
import { messageIn, reported } from "./failure.ts";
import { Housing } from "./housing.ts";
import { bootDocument, initializationOf, logStreamOf, type Plan, sandboxOf } from "./plan.ts";

export interface TemplateNeeds {
  readonly driver: Pick<Driver, "name" | "create">;
  openLog(target: FunctionVersion, logStream: string, initialization: InitializationType): InvocationLog;
}

/** What a template was when it was copied. */
export interface Prepared {
  readonly via: "frames" | "http";
  /** undefined: the runtime does not say */
  readonly drew: boolean | undefined;
  /** from the runtime's spawn to its being ready, milliseconds */
  readonly initMs: number;
}

export interface TakenImage extends Prepared {
  readonly by?: "criu";
  readonly facts: DumpFacts;
}

/** The function's own code kept it from being initialised, or from being prepared: a beforeSnapshot hook threw. */
export class TemplateFailed extends Error {
  readonly errorType: string;
  constructor(errorType: string, message: string) {
    super(message);
    this.name = "TemplateFailed";
    this.errorType = errorType;
  }
}

export interface TemplateTerms {
  /** Somebody waits for it: it gets the CPUs of any init. Else one, at most. */
  readonly urgent: boolean;
  /** All of its processes are to be copied, by CRIU. */
  readonly tree?: boolean;
  /** Throws when this process is not to be copied after all. */
  check(prepared: Prepared): void;
}

/** What a runtime over HTTP asked last and waits for the answer of: every copy sends it again, to its own agent. */
const parkedRequest = (path: string) =>
  `GET /2018-06-01/runtime/${path} HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: thaw\r\n\r\n`;

/**
 * Initialises the function once more in a sandbox of its own, writes the image of that process to `into`, and kills it. It
 * never sees an event. Rejects with TemplateFailed, DumpRefused, SandboxError, or what `terms.check` threw.
 */
export async function takeImage(
  plan: Plan,
  into: string,
  terms: TemplateTerms,
  needs: TemplateNeeds,
): Promise<TakenImage> {
  const { target } = plan;
  const id = randomUUID().replaceAll("-", "");
  const logStream = logStreamOf(target, Date.now(), id);
  const initialization = initializationOf(target, false);
  const log = isBare(target) ? unheard : needs.openLog(target, logStream, initialization);
  const { promise: prepared, resolve, reject } = Promise.withResolvers<Prepared & { readonly parked?: string }>();
  // It may settle before anybody waits for it.
  prepared.catch(() => undefined);
  const failed = (errorType: string, document: Buffer) => {
    const failure = reported(errorType, document);
    reject(new TemplateFailed(failure.errorType, messageIn(document)));
  };
  let spawned = 0;
  let ready = 0;
  const since = () => Math.max(0, (ready || monotonicMs()) - spawned);

  const own = plan.initCpus;
  const { tree = false } = terms;
  const spec = { ...sandboxOf({ ...plan, initCpus: terms.urgent ? own : Math.min(1, own) }, id), tree };
  const housing = await Housing.make(needs.driver, spec, {
    ready(marks) {
      ready = monotonicMs();
      spawned = marks?.spawned ?? spawned;
      if (marks?.via === "frames") housing.link.prepare();
      else resolve({ via: "http", drew: undefined, initMs: since(), parked: "invocation/next" });
    },
    prepared(drew) {
      if (ready > 0) resolve({ via: "frames", drew, initMs: since() });
      else resolve({ via: "http", drew, initMs: since(), parked: "restore/next" });
    },
    initError: failed,
    restoreError: failed,
    exit: (status, outOfMemory) =>
      reject(
        new TemplateFailed(
          outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError",
          `the runtime ended during init (${status.signal ?? `exit status ${status.code}`})`,
        ),
      ),
    beside: {
      request(number) {
        void refuseRequest(housing.link, number);
        reject(new DumpRefused("extensions", "its init speaks with an API for extensions"));
      },
      gone: spoke,
      ended: spoke,
      sent: spoke,
    },
    log: (source, bytes) => log.write(source, bytes),
    response: spoke,
    error: spoke,
    streamStart: spoke,
    streamChunk: spoke,
    streamEnd: spoke,
  });
  const limitMs = Math.max(limits.snapshotInitSeconds, target.timeoutSeconds) * 1e3;
  const tooLong = `init took more than ${limitMs / 1e3} seconds`;
  const late = setTimeout(() => reject(new TemplateFailed("timeout", tooLong)), limitMs);
  try {
    spawned = monotonicMs();
    log.initStart(plan.runtimeVersion);
    const start = { logStream, initialization, credentials: plan.credentials?.(), template: true };
    housing.link.boot(bootDocument(plan, housing.sandbox, start, needs.driver.name !== "process"));
    const { parked, ...known } = await prepared.catch((error: Error) => {
      if (error instanceof TemplateFailed) log.initReport(since(), "init", error.errorType);
      throw error;
    });
    if (target.snapStart) log.initReport(known.initMs, "init", undefined);
    terms.check(known);
    const options = parked === undefined ? {} : { api: parkedRequest(parked) };
    const facts = await housing.sandbox.dump(into, { link: known.via, ...options, tree });
    return { ...known, facts, ...(tree && { by: "criu" as const }) };
  } finally {
    clearTimeout(late);
    await housing.leave();
  }
}

/** Nobody has asked it anything: an answer means nothing. On its own link it is an error already (conversation.ts). */
function spoke(): void {}
