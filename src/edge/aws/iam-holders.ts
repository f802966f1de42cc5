import type { GroupRecord, RoleRecord, UserRecord } from "../../registry/index.ts";
import { customerPolicy } from "../auth/permissions.ts";
import { type Action, type QueryCall, QueryError, required, requiredName } from "./action.ts";
import { documentField, measured } from "./iam-documents.ts";
import { paged } from "./iam-pages.ts";

/** Whoever has policies: users, roles and groups have the same seven operations. */
export type Holder = UserRecord | RoleRecord | GroupRecord;

/** A kind of them. */
export interface Holders<T extends Holder> {
  /** `User`, as it stands in the operations' names */
  readonly kind: "User" | "Role" | "Group";
  /** characters of its inline policies together. Source: IAM User Guide, "IAM and AWS STS quotas". */
  readonly inlineLimit: number;
  /** Throws NoSuchEntity. */
  of(call: QueryCall): T;
  put(call: QueryCall, record: T): void;
}

/** Managed policies that one holder may have. Same source. */
const attachedLimit = 10;

/** Inline policies, and managed ones attached. */
export function holderActions<T extends Holder>(holders: Holders<T>): Readonly<Record<string, Action>> {
  const { kind, of, put, inlineLimit } = holders;
  const nameField = `${kind}Name`;
  const noun = kind.toLowerCase();

  function inlineOf(holder: T, name: string): string {
    const document = Object.hasOwn(holder.inline, name) ? holder.inline[name] : undefined;
    if (document !== undefined) return document;
    throw new QueryError(404, "NoSuchEntity", `The ${noun} policy with name ${name} cannot be found.`);
  }

  return {
    [`Put${kind}Policy`](call) {
      const holder = of(call);
      const name = requiredName(call.fields, "PolicyName", 128);
      const document = documentField(call.fields, "PolicyDocument", "identity");
      const inline = { ...holder.inline, [name]: document };
      const size = Object.values(inline).reduce((sum, text) => sum + measured(text), 0);
      if (size > inlineLimit) {
        const message = `Maximum policy size of ${inlineLimit} bytes exceeded for ${noun} ${holder.name}`;
        throw new QueryError(409, "LimitExceeded", message);
      }
      put(call, { ...holder, inline });
      return undefined;
    },

    [`Get${kind}Policy`](call) {
      const holder = of(call);
      const PolicyName = required(call.fields, "PolicyName");
      const PolicyDocument = encodeURIComponent(inlineOf(holder, PolicyName));
      return { [nameField]: holder.name, PolicyName, PolicyDocument };
    },

    [`Delete${kind}Policy`](call) {
      const holder = of(call);
      const name = required(call.fields, "PolicyName");
      inlineOf(holder, name);
      const inline = Object.fromEntries(Object.entries(holder.inline).filter(([other]) => other !== name));
      put(call, { ...holder, inline });
      return undefined;
    },

    [`List${kind}Policies`]: (call) =>
      paged(call.fields, "PolicyNames", Object.keys(of(call).inline).sort(), String, String),

    [`Attach${kind}Policy`](call) {
      const holder = of(call);
      const arn = policyArn(call);
      if (holder.attached.includes(arn)) return undefined;
      if (holder.attached.length >= attachedLimit) {
        const message = `Cannot exceed quota for PoliciesPer${kind}: ${attachedLimit}`;
        throw new QueryError(409, "LimitExceeded", message);
      }
      put(call, { ...holder, attached: [...holder.attached, arn] });
      return undefined;
    },

    [`Detach${kind}Policy`](call) {
      const holder = of(call);
      const arn = required(call.fields, "PolicyArn");
      if (!holder.attached.includes(arn)) throw new QueryError(404, "NoSuchEntity", `Policy ${arn} was not found.`);
      put(call, { ...holder, attached: holder.attached.filter((other) => other !== arn) });
      return undefined;
    },

    [`ListAttached${kind}Policies`]: (call) =>
      paged(call.fields, "AttachedPolicies", of(call).attached, String, (PolicyArn) => ({
        PolicyName: PolicyArn.slice(PolicyArn.lastIndexOf("/") + 1),
        PolicyArn,
      })),
  };
}

/** What bounds a user's or a role's policies. */
export function boundaryActions<T extends UserRecord | RoleRecord>(
  holders: Holders<T>,
): Readonly<Record<string, Action>> {
  const { kind, of, put } = holders;
  return {
    [`Put${kind}PermissionsBoundary`](call) {
      const boundary = policyArn(call, "PermissionsBoundary");
      put(call, { ...of(call), boundary });
      return undefined;
    },
    [`Delete${kind}PermissionsBoundary`](call) {
      const { boundary: _boundary, ...rest } = of(call);
      put(call, rest as T);
      return undefined;
    },
  };
}

export const boundaryView = ({ boundary }: { readonly boundary?: string | undefined }) =>
  boundary === undefined
    ? undefined
    : { PermissionsBoundaryType: "PermissionsBoundaryPolicy", PermissionsBoundaryArn: boundary };

/** ARN of a managed policy that exists, or may: AWS has more of its own than are known here. */
export function policyArn({ fields, registry }: QueryCall, field = "PolicyArn"): string {
  const arn = required(fields, field);
  const [, owner] = /^arn:aws[a-zA-Z-]*:iam::(aws|\d{12}):policy\/.+$/.exec(arn) ?? [];
  if (owner === undefined) throw new QueryError(400, "InvalidInput", `ARN ${arn} is not valid.`);
  if (owner === "aws" || customerPolicy(registry, arn) !== undefined) return arn;
  throw new QueryError(404, "NoSuchEntity", `Policy ${arn} does not exist or is not attachable.`);
}
