import { randomBytes } from "node:crypto";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * A key id of an account: four letters for its kind (`AKIA`: of a user; `ASIA`: of a session), then 16 of A-Z and 2-7. The first
 * of them are the account's number, as in the ids that AWS has given since 2019, so that a key is found by its id alone.
 */
export function newKeyId(kind: "AKIA" | "ASIA", account: string): string {
  // 80 bits: one that is always set, 40 of the account, and 39 at random.
  const random = randomBytes(5).readUIntBE(0, 5) % 2 ** 39;
  let bits = (1n << 79n) | (BigInt(account) << 39n) | BigInt(random);
  let text = "";
  for (let index = 0; index < 16; index += 1) {
    text = letters[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return kind + text;
}

/** The account that a key id names. Undefined: it is no such id. */
export function accountOfKeyId(keyId: string): string | undefined {
  if (!/^(AKIA|ASIA)[A-Z2-7]{16}$/.test(keyId)) return undefined;
  let bits = 0n;
  for (const letter of keyId.slice(4)) bits = (bits << 5n) | BigInt(letters.indexOf(letter));
  const account = ((bits >> 39n) & ((1n << 40n) - 1n)).toString();
  return account.length <= 12 ? account.padStart(12, "0") : undefined;
}

/** 40 characters, as AWS's secret keys have. */
export const newSecret = (): string => randomBytes(30).toString("base64");
