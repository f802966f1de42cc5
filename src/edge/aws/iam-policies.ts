import type { GroupRecord, PolicyRecord, PolicyVersion, RoleRecord, UserRecord } from "../../registry/index.ts";
import { awsManagedPolicies, awsManagedPolicy } from "../auth/managed-policies.ts";
import { customerPolicy } from "../auth/permissions.ts";
import { type Action, listOf, type QueryCall, QueryError, required, requiredName, tagList, tagsOf } from "./action.ts";
import { documentField, measured } from "./iam-documents.ts";
import { newId, pathOf } from "./iam-ids.ts";
import { paged } from "./iam-pages.ts";
import { groupsOf, usersOf } from "./iam-users.ts";
import type { Xml } from "./xml.ts";

/** Source: IAM User Guide, "IAM and AWS STS quotas". */
const versionsKept = 5;
const documentLimit = 6144;

/** Managed policies: customers', with their versions, and AWS's own, as far as they are known here. */
export const policyActions: Readonly<Record<string, Action>> = {
  CreatePolicy(call) {
    const { fields, account, registry } = call;
    const name = requiredName(fields, "PolicyName", 128);
    const document = sizedDocument(call);
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
    return { Policy: policyView(call, policy) };
  },

  GetPolicy: (call) => ({ Policy: policyView(call, policyOf(call)) }),

  ListPolicies(call) {
    const { fields, account, registry } = call;
    const scope = fields.get("Scope") ?? "All";
    const prefix = fields.get("PathPrefix") ?? "/";
    const own = scope === "AWS" ? [] : registry.policies.list(account);
    const all = [...own, ...(scope === "Local" ? [] : awsManagedPolicies().map(({ arn }) => awsRecord(arn)!))];
    const shown = all.filter(
      (policy) =>
        policy.path.startsWith(prefix) &&
        (fields.get("OnlyAttached") !== "true" || holdersOf(call, arnOf(policy)).all.length > 0),
    );
    return paged(fields, "Policies", shown, arnOf, (policy) => policyView(call, policy));
  },

  DeletePolicy(call) {
    const policy = ownPolicy(call);
    if (holdersOf(call, arnOf(policy)).all.length > 0) {
      throw new QueryError(409, "DeleteConflict", "Cannot delete a policy attached to entities.");
    }
    if (versionsOf(policy).length > 1) {
      throw new QueryError(
        409,
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
      );
    }
    call.registry.policies.remove(policy.account, policy.name);
    return undefined;
  },

  CreatePolicyVersion(call) {
    const policy = ownPolicy(call);
    const document = sizedDocument(call);
    const versions = versionsOf(policy);
    if (versions.length >= versionsKept) {
      throw new QueryError(
        409,
        "LimitExceeded",
        `A managed policy can have up to ${versionsKept} versions. Before you create a new version, you must delete an existing version.`,
      );
    }
    const lastVersion = (policy.lastVersion ?? 1) + 1;
    const made: PolicyVersion = { id: `v${lastVersion}`, document, created: new Date().toISOString() };
    const changed = { ...policy, versions: [...versions, made], lastVersion, updated: made.created };
    const becomesDefault = call.fields.get("SetAsDefault") === "true";
    const next = becomesDefault ? { ...changed, document, defaultVersion: made.id } : changed;
    call.registry.policies.put(next);
    const { Document: _document, ...shown } = versionView(next, made);
    return { PolicyVersion: shown };
  },

  SetDefaultPolicyVersion(call) {
    const policy = ownPolicy(call);
    const { id, document } = versionOf(policy, required(call.fields, "VersionId"));
    const versions = versionsOf(policy);
    call.registry.policies.put({
      ...policy,
      versions,
      document,
      defaultVersion: id,
      updated: new Date().toISOString(),
    });
    return undefined;
  },

  DeletePolicyVersion(call) {
    const policy = ownPolicy(call);
    const { id } = versionOf(policy, required(call.fields, "VersionId"));
    if (id === (policy.defaultVersion ?? "v1")) {
      throw new QueryError(409, "DeleteConflict", "Cannot delete the default version of a policy.");
    }
    call.registry.policies.put({ ...policy, versions: versionsOf(policy).filter((version) => version.id !== id) });
    return undefined;
  },

  GetPolicyVersion(call) {
    const policy = policyOf(call);
    return { PolicyVersion: versionView(policy, versionOf(policy, required(call.fields, "VersionId"))) };
  },

  ListPolicyVersions(call) {
    const policy = policyOf(call);
    const newestFirst = [...versionsOf(policy)].reverse();
    return paged(
      call.fields,
      "Versions",
      newestFirst,
      ({ id }) => id,
      (version) => {
        const { Document: _document, ...shown } = versionView(policy, version);
        return shown;
      },
    );
  },

  ListEntitiesForPolicy(call) {
    const { users, roles, groups } = holdersOf(call, arnOf(policyOf(call)));
    return {
      PolicyGroups: groups.map(({ name, id }) => ({ GroupName: name, GroupId: id })),
      PolicyUsers: users.map(({ name, id }) => ({ UserName: name, UserId: id })),
      PolicyRoles: roles.map(({ name, id }) => ({ RoleName: name, RoleId: id })),
      IsTruncated: false,
    };
  },

  TagPolicy(call) {
    const policy = ownPolicy(call);
    call.registry.policies.put({ ...policy, tags: { ...policy.tags, ...tagsOf(call.fields) } });
    return undefined;
  },

  UntagPolicy(call) {
    const policy = ownPolicy(call);
    const gone = new Set(listOf(call.fields, "TagKeys"));
    const tags = Object.fromEntries(Object.entries(policy.tags).filter(([key]) => !gone.has(key)));
    call.registry.policies.put({ ...policy, tags });
    return undefined;
  },

  ListPolicyTags: (call) => ({ Tags: tagList(policyOf(call).tags), IsTruncated: false }),
};

