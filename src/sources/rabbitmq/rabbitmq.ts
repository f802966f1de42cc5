import type { ConsumeMessage } from "amqplib";
import { backoffMs, pause } from "../pause.ts";
import type { Source, SourceNeeds } from "../source.ts";
import { accessOfBroker } from "./access.ts";
import { createReader } from "./reader.ts";

const reconnect = { first: 250, most: 15_000 };
const connectMs = 5000;
const heartbeatSeconds = 30;

/** Reads a queue of RabbitMQ: until the connection or the queue is lost, and then anew. */
export const rabbitmq: Source = async (needs, signal) => {
  let failures = 0;
  while (!signal.aborted) {
    const began = needs.clock();
    try {
      await readQueue(needs, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (needs.clock() - began > reconnect.most) failures = 0;
      failures += 1;
      needs.problem(`PROBLEM: ${problemOf(error)}`.slice(0, 300));
      await pause(backoffMs(failures, reconnect), signal);
    }
  }
};

/** Of addresses that are tried in turn, the first one's failure says most. */
function problemOf(error: unknown): string {
  const { message, errors } = error as Error & { errors?: readonly Error[] };
  return message || errors?.[0]?.message || String(error);
}

/** Rejects when the channel is gone; what was not acknowledged comes again then. */
async function readQueue(needs: SourceNeeds, signal: AbortSignal): Promise<void> {
  const { connect } = await import("amqplib");
  const { url, virtualHost, username, password } = await accessOfBroker(needs, signal);
  const [queue = ""] = (needs.mapping.settings.Queues ?? []) as readonly string[];
  const secure = url.protocol === "amqps:";
  const connection = await connect(
    {
      protocol: secure ? "amqps" : "amqp",
      hostname: url.hostname,
      port: url.port === "" ? (secure ? 5671 : 5672) : Number(url.port),
      username,
      password,
      vhost: virtualHost,
      heartbeat: heartbeatSeconds,
    },
    { timeout: connectMs, servername: url.hostname },
  );
  const lost = new AbortController();
  connection.on("error", (error) => lost.abort(error));
  connection.on("close", () => lost.abort(new Error("the broker has closed the connection")));
  const stop = AbortSignal.any([signal, lost.signal]);
  try {
    const channel = await connection.createChannel();
    channel.on("error", (error) => lost.abort(error));
    channel.on("close", () => lost.abort(new Error("the broker has closed the channel")));
    const reader = createReader<ConsumeMessage>(
      needs,
      { queue, virtualHost },
      {
        acknowledge: (message) => channel.ack(message),
        giveBack: (message) => channel.nack(message, false, true),
      },
      stop,
    );
    await channel.checkQueue(queue);
    // No more than two batches are taken from other readers.
    await channel.prefetch(Math.min(2 * reader.batchSize, 65_535));
    await channel.consume(queue, (message) => {
      if (message === null) return lost.abort(new Error(`the queue ${queue} is gone`));
      reader.take(message, { ...message, redelivered: message.fields.redelivered });
    });
    needs.problem(undefined);
    try {
      await new Promise<void>((resolve) => {
        if (stop.aborted) resolve();
        else stop.addEventListener("abort", () => resolve(), { once: true });
      });
    } finally {
      await reader.end();
    }
    // What is acknowledged is on its way before the connection ends; what is not goes back.
    if (!lost.signal.aborted) await channel.close();
  } finally {
    await connection.close().catch(() => undefined);
  }
  if (!signal.aborted) throw lost.signal.reason;
}
