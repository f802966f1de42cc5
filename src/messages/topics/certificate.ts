import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";

/** DER: a tag, the length, the content. Source: ITU-T X.690. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const digits = Buffer.from(content.length.toString(16).padStart(content.length > 0xffff ? 6 : 4, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const sha256WithRsa = sequence(Buffer.from("06092a864886f70d01010b", "hex"), Buffer.from([5, 0]));
const commonName = Buffer.from("0603550403", "hex");

const nameOf = (text: string): Buffer => sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(text)))));
const timeOf = (at: number): Buffer =>
  der(0x18, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));

/** A certificate that its own key has signed, in PEM, valid for ten years. Source: RFC 5280, 4.1. */
export function selfSigned(key: KeyObject, name: string, now: number): string {
  const serial = randomBytes(12);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    sha256WithRsa,
    nameOf(name),
    sequence(timeOf(now - 86_400_000), timeOf(now + 3650 * 86_400_000)),
    nameOf(name),
    createPublicKey(key).export({ type: "spki", format: "der" }),
  );
  const signature = sign("sha256", body, key);
  const whole = sequence(body, sha256WithRsa, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** What a certificate is called in its URL. */
export const fingerprint = (pem: string): string => createHash("sha256").update(pem).digest("hex").slice(0, 32);
