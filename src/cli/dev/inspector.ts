import { connect, createServer, type Server } from "node:net";
import { CommandFailure } from "../failure.ts";

/** One function's debugger address: it stays the same while environments come and go. */
export interface Inspector {
  readonly port: number;
  /** Reads a line of the function's log; true when it was its runtime's, saying where a debugger may attach. */
  heard(line: string): boolean;
  close(): void;
}

/** Listens on 127.0.0.1 and hands connections on to the newest environment of one function. */
export async function createInspector(port: number, attached: () => void): Promise<Inspector> {
  let target: number | undefined;
  const server: Server = createServer((client) => {
    if (target === undefined) return void client.destroy();
    const runtime = connect(target, "127.0.0.1");
    client.pipe(runtime).pipe(client);
    // whichever ends first ends the other
    client.on("error", () => runtime.destroy());
    client.on("close", () => runtime.destroy());
    runtime.on("error", () => client.destroy());
    runtime.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new CommandFailure(`--inspect ${port}: ${error.message}`, { next: "choose another port: --inspect 9330" }),
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  server.unref();
  return {
    port,
    heard(line) {
      const found = /Debugger listening on (?:ws:\/\/)?127\.0\.0\.1:(\d+)/.exec(line);
      if (found !== null) {
        target = Number(found[1]);
        attached();
        return true;
      }
      return /^For help, see: https:\/\/nodejs\.org\/|^Debugger (attached|ending)/.test(line);
    },
    close: () => void server.close(),
  };
}
