/** A function as ChainedInvokeOptions.FunctionName names it. */
export interface FunctionName {
  readonly name: string;
  readonly qualifier: string | undefined;
  readonly account: string | undefined;
  readonly region: string | undefined;
}

/** `name`, `name:qualifier`, partial and full ARNs (API model, NamespacedFunctionName). */
const pattern =
  /^(?<prefix>arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(?<account>\d{12}):)?(?:function:)?(?<name>[a-zA-Z0-9-_.]+)(?::(?<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?$/;

/** Undefined: not the name of a function. */
export function readFunctionName(text: string): FunctionName | undefined {
  const groups = text.length <= 256 ? pattern.exec(text)?.groups : undefined;
  if (groups === undefined) return undefined;
  const { prefix, region, account, name = "", qualifier } = groups;
  if (prefix !== undefined && (region === undefined || account === undefined)) return undefined;
  return { name, qualifier, account, region };
}
