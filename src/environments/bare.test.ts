import assert from "node:assert/strict";
import { test } from "node:test";
import { barePlanOf, isBare, reasonAgainstBare } from "./bare.ts";
import type { Distribution } from "./plan.ts";

const preset = { LANG: "en_US.UTF-8", LD_LIBRARY_PATH: "/opt/lib", PYTHONDONTWRITEBYTECODE: "1" };
const against = (environment: Record<string, string>) => reasonAgainstBare({ environment }, preset);

test("a variable that acts when its runtime boots keeps a function from a runtime that has booted without it", () => {
  const names = [
    "NODE_OPTIONS",
    "NODE_EXTRA_CA_CERTS",
    "UV_USE_IO_URING",
    "PYTHONHASHSEED",
    "RUBYOPT",
    "LD_PRELOAD",
    "LC_ALL",
    "LANG",
    "MALLOC_ARENA_MAX",
    "GLIBC_TUNABLES",
    "OPENSSL_CONF",
    "SSL_CERT_FILE",
    "AWS_LAMBDA_EXEC_WRAPPER",
    "JAVA_TOOL_OPTIONS",
  ];
  for (const name of names)
    assert.match(against({ A: "1", [name]: "C" }) ?? "nothing", new RegExp(` ${name} acts when`));
});

test("what the runtime's bootstrap takes over, what every function has, and the rest do not", () => {
  const names = [
    "NODE_ENV",
    "NODE_PATH",
    "PYTHONPATH",
    "UV_THREADPOOL_SIZE",
    "TZ",
    "PATH",
    "LANGUAGES",
    "MY_NODE_OPTIONS",
  ];
  for (const name of names) assert.equal(against({ [name]: "x" }), undefined, name);
  assert.equal(against(preset), undefined);
});

test("a function that does not want copies gets none of its runtime either", () => {
  assert.equal(against({ THAW_SNAPSHOT: "off" }), "the function's variable THAW_SNAPSHOT is off");
  assert.equal(against({ THAW_SNAPSHOT: "on" }), undefined);
});

const distribution: Distribution = {
  mounts: [{ source: "/shelf/node", target: "/var/lang" }],
  command: [["/var/lang/bin/node"]],
  env: { PATH: "/bin" },
  link: "frames",
  tellsDraws: true,
  bare: "any",
  version: "24.1.0",
};
const needs = { emptyDirectory: "/empty", cpusOf: () => 1 };

test("each account and each build of a runtime has its own, and no function's name or variables are in it", () => {
  const one = barePlanOf("1", "nodejs24.x", distribution, needs)!;
  assert.ok(isBare(one.target) && !isBare({ version: "$LATEST" }) && !isBare({ version: "1" }));
  assert.deepEqual(Object.keys(one.env).sort(), ["LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "PATH", "_THAW_BARE"]);
  assert.deepEqual(one.mounts.at(-1), { source: "/empty", target: "/var/task" });
  const same = barePlanOf("1", "nodejs24.x", { ...distribution }, needs)!;
  assert.equal(same.target.key, one.target.key);
  const others = [
    barePlanOf("2", "nodejs24.x", distribution, needs)!,
    barePlanOf("1", "nodejs24.x", { ...distribution, version: "24.1.1" }, needs)!,
    barePlanOf("1", "nodejs24.x", { ...distribution, command: [["/var/lang/bin/node", "--x"]] }, needs)!,
  ];
  assert.equal(new Set([one, ...others].map(({ target }) => target.key)).size, 4);
});

test("a runtime of the function's own cannot be told what to load", () => {
  const { bare: _, ...own } = distribution;
  assert.equal(barePlanOf("1", "provided.al2023", { ...own, link: "http" }, needs), undefined);
});

test("a runtime that is sized when it boots has one for each amount of memory", () => {
  const jvm: Distribution = { ...distribution, link: "http", bare: "by memory" };
  assert.equal(barePlanOf("1", "java17", jvm, needs), undefined);
  const [small, large] = [barePlanOf("1", "java17", jvm, needs, 512)!, barePlanOf("1", "java17", jvm, needs, 1024)!];
  assert.deepEqual([large.memoryBytes, large.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE], [2 ** 30, "1024"]);
  assert.notEqual(small.target.key, large.target.key);
});
