import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createImages, type Images } from "../images/index.ts";
import { DumpRefused, type Trees } from "../isolation/index.ts";
import type { FunctionVersion } from "../model/index.ts";
import type { Plan } from "./plan.ts";
import { Snapshots, type SnapshotsNeeds } from "./snapshots.ts";
import { type TakenImage, TemplateFailed } from "./template.ts";

/** Whether and when images are made; what makes them is a function of the test's, the store is real. */
let directory: string;
let images: Images;
let now: number;
let log: string[];
/** what the next template comes to */
let take: (name: string, tree: boolean) => Promise<Partial<TakenImage>> | Partial<TakenImage>;
/** what is to be known of CRIU */
let trees: Trees;
let busy: boolean;
/** names of functions that were deleted */
let gone: Set<string>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "thaw-snapshots-"));
  images = createImages({ directory, machine: "m", budgetBytes: 1e6 });
  now = 1e9;
  log = [];
  busy = false;
  trees = noTrees;
  gone = new Set();
  take = () => ({});
});
afterEach(() => rmSync(directory, { recursive: true }));

const noTrees = { usable: false, reason: "THAW_CRIU is off", known: Promise.resolve() };
const criu = { usable: true, reason: "", known: Promise.resolve() };

const facts = { bytes: 4, pages: 1, threads: 1, copied: false, sockets: 0, ms: 1 };
const plan = (name: string, changes: Partial<FunctionVersion> = {}) => {
  const target = { name, version: "1", key: name, arn: `arn:${name}`, environment: {}, snapStart: false, ...changes };
  return { target, link: "frames", tellsDraws: true, extensions: [] } as unknown as Plan;
};

function snapshots(changes: Partial<SnapshotsNeeds> = {}): Snapshots {
  return new Snapshots({
    images,
    usable: { usable: true, reason: "" },
    trees: () => trees,
    policy: "auto",
    renewAfterMs: 6 * 3600e3,
    keyOf: async ({ target }) => `image-of-${target.key}`,
    async take({ target }, into, terms) {
      log.push(`take ${target.name}`);
      const taken = {
        via: "frames",
        drew: false,
        initMs: 1,
        facts,
        ...(await take(target.name, terms.tree ?? false)),
      } as TakenImage;
      terms.check(taken);
      writeFileSync(into, "page", { mode: 0o600 });
      return taken;
    },
    isCurrent: ({ name }) => !gone.has(name),
    busy: () => busy,
    renewed: ({ name }) => log.push(`renewed ${name}`),
    note: (line) => log.push(line),
    clock: () => now,
    ...changes,
  });
}

