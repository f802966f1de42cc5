import { headOf, type KeyRecord, KeyRefusal, type KeyScope, type Keys, keyArn } from "../../../keys/index.ts";
import { ServiceError } from "../../../model/index.ts";
import { evaluate, PolicyError, parsePolicy, type Statement } from "../../../policy/index.ts";
import { authorizeOperation, reasonAgainst } from "../../auth/index.ts";
import type { Caller } from "../../caller.ts";
import { type GrantStore, grants } from "./grants.ts";

/** What requests call keys, and what decides whether they may use them. */
interface About {
  readonly KeyId?: string;
  readonly TargetKeyId?: string;
  readonly SourceKeyId?: string;
  readonly DestinationKeyId?: string;
  readonly AliasName?: string;
  readonly CiphertextBlob?: Uint8Array;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
  readonly SourceEncryptionContext?: Readonly<Record<string, string>>;
  readonly DestinationEncryptionContext?: Readonly<Record<string, string>>;
}

type EncryptionContext = Readonly<Record<string, string>>;

/**
 * May the caller do that with the keys that it names? A key is its policy's: what that does not allow, to the caller or to its
 * account, no other policy can, and only a grant can beside it. Throws AccessDeniedException.
 * Source: KMS Developer Guide, "Determining access to AWS KMS keys".
 */
export function mayUse(keys: Keys, store: GrantStore, caller: Caller, operation: string, input: unknown): void {
  const about = input as About;
  const named = keysIn(keys, about, caller);
  // Of a key that is not there its operation says so.
  if (named.length === 0 || about.AliasName !== undefined) {
    const { AliasName } = about;
    authorizeOperation(caller, operation, AliasName === undefined ? about : { AliasName });
  }
  for (const { key, use } of named) {
    const { action, context } = use(operation, about);
    const why = whyNot(caller, key, action, context);
    if (why === undefined) continue;
    const denied = why.startsWith("with an explicit deny");
    if (!denied && grants(store, key, caller, action, context)) continue;
    throw new ServiceError(
      "AccessDeniedException",
      `User: ${caller.principal?.arn ?? `arn:aws:iam::${caller.account}:root`} is not authorized to perform: kms:${action} on resource: ${keyArn(key)} ${why}`,
    );
  }
}

function whyNot(caller: Caller, key: KeyRecord, action: string, context: EncryptionContext): string | undefined {
  const resource = keyArn(key);
  let decision: string = "none";
  const why = reasonAgainst(caller, {
    action: `kms:${action}`,
    resource,
    owner: key.account,
    context: {
      "kms:CallerAccount": caller.account,
      "kms:KeySpec": key.spec,
      "kms:KeyUsage": key.usage,
      "kms:EncryptionContextKeys": Object.keys(context),
      ...Object.fromEntries(Object.entries(context).map(([name, value]) => [`kms:EncryptionContext:${name}`, value])),
    },
    policy(asked) {
      const evaluation = evaluate(statementsOf(key), { ...asked, resource });
      decision = evaluation.decision;
      return evaluation;
    },
  });
  if (why !== undefined || caller.permissions === undefined || decision === "allow") return why;
  return `because no resource-based policy allows the kms:${action} action`;
}

/** A document that an earlier version took and that cannot be read lets nobody in. */
function statementsOf({ policy }: KeyRecord): readonly Statement[] {
  try {
    return parsePolicy(policy, "resource").statements;
  } catch (error) {
    if (error instanceof PolicyError) return [];
    throw error;
  }
}

interface Use {
  readonly key: KeyRecord;
  use(operation: string, about: About): { readonly action: string; readonly context: EncryptionContext };
}

/**
 * Policies name keys, whatever a request calls them, and even where only the ciphertext tells which key it is of. None: the
 * request is about none, about an alias itself, or about one that is not there.
 */
function keysIn(keys: Keys, about: About, scope: KeyScope): readonly Use[] {
  const { KeyId, TargetKeyId, SourceKeyId, DestinationKeyId, CiphertextBlob } = about;
  try {
    const sealed = CiphertextBlob === undefined ? undefined : headOf(Buffer.from(CiphertextBlob)).keyId;
    const own = KeyId ?? TargetKeyId ?? SourceKeyId ?? sealed;
    const used: Use[] = [];
    if (own !== undefined) used.push({ key: keys.find(scope, own), use: firstUse });
    if (DestinationKeyId !== undefined) used.push({ key: keys.find(scope, DestinationKeyId), use: secondUse });
    return used;
  } catch (error) {
    if (error instanceof KeyRefusal) return [];
    throw error;
  }
}

/** Source: Service Authorization Reference, KMS: ReEncrypt has no action of its own, but one for each of its keys. */
function firstUse(operation: string, { EncryptionContext = {}, SourceEncryptionContext = {} }: About) {
  if (operation === "ReEncrypt") return { action: "ReEncryptFrom", context: SourceEncryptionContext };
  return { action: operation, context: EncryptionContext };
}

const secondUse = (_operation: string, { DestinationEncryptionContext = {} }: About) => ({
  action: "ReEncryptTo",
  context: DestinationEncryptionContext,
});
