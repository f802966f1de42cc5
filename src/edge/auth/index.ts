/**
 * Who sent a request, and may they? `createAuth()` answers the first question at the door (edge.ts), `authorize()` the second
 * wherever it is known what is to be done to what. Both are asked for nothing while `--auth` is off.
 */
export { type Auth, type AuthMode, type AuthNeeds, createAuth, unsigned } from "./auth.ts";
export { authorize, authorizeOperation, type Question, reasonAgainst } from "./authorize.ts";
export { checkPassRole } from "./pass-role.ts";
export { type Reason, Refusal } from "./refusal.ts";
export { type Protocol, s3Refusal, sendRefusal, serviceRefusal } from "./refusals.ts";
