import type { Keys } from "./keys.ts";
import type { Sealer } from "./seal.ts";

/** Whose secret it is: it opens for the same only. */
export interface Owner {
  readonly account: string;
  readonly region: string;
  /** the function's, unqualified, and what of it: `arn:aws:lambda:…:function:name` */
  readonly arn: string;
  /** KMSKeyArn; undefined: the platform's own key */
  readonly keyArn?: string | undefined;
}

/** Seals what functions keep to themselves. */
export interface FunctionSecrets {
  /** Text that says by itself how it is to be opened. */
  seal(plain: string, owner: Owner): string;
  /** Undefined: its key was deleted, and nobody will open it again. Throws SealBroken: another master key, or another owner. */
  open(sealed: string, owner: Owner): string | undefined;
}

/**
 * A function's own key is used where it is one of this platform's KMS; any other ARN is kept, shown, and stands for the
 * platform's own key. Which one it was stands in front of the sealed text.
 */
export function createFunctionSecrets(needs: { readonly sealer: Sealer; readonly keys: Keys }): FunctionSecrets {
  const { sealer, keys } = needs;
  const contextOf = (owner: Owner) => ({ "aws:lambda:FunctionArn": owner.arn });

  function keyOf({ keyArn, region }: Owner) {
    const [, , , keyRegion, account, resource] = keyArn?.split(":") ?? [];
    if (account === undefined || keyRegion !== region || !resource?.startsWith("key/")) return undefined;
    return keys.byId({ account, region }, resource.slice("key/".length));
  }

  return {
    seal(plain, owner) {
      const bytes = Buffer.from(plain, "utf8");
      const key = keyOf(owner);
      return key === undefined
        ? `master:${sealer.seal(bytes, `environment ${owner.arn}`).toString("base64")}`
        : `kms:${keys.encrypt(key, bytes, contextOf(owner)).toString("base64")}`;
    },
    open(sealed, owner) {
      const end = sealed.indexOf(":");
      const bytes = Buffer.from(sealed.slice(end + 1), "base64");
      if (sealed.slice(0, end) === "master") return sealer.open(bytes, `environment ${owner.arn}`).toString("utf8");
      const key = keyOf(owner);
      return key === undefined ? undefined : keys.reveal(key, bytes, contextOf(owner)).toString("utf8");
    },
  };
}
