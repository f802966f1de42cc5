import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import rhea, { type Message, type Sender } from "rhea";
import { activeMqUser, startActiveMq } from "../../../tests/brokers/activemq.ts";
import type { Broker } from "../../../tests/brokers/broker.ts";
import { until } from "../../../tests/e2e/streams.ts";
import { malformedContract } from "../malformed.contract.ts";
import { houseOf, type SourceFixture, sourceContract } from "../source.contract.ts";
import { activemq } from "./index.ts";

const skip = process.env.THAW_TEST_SLOW === "1" ? false : "starts a broker: THAW_TEST_SLOW=1";
const broker = skip === false ? await startActiveMq().catch((error: Error) => error) : new Error(skip);
if (broker instanceof Error) test("activemq", { skip: broker.message.slice(0, 300) });
else testWith(broker);

function testWith(server: Broker): void {
  const { port } = server;
  const url = `amqp://127.0.0.1:${port}`;
  const connection = rhea.create_container().connect({ host: "127.0.0.1", port, ...activeMqUser, reconnect: 100 });
  connection.on("disconnected", () => undefined);
  after(async () => {
    connection.close();
    await server[Symbol.asyncDispose]();
  });
  let made = 0;

  /** The queue's sender, which resolves when the broker has the message. */
  async function senderTo(queue: string): Promise<(message: Message | { body: unknown }) => Promise<void>> {
    const sender: Sender = connection.open_sender(queue);
    await once(sender, "sendable");
    return async (message) => {
      sender.send({ durable: true, ...message });
      await once(sender, "accepted");
    };
  }

  const makeFixture = async (settings: Readonly<Record<string, unknown>> = {}) => {
    made += 1;
    const queue = `queue-${made}`;
    const send = await senderTo(queue);
    const fixture: SourceFixture = {
      kind: "activemq",
      source: activemq,
      settings: {
        EventSourceArn: "arn:aws:mq:us-east-1:000000000000:broker:b:1",
        Queues: [queue],
        MaximumBatchingWindowInSeconds: 0,
        SourceAccessConfigurations: [{ Type: "BASIC_AUTH", URI: "secret" }],
        ...settings,
      },
      place: { url, credentials: { accessKeyId: "", secretAccessKey: "" } },
      secret: activeMqUser,
      nowhere: "amqp://127.0.0.1:9",
      recordsOf: ({ messages }) => messages as Record<string, unknown>[],
      send: (body) => send({ body }),
      bodyOf: ({ data }) => Buffer.from(String(data), "base64").toString("utf8"),
    };
    return { fixture, send, queue };
  };

  sourceContract("activemq", async () => (await makeFixture()).fixture);

  malformedContract("activemq", async () => {
    const { fixture, queue } = await makeFixture({ BatchSize: 10 });
    // Where the broker puts what its readers reject.
    const dead = new Set<string>();
    const bytesOf = (body: unknown) =>
      typeof body === "string" ? Buffer.from(body) : (body as { content: Buffer }).content;
    connection
      .open_receiver("ActiveMQ.DLQ")
      .on("message", ({ message }) => dead.add(bytesOf(message!.body).toString("base64")));
    return {
      ...fixture,
      dataField: "data",
      bodyOf: ({ data }) => String(data),
      keyOf: (body) => body.toString("base64"),
      dead: async () => [...dead],
      async sendAll(bodies) {
        const sender = connection.open_sender(queue);
        const all = Promise.withResolvers<void>();
        let [sent, accepted] = [0, 0];
        sender.on("sendable", () => {
          while (sender.sendable() && sent < bodies.length) {
            const body = rhea.message.data_section(bodies[sent]);
            const headers = { "\u2028": sent, nothing: null };
            sender.send({ durable: true, body, application_properties: headers, creation_time: new Date(-sent) });
            sent += 1;
          }
        });
        sender.on("accepted", () => {
          accepted += 1;
          if (accepted === bodies.length) all.resolve();
        });
        sender.on("rejected", ({ delivery }) => all.reject(new Error(JSON.stringify(delivery?.remote_state))));
        await all.promise;
        return bodies;
      },
    };
  });

  test("texts and bytes come as JMS has them, with their properties", async () => {
    const { fixture, send, queue } = await makeFixture();
    const items: Record<string, unknown>[] = [];
    await using house = houseOf({
      ...fixture,
      recordsOf: ({ eventSource, messages }) => {
        assert.equal(eventSource, "aws:mq");
        items.push(...(messages as Record<string, unknown>[]));
        return messages as Record<string, unknown>[];
      },
    });
    house.start();
    const text = { body: "hello", correlation_id: "c", subject: "greeting", priority: 7, message_id: "ID:mine" };
    await send({ ...text, application_properties: { index: 1, doAlarm: false } });
    await send({ body: rhea.message.data_section(Buffer.from([0, 255, 1])) });
    await until(
      () => items.length === 2,
      () => items,
    );
    const [one, other] = items.map(({ timestamp, brokerInTime, brokerOutTime, ...rest }) => {
      for (const moment of [timestamp, brokerInTime, brokerOutTime]) assert.ok(Number(moment) > Date.UTC(2026));
      return rest;
    });
    assert.deepEqual(one, {
      messageID: "ID:mine",
      messageType: "jms/text-message",
      deliveryMode: 2,
      replyTo: null,
      type: "greeting",
      expiration: 0,
      priority: 7,
      correlationId: "c",
      correlationID: "c",
      connectionId: "c",
      redelivered: false,
      destination: { physicalName: queue },
      data: Buffer.from("hello").toString("base64"),
      properties: { index: "1", doAlarm: "false" },
    });
    assert.equal(other!.messageType, "jms/bytes-message");
    assert.equal(other!.data, Buffer.from([0, 255, 1]).toString("base64"));
    assert.equal(other!.properties, null);
  });

  test("a batch that failed comes again, and says so", async () => {
    const { fixture, send } = await makeFixture();
    const again: unknown[] = [];
    let failures = 0;
    await using house = houseOf({
      ...fixture,
      recordsOf: ({ messages }) => {
        again.push(...(messages as Record<string, unknown>[]).map(({ redelivered }) => redelivered));
        return messages as Record<string, unknown>[];
      },
    });
    house.fail(() => failures++ < 2);
    house.start();
    await send({ body: "poison" });
    await until(
      () => house.counts.DeletedEventCount === 1,
      () => house.counts,
    );
    assert.deepEqual(again, [false, true, true]);
    assert.deepEqual(house.reports, []);
  });

  test("who is not let in says so, and reads nothing", async () => {
    const { fixture } = await makeFixture();
    await using house = houseOf({ ...fixture, secret: { username: "reader", password: "wrong" } });
    house.start();
    await until(() => house.problems.length > 0);
    assert.match(house.problems.at(-1)!, /^PROBLEM: .*(name|password|auth|invalid)/i);
  });

  test("what a killed broker has on its disk is read when it is back, and nothing is lost", async () => {
    const { fixture, send } = await makeFixture({ BatchSize: 3 });
    const bodies = Array.from({ length: 60 }, (_, index) => String(index));
    for (const body of bodies) await send({ body });
    await using house = houseOf(fixture);
    house.handle(() => new Promise((resolve) => setTimeout(resolve, 50)));
    house.start();
    await until(() => house.known().size > 6);
    await server.kill();
    assert.ok(house.known().size < bodies.length);
    await server.start();
    await until(() => house.known().size === bodies.length, house.known);
    assert.deepEqual(house.reports, []);
  });
}
