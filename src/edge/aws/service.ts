import type { IncomingMessage, ServerResponse } from "node:http";
import type { Protocol } from "../auth/index.ts";
import type { Caller } from "../caller.ts";

/** One request to one of the services around Lambda. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly requestId: string;
  /** who asks, where, and for which service */
  readonly caller: Caller;
}

/** One of AWS's services that clients of Lambda need around it. */
export interface AwsService {
  /** Answers one request wholly. What it throws is answered by the edge as REST-JSON; its own protocol it speaks itself. */
  serve(exchange: Exchange): Promise<void>;
  /** Called when the server listens, of services that have work of their own to take up. */
  start?(): void;
  /** Called when the server is about to stop. */
  stop?(): void | Promise<void>;
}

/** How requests for a service are told from all others. Its code is loaded with the first one. */
export interface ServiceEntry<Needs> {
  /** in the credential's scope: `sts`, `kms`, `s3` … */
  readonly signingName: string;
  /** what stands before the operation's name in X-Amz-Target, with the dot: of the AWS JSON protocols */
  readonly target?: string;
  /** how its errors are written; `json` where there is a target, else `rest-json` */
  readonly protocol?: Protocol;
  /** Does it answer requests without a signature, and decides itself which? */
  readonly anonymous?: boolean;
  /** Is a request that carries neither of these meant for it? (presigned, unsigned, a virtual host) */
  claims?(request: IncomingMessage, url: URL, needs: Needs): boolean;
  /** Has it something to do by itself, before anybody asks? (what an earlier run left behind) */
  hasWork?(needs: Needs): boolean;
  load(needs: Needs): Promise<AwsService>;
}
