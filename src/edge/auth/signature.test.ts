import assert from "node:assert/strict";
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { test } from "node:test";
import { SignatureV4 } from "@smithy/signature-v4";
import aws4 from "aws4";
import fc from "../../../tests/properties.ts";
import { canonicalRequest } from "./canonical.ts";
import { sha256 } from "./payload.ts";
import { Refusal } from "./refusal.ts";
import { signedParts } from "./signature.ts";
import { createSigningKeys, signatureOf } from "./signing-key.ts";

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const keys = createSigningKeys();

/** A hash as the SDK wants one. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the verifier calculates for a request as it came over the wire. */
function calculated({ method, target, headers, body }: Sent): { expected: string; given: string } {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const mark = target.indexOf("?");
  const parts = signedParts(lower, mark === -1 ? undefined : new URLSearchParams(target.slice(mark + 1)))!;
  const canonical = canonicalRequest({
    method,
    target,
    rawHeaders: Object.entries(headers).flat(),
    signedHeaders: parts.signedHeaders,
    payload: lower["x-amz-content-sha256"] ?? sha256(Buffer.from(body)),
    isS3: parts.service === "s3",
  });
  const key = keys.keyFor(() => credentials.secretAccessKey, parts);
  return { expected: signatureOf(key, parts.date, parts.scope, canonical), given: parts.signature };
}

const segment = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).map(encodeURIComponentStrict);
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
const query = fc.array(fc.tuple(segment, fc.string({ unit: "grapheme", maxLength: 6 }).map(encodeURIComponentStrict)), {
  maxLength: 4,
});
const method = fc.constantFrom("GET", "POST", "PUT", "DELETE");
const service = fc.constantFrom("lambda", "iam", "s3", "logs");
const headerValue = fc.stringMatching(/^[ -~]{0,20}$/);

function encodeURIComponentStrict(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

test("what aws4 signs is calculated alike", () => {
  fc.assert(
    fc.property(method, service, path, query, headerValue, fc.string(), (method, service, path, query, value, body) => {
      const search = query.map(([name, value]) => `${name}=${value}`).join("&");
      const target = search === "" ? path : `${path}?${search}`;
      const signed = aws4.sign(
        {
          service,
          region: "eu-west-1",
          method,
          path: target,
          host: "localhost:4566",
          headers: { "X-Amz-Extra": value },
          body,
        },
        credentials,
      );
      // For S3 it takes an escaped slash for a plain one, which S3 does not.
      fc.pre(!(service === "s3" && /%2f/i.test(path)));
      // aws4 takes the last of equal names; nobody sends such queries.
      fc.pre(new Set(query.map(([name]) => name)).size === query.length);
      const headers = signed.headers as Record<string, string>;
      const { expected, given } = calculated({
        method,
        target: signed.path ?? target,
        headers: strings(headers),
        body,
      });
      assert.equal(expected, given);
    }),
    { numRuns: 300 },
  );
});

test("what the SDK for JavaScript signs is calculated alike, in a header and presigned", async () => {
  await fc.assert(
    fc.asyncProperty(
      method,
      service,
      path,
      query,
      headerValue,
      fc.string(),
      async (method, service, path, query, value, body) => {
        fc.pre(new Set(query.map(([name]) => name)).size === query.length);
        const signer = new SignatureV4({
          credentials,
          region: "us-east-1",
          service,
          sha256: Sha256,
          uriEscapePath: service !== "s3",
          applyChecksum: true,
        });
        const request = {
          method,
          protocol: "http:",
          hostname: "localhost",
          path,
          query: Object.fromEntries(
            query.map(([name, value]) => [decodeURIComponent(name), decodeURIComponent(value)]),
          ),
          headers: { host: "localhost:4566", "x-amz-extra": value },
          body,
        };
        const signed = await signer.sign(request);
        const inHeader = calculated({ method, target: targetOf(signed), headers: signed.headers, body });
        assert.equal(inHeader.expected, inHeader.given);
        const presigned = await signer.presign({ ...request, body: "" }, { expiresIn: 60 });
        const headers =
          service === "s3" ? { ...presigned.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } : presigned.headers;
        const inQuery = calculated({ method, target: targetOf(presigned), headers, body: "" });
        if (service !== "s3") assert.equal(inQuery.expected, inQuery.given);
      },
    ),
    { numRuns: 150 },
  );
});

function targetOf({ path, query = {} }: { path: string; query?: Record<string, unknown> }): string {
  const pairs = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponentStrict(name)}=${encodeURIComponentStrict(String(value))}`,
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

const strings = (headers: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

test("AWS's own example of a signature comes out", () => {
  // IAM User Guide, "Signature Version 4 signing": ListUsers of 2015-08-30.
  const parts = { keyId: "AKIDEXAMPLE", day: "20150830", region: "us-east-1", service: "iam" };
  const key = keys.keyFor(() => credentials.secretAccessKey, parts);
  assert.equal(key.toString("hex"), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  const canonical = canonicalRequest({
    method: "GET",
    target: "/?Action=ListUsers&Version=2010-05-08",
    rawHeaders: [
      "content-type",
      "application/x-www-form-urlencoded; charset=utf-8",
      "host",
      "iam.amazonaws.com",
      "x-amz-date",
      "20150830T123600Z",
    ],
    signedHeaders: ["content-type", "host", "x-amz-date"],
    payload: sha256(Buffer.alloc(0)),
    isS3: false,
  });
  const scope = "20150830/us-east-1/iam/aws4_request";
  assert.equal(
    signatureOf(key, "20150830T123600Z", scope, canonical),
    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
  );
});

test("whatever stands in Authorization is read or refused, never a crash", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "AWS4-HMAC-SHA256",
      "Credential=a/20261122/b/c/aws4_request",
      "SignedHeaders=host",
      "Signature=0",
      ",",
    ),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), fc.option(fc.string()), (words, date) => {
      try {
        signedParts({ authorization: words.join(" "), ...(date === null ? {} : { "x-amz-date": date }) }, undefined);
      } catch (error) {
        assert.ok(error instanceof Refusal, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test("what lacks a part is told which", () => {
  const refusal = (authorization: string, date?: string) => {
    try {
      signedParts({ authorization, ...(date === undefined ? {} : { "x-amz-date": date }) }, undefined);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("let in");
  };
  assert.match(refusal("Bearer x"), /^Unsupported AWS 'algorithm': 'Bearer'\./);
  assert.match(refusal("AWS4-ECDSA-P256-SHA256 Credential=a"), /Version 4A/);
  assert.match(
    refusal("AWS4-HMAC-SHA256 Signature=0"),
    /^Authorization header requires 'Credential' parameter\. Authorization header requires 'SignedHeaders' parameter\. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header\. \(Hashed/,
  );
  const full = "AWS4-HMAC-SHA256 Credential=A/20261122/r/lambda/aws4_request, SignedHeaders=host, Signature=0";
  assert.match(refusal(full, "yesterday"), /^Date must be in ISO-8601 'basic format'\. Got 'yesterday'\.$/);
  assert.match(refusal(full, "20261123T000000Z"), /'20261122' != '20261123', from '20261123T000000Z'\.$/);
  assert.match(refusal(full.replace("host", "date"), "20261122T000000Z"), /^'Host' must be a 'SignedHeader'/);
});
