import { randomUUID } from "node:crypto";
import { decryptWith, type EncryptionContext, encryptWith, headOf, invalidCiphertext } from "./ciphertext.ts";
import { createLookup, type KeyLookup } from "./lookup.ts";
import { freshMaterial, usagesOf } from "./material.ts";
import {
  type KeyAliasRecord,
  type KeyDocuments,
  type KeyMaterial,
  type KeyRecord,
  KeyRefusal,
  type KeyScope,
  type KeyUsage,
  keyArn,
} from "./records.ts";
import type { Sealer } from "./seal.ts";

export interface KeysNeeds {
  /** of the master key: what materials are sealed with */
  readonly sealer: Sealer;
  readonly records: KeyDocuments<KeyRecord>;
  readonly aliases: KeyDocuments<KeyAliasRecord>;
  /** milliseconds since the epoch */
  clock(): number;
}

export interface NewKey {
  readonly description?: string | undefined;
  readonly spec?: string | undefined;
  readonly usage?: KeyUsage | undefined;
  readonly policy?: string | undefined;
  readonly tags?: Readonly<Record<string, string>>;
}

/** KMS's keys: what they are and what is done with them. All throw KeyRefusal in KMS's words. */
export interface Keys extends KeyLookup {
  create(scope: KeyScope, made: NewKey): KeyRecord;
  /** Writes a key back. */
  put(key: KeyRecord): void;
  /** The newest generation's: bytes, or the private key. */
  secretOf(key: KeyRecord): Buffer;
  /** A new generation for a symmetric key. */
  rotate(key: KeyRecord, how: "AUTOMATIC" | "ON_DEMAND"): KeyRecord;
  encrypt(key: KeyRecord, plain: Uint8Array, context: EncryptionContext): Buffer;
  /** Opens what encrypt() closed though the key is disabled: for what the platform itself keeps under it. */
  reveal(key: KeyRecord, blob: Buffer, context: EncryptionContext): Buffer;
  /** `wanted`: the key that it must have been encrypted under. */
  decrypt(
    scope: KeyScope,
    blob: Buffer,
    context: EncryptionContext,
    wanted?: KeyRecord,
  ): { readonly key: KeyRecord; readonly plain: Buffer };
}

const dayMs = 86_400_000;

export function createKeys(needs: KeysNeeds): Keys {
  const { sealer, records, clock } = needs;
  const contextOf = (key: Pick<KeyRecord, "account" | "region" | "id">, material: string) =>
    `kms ${keyArn(key)} ${material}`;

  function newMaterial(key: Pick<KeyRecord, "account" | "region" | "id">, spec: string) {
    const { secret, publicKey } = freshMaterial(spec);
    const id = randomUUID();
    const material: KeyMaterial = {
      id,
      sealed: sealer.seal(secret, contextOf(key, id)).toString("base64"),
      created: clock(),
    };
    return { material, publicKey };
  }

  function create(scope: KeyScope, made: NewKey, manager: KeyRecord["manager"] = "CUSTOMER"): KeyRecord {
    const spec = made.spec ?? "SYMMETRIC_DEFAULT";
    const usages = usagesOf(spec);
    const usage = made.usage ?? "ENCRYPT_DECRYPT";
    if (!usages.includes(usage)) {
      throw new KeyRefusal("ValidationException", `KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
    }
    const { account, region } = scope;
    const head = { account, region, id: randomUUID() };
    const { material, publicKey } = newMaterial(head, spec);
    const key: KeyRecord = {
      ...head,
      name: `${region}/${head.id}`,
      description: made.description ?? "",
      usage,
      spec,
      manager,
      enabled: true,
      created: clock(),
      policy: made.policy ?? defaultPolicy(account),
      materials: [material],
      ...(publicKey === undefined ? {} : { publicKey: publicKey.toString("base64") }),
      tags: made.tags ?? {},
    };
    records.put(key);
    return key;
  }

  const lookup = createLookup({ ...needs, create: (scope, description) => create(scope, { description }, "AWS") });

  function open(key: KeyRecord, id: string): Buffer {
    const material = key.materials.find((one) => one.id === id);
    if (material === undefined) throw invalidCiphertext();
    return sealer.open(Buffer.from(material.sealed, "base64"), contextOf(key, id));
  }

  function rotate(key: KeyRecord, how: "AUTOMATIC" | "ON_DEMAND"): KeyRecord {
    const { material } = newMaterial(key, key.spec);
    const next =
      key.rotation === undefined ? {} : { rotation: { ...key.rotation, next: clock() + key.rotation.days * dayMs } };
    const rotated = { ...key, ...next, materials: [...key.materials, { ...material, rotation: how }] };
    records.put(rotated);
    return rotated;
  }

  return {
    ...lookup,
    create: (scope, made) => create(scope, made),
    put: (key) => records.put(key),
    secretOf: (key) => open(key, key.materials.at(-1)!.id),
    rotate,
    encrypt(given, plain, context) {
      const due = given.rotation !== undefined && given.rotation.next <= clock();
      const key = due ? rotate(given, "AUTOMATIC") : given;
      const materialId = key.materials.at(-1)!.id;
      return encryptWith(open(key, materialId), { keyId: key.id, materialId }, plain, context);
    },
    reveal: (key, blob, context) => decryptWith(open(key, headOf(blob).materialId), blob, context),
    decrypt(scope, blob, context, wanted) {
      const { keyId, materialId } = headOf(blob);
      // Ciphertexts name no account: a key is found by its number alone, which is unique.
      const key = wanted?.id === keyId ? wanted : lookup.byId(scope, keyId);
      if (key === undefined) throw wanted === undefined ? invalidCiphertext() : incorrectKey();
      if (wanted !== undefined && wanted.id !== key.id) throw incorrectKey();
      lookup.checkUsable(key, "ENCRYPT_DECRYPT", "Decrypt");
      return { key, plain: decryptWith(open(key, materialId), blob, context) };
    },
  };
}

const incorrectKey = (): KeyRefusal =>
  new KeyRefusal(
    "IncorrectKeyException",
    "The key ID in the request does not identify a CMK that can perform this operation.",
  );

/** What a key has when nobody said otherwise: the account decides by its own policies. Source: KMS, "Default key policy". */
function defaultPolicy(account: string): string {
  const statement = {
    Sid: "Enable IAM User Permissions",
    Effect: "Allow",
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: "kms:*",
    Resource: "*",
  };
  return JSON.stringify({ Version: "2012-10-17", Id: "key-default-1", Statement: [statement] });
}
