import type { AccessKeyRecord } from "../../registry/index.ts";
import { type Action, type QueryCall, QueryError, required } from "./action.ts";
import { paged } from "./iam-pages.ts";
import { userOrSelf } from "./iam-users.ts";

/** Keys that a user may have. Source: IAM User Guide, "IAM and AWS STS quotas". */
const keysPerUser = 2;

export const accessKeyActions: Readonly<Record<string, Action>> = {
  CreateAccessKey(call) {
    const user = holderOf(call);
    if (call.keyring.of(call.account, user).length >= keysPerUser) {
      throw new QueryError(409, "LimitExceeded", `Cannot exceed quota for AccessKeysPerUser: ${keysPerUser}`);
    }
    const key = call.keyring.create(call.account, user);
    return { AccessKey: { ...keyView(key), SecretAccessKey: call.keyring.secretOf(key) } };
  },

  ListAccessKeys(call) {
    const keys = call.keyring.of(call.account, holderOf(call));
    return paged(call.fields, "AccessKeyMetadata", keys, ({ name }) => name, keyView);
  },

  UpdateAccessKey(call) {
    const key = keyOf(call);
    const status = required(call.fields, "Status");
    if (status !== "Active" && status !== "Inactive") {
      throw new QueryError(
        400,
        "ValidationError",
        `1 validation error detected: Value '${status}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]`,
      );
    }
    call.keyring.put({ ...key, status });
    return undefined;
  },

  DeleteAccessKey(call) {
    call.keyring.remove(keyOf(call));
    return undefined;
  },
};

/** The user whose keys they are; undefined: the root user, when the root user asks and names nobody. */
function holderOf(call: QueryCall): string | undefined {
  if (call.fields.has("UserName") || call.caller.principal?.kind === "user") return userOrSelf(call).name;
  return undefined;
}

function keyOf(call: QueryCall): AccessKeyRecord {
  const id = required(call.fields, "AccessKeyId");
  const user = holderOf(call);
  const key = call.keyring.of(call.account, user).find(({ name }) => name === id);
  if (key !== undefined) return key;
  throw new QueryError(404, "NoSuchEntity", `The Access Key with id ${id} cannot be found.`);
}

const keyView = ({ user, name, status, created }: AccessKeyRecord) => ({
  UserName: user,
  AccessKeyId: name,
  Status: status,
  CreateDate: created,
});
