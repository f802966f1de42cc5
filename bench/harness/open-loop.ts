import { type OpenLoopResult, openLoop as paced } from "../../src/measure/index.ts";
import { type Answer, Connection } from "./connection.ts";

export interface OpenLoopOptions {
  readonly url: URL;
  /** bytes of the request, ready to be written */
  readonly bytes: Buffer;
  readonly connections: number;
  /** requests a second */
  readonly rate: number;
  readonly seconds: number;
  /** throws when an answer is not what it must be */
  readonly check: (answer: Answer) => void;
}

/** Requests at a constant rate over connections opened beforehand: src/measure/open-loop.ts says how latency counts. */
export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const workers: Connection[] = [];
  try {
    for (let i = 0; i < options.connections; i++) workers.push(await Connection.open(options.url));
    const { rate, seconds } = options;
    const send = async (connection: Connection): Promise<number> => {
      const answer = await connection.send(options.bytes);
      options.check(answer);
      return answer.done;
    };
    return await paced({ workers, rate, seconds, send });
  } finally {
    for (const connection of workers) connection.close();
  }
}

/** `count` requests one after the other on one connection: ms from writing to the last byte of each. */
export async function serial(
  options: Pick<OpenLoopOptions, "url" | "bytes" | "check"> & { readonly count: number },
): Promise<readonly number[]> {
  const connection = await Connection.open(options.url);
  try {
    const samples: number[] = [];
    for (let n = 0; n < options.count; n++) {
      const answer = await connection.send(options.bytes);
      options.check(answer);
      samples.push(answer.done - answer.sent);
    }
    return samples;
  } finally {
    connection.close();
  }
}
