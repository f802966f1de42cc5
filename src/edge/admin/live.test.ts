import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { sendLive } from "./live.ts";

/** A door that serves what is live, and whoever has asked for it. */
async function watched(moment: (since: number) => { readonly at: number }) {
  const closing = new AbortController();
  const ended: Promise<void>[] = [];
  const server = createServer((request, response) => {
    ended.push(sendLive({ moment }, request, response, closing.signal));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, ended, close: () => closing.abort(), [Symbol.asyncDispose]: async () => void server.close() };
}

test("a reader is told all that is known at once, and then what has come since", async () => {
  await using door = await watched((since) => ({ at: since + 7 }));
  const reading = new AbortController();
  const { body } = await fetch(door.url, { signal: reading.signal });
  let text = "";
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split("\n").length > 2) break;
  }
  assert.equal(text, '{"at":7}\n{"at":14}\n');
  reading.abort();
  await Promise.all(door.ended);
});

test("a platform that stops ends the answer, and waits for no reader", async () => {
  await using door = await watched(() => ({ at: 1 }));
  const { body } = await fetch(door.url);
  const reader = body!.getReader();
  await reader.read();
  door.close();
  await Promise.all(door.ended);
  while (!(await reader.read()).done);
});
