import { randomUUID } from "node:crypto";
import type { FunctionVersion, Invocation } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Member, type MemberEvent } from "./member.ts";
import { type ApiAnswer, type ApiRequest, accepted, encodeReply, notFound, readRequest, refusal } from "./requests.ts";
import { readSubscription } from "./subscription.ts";
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

/** What ends the environment. */
export interface ExtensionFault {
  readonly errorType: "Extension.InitError" | "Extension.ExitError" | "Extension.Crash" | "Extension.LaunchError";
  /** as Go says it of a process */
  readonly what: string;
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

const most = 10;
const notAllowed = "State transition is not allowed";
const known: readonly string[] = ["INVOKE", "SHUTDOWN"];

/**
 * The extensions of one environment: who they are, what they wait for, and what they subscribe to. Source: Lambda Developer
 * Guide, "Using the Lambda Extensions API to create extensions"; errors as the Runtime Interface Emulator's.
 */
export class Extensions {
  readonly #needs: ExtensionsNeeds;
  readonly #members: Member[];
  readonly #telemetry: Telemetry;
  /** the runtime is ready: nobody else registers */
  #closed = false;
  /** everybody has been ready */
  #begun = false;
  #shutdown: object | undefined;
  #faulty = false;

  constructor(needs: ExtensionsNeeds) {
    this.#needs = needs;
    this.#members = needs.external.map((name) => new Member(name, true));
    this.#telemetry = new Telemetry({ send: needs.send, log: needs.log, keep: needs.external.length > 0 });
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
    this.#closed = true;
  }

  /** The init is over, however it ended. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
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
      this.#give(member, document);
    }
  }

  /** The environment ends: external ones that want to know it do. `deadlineMs`: milliseconds since the epoch. */
  shutDown(shutdownReason: "spindown" | "timeout" | "failure", deadlineMs: number): void {
    this.#shutdown = { eventType: "SHUTDOWN", deadlineMs: Math.floor(deadlineMs), shutdownReason };
    this.#telemetry.flush();
    for (const member of this.#members) {
      if (member.external && member.alive && member.wants("SHUTDOWN")) this.#give(member, this.#shutdown);
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
    const answer = this.#answer(number, request);
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

  // — what extensions ask —

  #answer(number: number, request: ApiRequest): ApiAnswer | undefined {
    const { method, path } = request;
    if (method === "POST" && path === "/2020-01-01/extension/register") return this.#register(request);
    const identified =
      method === "GET" && path === "/2020-01-01/extension/event/next"
        ? (member: Member) => this.#next(member, number)
        : method === "POST" && path === "/2020-01-01/extension/init/error"
          ? (member: Member) => this.#reportError(member, request, "InitError")
          : method === "POST" && path === "/2020-01-01/extension/exit/error"
            ? (member: Member) => this.#reportError(member, request, "ExitError")
            : method === "PUT" && (path === "/2022-07-01/telemetry" || path === "/2020-08-15/logs")
              ? (member: Member) => this.#subscribe(member, request)
              : undefined;
    if (!identified) return notFound;
    const id = request.header("Lambda-Extension-Identifier");
    if (id === "") {
      const message = "Missing Lambda-Extension-Identifier header";
      return refusal(403, "Extension.MissingExtensionIdentifier", message);
    }
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
      return refusal(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier");
    }
    const member = this.#members.find((each) => each.id === id.toLowerCase() && each.state !== "Started");
    if (!member) return refusal(403, "Extension.UnknownExtensionIdentifier", `Unknown extension ${id}`);
    return identified(member);
  }

  #register(request: ApiRequest): ApiAnswer {
    const name = request.header("Lambda-Extension-Name");
    if (name === "") return refusal(403, "Extension.InvalidExtensionName", "Empty extension name");
    const events = eventsIn(request.body);
    if (typeof events === "string") return refusal(403, "InvalidRequestFormat", events);
    const found = this.#members.find((member) => member.name === name);
    for (const event of events) {
      const against = this.#reasonAgainst(event, found?.external === true);
      if (against) return refusal(403, "Extension.InvalidEventType", `${event}: ${against}`);
    }
    if (found?.external && found.state !== "Started") return invalidState(found, "Registered", found.name);
    if (!found?.external) {
      if (this.#closed) {
        return refusal(403, "Extension.RegistrationClosed", "Extension registration closed already");
      }
      if (found) {
        return refusal(403, "Extension.InvalidExtensionState", "Extension with this name already registered");
      }
      if (this.#members.length >= most) {
        return refusal(403, "Extension.TooManyExtensions", `Extension limit (${most}) reached`);
      }
    }
    const member = found ?? new Member(name.slice(0, 128), false);
    if (!found) this.#members.push(member);
    member.events = known.filter((event) => events.includes(event)) as MemberEvent[];
    member.state = "Registered";
    const { target } = this.#needs;
    const features = request.header("Lambda-Extension-Accept-Feature").split(",");
    const accountId = features.some((feature) => feature.trim() === "accountId") ? { accountId: target.account } : {};
    this.#needs.changed();
    return {
      status: 200,
      document: {
        ...accountId,
        functionName: target.name,
        functionVersion: target.version,
        handler: target.handler,
      },
      headers: { "Lambda-Extension-Identifier": member.id },
    };
  }

