import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What functions tell of the events they got. */
export interface Recorder {
  readonly url: string;
  /** ms that events took, as their functions told it */
  readonly times: readonly number[];
  /** Resolves when there are so many. Rejects after a minute without another. */
  until(count: number): Promise<void>;
  close(): void;
}

export async function startRecorder(): Promise<Recorder> {
  const times: number[] = [];
  const server = createServer((incoming, response) => {
    let text = "";
    incoming.on("data", (chunk) => {
      text += chunk;
    });
    incoming.on("end", () => {
      times.push(...(JSON.parse(text) as number[]));
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    times,
    async until(count) {
      for (let known = times.length, quiet = 0; times.length < count; quiet += 1) {
        await pause(5);
        if (times.length > known) quiet = 0;
        known = times.length;
        if (quiet > 12_000) throw new Error(`only ${times.length} of ${count} events came`);
      }
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
