import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { record, temporaryFolder, thaw } from "./thaw.ts";

const commands = "up deploy invoke logs list delete ps doctor env bench tune advise completion help".split(" ");

test("help names every command and the exit codes", async () => {
  const { code, stdout } = await thaw(["--help"]);
  assert.equal(code, 0);
  for (const command of commands) assert.match(stdout, new RegExp(`^  ${command}\\b`, "m"));
  assert.match(stdout, /Exit codes: 0 ok, 1 error, 2 wrong command line, 3 the function returned an error/);
  assert.deepEqual((await thaw([])).stdout, stdout);
});

test("--version prints the package's version", async () => {
  const { stdout } = await thaw(["--version"]);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

const wrong: readonly (readonly [string[], RegExp])[] = [
  [["nosuch"], /unknown command 'nosuch'/],
  [["invoke"], /missing required argument 'name'/],
  [["invoke", "f", "--nosuch"], /unknown option '--nosuch'/],
  [
    ["up", "--driver", "magic"],
    /'--driver <name>' argument 'magic' is invalid. Allowed choices are auto, container, process/,
  ],
  [["up", "--port", "99999"], /--port is "99999".*0 to 65535/],
  [["up", "--endpoint", "http://x"], /--endpoint is where a client sends/],
  [["invoke", "f", "--payload", "{a:1}"], /--payload is not JSON/],
  [["invoke", "f", "--client-context", "x"], /--client-context is not JSON/],
  [["list", "--endpoint", "localhost:1"], /"localhost:1" of --endpoint/],
  [["logs", "f", "--since", "yesterday"], /--since is "yesterday"/],
  [["completion", "tcsh"], /no completion for "tcsh"/],
  [["deploy", ".", "--memory", "1"], /--memory is "1"/],
  [["deploy", ".", "--parameter", "A=1"], /--parameter belongs to a template/],
  [
    ["deploy", "tests/cli/fixtures/production/template.yaml", "--memory", "256", "--publish"],
    /--memory, --publish belong to a folder/,
  ],
];

for (const [args, message] of wrong) {
  test(`\`thaw ${args.join(" ")}\` is a wrong command line: exit code 2`, async () => {
    const { code, stdout, stderr } = await thaw(args);
    assert.match(stderr, message);
    assert.equal(code, 2);
    assert.equal(stdout, "");
  });
}

test("when nothing listens the message says what to start, as text and as JSON", async () => {
  await using free = await record(() => {});
  const { endpoint } = free;
  await free.close();
  const text = await thaw(["list", "--endpoint", endpoint]);
  assert.equal(text.code, 1);
  assert.match(
    text.stderr,
    new RegExp(`^error: Nothing listens at ${endpoint}\\.\nnext: {2}start the platform with \`thaw up\``),
  );
  const json = await thaw(["list", "--json", "--endpoint", endpoint]);
  assert.equal(JSON.parse(json.stderr).error.code, "ConnectionRefused");
});

test("invoke sends the payload as it is, signed, and prints what came back", async () => {
  await using server = await record((_request, response) => {
    response.writeHead(200, { "x-amz-executed-version": "3", "x-amzn-requestid": "id" });
    response.end('{"big":12345678901234567890}');
  });
  const { endpoint } = server;
  const payload = '{ "n": 12345678901234567890 }';
  const args = ["invoke", "f", "--qualifier", "live", "--payload", payload, "--client-context", '{"a":1}', "--tail"];
  const { code, stdout } = await thaw([...args, "--endpoint", endpoint], {
    env: { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "token" },
  });
  assert.equal(code, 0);
  assert.equal(stdout, '{"big":12345678901234567890}\n');
  const [request] = server.requests;
  assert.equal(request?.method, "POST");
  assert.equal(request?.path, "/2015-03-31/functions/f/invocations?Qualifier=live");
  assert.equal(request?.body, payload);
  assert.equal(request?.headers["x-amz-client-context"], Buffer.from('{"a":1}').toString("base64"));
  assert.equal(request?.headers["x-amz-log-type"], "Tail");
  assert.equal(request?.headers["x-amz-security-token"], "token");
  assert.match(
    request?.headers.authorization ?? "",
    /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/us-east-1\/lambda\/aws4_request, SignedHeaders=\S*host\S*, Signature=[0-9a-f]{64}$/,
  );
});

test("invoke reads its payload from a file or from standard input", async () => {
  await using server = await record((request, response) => response.end(request.body));
  const folder = temporaryFolder();
  writeFileSync(join(folder, "event.json"), "[1]");
  const fromFile = await thaw(["invoke", "f", "--payload", "@event.json", "--endpoint", server.endpoint], {
    cwd: folder,
  });
  assert.equal(fromFile.stdout, "[1]\n");
  const fromInput = await thaw(["invoke", "f", "--payload", "-", "--endpoint", server.endpoint], { input: "[2]" });
  assert.equal(fromInput.stdout, "[2]\n");
  const missing = await thaw(["invoke", "f", "--payload", "@nosuch.json", "--endpoint", server.endpoint]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /--payload: cannot read nosuch\.json/);
  rmSync(folder, { recursive: true });
});

test("a function's error leaves exit code 3 and its payload on standard output", async () => {
  await using server = await record((_request, response) => {
    response.writeHead(200, { "x-amz-function-error": "Unhandled" });
    response.end('{"errorMessage":"no"}');
  });
  const text = await thaw(["invoke", "f", "--endpoint", server.endpoint]);
  assert.equal(text.code, 3);
  assert.equal(text.stdout, '{"errorMessage":"no"}\n');
  assert.match(text.stderr, /f returned an error \(Unhandled\)/);
  const json = await thaw(["invoke", "f", "--json", "--endpoint", server.endpoint]);
  assert.equal(json.code, 3);
  const document = JSON.parse(json.stdout);
  assert.deepEqual([document.functionError, document.payload], ["Unhandled", { errorMessage: "no" }]);
});

test("a service error shows AWS's code and message and leaves exit code 1", async () => {
  await using server = await record((_request, response) => {
    response.writeHead(404, { "x-amzn-errortype": "ResourceNotFoundException:http://internal.amazon.com/" });
    response.end('{"Type":"User","Message":"Function not found: x"}');
  });
  const { code, stderr } = await thaw(["delete", "x", "--endpoint", server.endpoint]);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "error: ResourceNotFoundException: Function not found: x\nnext:  see what exists with `thaw list`\n",
  );
  assert.equal(server.requests[0]?.method, "DELETE");
});

test("list follows every page", async () => {
  await using server = await record((request, response) => {
    const second = request.path.includes("Marker=m%2F1");
    response.end(
      JSON.stringify({
        Functions: [{ FunctionName: second ? "two" : "one", FunctionArn: "a", Runtime: "nodejs22.x", CodeSize: 2048 }],
        NextMarker: second ? null : "m/1",
      }),
    );
  });
  const { stdout } = await thaw(["list", "--endpoint", server.endpoint]);
  const lines = stdout.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.split(/\s+/)[0]),
    ["NAME", "one", "two"],
  );
  assert.match(lines[1]!, /2\.0 KB/);
  const names = await thaw(["function-names", "--endpoint", server.endpoint]);
  assert.equal(names.stdout, "one\ntwo\n");
});

