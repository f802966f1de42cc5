// Speaks as OpenFaaS's of-watchdog in http mode does: its environment variables, a proxy in front of the process it runs.
// Only there to try the code that starts the real one; what it measures means nothing.
import { spawn } from "node:child_process";
import { createServer, request } from "node:http";

const { port, mode, fprocess, upstream_url } = process.env;
if (mode !== "http") throw new Error(`mode ${mode}`);
const [file, ...args] = fprocess.split(" ");
spawn(file, args, { stdio: "inherit" });
createServer((req, res) => {
  const options = { method: req.method, headers: req.headers };
  const upstream = request(upstream_url, options, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
  });
  upstream.on("error", () => res.writeHead(502).end());
  req.pipe(upstream);
}).listen(Number(port), "127.0.0.1");
