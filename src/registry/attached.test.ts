import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createAttachments } from "./attached.ts";
import { openStore } from "./store.ts";

const here = { account: "000000000000", region: "us-east-1" };
const there = { account: "111111111111", region: "us-east-1" };

test("what is attached to a function survives a restart, and goes with the function or the qualifier", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "thaw-attached-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "registry.sqlite");

  const first = openStore(path);
  const documents = createAttachments(first).open<{ value: number }>("thing");
  documents.put(here, "f", "live", { value: 1 });
  documents.put(here, "f", "1", { value: 2 });
  documents.put(here, "f", "", { value: 3 });
  documents.put(there, "f", "live", { value: 4 });
  first.close();

  const second = openStore(path);
  const attachments = createAttachments(second);
  const again = attachments.open<{ value: number }>("thing");
  assert.deepEqual(again.list(here, "f"), [
    ["", { value: 3 }],
    ["1", { value: 2 }],
    ["live", { value: 1 }],
  ]);
  assert.deepEqual(again.get(here, "f"), { value: 3 });
  assert.equal(again.get(here, "f", "other"), undefined);
  attachments.forget(here, "f", "live");
  assert.equal(again.get(here, "f", "live"), undefined);
  attachments.forget(here, "f");
  second.close();

  const third = openStore(path);
  t.after(() => third.close());
  assert.deepEqual(
    [...createAttachments(third).open("thing").everything()],
    [{ ...there, name: "f", qualifier: "live", document: { value: 4 } }],
  );
});
