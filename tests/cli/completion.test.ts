import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createProgram } from "../../src/cli/program.ts";
import { record, root, temporaryFolder, thaw } from "./thaw.ts";

/** What bash offers after these words, the last of them half typed. */
async function offered(words: readonly string[], endpoint = ""): Promise<string[]> {
  const script = `
    source <("$0" completion bash)
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _thaw thaw "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const child = spawn("bash", ["--norc", "-c", script, join(root, "bin/thaw"), ...words], {
    env: { ...process.env, PATH: `${join(root, "bin")}:${process.env.PATH}`, AWS_ENDPOINT_URL: endpoint },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await once(child, "close");
  return output.split("\n").filter((word) => word !== "");
}

const has = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;

test("bash completes commands, options and choices", { skip: !has("bash") && "bash is not installed" }, async () => {
  assert.deepEqual(await offered(["thaw", "de"]), ["deploy", "dev", "delete"]);
  assert.deepEqual(await offered(["thaw", "tune", "--w"]), ["--weight"]);
  assert.deepEqual(await offered(["thaw", "invoke", "f", "--ti"]), ["--timing"]);
  assert.deepEqual(await offered(["thaw", "deploy", "--ti"]), ["--timeout"]);
  assert.deepEqual(await offered(["thaw", "up", "--driver", "c"]), ["container"]);
  assert.deepEqual(await offered(["thaw", "completion", "z"]), ["zsh"]);
  assert.deepEqual(await offered(["thaw", "alarms", "i"]), ["install"]);
  assert.deepEqual(await offered(["thaw", "alarms", "--to"]), ["--topic"]);
  assert.deepEqual(await offered(["thaw", "dev", "README"]), ["README.md"]);
});

test("bash completes function names asked from the server, and says nothing when there is none", async (t) => {
  if (!has("bash")) return t.skip("bash is not installed");
  await using server = await record((_request, response) =>
    response.end('{"Functions":[{"FunctionName":"orders"},{"FunctionName":"other"},{"FunctionName":"users"}]}'),
  );
  assert.deepEqual(await offered(["thaw", "invoke", "o"], server.endpoint), ["orders", "other"]);
  await server.close();
  assert.deepEqual(await offered(["thaw", "logs", "o"], server.endpoint), []);
});

for (const shell of ["bash", "zsh", "fish"]) {
  test(`the ${shell} script is valid`, { skip: !has(shell) && `${shell} is not installed` }, async () => {
    const { stdout, code } = await thaw(["completion", shell]);
    assert.equal(code, 0);
    const folder = temporaryFolder();
    writeFileSync(join(folder, "script"), stdout);
    const check = spawnSync(shell, ["-n", join(folder, "script")], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    assert.equal(check.stderr, "");
    assert.equal(check.status, 0);
  });
}

test("the fish script has every command and its options", async () => {
  const { stdout } = await thaw(["completion", "fish"]);
  assert.match(stdout, /__fish_use_subcommand -a deploy -d /);
  assert.match(stdout, /__fish_seen_subcommand_from alarms' -a 'install list remove'/);
  assert.match(stdout, /__fish_seen_subcommand_from up' -l driver -x -a 'auto container process'/);
});

test("every command is offered, and every option of each", async () => {
  const { stdout } = await thaw(["completion", "bash"]);
  for (const command of createProgram("0").commands) {
    const flags = new RegExp(`^ {6}${command.name()}\\) words="(.*)"$`, "m").exec(stdout);
    if (flags === null) assert.match(command.name(), /^(function-names|help)$/);
    else for (const { long } of command.options) assert.ok(flags[1]!.includes(long!), `${command.name()} ${long}`);
  }
});
