/**
 * IAM's policy language: documents in, allow or deny out. Pure; who keeps policies, and who asks, is above.
 *
 *   const policy = parsePolicy(text, "resource");            // throws PolicyError, in IAM's words
 *   const { decision } = evaluate(policy.statements, {
 *     principal: serviceIdentity("s3.amazonaws.com"),         // or accountIdentity(…), roleIdentity(…), userIdentity(…)
 *     action: "lambda:InvokeFunction",
 *     resource: "arn:aws:lambda:us-east-1:123456789012:function:f",
 *     context: { "aws:SourceArn": "arn:aws:s3:::bucket" },    // condition keys, in any case
 *   });                                                       // "allow" | "deny" | "none"
 *
 * Statements of several policies of one kind (all of a user's) are evaluated together: [...one.statements, ...other.statements].
 * How kinds go together (identity and resource policies, boundaries, sessions) is for the caller to say: an explicit deny
 * in any of them wins.
 */
export { contextKeys } from "./context-keys.ts";
export { type Evaluation, evaluate, type Request } from "./evaluate.ts";
export { PolicyError } from "./malformed.ts";
export { type PolicyKind, parsePolicy } from "./parse.ts";
export {
  accountIdentity,
  anonymous,
  type Identity,
  roleIdentity,
  serviceIdentity,
  userIdentity,
} from "./principal.ts";
export type { Context, Policy, PrincipalNames, Statement } from "./statement.ts";
