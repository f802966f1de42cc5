import type { FunctionVersion } from "../model/index.ts";
import type { InvocationLog } from "../observe/index.ts";
import { Member, type MemberEvent } from "./member.ts";
import { type ApiAnswer, type ApiRequest, accepted, notFound, refusal } from "./requests.ts";
import { readSubscription } from "./subscription.ts";
import type { Telemetry } from "./telemetry.ts";

/** What ends the environment. */
export interface ExtensionFault {
  readonly errorType: "Extension.InitError" | "Extension.ExitError" | "Extension.Crash" | "Extension.LaunchError";
  /** as Go says it of a process */
  readonly what: string;
}

export interface DeskNeeds {
  readonly target: FunctionVersion;
  readonly members: Member[];
  readonly log: Pick<InvocationLog, "subscribed">;
  readonly telemetry: Pick<Telemetry, "subscribe">;
  reply(request: number, payload: Buffer): void;
  changed(): void;
  failed(fault: ExtensionFault): void;
}

/** Extensions of one environment, at most. */
export const most = 10;
const notAllowed = "State transition is not allowed";
const known: readonly string[] = ["INVOKE", "SHUTDOWN"];

/** Where extensions ask: registration, events, errors, subscriptions. Types and texts of errors as the Runtime Interface Emulator's. */
export class Desk {
  /** the runtime is ready: nobody else registers */
  closed = false;
  /** the init is over: nobody else subscribes */
  begun = false;
  readonly #needs: DeskNeeds;

  constructor(needs: DeskNeeds) {
    this.#needs = needs;
  }

  /** What a request is answered with; undefined: it waits for an event. */
  answer(number: number, request: ApiRequest): ApiAnswer | undefined {
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
    const member = this.#needs.members.find((each) => each.id === id.toLowerCase() && each.state !== "Started");
    if (!member) return refusal(403, "Extension.UnknownExtensionIdentifier", `Unknown extension ${id}`);
    return identified(member);
  }

  #register(request: ApiRequest): ApiAnswer {
    const name = request.header("Lambda-Extension-Name");
    if (name === "") return refusal(403, "Extension.InvalidExtensionName", "Empty extension name");
    const events = eventsIn(request.body);
    if (typeof events === "string") return refusal(403, "InvalidRequestFormat", events);
    const found = this.#needs.members.find((member) => member.name === name);
    for (const event of events) {
      const against = this.#reasonAgainst(event, found?.external === true);
      if (against) return refusal(403, "Extension.InvalidEventType", `${event}: ${against}`);
    }
    if (found?.external && found.state !== "Started") return invalidState(found, "Registered", found.name);
    if (!found?.external) {
      if (this.closed) {
        return refusal(403, "Extension.RegistrationClosed", "Extension registration closed already");
      }
      if (found) {
        return refusal(403, "Extension.InvalidExtensionState", "Extension with this name already registered");
      }
      if (this.#needs.members.length >= most) {
        return refusal(403, "Extension.TooManyExtensions", `Extension limit (${most}) reached`);
      }
    }
    const member = found ?? new Member(name.slice(0, 128), false);
    if (!found) this.#needs.members.push(member);
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
    if (member.owed) member.give(member.owed, this.#needs.reply);
    else this.#needs.changed();
    return undefined;
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
    if (!member.external) this.#needs.failed({ errorType: `Extension.${state}`, what: "exit code 0" });
    return accepted;
  }

  #subscribe(member: Member, request: ApiRequest): ApiAnswer {
    const isLogs = request.path === "/2020-08-15/logs";
    if (this.begun) {
      const api = isLogs ? "Logs" : "Telemetry";
      return refusal(403, `${api}.SubscriptionClosed`, `${api} API subscription is closed`);
    }
    const subscription = readSubscription(request.body, isLogs);
    if (typeof subscription === "string") return refusal(400, "ValidationError", subscription);
    this.#needs.log.subscribed({ name: member.name, api: isLogs ? "logs" : "telemetry", types: subscription.types });
    this.#needs.telemetry.subscribe(member.name, subscription);
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
