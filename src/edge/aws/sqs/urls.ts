import type { Place } from "../../../messages/index.ts";

/** Which queue a URL means. */
export interface Named {
  readonly place: Place;
  readonly name: string;
}

/** `sqs.eu-west-1.amazonaws.com`, `eu-west-1.queue.localhost`; undefined: the host says nothing of a region. */
export function regionOfHost(host: string): string | undefined {
  return /^sqs\.([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(host)?.[1] ?? /^([a-z]{2}(?:-[a-z]+)+-\d)\.queue\./.exec(host)?.[1];
}

/**
 * Any form that a queue's URL has had: `https://sqs.<region>.amazonaws.com/<account>/<name>`, the same on this platform, with
 * the region in the host, in the path (`/queue/<region>/<account>/<name>`), or in neither; or the name alone. Undefined: none.
 */
export function parseQueueUrl(text: string, asked: Place): Named | undefined {
  // Longer than any that there is, and long enough to keep an expression busy.
  if (text.length > 1000) return undefined;
  if (/^[\w-]{1,80}(\.fifo)?$/.test(text)) return { place: asked, name: text };
  const url = URL.parse(text.startsWith("/") ? `http://localhost${text}` : text);
  if (url === null) return undefined;
  const [, inPath, account, name] = /^(?:.*\/queue\/([a-z0-9-]+))?.*\/(\d{12})\/([\w.-]+)\/?$/.exec(url.pathname) ?? [];
  if (account === undefined || name === undefined) return undefined;
  return { place: { account, region: inPath ?? regionOfHost(url.hostname) ?? asked.region }, name };
}

/** A URL that leads back the way the request came. `host`: as the client called it. */
export const queueUrl = (host: string, { account }: Place, name: string): string => `http://${host}/${account}/${name}`;
