import { randomBytes } from "node:crypto";
import { QueryError } from "./action.ts";

/** `/` or `/a/b/`. Throws ValidationError. */
export function pathOf(fields: URLSearchParams, field = "Path"): string {
  const path = fields.get(field) ?? "/";
  if (/^\/([!-.0-~]+\/)*$/.test(path) && path.length <= 512) return path;
  throw new QueryError(
    400,
    "ValidationError",
    "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
  );
}

/** An id as IAM gives them: four letters for the kind, then 17 of A-Z and 2-7. */
export function newId(kind: "AROA" | "ANPA" | "AIDA" | "AGPA"): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return kind + [...randomBytes(17)].map((byte) => letters[byte & 31]).join("");
}
