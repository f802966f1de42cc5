import { isMapping, type Mapping } from "../../templates/index.ts";
import { isMissing, isTaken } from "./calls.ts";
import {
  type Changing,
  changed,
  documentText,
  type Existing,
  gone,
  type Handler,
  type Handlers,
  pairsOf,
  tagList,
  tagsOf,
  text,
  type Work,
} from "./handler.ts";

const listOf = (value: unknown): Mapping[] => (Array.isArray(value) ? (value as Mapping[]) : []);
const namesOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);

/** Templates leave the language's version out (SAM's own do), which IAM itself does not take. */
const policyText = (document: unknown): string =>
  documentText(
    isMapping(document) && document.Version === undefined ? { Version: "2012-10-17", ...document } : document,
  );

/** Inline policies of a role or user, by name. */
const inlineOf = (policies: unknown): Record<string, string> =>
  Object.fromEntries(listOf(policies).map((each) => [text(each.PolicyName), policyText(each.PolicyDocument)]));

type Holder = "Role" | "User" | "Group";

async function putPolicies(work: Work, kind: Holder, name: string, before: Mapping): Promise<void> {
  const { calls, properties } = work;
  const owner = { [`${kind}Name`]: name };
  const wished = inlineOf(properties.Policies);
  const had = inlineOf(before.Policies);
  for (const PolicyName of gone(had, wished)) {
    await calls.query("iam", `Delete${kind}Policy`, { ...owner, PolicyName });
  }
  for (const [PolicyName, PolicyDocument] of Object.entries(wished)) {
    await calls.query("iam", `Put${kind}Policy`, { ...owner, PolicyName, PolicyDocument });
  }
  const attached = namesOf(properties.ManagedPolicyArns);
  for (const PolicyArn of namesOf(before.ManagedPolicyArns).filter((arn) => !attached.includes(arn))) {
    await calls.query("iam", `Detach${kind}Policy`, { ...owner, PolicyArn });
  }
  for (const PolicyArn of attached) await calls.query("iam", `Attach${kind}Policy`, { ...owner, PolicyArn });
}

/** A role or user cannot be deleted while it holds anything. */
async function takePolicies({ calls }: Existing, kind: Holder, name: string): Promise<void> {
  const owner = { [`${kind}Name`]: name };
  const inline = await calls.query("iam", `List${kind}Policies`, owner);
  for (const PolicyName of inline.texts("member"))
    await calls.query("iam", `Delete${kind}Policy`, { ...owner, PolicyName });
  const attached = await calls.query("iam", `ListAttached${kind}Policies`, owner);
  for (const PolicyArn of attached.texts("PolicyArn"))
    await calls.query("iam", `Detach${kind}Policy`, { ...owner, PolicyArn });
}

