import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

// A machine out there for egress.test.ts: says who called, over TCP and UDP, and calls whom it is told to (one
// "host port" a line).
const version4 = (address: string | undefined) => address?.replace("::ffff:", "");
const tcp = createServer((client) => client.end(`tcp ${version4(client.remoteAddress)}\n`));
const udp = createSocket("udp4", (_, from) => udp.send(`udp ${from.address}\n`, from.port, from.address));
tcp.listen(7001, "0.0.0.0", () => udp.bind(7002, () => console.log("listening")));

createInterface(process.stdin)
  .on("line", (line) => {
    const [host, port] = line.split(" ");
    const socket = connect({ host: host!, port: Number(port), timeout: 400 });
    let heard = "";
    socket.on("data", (bytes) => {
      heard += bytes;
    });
    socket.on("timeout", () => socket.destroy()).on("error", () => undefined);
    socket.on("close", () => console.log(heard.trim() || "nothing"));
  })
  .on("close", () => process.exit());
