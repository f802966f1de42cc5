import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificate } from "./mixed.ts";

const day = 24 * 3600_000;
/** clients take none that is good for longer (CA/Browser Forum's old limit, which browsers keep for certificates of one's own) */
const validDays = 825;
const renewDays = 30;

/**
 * The platform's own certificate, made once and kept in `folder` as `cert.pem` and `key.pem`, for this machine and the hosts of front doors
 * in `region`. A client trusts it by being told so (`NODE_EXTRA_CA_CERTS`, `AWS_CA_BUNDLE`, `curl --cacert`). Throws what reading and writing throw.
 */
export function ownCertificate(folder: string, region: string, now = Date.now()): Certificate {
  const paths = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const names = namesFor(region);
  if (existsSync(paths.cert) && existsSync(paths.key)) {
    const kept = { cert: readFileSync(paths.cert, "utf8"), key: readFileSync(paths.key, "utf8") };
    const read = new X509Certificate(kept.cert);
    const fits =
      read.checkPrivateKey(createPrivateKey(kept.key)) && names.every((name) => read.subjectAltName?.includes(name));
    if (fits && Date.parse(read.validTo) - now > renewDays * day) return kept;
  }
  const made = newCertificate(names, now);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const part of ["key", "cert"] as const) {
    writeFileSync(`${paths[part]}.new`, made[part], { mode: part === "key" ? 0o600 : 0o644 });
    renameSync(`${paths[part]}.new`, paths[part]);
  }
  return made;
}

const namesFor = (region: string): string[] => [
  "localhost",
  "*.localhost",
  `*.lambda-url.${region}.localhost`,
  `*.execute-api.${region}.localhost`,
  "*.execute-api.localhost",
];

/** A self-signed certificate of a new P-256 key. Source: RFC 5280, in DER (X.690). */
function newCertificate(names: readonly string[], now: number): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(oid("2a8648ce3d040302"));
  const subject = sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from("Thaw")))));
  const alternatives = sequence(
    ...names.map((name) => tagged(0x82, Buffer.from(name))),
    tagged(0x87, Buffer.of(127, 0, 0, 1)),
    tagged(0x87, Buffer.from(`${"00".repeat(15)}01`, "hex")),
  );
  const yes = tagged(0x01, Buffer.of(0xff));
  const extensions = sequence(
    // Its own authority, and nobody else's: that is how clients take a certificate that they are told to trust.
    extension("551d13", sequence(yes, tagged(0x02, Buffer.of(0))), yes),
    extension("551d0f", tagged(0x03, Buffer.of(2, 0x84)), yes),
    extension("551d25", sequence(oid("2b06010505070301"))),
    extension("551d11", alternatives),
  );
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    subject,
    sequence(moment(now - day), moment(now + validDays * day)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, extensions),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.of(0), sign("sha256", body, privateKey)]));
  const lines =
    sequence(body, algorithm, signature)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

const extension = (id: string, value: Buffer, ...critical: Buffer[]): Buffer =>
  sequence(oid(id), ...critical, tagged(0x04, value));

const oid = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, "hex"));
const sequence = (...parts: Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
/** Dates through 2049 have two digits of the year (RFC 5280, 4.1.2.5). */
function moment(at: number): Buffer {
  const text = `${new Date(at).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
  return text < "2050" ? tagged(0x17, Buffer.from(text.slice(2))) : tagged(0x18, Buffer.from(text));
}

/** One value in DER: its tag, its length, itself. */
function tagged(tag: number, value: Buffer): Buffer {
  const { length } = value;
  if (length < 128) return Buffer.concat([Buffer.of(tag, length), value]);
  const digits = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...digits), value]);
}
