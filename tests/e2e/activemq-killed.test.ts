import { once } from "node:events";
import { test } from "node:test";
import { CreateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import rhea, { type Sender as Link } from "rhea";
import { activeMqUser, startActiveMq } from "../brokers/activemq.ts";
import { killsOr, type Sender, secretIn, surviveKills, telling } from "./killing.ts";
import { createFunction, lambdaOf } from "./lambda.ts";

const code = telling(`({ messages }) => messages.map(({ data }) => Buffer.from(data, "base64").toString())`);
const skip = process.env.THAW_TEST_SLOW === "1" ? false : "takes a minute: THAW_TEST_SLOW=1";
const queue = "orders";

test("no message of ActiveMQ is lost, however often platform and broker are killed", { skip }, async (context) => {
  const started = await startActiveMq().catch((error: Error) => error);
  if (started instanceof Error) return context.skip(started.message);
  await using broker = started;
  const { port } = broker;
  const { username, password } = activeMqUser;
  const options = { host: "127.0.0.1", port, username, password, reconnect: 100, max_reconnect_delay: 500 };
  const connection = rhea.create_container().connect(options);
  let gone = Promise.withResolvers<never>();
  connection.on("disconnected", () => {
    gone.promise.catch(() => undefined);
    gone.reject(new Error("disconnected"));
    gone = Promise.withResolvers();
  });
  const link: Link = connection.open_sender(queue);
  link.setMaxListeners(0);
  const sender: Sender = {
    async send(number) {
      const name = `activemq a ${number}`;
      const within = AbortSignal.timeout(10_000);
      if (!link.sendable()) await Promise.race([once(link, "sendable", { signal: within }), gone.promise]);
      const delivery = link.send({ durable: true, body: name });
      await new Promise<void>((done, failed) => {
        const told = ({ delivery: one }: rhea.EventContext) => {
          if (one !== delivery) return;
          link.off("accepted", told);
          done();
        };
        link.on("accepted", told);
        gone.promise.catch(failed);
      });
      return [name];
    },
    close: () => connection.close(),
  };
  await surviveKills(context, {
    kills: killsOr(3),
    async prepare(platform) {
      const lambda = lambdaOf(platform);
      await createFunction(lambda, "f", { code, MemorySize: 128 });
      await lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName: "f",
          EventSourceArn: "arn:aws:mq:us-east-1:000000000000:broker:b:b-1",
          SourceAccessConfigurations: [{ Type: "BASIC_AUTH", URI: await secretIn(platform, username, password) }],
          Queues: [queue],
          BatchSize: 7,
          MaximumBatchingWindowInSeconds: 0,
          Tags: { "thaw:endpoint": `amqp://127.0.0.1:${port}` },
        }),
      );
      lambda.destroy();
    },
    connect: () => [sender],
    async trouble(round) {
      if (round % 5 !== 1) return;
      await broker.kill();
      await broker.start();
    },
    // Five batches run at once.
    inOrder: () => false,
  });
});
