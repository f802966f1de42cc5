import { createSign, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** An identity provider on this machine. */
export async function openIssuer(): Promise<{
  issuer: string;
  asked: string[];
  token(claims: object, more?: object): string;
  server: Server;
}> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const keys = [{ ...publicKey.export({ format: "jwk" }), kid: "one", alg: "RS256", use: "sig" }];
    response.end(JSON.stringify(request.url === "/jwks" ? { keys } : { issuer, jwks_uri: `${issuer}/jwks` }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const token = (claims: object, more: object = {}) => {
    const text = `${part({ alg: "RS256", kid: "one", ...more })}.${part(claims)}`;
    return `${text}.${createSign("RSA-SHA256").update(text).sign(privateKey).toString("base64url")}`;
  };
  return { issuer, asked, token, server };
}
