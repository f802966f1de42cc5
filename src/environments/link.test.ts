import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { encodeError, encodeFrame, FrameReader, flagRaw, flagReady, frameType } from "./frames.ts";
import { createLink, type Link } from "./link.ts";

const { READY, INIT_ERROR, RESPONSE, RESPONSE_START, CHUNK, RESPONSE_END, ERROR, LOG, EXIT, PONG, SPAWNED } = frameType;
const { REQUEST, GONE, ENDED, SENT } = frameType;
const spawned = encodeFrame(SPAWNED, 0, 0, Buffer.from('{"spawned":5}'));
const ready = encodeFrame(READY, 0, 0, Buffer.from('{"boot":6,"load":7,"loaded":8,"via":"frames"}'));
const log = (source: number, text: string) => encodeFrame(LOG, 0, 0, Buffer.of(source), Buffer.from(text));
const frame = (type: number, flags: number, stream: number, payload = "") =>
  encodeFrame(type, flags, stream, Buffer.from(payload));
const failure = encodeError("E", Buffer.from("{}")).toString("latin1");

/** The far ends of both connections are the test's: it plays the agent and the runtime over real sockets. */
describe("the links to an agent and to its runtime", () => {
  let folder: string;
  let agent: Socket;
  let runtime: Socket;
  let link: Link;
  let facts: string[];
  /** types of the frames that the host sent */
  let toAgent: number[];
  let toRuntime: number[];
  let wake: () => void;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "thaw-link-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  async function pair(name: string, received: number[]): Promise<[Socket, Socket]> {
    const path = join(folder, name);
    const server = createServer().listen(path);
    await once(server, "listening");
    const far = connect(path);
    const [near] = (await once(server, "connection")) as [Socket];
    server.close();
    const reader = new FrameReader((type) => {
      received.push(type);
      wake();
    });
    far.on("data", (chunk) => reader.push(chunk)).on("error", () => undefined);
    return [near, far];
  }

  beforeEach(async () => {
    facts = [];
    toAgent = [];
    toRuntime = [];
    wake = () => undefined;
    const [toTheAgent, farAgent] = await pair("agent", toAgent);
    const [toTheRuntime, farRuntime] = await pair("runtime", toRuntime);
    [agent, runtime] = [farAgent, farRuntime];
    const note = (fact: string) => {
      facts.push(fact);
      wake();
    };
    link = createLink(toTheAgent, toTheRuntime, {
      ready: (marks) => note(`ready ${JSON.stringify(marks)}`),
      initError: (type) => note(`initError ${type}`),
      prepared: (drew) => note(`prepared ${drew}`),
      restoreError: (type) => note(`restoreError ${type}`),
      response: (stream, body, more) => note(`response ${stream} ${body} ${more}`),
      streamStart: (stream, type) => note(`start ${stream} ${type}`),
      streamChunk: (stream, bytes) => note(`chunk ${stream} ${bytes}`),
      streamEnd: (stream, error, more) => note(`end ${stream} ${error?.type} ${more}`),
      error: (stream, type, _document, more) => note(`error ${stream} ${type} ${more}`),
      beside: {
        request: (number, head, body) => note(`request ${number} ${JSON.stringify(head)} ${body}`),
        gone: (number) => note(`gone ${number}`),
        ended: (how) => note(`ended ${JSON.stringify(how)}`),
        sent: (number, arrived, answer) => note(`sent ${number} ${arrived} ${answer}`),
      },
      log: (source, bytes) => note(`log ${source} ${bytes}`),
      exit: (status) => note(`exit ${JSON.stringify(status)}`),
      closed: (error) => note(`closed ${error?.name}`),
    });
  });
  afterEach(() => {
    link.close();
    agent.destroy();
    runtime.destroy();
  });

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  /** Waits until that many facts are known and gives the last one. */
  const fact = async (count: number) => {
    await until(() => facts.length >= count);
    return facts[count - 1];
  };
  const begin = async () => {
    agent.write(spawned);
    runtime.write(ready);
    await fact(1);
    link.invoke({ stream: 1, head: "", payload: Buffer.from("{}") });
    await until(() => toRuntime.length === 1);
  };

  test("events go to the runtime that is ready on its own link, and nothing asks the agent about an answer", async () => {
    await begin();
    assert.equal(facts[0], 'ready {"spawned":5,"load":7,"loaded":8,"via":"frames"}');
    runtime.write(Buffer.concat([log(2, "said"), frame(RESPONSE, flagReady, 1, "ok")]));
    assert.equal(await fact(3), "response 1 ok true");
    assert.deepEqual(toRuntime, [frameType.INVOKE]);
    assert.ok(!toAgent.includes(frameType.INVOKE));
  });

  test("events go to the agent when a runtime asks for them there first", async () => {
    agent.write(Buffer.concat([spawned, frame(READY, 0, 0)]));
    assert.equal(await fact(1), 'ready {"spawned":5,"via":"http"}');
    link.invoke({ stream: 1, head: "", payload: Buffer.from("{}") });
    await until(() => toAgent.length === 1);
    agent.write(Buffer.concat([frame(RESPONSE, 0, 1, "ok"), frame(READY, 0, 1)]));
    assert.equal(await fact(3), "ready undefined");
    runtime.write(log(2, "not the one"));
    assert.equal(await fact(4), "log 2 not the one");
    runtime.write(ready);
    assert.equal(await fact(5), "closed ProtocolError");
  });

  test("whoever asks the agent when the runtime has its own link is not heard", async () => {
    await begin();
    agent.write(Buffer.concat([frame(READY, 0, 0), log(0, "behind")]));
    assert.equal(await fact(2), "log 0 behind");
  });

  test("what extensions ask and do is told as it came, and answered to the agent", async () => {
    const head = encodeError("GET /next HTTP/1.1\r\n\r\n", Buffer.from("body")).toString("latin1");
    const told = [frame(REQUEST, 0, 3, head), frame(GONE, 0, 3), frame(ENDED, 0, 0, '{"extension":1,"code":2}')];
    agent.write(Buffer.concat([...told, frame(SENT, 0, 9, "\u0001HTTP/1.1 200 OK"), frame(SENT, 0, 10, "\0")]));
    assert.equal(await fact(1), 'request 3 "GET /next HTTP/1.1\\r\\n\\r\\n" body');
    assert.equal(await fact(2), "gone 3");
    assert.equal(await fact(3), 'ended {"extension":1,"code":2}');
    assert.equal(await fact(4), "sent 9 true HTTP/1.1 200 OK");
    assert.equal(await fact(5), "sent 10 false ");
    link.reply(3, Buffer.from("x"));
    link.send(9, Buffer.from("y"));
    await until(() => toAgent.length === 2);
    assert.deepEqual(toAgent, [frameType.REPLY, frameType.SEND]);
    agent.write(frame(REQUEST, 0, 4, "\u0005"));
    assert.equal(await fact(6), "closed ProtocolError");
  });

  test("a runtime that plays an extension's agent ends its environment", async () => {
    runtime.write(frame(REQUEST, 0, 1, "\0\0"));
    assert.equal(await fact(1), "closed ProtocolError");
  });

  test("READY waits for the agent's word of the start", async () => {
    runtime.write(ready);
    await until(() => toAgent.length === 1);
    assert.deepEqual([toAgent, facts], [[frameType.PING], []]);
    agent.write(Buffer.concat([spawned, frame(PONG, 0, 0)]));
    assert.equal(await fact(1), 'ready {"spawned":5,"load":7,"loaded":8,"via":"frames"}');
  });

  test("an event goes to a copy with the word that it is one, and what the agent is asked for is not heard", async () => {
    link.wake("frames", "{}", { stream: 1, head: "", payload: Buffer.from("{}") });
    await until(() => toRuntime.length === 2);
    assert.deepEqual(toRuntime, [frameType.RESUME, frameType.INVOKE]);
    agent.write(Buffer.concat([spawned, frame(READY, 0, 0), log(0, "behind")]));
    assert.equal(await fact(1), "log 0 behind");
    runtime.write(Buffer.concat([ready, frame(RESPONSE, flagReady, 1, "ok")]));
    await fact(3);
    assert.match(facts[1]!, /^ready .*"frames"/);
    assert.equal(facts[2], "response 1 ok true");
  });

  test("nothing overtakes a READY that waits for the agent", async () => {
    link.wake("frames", "{}", { stream: 1, head: "", payload: Buffer.from("{}") });
    runtime.write(Buffer.concat([ready, log(2, "said"), frame(RESPONSE, flagReady | flagRaw, 1, "ok")]));
    await until(() => toAgent.length === 2);
    agent.write(Buffer.concat([spawned, frame(PONG, 0, 0)]));
    await fact(2);
    agent.write(Buffer.concat([log(0, "printed"), frame(PONG, 0, 0)]));
    await fact(4);
    assert.match(facts[0]!, /^ready/);
    assert.deepEqual(facts.slice(1), ["log 2 said", "log 0 printed", "response 1 ok true"]);
  });

  test("what the runtime said last is heard when the agent is gone, and then it is known to be all", async () => {
    await begin();
    agent.end();
    await once(agent, "close");
    assert.equal(link.hasFallenSilent, false);
    runtime.end(frame(RESPONSE, flagReady, 1, "ok"));
    await fact(3);
    assert.deepEqual(facts.slice(1), ["response 1 ok true", "closed undefined"]);
    assert.equal(link.hasFallenSilent, true);
  });

  test("a link that the host itself has closed is not known to be silent", async () => {
    await begin();
    link.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(link.hasFallenSilent, false);
  });

  test("an answer that follows raw output waits until the agent has sent that", async () => {
    await begin();
    const before = toAgent.length;
    runtime.write(frame(RESPONSE, flagReady | flagRaw, 1, "ok"));
    await until(() => toAgent.length > before);
    assert.equal(facts.length, 1);
    agent.write(Buffer.concat([log(0, "printed"), frame(PONG, 0, 0)]));
    await fact(3);
    assert.deepEqual(facts.slice(1), ["log 0 printed", "response 1 ok true"]);
  });

  test("what the runtime said last comes before its exit, however late it is read", async () => {
    await begin();
    agent.write(Buffer.concat([log(1, "trace"), frame(EXIT, 0, 0, '{"code":1}')]));
    await fact(2);
    runtime.end(Buffer.concat([log(2, "last"), frame(ERROR, flagRaw, 1, failure)]));
    await fact(5);
    assert.deepEqual(facts.slice(1), ["log 1 trace", "log 2 last", "error 1 E false", 'exit {"code":1}']);
  });

  test("an exit is told even if the runtime's link stays open", async () => {
    await begin();
    agent.write(frame(EXIT, 0, 0, '{"signal":"SIGKILL"}'));
    assert.equal(await fact(2), 'exit {"signal":"SIGKILL"}');
  });

  test("a streamed answer arrives in pieces, one that failed midway with its error", async () => {
    await begin();
    const pieces = [frame(RESPONSE_START, 0, 1, "a/b"), frame(CHUNK, 0, 1, "x"), frame(RESPONSE_END, 1, 1, failure)];
    runtime.write(Buffer.concat(pieces));
    await fact(4);
    assert.deepEqual(facts.slice(1), ["start 1 a/b", "chunk 1 x", "end 1 E true"]);
  });

  test("a runtime that closes its link is not the end", async () => {
    await begin();
    runtime.end();
    await once(runtime, "close");
    agent.write(log(0, "alive"));
    assert.equal(await fact(2), "log 0 alive");
  });

  const hostile: [string, Buffer][] = [
    ["answers an invocation that is not open", frame(RESPONSE, 1, 77)],
    ["answers twice", Buffer.concat([frame(RESPONSE, 1, 1), frame(RESPONSE, 1, 1)])],
    ["sends a chunk of nothing", frame(CHUNK, 0, 1)],
    ["ends a stream that it has not begun", frame(RESPONSE_END, 1, 1)],
    ["sends a whole answer within a stream", Buffer.concat([frame(RESPONSE_START, 0, 1), frame(RESPONSE, 1, 1)])],
    ["fails its init when that is over", frame(INIT_ERROR, 0, 0, failure)],
    ["sends an unknown type", frame(0x42, 0, 0)],
    ["plays the agent", frame(EXIT, 0, 0, '{"code":0}')],
    ["plays the agent's PONG", frame(PONG, 0, 0)],
    ["says READY twice", ready],
    ["forges a LOG of stdout", log(0, "x")],
    ["sends a LOG without a source", frame(LOG, 0, 0)],
    ["holds up a LOG", frame(LOG, flagRaw, 0, "\x02x")],
    ["sends an error payload that is none", frame(ERROR, 1, 1, "x")],
    ["sends an impossible length", Buffer.from("ffffffff8a00000000000000", "hex")],
    ["sets reserved bytes", Buffer.from("000000008a00010000000000", "hex")],
  ];
  for (const [what, bytes] of hostile) {
    test(`a runtime that ${what} ends its environment`, async () => {
      await begin();
      runtime.write(bytes);
      await until(() => facts.at(-1) === "closed ProtocolError");
    });
  }

  test("READY with marks that are none is taken without them, and one that is no JSON is not", async () => {
    agent.write(spawned);
    runtime.write(frame(READY, 0, 0, '{"load":"x","loaded":null}'));
    assert.equal(await fact(1), 'ready {"spawned":5,"via":"frames"}');
  });
});