  #reasonAgainst(event: string, external: boolean): string | undefined {
    if (!known.includes(event)) return "ErrorInvalidEventType";
    // An environment of a capacity provider runs many events at once: there is no INVOKE for its extensions.
    if (event === "INVOKE" && this.#needs.target.managed) return "ErrorInvalidEventType";
    return event === "SHUTDOWN" && !external ? "ShutdownEventNotSupportedForInternalExtension" : undefined;
  }

  #next(member: Member, number: number): ApiAnswer | undefined {
    const { state } = member;
    const waits = state === "Ready" && member.asked !== undefined;
    if (waits || !["Registered", "Ready", "Running"].includes(state)) return invalidState(member, "Ready", member.id);
    if (state === "Running") member.busy = false;
    member.state = "Ready";
    member.asked = number;
    if (member.owed) this.#give(member, member.owed);
    else this.#needs.changed();
    return undefined;
  }

  #give(member: Member, event: object): void {
    if (member.asked === undefined) {
      member.owed = event;
      return;
    }
    const headers = { "Lambda-Extension-Event-Identifier": randomUUID() };
    this.#needs.reply(member.asked, encodeReply({ status: 200, document: event, headers }));
    member.asked = undefined;
    member.owed = undefined;
    member.state = "Running";
  }

  #reportError(member: Member, request: ApiRequest, state: "InitError" | "ExitError"): ApiAnswer {
    const errorType = request.header("Lambda-Extension-Function-Error-Type");
    if (errorType === "") {
      const message = "Lambda-Extension-Function-Error-Type not found";
      return refusal(403, "Extension.MissingHeader", message);
    }
    const legal = state === "InitError" ? ["Registered"] : ["Registered", "Ready", "Running"];
    if (member.state === state) return accepted;
    if (!legal.includes(member.state)) return invalidState(member, state, member.id);
    member.state = state;
    member.errorType = errorType.slice(0, 1024);
    // An internal one has no process whose end would follow.
    if (!member.external) this.#fail({ errorType: `Extension.${state}`, what: "exit code 0" });
    return accepted;
  }

  #subscribe(member: Member, request: ApiRequest): ApiAnswer {
    const isLogs = request.path === "/2020-08-15/logs";
    if (this.#begun) {
      const api = isLogs ? "Logs" : "Telemetry";
      return refusal(403, `${api}.SubscriptionClosed`, `${api} API subscription is closed`);
    }
    const subscription = readSubscription(request.body, isLogs);
    if (typeof subscription === "string") return refusal(400, "ValidationError", subscription);
    this.#needs.log.subscribed({ name: member.name, api: isLogs ? "logs" : "telemetry", types: subscription.types });
    this.#telemetry.subscribe(member.name, subscription);
    return { status: 200, document: "OK" };
  }
}

function invalidState(member: Member, to: string, who: string): ApiAnswer {
  const message = `State transition from ${member.state} to ${to} failed for extension ${who}. Error: ${notAllowed}`;
  return refusal(403, "Extension.InvalidExtensionState", message);
}

/** The events that a registration names; or what is wrong with it. */
function eventsIn(body: Buffer): readonly string[] | string {
  let document: { events?: unknown; configurationKeys?: unknown };
  try {
    document = JSON.parse(body.toString()) as typeof document;
  } catch (error) {
    return (error as Error).message;
  }
  if (typeof document !== "object" || document === null) return "the body must be a JSON object";
  const { events = [], configurationKeys } = document;
  if (Array.isArray(configurationKeys) && configurationKeys.length > 0) {
    return "configurationKeys are deprecated; use environment variables instead";
  }
  if (events === null) return [];
  if (!Array.isArray(events) || !events.every((event) => typeof event === "string")) {
    return "events must be a list of strings";
  }
  return events;
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
