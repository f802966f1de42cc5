/** A document that is no policy. `message` is IAM's; each service wraps it in an error code of its own. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
}