test("logs prints messages as they were written; --json prints the server's lines", async () => {
  await using server = await record((_request, response) => {
    response.write('{"timestamp":1,"message":"START a\\n","stream":"s"}\n{"timestamp":2,"mess');
    response.end('age":"END a","stream":"s"}');
  });
  const before = Date.now();
  const { stdout } = await thaw(["logs", "f", "--since", "10m", "--limit", "5", "--endpoint", server.endpoint]);
  assert.equal(stdout, "START a\nEND a\n");
  const url = new URL(server.requests[0]!.path, "http://x");
  assert.equal(url.pathname, "/_thaw/logs");
  assert.equal(url.searchParams.get("function"), "f");
  assert.equal(url.searchParams.get("limit"), "5");
  const since = Number(url.searchParams.get("since"));
  assert.ok(since >= before - 600_000 && since <= Date.now() - 600_000);
  const json = await thaw(["logs", "f", "--json", "--endpoint", server.endpoint]);
  assert.deepEqual(
    json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).timestamp),
    [1, 2],
  );
});

test("env prints what each shell understands, and leaves credentials that are there", async () => {
  const options = ["env", "--endpoint", "http://127.0.0.1:5000", "--region", "eu-west-1"];
  const fresh = await thaw(options);
  assert.equal(
    fresh.stdout,
    [
      "export AWS_ENDPOINT_URL='http://127.0.0.1:5000'",
      "export AWS_REGION='eu-west-1'",
      "export AWS_DEFAULT_REGION='eu-west-1'",
      "export AWS_ACCESS_KEY_ID='test'",
      "export AWS_SECRET_ACCESS_KEY='test'",
      "",
    ].join("\n"),
  );
  const own = { env: { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "x" } };
  assert.doesNotMatch((await thaw(options, own)).stdout, /ACCESS_KEY/);
  assert.match((await thaw([...options, "--force"], own)).stdout, /AWS_ACCESS_KEY_ID='test'/);
  assert.match((await thaw([...options, "--shell", "fish"])).stdout, /^set -gx AWS_ENDPOINT_URL 'http:/m);
  assert.match((await thaw([...options, "--shell", "powershell"])).stdout, /^\$Env:AWS_ENDPOINT_URL = 'http:/m);
  assert.equal(JSON.parse((await thaw([...options, "--json"])).stdout).AWS_REGION, "eu-west-1");
});

test("output is plain when it is piped", async () => {
  await using server = await record((_request, response) => response.end('{"Functions":[]}'));
  for (const args of [["list"], ["list", "--json"], ["doctor"]]) {
    const { stdout, stderr } = await thaw([...args, "--endpoint", server.endpoint]);
    assert.ok(!(stdout + stderr).includes("\u001b"), `${args.join(" ")} has escape sequences`);
  }
});

test("deploying a folder that has no function says what was looked for and sends nothing", async () => {
  await using server = await record((_request, response) => response.end("{}"));
  const folder = temporaryFolder();
  mkdirSync(join(folder, "empty"));
  const { code, stderr } = await thaw(["deploy", join(folder, "empty"), "--endpoint", server.endpoint]);
  assert.equal(code, 1);
  assert.match(stderr, /No function found in .*next:/s);
  assert.equal(server.requests.length, 0);
  rmSync(folder, { recursive: true });
});

test("a template with errors sends nothing and names them all with file and line", async () => {
  await using server = await record((_request, response) => response.end("{}"));
  const folder = temporaryFolder();
  const file = join(folder, "template.yaml");
  writeFileSync(
    file,
    "Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties: {}\n  B:\n    Type: AWS::Lambda::Alias\n",
  );
  const { code, stderr } = await thaw(["deploy", file, "--endpoint", server.endpoint]);
  assert.equal(code, 1);
  assert.match(stderr, /2 errors; nothing was deployed/);
  assert.match(stderr, /template\.yaml:2: A: needs Runtime and Handler/);
  assert.match(stderr, /template\.yaml:5: B: needs FunctionName and FunctionVersion and Name/);
  assert.equal(server.requests.length, 0);
  rmSync(folder, { recursive: true });
});
