/** What an authorizer has found out about who may. */
export interface Granted {
  /** `requestContext.authorizer` in payload format 2.0 */
  readonly shown: object | undefined;
  /** … in 1.0, and of WebSocket APIs */
  readonly shown1: object | undefined;
  /** of a signed request, members of `requestContext.identity` in format 1.0 */
  readonly identity?: object | undefined;
}

/** Why a request is not let in: nobody said who it is, it may not, or the authorizer itself failed. */
export type Denied = "unauthorized" | "forbidden" | "failed";
