import { randomUUID } from "node:crypto";
import { encodeReply } from "./requests.ts";

/** States by the names that AWS logs them with. */
export type MemberState =
  | "Started" // its process runs
  | "Registered" // it has said which events it wants
  | "Ready" // it waits for an event
  | "Running" // it has one
  | "InitError"
  | "ExitError"
  | "Exited"
  | "LaunchError";

export type MemberEvent = "INVOKE" | "SHUTDOWN";

/** One extension: a process of its own (external), or a part of the runtime's (internal). */
export class Member {
  readonly id = randomUUID();
  readonly name: string;
  readonly external: boolean;
  state: MemberState = "Started";
  events: readonly MemberEvent[] = [];
  /** it takes part: its process has not ended */
  alive = true;
  /** the request for an event that waits for its answer */
  asked: number | undefined;
  /** the event that it gets when it asks */
  owed: object | undefined;
  /** it has not asked for another one since INVOKE was meant for it */
  busy = false;
  /** what it has reported itself with /init/error or /exit/error */
  errorType: string | undefined;

  constructor(name: string, external: boolean) {
    this.name = name;
    this.external = external;
  }

  /** It gets this event: now, if it waits for one (`reply` answers its request), or as soon as it asks. */
  give(event: object, reply: (request: number, payload: Buffer) => void): void {
    if (this.asked === undefined) {
      this.owed = event;
      return;
    }
    const headers = { "Lambda-Extension-Event-Identifier": randomUUID() };
    reply(this.asked, encodeReply({ status: 200, document: event, headers }));
    this.asked = undefined;
    this.owed = undefined;
    this.state = "Running";
  }

  wants(event: MemberEvent): boolean {
    return this.events.includes(event);
  }

  /** It has not asked for its first event, and may yet do so, or end. */
  get settlesIn(): boolean {
    return this.alive && this.state !== "Ready" && this.state !== "Running";
  }
}