/** Waits until the version is no longer waiting for its image. */
async function settled(it: Snapshots, { target }: Plan) {
  for (;;) {
    const view = it.view(target);
    if (view.state !== "waiting" && view.state !== "making") return view;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("after a plain start an image is made once, and is there for the next start", async () => {
  const it = snapshots();
  const f = plan("f");
  it.consider(f);
  it.consider(f);
  assert.equal(it.image(f.target), undefined);
  assert.equal((await settled(it, f)).state, "ready");
  assert.equal(it.image(f.target)?.bytes, 4);
  it.consider(f);
  assert.deepEqual(log, ["take f", "renewed f"]);
});

test("templates are made one at a time, and a publication goes first", async () => {
  const it = snapshots();
  let running = 0;
  take = async () => {
    assert.equal(++running, 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    running--;
    return {};
  };
  it.consider(plan("a"));
  it.consider(plan("b"));
  assert.deepEqual(await it.publish(plan("c", { snapStart: true })), { ok: true });
  await settled(it, plan("b"));
  assert.deepEqual(
    log.filter((line) => line.startsWith("take")),
    ["take c", "take a", "take b"],
  );
});

test("a runtime without a function goes before functions, whoever came first", async () => {
  const it = snapshots();
  for (const name of ["a", "b"]) it.consider(plan(name));
  it.consider(plan("runtime", { version: "bare" }));
  await settled(it, plan("b"));
  assert.deepEqual(
    log.filter((line) => line.startsWith("take")),
    ["take runtime", "take a", "take b"],
  );
});

test("functions that are gone hold nobody up: no quiet moment is waited for on their behalf", async () => {
  let looks = 0;
  const it = snapshots({
    busy: () => {
      looks++;
      return false;
    },
  });
  const names = Array.from({ length: 500 }, (_, index) => `gone-${index}`);
  for (const name of names) it.consider(plan(name));
  for (const name of names) gone.add(name);
  it.consider(plan("stays"));
  assert.equal((await settled(it, plan("stays"))).state, "ready");
  assert.deepEqual(log, ["take stays", "renewed stays"]);
  assert.ok(looks <= 2, `${looks} looks`);
});

test("while somebody waits for an environment to start, no template is made", async () => {
  const it = snapshots();
  busy = true;
  it.consider(plan("f"));
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.deepEqual(log, []);
  busy = false;
  assert.equal((await settled(it, plan("f"))).state, "ready");
});

test("what copies would share keeps a version from being copied, until its owner consents", async () => {
  const it = snapshots();
  for (const [name, trouble] of [
    ["drew", { drew: true }],
    ["silent", { drew: undefined }],
    ["connected", { facts: { ...facts, sockets: 1 } }],
  ] as const) {
    take = () => trouble;
    it.consider(plan(name));
    const { state, why } = await settled(it, plan(name));
    assert.equal(state, "refused", name);
    assert.match(why, /THAW_SNAPSHOT=on/);
    // Not again until it changes.
    it.consider(plan(name));
    assert.equal(it.view(plan(name).target).state, "refused");
    const willing = plan(`${name}2`, { environment: { THAW_SNAPSHOT: "on" } });
    it.consider(willing);
    assert.equal((await settled(it, willing)).state, "ready");
  }
  // A runtime without a function has no owner who could.
  take = () => ({ drew: true });
  const bare = plan("runtime", { version: "bare" });
  it.consider(bare);
  assert.equal((await settled(it, bare)).why, "init drew random numbers, which copies would share");
  assert.equal(readdirSync(directory).filter((file) => file.endsWith(".draft")).length, 0);
});

test("of a runtime that cannot say what init drew no template is made, unless its owner consents", async () => {
  const it = snapshots();
  const silent = { ...plan("silent"), link: "http", tellsDraws: false } as Plan;
  it.consider(silent);
  const { state, why } = it.view(silent.target);
  assert.deepEqual([state, log], ["none", []]);
  assert.match(why, /THAW_SNAPSHOT=on/);
});

test("a publication learns of the function's own failure; a refusal of ours is none", async () => {
  const it = snapshots();
  take = () => Promise.reject(new TemplateFailed("Runtime.ImportModuleError", "no such module"));
  const own = await it.publish(plan("own", { snapStart: true }));
  assert.deepEqual(own, { ok: false, errorType: "Runtime.ImportModuleError", message: "no such module" });
  take = () => Promise.reject(new DumpRefused("children", "it has 2 processes"));
  const ours = await it.publish(plan("ours", { snapStart: true }));
  assert.deepEqual(ours, { ok: true, why: "it has 2 processes" });
  const off = await snapshots({ policy: "off" }).publish(plan("off", { snapStart: true }));
  assert.deepEqual(off, { ok: true, why: "THAW_SNAPSHOTS is off" });
});

test("a failure that may pass is tried again later, and a third one is the last", async () => {
  const it = snapshots();
  const f = plan("f");
  take = () => Promise.reject(new Error("no space"));
  for (const attempt of [1, 2, 3]) {
    it.consider(f);
    const { why } = await settled(it, f);
    assert.equal(why, "no space");
    it.consider(f);
    assert.equal(log.filter((line) => line.startsWith("take")).length, attempt);
    now += 3600e3;
  }
  assert.equal(it.view(f.target).state, "refused");
});

test("an image that is too old is made anew, and stays in use until then, also when the new one fails", async () => {
  const it = snapshots();
  const f = plan("f");
  it.consider(f);
  await settled(it, f);
  now += 7 * 3600e3;
  take = () => Promise.reject(new DumpRefused("socket", "it listens"));
  it.renewOld();
  assert.ok(it.image(f.target));
  assert.equal((await settled(it, f)).state, "ready");
  assert.ok(it.image(f.target));
  it.renewOld();
  assert.equal(it.view(f.target).state, "ready");
  take = () => ({});
  now += 7 * 3600e3;
  it.renewOld();
  await settled(it, f);
  assert.equal(it.image(f.target)?.madeAt, now);
});

test("a spoilt image is dropped and made again after a while; one that is spoilt again and again is not", async () => {
  const it = snapshots();
  const f = plan("f");
  it.consider(f);
  await settled(it, f);
  await it.spoilt(f.target, "it ended in SIGSEGV");
  assert.equal(it.image(f.target), undefined);
  it.consider(f);
  assert.match(it.view(f.target).why, /SIGSEGV/);
  for (const last of [false, true]) {
    now += 3600e3;
    it.consider(f);
    assert.equal((await settled(it, f)).state, "ready");
    await it.spoilt(f.target, "it ended in SIGBUS");
    assert.equal(it.view(f.target).state, last ? "refused" : "none");
  }
});

test("an image of an earlier run is found again; that of a superseded version is dropped", async () => {
  const f = plan("f");
  const earlier = snapshots();
  earlier.consider(f);
  await settled(earlier, f);
  const it = snapshots();
  await it.meet(f);
  assert.equal(it.image(f.target)?.bytes, 4);
  assert.deepEqual(await it.publish(f), { ok: true });
  await it.forget(f.target);
  assert.equal(it.image(f.target), undefined);
  assert.deepEqual(images.list(), []);
});

test("a version that is superseded while it waits or is being copied leaves no image", async () => {
  const it = snapshots();
  const gate = Promise.withResolvers<void>();
  take = () => gate.promise.then(() => ({}));
  const waiting = it.publish(plan("making", { snapStart: true }));
  it.consider(plan("waiting"));
  await new Promise((resolve) => setTimeout(resolve, 10));
  await it.forget(plan("making").target);
  await it.forget(plan("waiting").target);
  gate.resolve();
  await waiting;
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(images.list(), []);
  assert.ok(!log.includes("take waiting"));
});

test("an environment that starts after its function was deleted leaves no image behind", async () => {
  const it = snapshots();
  gone.add("before");
  it.consider(plan("before"));
  take = (name) => {
    gone.add(name);
    return {};
  };
  it.consider(plan("meanwhile"));
  await settled(it, plan("meanwhile"));
  await settled(it, plan("before"));
  assert.deepEqual(log, ["take meanwhile"]);
  // Its files go after its entry.
  const until = Date.now() + 5000;
  while (readdirSync(directory).length > 0 && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([images.list(), readdirSync(directory)], [[], []]);
});

test("where the machine cannot copy processes the reason is shown and nothing is tried", async () => {
  const it = snapshots({ usable: { usable: false, reason: "no privileges" } });
  it.consider(plan("f"));
  assert.deepEqual(it.view(plan("f").target), { state: "none", why: "no privileges" });
  assert.deepEqual(await it.publish(plan("f", { snapStart: true })), { ok: true, why: "no privileges" });
  assert.deepEqual(log, []);
});

test("what only CRIU can copy is copied with it, of another template; renewed, no other way is tried", async () => {
  trees = criu;
  const it = snapshots();
  const f = plan("f", { environment: { THAW_SNAPSHOT: "on" } });
  const tries: boolean[] = [];
  take = (_name, tree) => {
    tries.push(tree);
    return tree ? { by: "criu" } : Promise.reject(new DumpRefused("children", "it has a child"));
  };
  it.consider(f);
  const { state, by } = await settled(it, f);
  assert.deepEqual([state, by, tries], ["ready", "criu", [false, true]]);
  now += 7 * 3600e3;
  it.renewOld();
  await settled(it, f);
  assert.deepEqual(tries, [false, true, true]);
  // An image of an earlier run is of no use once CRIU is off.
  trees = noTrees;
  assert.equal(it.image(f.target), undefined);
});

test("CRIU is asked once it is known to work, and only for what it may do and the owner may want", async () => {
  const known = Promise.withResolvers<void>();
  trees = { usable: false, reason: "criu is being tried out", known: known.promise };
  const it = snapshots();
  const on = { environment: { THAW_SNAPSHOT: "on" } };
  const refusals = {
    children: plan("children"),
    timer: plan("timer"),
    busy: plan("busy", on),
    children2: { ...plan("children2", on), link: "http" } as Plan,
    children3: plan("children3", on),
  };
  take = (name, tree) => Promise.reject(new DumpRefused(name.replace(/\d/, ""), tree ? "criu cannot" : "we cannot"));
  const all = Object.values(refusals);
  for (const one of all) it.consider(one);
  while (it.view(all[0]!.target).state === "waiting") await new Promise((resolve) => setTimeout(resolve, 5));
  trees = criu;
  known.resolve();
  const whys = [];
  for (const one of all) whys.push((await settled(it, one)).why);
  assert.deepEqual(whys, [
    "init started other processes, which may have drawn random numbers that copies would share; allow it with the variable THAW_SNAPSHOT=on",
    "we cannot; criu cannot",
    "we cannot",
    "we cannot, and criu copies no runtime that has its events over HTTP",
    "we cannot; criu cannot",
  ]);
});

test("whoever comes while an image of an earlier run is looked up waits for it, too", async () => {
  const f = plan("f");
  const earlier = snapshots();
  earlier.consider(f);
  await settled(earlier, f);
  const looked = Promise.withResolvers<string>();
  const it = snapshots({ keyOf: () => looked.promise });
  const both = [it.meet(f), it.meet(f).then(() => it.image(f.target)?.bytes)];
  looked.resolve("image-of-f");
  assert.deepEqual(await Promise.all(both), [undefined, 4]);
});
