/** Closed-loop load for machines without wrk. Arguments: URL, connections, seconds, headers (JSON); prints requests a second. */
import { monotonicMs } from "../../src/model/index.ts";
import { Connection, request } from "./connection.ts";

const [href, connections, seconds, headers = "{}"] = process.argv.slice(2);
const url = new URL(href!);
const bytes = request(url, '{"hello":"world","numbers":[1,2,3]}', JSON.parse(headers) as Record<string, string>);
const start = monotonicMs();
const end = start + Number(seconds) * 1000;
let answered = 0;

async function client(): Promise<void> {
  const connection = await Connection.open(url);
  while (monotonicMs() < end) {
    const { status, body } = await connection.send(bytes);
    if (status < 200 || status > 299) throw new Error(`${status}: ${body.toString().slice(0, 500)}`);
    answered += 1;
  }
  connection.close();
}

await Promise.all(Array.from({ length: Number(connections) }, client));
console.log((answered * 1000) / (monotonicMs() - start));
