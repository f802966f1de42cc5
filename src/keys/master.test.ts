import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import { createSealer, MasterKeyError, openMasterKey, SealBroken } from "./index.ts";

test("a master key is made once, for its owner only; a given one is read in three spellings, and no other", (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "thaw-master-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const made = openMasterKey({ dataDir });
  assert.deepEqual(openMasterKey({ dataDir }), made);
  assert.equal(statSync(join(dataDir, "master.key")).mode & 0o777, 0o600);
  const file = join(dataDir, "own");
  for (const spelling of [made, made.toString("hex"), `${made.toString("base64")}\n`]) {
    writeFileSync(file, spelling);
    assert.deepEqual(openMasterKey({ dataDir, file }), made);
  }
  writeFileSync(file, "too short");
  assert.throws(() => openMasterKey({ dataDir, file }), MasterKeyError);
  assert.throws(() => openMasterKey({ dataDir, file: join(dataDir, "nowhere") }), MasterKeyError);
});

test("what is sealed opens with the same key and context only, and not when a bit of it is another", () => {
  const sealer = createSealer(Buffer.alloc(32, 1));
  fc.assert(
    fc.property(fc.uint8Array(), fc.string(), fc.nat(), fc.nat(7), (plain, context, at, bit) => {
      const sealed = sealer.seal(plain, context);
      assert.deepEqual(sealer.open(sealed, context), Buffer.from(plain));
      assert.throws(() => sealer.open(sealed, `${context}!`), SealBroken);
      assert.throws(() => createSealer(Buffer.alloc(32, 2)).open(sealed, context), SealBroken);
      sealed[at % sealed.length]! ^= 1 << bit;
      assert.throws(() => sealer.open(sealed, context), SealBroken);
    }),
  );
});