function sizedDocument({ fields }: QueryCall): string {
  const document = documentField(fields, "PolicyDocument", "identity");
  if (measured(document) <= documentLimit) return document;
  throw new QueryError(409, "LimitExceeded", `Cannot exceed quota for PolicySize: ${documentLimit}`);
}

/** A policy that can be changed: one of the caller's account. Throws NoSuchEntity. */
function ownPolicy(call: QueryCall): PolicyRecord {
  const arn = required(call.fields, "PolicyArn");
  const policy = customerPolicy(call.registry, arn);
  if (policy?.account === call.account) return policy;
  if (awsRecord(arn) !== undefined) {
    throw new QueryError(403, "AccessDenied", `User is not authorized to change the AWS managed policy ${arn}`);
  }
  throw noPolicy(arn);
}

function policyOf(call: QueryCall): PolicyRecord {
  const arn = required(call.fields, "PolicyArn");
  const policy = customerPolicy(call.registry, arn);
  const found = policy?.account === call.account ? policy : awsRecord(arn);
  if (found === undefined) throw noPolicy(arn);
  return found;
}

const noPolicy = (arn: string) =>
  new QueryError(404, "NoSuchEntity", `Policy ${arn} does not exist or is not attachable.`);

/** One of AWS's, as if it were a customer's. */
function awsRecord(arn: string): PolicyRecord | undefined {
  const document = awsManagedPolicy(arn)?.document;
  const [, path = "/", name = ""] = /:policy(\/(?:.*\/)?)([^/]+)$/.exec(arn) ?? [];
  if (document === undefined) return undefined;
  return { account: "aws", name, path, id: `ANPA${idOf(arn)}`, document, created: "2015-02-06T18:39:46Z", tags: {} };
}

/** The same for every run: 17 letters made of the ARN. */
const idOf = (arn: string): string =>
  Buffer.from(arn)
    .toString("hex")
    .toUpperCase()
    .replace(/[^A-F2-7]/g, "")
    .slice(-17)
    .padStart(17, "A");

function versionsOf(policy: PolicyRecord): readonly PolicyVersion[] {
  return policy.versions ?? [{ id: "v1", document: policy.document, created: policy.created }];
}

function versionOf(policy: PolicyRecord, id: string): PolicyVersion {
  const version = versionsOf(policy).find((one) => one.id === id);
  if (version !== undefined) return version;
  throw new QueryError(
    404,
    "NoSuchEntity",
    `Policy ${arnOf(policy)} version ${id} does not exist or is not attachable.`,
  );
}

/** Of the caller's account, who has it attached; and for how many it is the boundary. */
function holdersOf({ account, registry }: QueryCall, arn: string) {
  const has = ({ attached }: UserRecord | RoleRecord | GroupRecord) => attached.includes(arn);
  const users = usersOf({ registry }).list(account);
  const roles = registry.roles.list(account);
  const bounded = [...users, ...roles].filter(({ boundary }) => boundary === arn).length;
  const found = {
    users: users.filter(has),
    roles: roles.filter(has),
    groups: groupsOf({ registry }).list(account).filter(has),
  };
  return { ...found, all: [...found.users, ...found.roles, ...found.groups], bounded };
}

export const arnOf = (policy: PolicyRecord): string =>
  `arn:aws:iam::${policy.account}:policy${policy.path}${policy.name}`;

function policyView(call: QueryCall, policy: PolicyRecord): Xml {
  const { all, bounded } = holdersOf(call, arnOf(policy));
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: arnOf(policy),
    Path: policy.path,
    DefaultVersionId: policy.defaultVersion ?? "v1",
    AttachmentCount: all.length,
    PermissionsBoundaryUsageCount: bounded,
    IsAttachable: true,
    Description: policy.description,
    CreateDate: policy.created,
    UpdateDate: policy.updated ?? policy.created,
    Tags: Object.keys(policy.tags).length === 0 ? undefined : tagList(policy.tags),
  };
}

const versionView = (policy: PolicyRecord, { id, document, created }: PolicyVersion) => ({
  Document: encodeURIComponent(document),
  VersionId: id,
  IsDefaultVersion: id === (policy.defaultVersion ?? "v1"),
  CreateDate: created,
});
