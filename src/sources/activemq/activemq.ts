import type { Connection, ConnectionOptions, Container, Delivery, EventContext } from "rhea";
import { accessOfBroker, addressOf, type BrokerAccess } from "../brokers/access.ts";
import { createReader } from "../brokers/reader.ts";
import { reconnecting } from "../reconnecting.ts";
import type { Source, SourceNeeds } from "../source.ts";
import { createCredits } from "./credits.ts";
import { type AmqpMessage, activeItem, activePayload } from "./event.ts";

/** Batches at once of one mapping. Source: Developer Guide, "Using Lambda with Amazon MQ" (concurrency). */
const places = 5;
/** The client keeps 2,048 messages that nobody has acknowledged, and no more. */
const mostHeld = 2000;
/** Redeliveries before a message is rejected, which puts it into the broker's dead-letter queue: what its own clients do, too. */
const mostRedeliveries = 6;
const connectMs = 5000;
const closeMs = 2000;
const idleMs = 30_000;

interface Taken {
  readonly delivery: Delivery;
  /** how often it was given back */
  readonly failures: number;
}

/** Rejects when the connection or the queue is gone; what was not acknowledged comes again then. */
async function readQueue(needs: SourceNeeds, signal: AbortSignal): Promise<void> {
  const { default: rhea } = await import("rhea");
  const access = await accessOfBroker(needs, signal);
  const [queue = ""] = (needs.mapping.settings.Queues ?? []) as readonly string[];
  const brokerArn = String(needs.mapping.settings.EventSourceArn);
  if (signal.aborted) return;
  const lost = new AbortController();
  const connection = connect(rhea.create_container(), access, lost);
  const stop = AbortSignal.any([signal, lost.signal]);
  try {
    // A broker that takes the connection and says nothing is lost, too.
    const late = setTimeout(() => lost.abort(new Error("the broker does not answer")), connectMs);
    const receiver = connection.open_receiver({
      source: { address: queue },
      credit_window: 0,
      autoaccept: false,
    });
    const credits = createCredits(receiver);
    const settle = (delivery: Delivery, act: () => void) => {
      if (receiver.is_closed()) return;
      act();
      credits.over(delivery);
    };
    const reader = createReader<Taken>(
      needs,
      { places, mostBatch: mostHeld / 2, payloadOf: (json) => activePayload(json, brokerArn) },
      {
        acknowledge: ({ delivery }) => settle(delivery, () => delivery.accept()),
        giveBack: ({ delivery, failures }) =>
          settle(delivery, () => {
            if (failures < mostRedeliveries) delivery.modified({ delivery_failed: true, undeliverable_here: false });
            else delivery.reject();
          }),
      },
      stop,
    );
    receiver.on("receiver_open", () => {
      clearTimeout(late);
      needs.problem(undefined);
      receiver.add_credit(Math.min((places + 1) * reader.batchSize, mostHeld));
    });
    receiver.on("message", ({ message, delivery }: EventContext) => {
      const taken = message as AmqpMessage;
      credits.taken(delivery!);
      const failures = taken.delivery_count ?? 0;
      reader.take({ delivery: delivery!, failures }, activeItem(taken, queue, needs.clock()), failures);
    });
    const gone = ({ receiver: closed }: EventContext) =>
      lost.abort(new Error(closed?.error?.toString() ?? `the queue ${queue} is gone`));
    receiver.on("receiver_error", gone).on("receiver_close", gone);
    await aborted(stop);
    clearTimeout(late);
    await reader.end();
  } finally {
    await close(connection);
  }
  if (!signal.aborted) throw lost.signal.reason;
}

function connect(container: Container, access: BrokerAccess, lost: AbortController): Connection {
  const { url, username, password } = access;
  const { secure, host, port } = addressOf(url);
  const options = {
    host,
    port,
    username,
    password,
    reconnect: false,
    idle_time_out: idleMs,
    ...(secure ? { transport: "tls", servername: host } : {}),
  } as ConnectionOptions;
  const connection = container.connect(options);
  // Without somebody who listens the client throws.
  connection.on("error", (error: Error) => lost.abort(error));
  connection.on("connection_error", ({ error }: EventContext) => lost.abort(failureOf(error)));
  connection.on("connection_close", () => lost.abort(new Error("the broker has closed the connection")));
  connection.on("disconnected", ({ error }: EventContext) => lost.abort(failureOf(error)));
  connection.on("protocol_error", (error: Error) => lost.abort(error));
  return connection;
}

function failureOf(error: unknown): Error {
  if (error instanceof Error) return error;
  const { description, condition } = (error ?? {}) as { description?: string; condition?: string };
  return new Error(description ?? condition ?? "the broker has closed the connection");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** What is settled is on its way before the connection ends; what is not goes back. */
async function close(connection: Connection): Promise<void> {
  if (!connection.is_open()) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, closeMs);
    const over = () => {
      clearTimeout(timer);
      resolve();
    };
    connection.once("connection_close", over).once("disconnected", over);
    connection.close();
  });
}

/** Reads a queue of ActiveMQ by AMQP 1.0: until the connection is lost, and then anew. */
export const activemq: Source = reconnecting(readQueue);
