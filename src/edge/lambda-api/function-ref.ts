import { ServiceError } from "../../model/index.ts";
import { isAccount } from "../caller.ts";

/** A function as a client names it. */
export interface FunctionRef {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** version, alias or `$LATEST`; undefined: none was given */
  readonly qualifier: string | undefined;
}

/**
 * Reads `name`, `name:qualifier`, `account:function:name`, `function:name` and full ARNs, each with or without a
 * qualifier, which the Qualifier parameter must not contradict. What is left out is the caller's.
 * Does not check the name's characters: an unknown name is looked up like any other, see `checkName`.
 */
export function functionRef(
  text: string,
  qualifier: string | undefined,
  caller: { readonly account: string; readonly region: string },
): FunctionRef {
  if (!text.includes(":")) {
    return { account: caller.account, region: caller.region, name: text, qualifier: qualifier || undefined };
  }
  const parts = text.split(":");
  const word = parts.indexOf("function");
  // As the last part it is a function's own name.
  const mark = word === parts.length - 1 ? -1 : word;
  // Without the word "function": name:qualifier, or account:name.
  const at = mark === -1 ? (parts.length > 1 && isAccount(parts[0] ?? "") ? 1 : 0) : mark + 1;
  const account = at > 0 ? parts[mark === -1 ? 0 : mark - 1] : undefined;
  const region = mark > 1 ? parts[mark - 2] : undefined;
  const own = parts[at + 1];
  if (own !== undefined && own !== "" && qualifier && own !== qualifier) {
    throw new ServiceError(
      "InvalidParameterValueException",
      "The derived qualifier from the function name does not match the specified qualifier.",
    );
  }
  if (region !== undefined && region !== "" && region !== caller.region) {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Functions from '${region}' are not reachable in this region ('${caller.region}')`,
    );
  }
  return {
    account: account !== undefined && isAccount(account) ? account : caller.account,
    region: caller.region,
    name: parts[at] ?? "",
    qualifier: own || qualifier || undefined,
  };
}

/** For operations on a whole function. */
export function wholeFunction(ref: FunctionRef): FunctionRef {
  if (ref.qualifier === undefined) return ref;
  throw new ServiceError(
    "InvalidParameterValueException",
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
  );
}
