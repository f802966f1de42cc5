import { randomBytes } from "node:crypto";
import type {
  CreateGrantRequest,
  GrantConstraints,
  GrantListEntry,
  ListGrantsRequest,
  ListRetirableGrantsRequest,
  RetireGrantRequest,
  RevokeGrantRequest,
} from "@aws-sdk/client-kms";
import { type KeyRecord, KeyRefusal, keyArn } from "../../../keys/index.ts";
import { ServiceError } from "../../../model/index.ts";
import type { Named } from "../../../registry/index.ts";
import type { Caller } from "../../caller.ts";
import { type KmsCall, keyOf, page, seconds, stopDryRun } from "./operation.ts";

/** What somebody may do with a key beside its policy. */
export interface GrantRecord {
  readonly account: string;
  /** `REGION/KEY/GRANT` */
  readonly name: string;
  readonly key: string;
  readonly id: string;
  readonly token: string;
  readonly grantee: string;
  readonly retiring?: string | undefined;
  readonly operations: readonly string[];
  readonly constraints?: GrantConstraints | undefined;
  readonly given?: string | undefined;
  /** who made it */
  readonly issuer: string;
  readonly created: number;
}

export type GrantStore = Named<GrantRecord>;

export interface GrantCall<Input> extends KmsCall<Input> {
  readonly store: GrantStore;
  readonly caller: Caller;
}

const hex64 = () => randomBytes(32).toString("hex");
const arnOf = ({ principal, account }: Caller): string => principal?.arn ?? `arn:aws:iam::${account}:root`;
/** All names that policies and grants know the caller by. */
const namesOf = (caller: Caller): readonly string[] => [arnOf(caller), ...(caller.principal?.identity.arns ?? [])];
const ofKey = (store: GrantStore, key: KeyRecord): readonly GrantRecord[] =>
  store.list(key.account).filter((grant) => grant.key === keyArn(key));

/** Does any grant let the caller do that? Source: KMS Developer Guide, "Grants in AWS KMS". */
export function grants(
  store: GrantStore,
  key: KeyRecord,
  caller: Caller,
  action: string,
  context: Readonly<Record<string, string>>,
): boolean {
  const names = namesOf(caller);
  return ofKey(store, key).some(
    ({ grantee, retiring, operations, constraints }) =>
      (names.includes(grantee) && operations.includes(action) && meets(context, constraints)) ||
      (action === "RetireGrant" && retiring !== undefined && names.includes(retiring)),
  );
}

function meets(context: Readonly<Record<string, string>>, constraints: GrantConstraints | undefined): boolean {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints ?? {};
  const has = (wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).every(([name, value]) => Object.hasOwn(context, name) && context[name] === value);
  if (equals !== undefined && !(has(equals) && Object.keys(equals).length === Object.keys(context).length))
    return false;
  return subset === undefined || has(subset);
}

const principalArn = /^arn:[^:]+:(?:iam|sts)::\d{12}:.+$/;

export function createGrant(call: GrantCall<CreateGrantRequest>) {
  const key = keyOf(call, call.input.KeyId);
  const { GranteePrincipal = "", RetiringPrincipal, Operations = [], Constraints, Name } = call.input;
  for (const arn of [GranteePrincipal, ...(RetiringPrincipal === undefined ? [] : [RetiringPrincipal])]) {
    if (!principalArn.test(arn)) throw new KeyRefusal("InvalidArnException", `Invalid principal ARN: ${arn}`);
  }
  if (Operations.length === 0) throw new KeyRefusal("ValidationException", "A grant is for one operation at least");
  const all = ofKey(call.store, key);
  if (all.length >= 50_000) throw new KeyRefusal("LimitExceededException", "A key has 50000 grants at most");
  stopDryRun(call.input);
  const wanted = {
    grantee: GranteePrincipal,
    retiring: RetiringPrincipal,
    operations: Operations,
    constraints: Constraints,
    given: Name,
  };
  // By its name a retry gets the grant that was made before.
  const same = (grant: GrantRecord) =>
    Name !== undefined && JSON.stringify(shapeOf(grant)) === JSON.stringify(shapeOf(wanted));
  const known = all.find(same);
  if (known !== undefined) return { GrantId: known.id, GrantToken: known.token };
  const id = hex64();
  const { account, region } = key;
  const grant: GrantRecord = {
    account,
    name: `${region}/${key.id}/${id}`,
    key: keyArn(key),
    id,
    token: randomBytes(48).toString("base64url"),
    ...wanted,
    issuer: `arn:aws:iam::${call.caller.account}:root`,
    created: Date.now(),
  };
  call.store.put(grant);
  return { GrantId: id, GrantToken: grant.token };
}

