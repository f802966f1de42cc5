import type { FunctionVersion, Invocation } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Desk, type ExtensionFault, most } from "./desk.ts";
import { Member } from "./member.ts";
import { encodeReply, readRequest } from "./requests.ts";
import { Telemetry } from "./telemetry.ts";

/** How an extension's process ended, or why there is none. */
export interface ProcessEnd {
  /** its place in the list that was given to the agent */
  readonly extension: number;
  readonly code?: number;
  readonly signal?: string;
  /** it could not be started */
  readonly error?: string;
}

export interface ExtensionsNeeds {
  readonly target: FunctionVersion;
  /** names of the external ones, in the agent's order */
  readonly external: readonly string[];
  readonly log: InvocationLog;
  /** answers a request (agent/PROTOCOL.md, REPLY) */
  reply(request: number, payload: Buffer): void;
  /** bytes for a port of the sandbox's loopback (SEND) */
  send(delivery: number, payload: Buffer): void;
  /** somebody has registered, asked for an event, or ended */
  changed(): void;
  /** something that nobody may live on after; told once */
  failed(fault: ExtensionFault): void;
}

/**
 * The extensions of one environment: who they are, what they wait for, and what they subscribe to. Source: Lambda Developer
 * Guide, "Using the Lambda Extensions API to create extensions"; errors as the Runtime Interface Emulator's.
 */
export class Extensions {
  readonly #needs: ExtensionsNeeds;
  readonly #members: Member[];
  readonly #telemetry: Telemetry;
  readonly #desk: Desk;
  #shutdown: object | undefined;
  #faulty = false;

  constructor(needs: ExtensionsNeeds) {
    this.#needs = needs;
    this.#members = needs.external.map((name) => new Member(name, true));
    this.#telemetry = new Telemetry({ send: needs.send, log: needs.log, keep: needs.external.length > 0 });
    this.#desk = new Desk({
      target: needs.target,
      members: this.#members,
      log: needs.log,
      telemetry: this.#telemetry,
      reply: needs.reply,
      changed: needs.changed,
      failed: (fault) => this.#fail(fault),
    });
  }

  /** All external ones have registered: the runtime may start. */
  get registered(): boolean {
    return this.#members.every(({ external, state }) => !external || state !== "Started");
  }

  /** Somebody has yet to ask for its first event. */
  get settleIn(): boolean {
    return this.#members.some((member) => member.settlesIn);
  }

  /** Somebody is at work on an event. */
  get busy(): boolean {
    return this.#members.some((member) => member.busy && member.alive);
  }

  /** How long a shutdown may take, milliseconds ("Shutdown phase"). */
  get shutdownMs(): number {
    if (this.hasExternal) return 2000;
    return this.#members.length > 0 ? 500 : 0;
  }

  get hasExternal(): boolean {
    return this.#members.some(({ external }) => external);
  }

  /** Nobody who waits for the word of a shutdown lives any more. */
  get departed(): boolean {
    return this.#members.every((member) => !member.external || !member.alive || !member.wants("SHUTDOWN"));
  }

  /** The runtime has asked for its first event. */
  closeRegistration(): void {
    this.#desk.closed = true;
  }

  /** The init is over, however it ended. */
  begin(): void {
    if (this.#desk.begun) return;
    this.#desk.begun = true;
    for (const { name, state, events, errorType } of this.#members) {
      this.#needs.log.extension({ name, state, events, errorType });
    }
    this.#telemetry.close();
  }

  /** An invocation begins: whoever wants to hear of it does. `deadlineMs`: milliseconds since the epoch. */
  invoke({ requestId, invokedArn }: Invocation, trace: string, deadlineMs: number): void {
    const document = {
      eventType: "INVOKE",
      deadlineMs: Math.floor(deadlineMs),
      requestId,
      invokedFunctionArn: invokedArn,
      tracing: { type: "X-Amzn-Trace-Id", value: trace },
    };
    for (const member of this.#members) {
      if (!member.wants("INVOKE") || !member.alive) continue;
      member.busy = true;
      member.give(document, this.#needs.reply);
    }
  }

  /** The environment ends: external ones that want to know it do. `deadlineMs`: milliseconds since the epoch. */
  shutDown(shutdownReason: "spindown" | "timeout" | "failure", deadlineMs: number): void {
    this.#shutdown = { eventType: "SHUTDOWN", deadlineMs: Math.floor(deadlineMs), shutdownReason };
    this.#telemetry.flush();
    for (const member of this.#members) {
      if (!member.external || !member.alive || !member.wants("SHUTDOWN")) continue;
      member.give(this.#shutdown, this.#needs.reply);
    }
  }

  /** Telemetry is not sent any more. */
  close(): void {
    this.#faulty = true;
    this.#telemetry.end();
  }

  // — what the agent tells —

  request(number: number, head: string, body: Buffer): void {
    const request = readRequest(head, body);
    const answer = this.#desk.answer(number, request);
    if (answer) this.#needs.reply(number, encodeReply(answer));
  }

  /** Whoever made this request does not wait for its answer any more. */
  gone(number: number): void {
    for (const member of this.#members) if (member.asked === number) member.asked = undefined;
  }

  sent(delivery: number, arrived: boolean, answer: string): void {
    this.#telemetry.sent(delivery, arrived && !/^HTTP\/1\.\d [345]/.test(answer));
  }

  ended(end: ProcessEnd): void {
    const member = this.#members[end.extension];
    if (!member?.external || !member.alive) return;
    member.alive = false;
    member.asked = undefined;
    const { state } = member;
    if (end.error !== undefined) {
      member.state = "LaunchError";
      member.errorType = /permission/.test(end.error) ? "PermissionDenied" : "UnknownError";
      this.#fail({
        errorType: "Extension.LaunchError",
        what: `fork/exec /opt/extensions/${member.name}: ${end.error}`,
      });
    } else {
      const errorType =
        state === "InitError"
          ? "Extension.InitError"
          : state === "ExitError"
            ? "Extension.ExitError"
            : "Extension.Crash";
      if (this.#shutdown) member.state = "Exited";
      else this.#fail({ errorType, what: endWords(end) });
    }
    this.#needs.changed();
  }

  /** More external extensions than may be: none of them is started. */
  tooMany(): void {
    for (const member of this.#members) {
      member.alive = false;
      member.state = "LaunchError";
      member.errorType = "TooManyExtensions";
    }
    this.#fail({ errorType: "Extension.LaunchError", what: "ErrTooManyExtensions" });
  }

  get withinLimit(): boolean {
    return this.#members.length <= most;
  }

  #fail(fault: ExtensionFault): void {
    if (this.#faulty || this.#shutdown) return;
    this.#faulty = true;
    this.#needs.failed(fault);
  }
}

const signals: Readonly<Record<string, string>> = {
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
};

/** As Go says it of a wait status; the emulator's words for one that ended well. */
function endWords({ code, signal }: ProcessEnd): string {
  if (signal !== undefined) return `signal: ${signals[signal] ?? signal}`;
  return code ? `exit status ${code}` : "exit code 0";
}
