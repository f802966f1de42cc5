import { invalidParameter, invalidValue, MessageRefusal } from "../refusal.ts";

type Json = Readonly<Record<string, unknown>>;
interface Document {
  readonly Version: string;
  readonly Id?: string;
  readonly Statement: readonly Json[];
}

const oneOrMany = <T>(list: readonly T[]): T | readonly T[] => (list.length === 1 ? list[0]! : list);

function documentOf(policy: string | undefined, arn: string, service: string): Document {
  if (policy === undefined) return { Version: "2008-10-17", Id: `${arn}/${service}DefaultPolicy`, Statement: [] };
  const { Statement, ...rest } = JSON.parse(policy) as Omit<Document, "Statement"> & { Statement: unknown };
  return { ...rest, Statement: (Array.isArray(Statement) ? Statement : [Statement]) as Json[] };
}

/**
 * The policy with one more statement, as AddPermission makes it. Throws InvalidParameterValue.
 * Source: SQS API Reference and SNS API Reference, AddPermission.
 */
export function withPermission(
  policy: string | undefined,
  service: "SQS" | "SNS",
  arn: string,
  { label, accounts, actions }: Permission,
): string {
  if (!/^[\w-]{1,80}$/.test(label))
    throw invalidValue(
      label,
      "Label",
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
    );
  if (accounts.length === 0 || actions.length === 0)
    throw invalidParameter("AWSAccountIds and Actions must not be empty.");
  const unknown = accounts.find((account) => !/^\d{12}$/.test(account));
  if (unknown !== undefined) throw invalidValue(`[${unknown}]`, "PrincipalId", "Unable to verify.");
  for (const action of actions) {
    if (action === "*" || /^[A-Z][A-Za-z]{1,50}$/.test(action)) continue;
    throw invalidValue(
      `${service}:${action}`,
      "ActionName",
      `Please refer to the appropriate WSDL for a list of valid actions.`,
    );
  }
  const { Statement, ...document } = documentOf(policy, arn, service);
  if (Statement.some(({ Sid }) => Sid === label)) throw invalidValue(label, "Label", "Already exists.");
  if (service === "SQS" && actions.length > 7) {
    throw new MessageRefusal("OverLimit", `${actions.length} Actions were found, maximum allowed is 7.`);
  }
  const added = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: oneOrMany(accounts.map((account) => `arn:aws:iam::${account}:root`)) },
    Action: oneOrMany(actions.map((action) => `${service}:${action}`)),
    Resource: arn,
  };
  return JSON.stringify({ ...document, Statement: [...Statement, added] });
}

export interface Permission {
  readonly label: string;
  /** 12 digits each */
  readonly accounts: readonly string[];
  /** `SendMessage`, `*` … */
  readonly actions: readonly string[];
}

/** Without the statement of this label; empty when nothing is left. Throws InvalidParameterValue. */
export function withoutPermission(policy: string | undefined, label: string, arn: string): string {
  const { Statement, ...document } = documentOf(policy, arn, "");
  const left = Statement.filter(({ Sid }) => Sid !== label);
  if (left.length === Statement.length) throw invalidValue(label, "Label", "can't find label.");
  return left.length === 0 ? "" : JSON.stringify({ ...document, Statement: left });
}
