import type { Kafka, Producer } from "kafkajs";
import { backoffMs, pause } from "../pause.ts";
import type { LostBatch, SourceNeeds } from "../source.ts";

const retryPause = { first: 250, most: 15_000 };

/** The topic of an on-failure destination `kafka://topic`; undefined: there is another one, or none. */
export function failureTopic(settings: Readonly<Record<string, unknown>>): string | undefined {
  const { OnFailure } = (settings.DestinationConfig ?? {}) as { OnFailure?: { Destination?: string } };
  return /^kafka:\/\/(.+)$/.exec(OnFailure?.Destination ?? "")?.[1];
}

/** Told to a topic of the same cluster, with the event, which is left out where the topic takes no message that long. */
export interface Letters {
  /** Resolves when all replicas have it; rejects when the signal says so. */
  giveUp(lost: LostBatch): Promise<void>;
  close(): Promise<void>;
}

/** Writes records of what is given up; what cannot be written is tried again, and nothing behind it is read meanwhile. */
export function createLetters(
  client: Pick<Kafka, "producer">,
  topic: string,
  needs: Pick<SourceNeeds, "count" | "problem">,
  signal: AbortSignal,
): Letters {
  let connected: Promise<Producer> | undefined;

  const producer = () => {
    connected ??= (async () => {
      const made = client.producer({ allowAutoTopicCreation: false });
      await made.connect();
      return made;
    })();
    connected.catch(() => {
      connected = undefined;
    });
    return connected;
  };

  async function send(key: string, value: object): Promise<void> {
    const to = await producer();
    await to.send({ topic, acks: -1, messages: [{ key, value: JSON.stringify(value) }] });
  }

  return {
    async giveUp({ record, part, payload }) {
      let whole = true;
      for (let failures = 1; ; failures += 1) {
        try {
          await send(part, whole ? { ...record, payload: payload() } : record);
          needs.count("OnFailureDestinationDeliveredEventCount", 1);
          needs.problem(undefined);
          return;
        } catch (error) {
          signal.throwIfAborted();
          if (whole && isTooLong(error)) whole = false;
          else {
            needs.problem(
              `PROBLEM: the on-failure destination kafka://${topic}: ${(error as Error).message}`.slice(0, 300),
            );
            await pause(backoffMs(failures, retryPause), signal);
            signal.throwIfAborted();
          }
        }
      }
    },
    async close() {
      await (await connected?.catch(() => undefined))?.disconnect().catch(() => undefined);
    },
  };
}

function isTooLong(error: unknown): boolean {
  const { type, cause } = error as { type?: string; cause?: { type?: string } };
  return [type, cause?.type].some((one) => one === "MESSAGE_TOO_LARGE" || one === "RECORD_LIST_TOO_LARGE");
}
