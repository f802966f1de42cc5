import type { PolicyRecord } from "../../registry/index.ts";
import {
  type Action,
  policyDocument,
  type QueryCall,
  QueryError,
  required,
  requiredName,
  tagList,
  tagsOf,
} from "./action.ts";
import { newId, pathOf } from "./iam-roles.ts";
import type { Xml } from "./xml.ts";

/** Customer-managed policies, with one version each, and AWS's own, of which only the name is known. */
export const policyActions: Readonly<Record<string, Action>> = {
  CreatePolicy({ fields, account, registry }) {
    const name = requiredName(fields, "PolicyName", 128);
    const document = policyDocument(fields, "PolicyDocument");
    if (registry.policies.get(account, name) !== undefined) {
      throw new QueryError(
        409,
        "EntityAlreadyExists",
        `A policy called ${name} already exists. Duplicate names are not allowed.`,
      );
    }
    const description = fields.get("Description");
    const policy: PolicyRecord = {
      account,
      name,
      path: pathOf(fields),
      id: newId("ANPA"),
      document,
      created: new Date().toISOString(),
      tags: tagsOf(fields),
      ...(description === null ? {} : { description }),
    };
    registry.policies.put(policy);
    return { Policy: policyView(policy, 0) };
  },

  GetPolicy(call) {
    const policy = policyOf(call);
    return { Policy: policyView(policy, attachments(call, policy)) };
  },

  GetPolicyVersion(call) {
    const policy = policyOf(call);
    const version = required(call.fields, "VersionId");
    if (version !== "v1") {
      throw new QueryError(
        404,
        "NoSuchEntity",
        `Policy ${arnOf(policy)} version ${version} does not exist or is not attachable.`,
      );
    }
    return { PolicyVersion: versionView(policy) };
  },

  ListPolicyVersions(call) {
    return { Versions: [versionView(policyOf(call))], IsTruncated: false };
  },

  ListPolicies(call) {
    const policies = call.fields.get("Scope") === "AWS" ? [] : call.registry.policies.list(call.account);
    return { Policies: policies.map((policy) => policyView(policy, attachments(call, policy))), IsTruncated: false };
  },

  DeletePolicy(call) {
    const policy = policyOf(call);
    if (attachments(call, policy) > 0) {
      throw new QueryError(409, "DeleteConflict", "Cannot delete a policy attached to entities.");
    }
    call.registry.policies.remove(policy.account, policy.name);
    return undefined;
  },
};

function policyOf({ fields, account, registry }: QueryCall): PolicyRecord {
  const arn = required(fields, "PolicyArn");
  const policy = registry.policies.get(account, arn.slice(arn.lastIndexOf("/") + 1));
  if (policy !== undefined && arnOf(policy) === arn) return policy;
  throw new QueryError(404, "NoSuchEntity", `Policy ${arn} does not exist or is not attachable.`);
}

function attachments({ account, registry }: QueryCall, policy: PolicyRecord): number {
  const arn = arnOf(policy);
  return registry.roles.list(account).filter((role) => role.attached.includes(arn)).length;
}

const arnOf = (policy: PolicyRecord): string => `arn:aws:iam::${policy.account}:policy${policy.path}${policy.name}`;

function policyView(policy: PolicyRecord, attached: number): Xml {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: arnOf(policy),
    Path: policy.path,
    DefaultVersionId: "v1",
    AttachmentCount: attached,
    PermissionsBoundaryUsageCount: 0,
    IsAttachable: true,
    Description: policy.description,
    CreateDate: policy.created,
    UpdateDate: policy.created,
    Tags: Object.keys(policy.tags).length === 0 ? undefined : tagList(policy.tags),
  };
}

function versionView(policy: PolicyRecord): Xml {
  return {
    Document: encodeURIComponent(policy.document),
    VersionId: "v1",
    IsDefaultVersion: true,
    CreateDate: policy.created,
  };
}