const shapeOf = (grant: Pick<GrantRecord, "grantee" | "retiring" | "operations" | "constraints" | "given">) => [
  grant.grantee,
  grant.retiring,
  grant.operations,
  grant.constraints,
  grant.given,
];

export function listGrants(call: GrantCall<ListGrantsRequest>) {
  const { GrantId, GranteePrincipal } = call.input;
  const found = ofKey(call.store, keyOf(call, call.input.KeyId)).filter(
    ({ id, grantee }) =>
      (GrantId === undefined || id === GrantId) && (GranteePrincipal === undefined || grantee === GranteePrincipal),
  );
  if (GrantId !== undefined && found.length === 0) throw noGrant(GrantId);
  return answer(found, call);
}

export function listRetirableGrants(call: GrantCall<ListRetirableGrantsRequest>) {
  const { RetiringPrincipal } = call.input;
  const { account, region } = call.scope;
  const own = call.store.list(account).filter(({ name }) => name.startsWith(`${region}/`));
  return answer(
    own.filter(({ retiring }) => retiring === RetiringPrincipal),
    call,
  );
}

function answer(
  found: readonly GrantRecord[],
  call: GrantCall<{ Limit?: number | undefined; Marker?: string | undefined }>,
) {
  const { items, more } = page(found, call.input, ({ id }) => id, 50);
  return { Grants: items.map(view), ...more };
}

function view({ key, id, given, created, grantee, retiring, issuer, operations, constraints }: GrantRecord) {
  return {
    KeyId: key,
    GrantId: id,
    Name: given ?? "",
    CreationDate: seconds(created) as unknown as Date,
    GranteePrincipal: grantee,
    ...(retiring === undefined ? {} : { RetiringPrincipal: retiring }),
    IssuingAccount: issuer,
    Operations: [...operations] as NonNullable<GrantListEntry["Operations"]>,
    ...(constraints === undefined ? {} : { Constraints: constraints }),
  };
}

export function revokeGrant(call: GrantCall<RevokeGrantRequest>) {
  const { GrantId = "" } = call.input;
  const grant = ofKey(call.store, keyOf(call, call.input.KeyId)).find(({ id }) => id === GrantId);
  if (grant === undefined) throw noGrant(GrantId);
  stopDryRun(call.input);
  call.store.remove(grant.account, grant.name);
  return {};
}

/** By its token, or by key and number; whoever is its retiring principal may, and its grantee where the grant says so. */
export function retireGrant(call: GrantCall<RetireGrantRequest>) {
  const { GrantToken, KeyId, GrantId } = call.input;
  const grant =
    GrantToken === undefined
      ? ofKey(call.store, keyOf(call, KeyId)).find(({ id }) => id === GrantId)
      : call.store.list(call.scope.account).find(({ token }) => token === GrantToken);
  if (grant === undefined) {
    if (GrantToken !== undefined) throw new KeyRefusal("InvalidGrantTokenException", "The grant token is not valid");
    throw noGrant(GrantId ?? "");
  }
  const names = namesOf(call.caller);
  const { retiring, grantee, operations } = grant;
  const may =
    call.caller.permissions === undefined ||
    call.caller.principal?.kind === "root" ||
    (retiring !== undefined && names.includes(retiring)) ||
    (names.includes(grantee) && operations.includes("RetireGrant"));
  if (!may) {
    throw new ServiceError(
      "AccessDeniedException",
      `User: ${arnOf(call.caller)} is not authorized to perform: kms:RetireGrant on resource: ${grant.key}`,
    );
  }
  stopDryRun(call.input);
  call.store.remove(grant.account, grant.name);
  return {};
}

const noGrant = (id: string): KeyRefusal => new KeyRefusal("NotFoundException", `Grant ID ${id} not found`);