const role: Handler = {
  replaces: ["RoleName", "Path"],
  name: { property: "RoleName", most: 64 },
  async create(work) {
    const { calls, properties } = work;
    const RoleName = text(properties.RoleName) || work.name;
    const { Path, Description, MaxSessionDuration, PermissionsBoundary } = properties;
    const AssumeRolePolicyDocument = documentText(properties.AssumeRolePolicyDocument);
    const input = { RoleName, Path, Description, MaxSessionDuration, PermissionsBoundary, AssumeRolePolicyDocument };
    const answer = await calls.query("iam", "CreateRole", { ...input, Tags: tagList(tagsOf(work)) }).catch((error) => {
      if (!(work.again && isTaken(error))) throw error;
      return calls.query("iam", "GetRole", { RoleName });
    });
    work.exists({ physicalId: RoleName });
    await putPolicies(work, "Role", RoleName, {});
    return { physicalId: RoleName, attributes: { Arn: answer.text("Arn"), RoleId: answer.text("RoleId") } };
  },
  async update(work) {
    const { calls, properties, physicalId: RoleName } = work;
    if (changed(work, "AssumeRolePolicyDocument")) {
      const PolicyDocument = documentText(properties.AssumeRolePolicyDocument);
      await calls.query("iam", "UpdateAssumeRolePolicy", { RoleName, PolicyDocument });
    }
    if (changed(work, "Description", "MaxSessionDuration")) {
      const { Description = "", MaxSessionDuration = 3600 } = properties;
      await calls.query("iam", "UpdateRole", { RoleName, Description, MaxSessionDuration });
    }
    const { PermissionsBoundary } = properties;
    if (changed(work, "PermissionsBoundary")) {
      if (PermissionsBoundary === undefined) await calls.query("iam", "DeleteRolePermissionsBoundary", { RoleName });
      else await calls.query("iam", "PutRolePermissionsBoundary", { RoleName, PermissionsBoundary });
    }
    await putPolicies(work, "Role", RoleName, work.before);
    const lost = gone(pairsOf(work.before.Tags), tagsOf(work));
    if (lost.length > 0) await calls.query("iam", "UntagRole", { RoleName, TagKeys: lost });
    const tags = tagList(tagsOf(work));
    if (tags.length > 0) await calls.query("iam", "TagRole", { RoleName, Tags: tags });
    return {};
  },
  async delete(work) {
    await takePolicies(work, "Role", work.physicalId);
    await work.calls.query("iam", "DeleteRole", { RoleName: work.physicalId });
  },
};

const user: Handler = {
  replaces: ["UserName"],
  name: { property: "UserName", most: 64 },
  async create(work) {
    const { calls, properties } = work;
    const UserName = text(properties.UserName) || work.name;
    const { Path, PermissionsBoundary } = properties;
    const input = { UserName, Path, PermissionsBoundary, Tags: tagList(tagsOf(work)) };
    const answer = await calls.query("iam", "CreateUser", input).catch((error) => {
      if (!(work.again && isTaken(error))) throw error;
      return calls.query("iam", "GetUser", { UserName });
    });
    work.exists({ physicalId: UserName });
    await putPolicies(work, "User", UserName, {});
    return { physicalId: UserName, attributes: { Arn: answer.text("Arn") } };
  },
  async update(work) {
    await putPolicies(work, "User", work.physicalId, work.before);
    return {};
  },
  async delete(work) {
    await takePolicies(work, "User", work.physicalId);
    await work.calls.query("iam", "DeleteUser", { UserName: work.physicalId });
  },
};

/** Who has an inline policy: `[kind, name]`. */
const holdersOf = ({ Roles, Users, Groups }: Mapping): [Holder, string][] => [
  ...namesOf(Roles).map((name): [Holder, string] => ["Role", name]),
  ...namesOf(Users).map((name): [Holder, string] => ["User", name]),
  ...namesOf(Groups).map((name): [Holder, string] => ["Group", name]),
];

const each = async (
  { calls }: Work,
  holders: readonly [Holder, string][],
  action: (kind: Holder) => string,
  input: Mapping,
): Promise<void> => {
  for (const [kind, name] of holders) {
    await calls.query("iam", action(kind), { [`${kind}Name`]: name, ...input }).catch((error) => {
      // Whoever held it may have gone before it.
      if (!(isMissing(error) && /^(Delete|Detach)/.test(action(kind)))) throw error;
    });
  }
};
const lost = (work: Changing): [Holder, string][] => {
  const now = holdersOf(work.properties).map(String);
  return holdersOf(work.before).filter((holder) => !now.includes(String(holder)));
};

