export { createCalls, type RemoteCall, RemoteError, type WireService } from "./calls.ts";
export { http, https } from "./node-http.ts";
export {
  type Answer,
  type Credentials,
  createRemote,
  type Place,
  type Remote,
  type SendOptions,
  type ServiceRequest,
} from "./remote.ts";
