import assert from "node:assert/strict";
import { test } from "node:test";
import { createCodeLinks } from "./code-links.ts";

const code = { digest: "a".repeat(64), size: 7 };

function open(links: ReturnType<typeof createCodeLinks>, link: string) {
  const { pathname, searchParams } = new URL(link);
  return links.open(pathname, searchParams);
}

test("a link opens what it was made for, for ten minutes", () => {
  let now = 0;
  const links = createCodeLinks(() => now);
  const link = links.link("http://127.0.0.1:1", code);
  assert.deepEqual(open(links, link), code);
  now = 600_000;
  assert.deepEqual(open(links, link), code);
  now += 1;
  assert.throws(() => open(links, link), { code: "AccessDeniedException" });
});

test("no part of a link can be changed, and another process's links do not open", () => {
  const links = createCodeLinks();
  const link = links.link("http://127.0.0.1:1", code);
  for (const forged of [
    link.replace("aaa", "bbb"),
    link.replace("size=7", "size=8"),
    link.replace("expires=", "expires=9"),
  ]) {
    assert.throws(() => open(links, forged), { code: "AccessDeniedException" }, forged);
  }
  assert.throws(() => open(links, link.replace(/signature=.*/, "")), { code: "AccessDeniedException" });
  assert.throws(() => open(createCodeLinks(), link), { code: "AccessDeniedException" });
});