const policy: Handler = {
  replaces: ["PolicyName"],
  async create(work) {
    const { PolicyName, PolicyDocument } = work.properties;
    await each(work, holdersOf(work.properties), (kind) => `Put${kind}Policy`, {
      PolicyName,
      PolicyDocument: policyText(PolicyDocument),
    });
    return { physicalId: work.name, attributes: { Id: work.name } };
  },
  async update(work) {
    const { PolicyName, PolicyDocument } = work.properties;
    await each(work, lost(work), (kind) => `Delete${kind}Policy`, { PolicyName });
    await each(work, holdersOf(work.properties), (kind) => `Put${kind}Policy`, {
      PolicyName,
      PolicyDocument: policyText(PolicyDocument),
    });
    return {};
  },
  async delete(work) {
    const { PolicyName } = work.properties;
    await each(work, holdersOf(work.properties), (kind) => `Delete${kind}Policy`, { PolicyName });
  },
};

const managedPolicy: Handler = {
  replaces: ["ManagedPolicyName", "Path", "Description"],
  name: { property: "ManagedPolicyName", most: 128 },
  async create(work) {
    const { calls, properties, stack } = work;
    const { Path, Description } = properties;
    const PolicyName = text(properties.ManagedPolicyName) || work.name;
    const input = { PolicyName, Path, Description, PolicyDocument: policyText(properties.PolicyDocument) };
    const PolicyArn = await calls.query("iam", "CreatePolicy", input).then(
      (answer) => text(answer.text("Arn")),
      (error) => {
        if (!(work.again && isTaken(error))) throw error;
        return `arn:aws:iam::${stack.account}:policy${text(Path) || "/"}${PolicyName}`;
      },
    );
    work.exists({ physicalId: PolicyArn });
    await each(work, holdersOf(properties), (kind) => `Attach${kind}Policy`, { PolicyArn });
    return { physicalId: PolicyArn, attributes: { PolicyArn } };
  },
  async update(work) {
    const { calls, physicalId: PolicyArn, properties } = work;
    if (changed(work, "PolicyDocument")) {
      const versions = await calls.query("iam", "ListPolicyVersions", { PolicyArn });
      const ids = versions.texts("VersionId");
      // There may be five: the oldest that is not in force makes room.
      if (ids.length >= 5) await calls.query("iam", "DeletePolicyVersion", { PolicyArn, VersionId: ids.at(-1) });
      const PolicyDocument = policyText(properties.PolicyDocument);
      await calls.query("iam", "CreatePolicyVersion", { PolicyArn, PolicyDocument, SetAsDefault: true });
    }
    await each(work, lost(work), (kind) => `Detach${kind}Policy`, { PolicyArn });
    await each(work, holdersOf(properties), (kind) => `Attach${kind}Policy`, { PolicyArn });
    return {};
  },
  async delete(work) {
    const { calls, physicalId: PolicyArn } = work;
    const holders = await calls.query("iam", "ListEntitiesForPolicy", { PolicyArn });
    for (const kind of ["Role", "User", "Group"] as const) {
      const names = holders.texts(`${kind}Name`).map((name): [Holder, string] => [kind, name]);
      await each(work, names, () => `Detach${kind}Policy`, { PolicyArn });
    }
    const versions = await calls.query("iam", "ListPolicyVersions", { PolicyArn });
    const inForce = versions.texts("IsDefaultVersion");
    for (const [index, VersionId] of versions.texts("VersionId").entries()) {
      if (inForce[index] !== "true") await calls.query("iam", "DeletePolicyVersion", { PolicyArn, VersionId });
    }
    await calls.query("iam", "DeletePolicy", { PolicyArn });
  },
};

/** Machines take roles by these; there are no machines here. */
const instanceProfile: Handler = {
  replaces: "all",
  async create({ name, stack, properties }) {
    const id = text(properties.InstanceProfileName) || name;
    return { physicalId: id, attributes: { Arn: `arn:aws:iam::${stack.account}:instance-profile/${id}` } };
  },
  async delete() {},
};

export const iamHandlers: Handlers = {
  "AWS::IAM::Role": role,
  "AWS::IAM::User": user,
  "AWS::IAM::Policy": policy,
  "AWS::IAM::ManagedPolicy": managedPolicy,
  "AWS::IAM::InstanceProfile": instanceProfile,
};
