import type { Posting } from "../model/index.ts";
import type { Named, NamedDocument } from "../registry/index.ts";

/** What the buses ask of the rest of the house. */
export interface BusesNeeds {
  /** the database of what is due; its folder must exist */
  readonly path: string;
  /** the database of archived events, in the same folder or another; made with the first archive */
  readonly archivesPath: string;
  /** milliseconds since the epoch */
  clock(): number;
  /** Calls back at a moment of the clock, or earlier: who is woken looks again. Returns what cancels it. */
  schedule(at: number, run: () => void): () => void;
  /** Documents of one kind. */
  named<T extends NamedDocument>(kind: string): Named<T>;
  /** Takes events on their way, all or none of them; resolves when they are durable. */
  post(postings: readonly Posting[]): Promise<void>;
  /**
   * May the service run this function for one of its own resources? `gone`: there is none.
   */
  mayRun(
    fn: FunctionName,
    caller: { readonly service: string; readonly sourceArn: string; readonly account: string },
  ): "yes" | "no" | "gone";
  /** Does the policy of a queue or a topic let the service send to it for one of its own resources? */
  maySend(
    arn: string,
    sender: { readonly service: string; readonly sourceArn: string; readonly sourceAccount: string },
  ): boolean;
  /** Do the policies of a schedule's role let it do this? */
  roleAllows(roleArn: string, action: string, resource: string): boolean;
  /** Is there this function? */
  exists(fn: FunctionName): boolean;
  /** Can a universal target of a schedule name this operation of a service other than Lambda? */
  callable(service: string, action: string): boolean;
  /** 0 to 1; Math.random, but in tests. */
  random?(): number;
  report(error: unknown): void;
}

export interface FunctionName {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly qualifier?: string | undefined;
}

/** Of `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`; undefined for all else. */
export function functionOf(arn: string): FunctionName | undefined {
  const [, region = "", account = "", name = "", qualifier] =
    /^arn:[^:]+:lambda:([^:]+):(\d{12}):function:([^:]+)(?::([^:]+))?$/.exec(arn) ?? [];
  return name === "" ? undefined : { account, region, name, qualifier };
}
