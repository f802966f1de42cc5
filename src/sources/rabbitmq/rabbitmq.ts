import type { ConsumeMessage } from "amqplib";
import { accessOfBroker, addressOf } from "../brokers/access.ts";
import { createReader } from "../brokers/reader.ts";
import { accessOf } from "../credentials.ts";
import { reconnecting } from "../reconnecting.ts";
import type { Source, SourceNeeds } from "../source.ts";
import { rabbitItem, rabbitPayload } from "./event.ts";

const connectMs = 5000;
const heartbeatSeconds = 30;

/** One batch at a time. Source: Developer Guide, "Using Lambda with Amazon MQ" (concurrency). */
const places = 1;
const mostBatch = 10_000;

/** Rejects when the channel is gone; what was not acknowledged comes again then. */
async function readQueue(needs: SourceNeeds, signal: AbortSignal): Promise<void> {
  const { connect } = await import("amqplib");
  const { url, username, password } = await accessOfBroker(needs, signal);
  const virtualHost = accessOf(needs, "VIRTUAL_HOST") ?? "/";
  const [queue = ""] = (needs.mapping.settings.Queues ?? []) as readonly string[];
  const { secure, host, port } = addressOf(url);
  const brokerArn = String(needs.mapping.settings.EventSourceArn);
  const connection = await connect(
    {
      protocol: secure ? "amqps" : "amqp",
      hostname: host,
      port,
      username,
      password,
      vhost: virtualHost,
      heartbeat: heartbeatSeconds,
    },
    { timeout: connectMs, servername: host },
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
      { places, mostBatch, payloadOf: (json) => rabbitPayload(json, queue, virtualHost, brokerArn) },
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
      reader.take(message, rabbitItem({ ...message, redelivered: message.fields.redelivered }));
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

/** Reads a queue of RabbitMQ: until the connection or the queue is lost, and then anew. */
export const rabbitmq: Source = reconnecting(readQueue);
