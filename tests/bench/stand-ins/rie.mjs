// Speaks as AWS's Runtime Interface Emulator does: its options, its two HTTP interfaces, one event at a time. Only there
// to try the code that starts the real one; what it measures means nothing.
import { spawn } from "node:child_process";
import { createServer } from "node:http";

const args = process.argv.slice(2);
const options = {};
while (args[0]?.startsWith("--")) options[args.shift()] = args.shift();
const api = options["--runtime-api-address"];
let waiting;
let event;
let answer;

const read = async (stream) => (await stream.setEncoding("utf8").toArray()).join("");
const listen = (address, listener) => {
  const [host, port] = address.split(":");
  createServer((req, res) => void listener(req, res)).listen(Number(port), host);
};
const hand = () => {
  if (!waiting || event === undefined) return;
  waiting.writeHead(200, { "Lambda-Runtime-Aws-Request-Id": "11111111-2222-4333-8444-555555555555" }).end(event);
  waiting = event = undefined;
};

listen(api, async (req, res) => {
  if (req.url === "/2018-06-01/runtime/invocation/next") {
    waiting = res;
    return hand();
  }
  const body = await read(req);
  res.writeHead(202).end();
  answer(body);
});
listen(options["--runtime-interface-emulator-address"], async (req, res) => {
  if (req.url !== "/2015-03-31/functions/function/invocations") return res.writeHead(404).end();
  const body = await read(req);
  if (answer) return res.writeHead(400).end();
  const answered = new Promise((resolve) => {
    answer = resolve;
  });
  event = body;
  hand();
  res.end(await answered);
  answer = undefined;
});
spawn(args[0], args.slice(1), { stdio: "inherit", env: { ...process.env, AWS_LAMBDA_RUNTIME_API: api } });
