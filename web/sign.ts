/** AWS's Signature Version 4, for a browser. Source: "Create a signed AWS API request" (IAM User Guide). */

export interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Signable {
  readonly method: string;
  readonly url: URL;
  readonly service: string;
  readonly region: string;
  readonly body: string;
  /** of these, the ones that are AWS's are signed, too */
  readonly headers: Readonly<Record<string, string>>;
}

/** Browsers have their cryptography only where nobody can have changed the page on its way. */
export const canSign = (): boolean => globalThis.crypto?.subtle !== undefined;

/** Headers that prove who sends it; without a key, ones that only say which service is meant. */
export async function signed(request: Signable, key: Key | undefined): Promise<Record<string, string>> {
  const { method, url, service, region, body } = request;
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  if (key === undefined) {
    const authorization = `AWS4-HMAC-SHA256 Credential=000000000000/${scope}, SignedHeaders=host, Signature=0`;
    return { authorization, "x-amz-date": time };
  }
  const path = url.pathname.split("/").map(encoded).join("/");
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  const hash = hex(await digest(body));
  const amazons = Object.entries(request.headers).filter(([name]) => name.startsWith("x-amz-"));
  const proved = [["host", url.host] as const, ["x-amz-date", time] as const, ...amazons].sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  const names = proved.map(([name]) => name).join(";");
  const lines = proved.map(([name, value]) => `${name}:${value.trim()}`);
  const canonical = [method, path, query, ...lines, "", names, hash];
  const text = ["AWS4-HMAC-SHA256", time, scope, hex(await digest(canonical.join("\n")))].join("\n");
  let secret: BufferSource = utf8(`AWS4${key.secretAccessKey}`);
  for (const part of scope.split("/")) secret = await hmac(secret, part);
  const signature = hex(await hmac(secret, text));
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    "x-amz-date": time,
  };
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const digest = (text: string) => crypto.subtle.digest("SHA-256", utf8(text));

async function hmac(secret: BufferSource, text: string): Promise<ArrayBuffer> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", key, utf8(text));
}

const hex = (bytes: ArrayBuffer) =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** RFC 3986: also what encodeURIComponent leaves. */
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
