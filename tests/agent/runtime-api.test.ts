import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { frameType, noAgent, TestHost } from "./host.ts";

/** A raw client of the Runtime API: nothing between the test and the bytes. */
class Client {
  readonly socket: Socket;
  #text = "";
  #wake = () => {};
  #closed = false;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1");
      this.#wake();
    });
    this.socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
    this.socket.on("error", () => {});
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }

  post(path: string, body: string | Buffer, headers = ""): void {
    const length = Buffer.byteLength(body);
    this.write(`POST ${prefix}${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${length}\r\n\r\n`);
    this.write(body);
  }

  next(): void {
    this.write(`GET ${prefix}invocation/next HTTP/1.1\r\nHost: x\r\n\r\n`);
  }

  /** The next whole answer. */
  async answer(): Promise<{ status: number; head: string; body: string }> {
    for (;;) {
      const end = this.#text.indexOf("\r\n\r\n") + 4;
      const head = this.#text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (end >= 4 && this.#text.length >= end + length) {
        const body = this.#text.slice(end, end + length);
        this.#text = this.#text.slice(end + length);
        return { status: Number(head.split(" ")[1]), head, body };
      }
      assert.ok(!this.#closed, `closed with ${JSON.stringify(this.#text)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async closed(): Promise<void> {
    while (!this.#closed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}

const prefix = "/2018-06-01/runtime/";

describe("the Runtime API", { skip: noAgent, timeout: 60_000 }, () => {
  let host: TestHost;
  let port: number;
  const clients: Client[] = [];

  const client = () => {
    const made = new Client(port);
    clients.push(made);
    return made;
  };

  beforeEach(async () => {
    host = await TestHost.start();
    host.shell('echo "$AWS_LAMBDA_RUNTIME_API"; exec sleep 1000');
    port = Number((await host.next(frameType.LOG)).payload.toString("latin1", 1).split(":")[1]);
  });

  afterEach(async () => {
    for (const made of clients.splice(0)) made.socket.destroy();
    await host.close();
  });

  /** READY, an INVOKE handed to a new connection. */
  async function running(event: string | Buffer = "{}"): Promise<Client> {
    const made = client();
    made.next();
    await host.next(frameType.READY);
    host.invoke(1, event);
    assert.equal((await made.answer()).status, 200);
    return made;
  }

  test("a runtime that asks to be copied waits until it is told, then asks for its first event", async () => {
    const one = client();
    one.write(`GET ${prefix}restore/next HTTP/1.1\r\nHost: x\r\n\r\n`);
    const prepared = await host.next(frameType.PREPARED);
    assert.deepEqual([prepared.stream, prepared.payload.toString()], [0, "{}"]);
    const other = client();
    other.next();
    assert.equal((await other.answer()).status, 403, "no event before that");
    host.send(frameType.RESUME, 0, '{"env":{}}');
    const told = await one.answer();
    assert.deepEqual([told.status, told.body], [200, ""]);
    one.next();
    assert.equal((await host.next(frameType.READY)).stream, 0);
    host.invoke(1, '{"first":true}');
    assert.equal((await one.answer()).body, '{"first":true}');
    one.write(`GET ${prefix}restore/next HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal((await one.answer()).status, 403, "nor ever again");
  });

  test("whether init drew random bytes is told before, and a function to load comes with the answer", async () => {
    const one = client();
    one.post("restore/drew", "perhaps");
    assert.equal((await one.answer()).status, 400);
    one.post("restore/drew", "false");
    assert.equal((await one.answer()).status, 202);
    one.write(`GET ${prefix}restore/next HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal((await host.next(frameType.PREPARED)).payload.toString(), '{"drew":false}');
    const document = '{"env":{"_HANDLER":"a.b"},"load":true}';
    host.send(frameType.RESUME, 0, document);
    assert.equal((await one.answer()).body, document);
    one.post("init/error", "{}");
    assert.equal((await one.answer()).status, 202, "loading may fail");
    assert.equal((await host.next(frameType.INIT_ERROR)).stream, 0);
  });

  test("a request to be copied that lost its connection is made again and answered once", async () => {
    const lost = client();
    lost.write(`GET ${prefix}restore/next HTTP/1.1\r\nHost: x\r\n\r\n`);
    await host.next(frameType.PREPARED);
    lost.socket.destroy();
    host.send(frameType.RESUME, 0, '{"env":{}}');
    const again = client();
    again.write(`GET ${prefix}restore/next HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal((await again.answer()).status, 200);
    host.send(frameType.PING, 0);
    await host.next(frameType.PONG);
    assert.ok(!host.passed.some((frame) => frame.type === frameType.PREPARED), "it is prepared once");
  });

  test("a hook that fails after the restore is told with its type, one before it as an error of init", async () => {
    const one = client();
    one.post("restore/error", "{}");
    assert.equal((await one.answer()).status, 403, "nothing was restored");
    one.write(`GET ${prefix}restore/next HTTP/1.1\r\nHost: x\r\n\r\n`);
    await host.next(frameType.PREPARED);
    host.send(frameType.RESUME, 0, '{"env":{}}');
    await one.answer();
    one.post(
      "restore/error",
      '{"errorMessage":"m"}',
      "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError\r\n",
    );
    assert.equal((await one.answer()).status, 202);
    const error = await host.next(frameType.RESTORE_ERROR);
    assert.equal(error.payload.toString("latin1", 2), 'Runtime.AfterRestoreError{"errorMessage":"m"}');
  });

  test("serves events one after the other on one connection", async () => {
    const one = client();
    for (let stream = 1; stream <= 3; stream++) {
      one.next();
      const ready = await host.next(frameType.READY);
      assert.equal(ready.stream, stream - 1);
      assert.equal(ready.payload.length, 0);
      host.invoke(stream, `{"n":${stream}}`);
      const event = await one.answer();
      assert.equal(event.body, `{"n":${stream}}`);
      assert.match(event.head, new RegExp(`\r\nLambda-Runtime-Aws-Request-Id: id-${stream}\r\n`));
      assert.match(event.head, /\r\nLambda-Runtime-Trace-Id: Root=1\r\n/);
      one.post(`invocation/id-${stream}/response`, `"${stream}"`);
      const response = await host.next(frameType.RESPONSE);
      assert.deepEqual([response.stream, response.flags, response.payload.toString()], [stream, 0, `"${stream}"`]);
      assert.deepEqual([(await one.answer()).status], [202]);
    }
  });

  test("a connection a request works as well, as curl does it, and the event may come first", async () => {
    host.invoke(1, "early");
    const one = client();
    one.write(`GET ${prefix}invocation/next HTTP/1.1\r\nConnection: close\r\n\r\n`);
    assert.equal((await one.answer()).body, "early");
    await one.closed();
    const two = client();
    two.post("invocation/id-1/response", "answer", "Connection: close\r\n");
    assert.deepEqual([(await two.answer()).body], ['{"status":"OK"}']);
    await two.closed();
    assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "answer");
  });

  test("6 MB go through in both directions", async () => {
    const large = Buffer.alloc(6_291_456, "0123456789");
    const one = client();
    one.next();
    await host.next(frameType.READY);
    host.invoke(1, large);
    assert.ok((await one.answer()).body === large.toString("latin1"));
    one.post("invocation/id-1/response", large);
    assert.ok((await host.next(frameType.RESPONSE)).payload.equals(large));
    assert.equal((await one.answer()).status, 202);
  });

  for (const chunked of [false, true]) {
    test(`7 MB ${chunked ? "in chunks" : "of known length"} are refused to the runtime and reported to the host`, async () => {
      const one = await running();
      const body = Buffer.alloc(7_000_000, "x");
      if (chunked) {
        one.write(`POST ${prefix}invocation/id-1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n`);
        one.write(`${body.length.toString(16)}\r\n`);
        one.write(body);
        one.write("\r\n0\r\n\r\n");
      } else one.post("invocation/id-1/response", body);
      const refused = await one.answer();
      assert.equal(refused.status, 413);
      assert.deepEqual(JSON.parse(refused.body), {
        errorMessage: "Exceeded maximum allowed payload size (6291556 bytes).",
        errorType: "RequestEntityTooLarge",
      });
      const error = await host.next(frameType.ERROR);
      assert.match(
        error.payload.toString(),
        /Response payload size exceeded maximum allowed payload size \(6291556 bytes\)\./,
      );
      one.next();
      assert.equal((await host.next(frameType.READY)).stream, 1);
    });
  }

  test("a streamed answer is passed on as it comes", async () => {
    const one = await running();
    one.write(
      `POST ${prefix}invocation/id-1/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
        "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    assert.equal((await host.next(frameType.RESPONSE_START)).payload.toString(), "text/html");
    for (const piece of ["one", "two"]) {
      one.write(`3\r\n${piece}\r\n`);
      assert.equal((await host.next(frameType.CHUNK)).payload.toString(), piece);
    }
    one.write("0\r\n\r\n");
    assert.equal((await host.next(frameType.RESPONSE_END)).payload.length, 0);
    assert.equal((await one.answer()).status, 202);
  });

  test("a streamed answer fails by its trailers", async () => {
    const one = await running();
    const body = Buffer.from('{"errorMessage":"midway"}').toString("base64");
    one.write(
      `POST ${prefix}invocation/id-1/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
        "Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n\r\n" +
        `1\r\nx\r\n0\r\nLambda-Runtime-Function-Error-Type: Oops\r\nLambda-Runtime-Function-Error-Body: ${body}\r\n\r\n`,
    );
    assert.equal((await host.next(frameType.RESPONSE_END)).payload.toString(), '\x04\x00Oops{"errorMessage":"midway"}');
    assert.equal((await one.answer()).status, 202);
  });

  test("a streamed answer whose connection breaks ends as truncated", async () => {
    const one = await running();
    one.write(
      `POST ${prefix}invocation/id-1/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
        "Transfer-Encoding: chunked\r\n\r\n5\r\nxy",
    );
    await host.next(frameType.CHUNK);
    one.socket.destroy();
    assert.match((await host.next(frameType.RESPONSE_END)).payload.toString(), /Runtime\.TruncatedResponse/);
  });

  test("errors carry their type", async () => {
    const one = await running();
    one.post("invocation/id-1/error", '{"errorMessage":"m"}', "Lambda-Runtime-Function-Error-Type: My.Error\r\n");
    const error = await host.next(frameType.ERROR);
    assert.deepEqual([error.stream, error.payload.toString()], [1, '\x08\x00My.Error{"errorMessage":"m"}']);
    assert.equal((await one.answer()).status, 202);
  });

  test("an init error is taken before the first GET /next and not after", async () => {
    const one = client();
    one.post("init/error", "{}", "Lambda-Runtime-Function-Error-Type: Init\r\n");
    assert.equal((await host.next(frameType.INIT_ERROR)).payload.toString(), "\x04\x00Init{}");
    assert.equal((await one.answer()).status, 202);
    one.next();
    await host.next(frameType.READY);
    const two = client();
    two.post("init/error", "{}");
    assert.equal((await two.answer()).status, 403);
  });

  test("wrong ids, wrong states and wrong paths get AWS's answers and change nothing", async () => {
    const one = await running();
    const two = client();
    for (const [path, status, kind] of [
      ["invocation/other/response", 400, "InvalidRequestID"],
      ["invocation//response", 400, "InvalidRequestID"],
      ["invocation/other/error", 400, "InvalidRequestID"],
      ["init/error", 403, "InvalidStateTransition"],
      ["nowhere", 404, "NotFound"],
      ["invocation/next", 404, "NotFound"],
    ] as const) {
      two.post(path, "some body");
      const answer = await two.answer();
      assert.deepEqual([answer.status, JSON.parse(answer.body).errorType], [status, kind], path);
    }
    two.next();
    assert.equal((await two.answer()).status, 403);
    two.post("invocation/id-1/response", "x", "Lambda-Runtime-Function-Response-Mode: odd\r\n");
    assert.equal(JSON.parse((await two.answer()).body).errorType, "Runtime.InvalidResponseModeHeader");
    one.post("invocation/id-1/response", "right");
    assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "right");
    assert.equal((await one.answer()).status, 202);
    one.post("invocation/id-1/response", "again");
    assert.equal((await one.answer()).status, 403);
  });

  test("a client that waits for 100 Continue gets it", async () => {
    const one = await running();
    one.write(`POST ${prefix}invocation/id-1/response HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
    assert.equal((await one.answer()).status, 100);
    one.write("ok");
    assert.equal((await one.answer()).status, 202);
    assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "ok");
  });

  test("requests that arrive byte by byte, or two at once, are understood", async () => {
    const one = await running();
    const text = `POST ${prefix}invocation/id-1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET ${prefix}invocation/next HTTP/1.1\r\n\r\n`;
    one.socket.setNoDelay(true);
    for (const byte of text.slice(0, -20)) {
      one.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    one.write(text.slice(-20));
    assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "ab");
    assert.equal((await one.answer()).status, 202);
    assert.equal((await host.next(frameType.READY)).stream, 1);
    host.invoke(2, "second");
    assert.equal((await one.answer()).body, "second");
  });

  test("an event is not lost when the parked connection goes away before it comes", async () => {
    const one = client();
    one.next();
    await host.next(frameType.READY);
    one.socket.destroy();
    await one.closed();
    host.invoke(1, "kept");
    const two = client();
    two.next();
    assert.equal((await two.answer()).body, "kept");
    two.post("invocation/id-1/response", "x");
    assert.equal((await host.next(frameType.RESPONSE)).stream, 1);
  });

  test("an event that the connection's end destroyed unread goes to the next one who asks", async () => {
    const one = client();
    one.socket.pause();
    one.next();
    await host.next(frameType.READY);
    host.invoke(1, Buffer.alloc(6_000_000, "k"));
    // The kernel's buffers cannot hold it: the rest waits in the agent when the client resets.
    host.send(frameType.PING, 1);
    await host.next(frameType.PONG);
    one.socket.resetAndDestroy();
    await one.closed();
    let body = "";
    while (body === "") {
      const two = client();
      two.next();
      const answer = await two.answer();
      if (answer.status === 200) body = answer.body;
    }
    assert.equal(body.length, 6_000_000);
  });

  test("two connections parked: the answer says that the runtime is ready already", async () => {
    const one = client();
    const two = client();
    one.next();
    await host.next(frameType.READY);
    two.next();
    const three = client();
    three.write("GET /2018-06-01/ping HTTP/1.1\r\n\r\n");
    assert.equal((await three.answer()).body, "pong");
    host.invoke(1, "first");
    const first = await Promise.race([one.answer(), two.answer()]);
    assert.equal(first.body, "first");
    three.post("invocation/id-1/response", "x");
    assert.equal((await host.next(frameType.RESPONSE)).flags, 1);
    host.invoke(2, "second");
    assert.equal((await two.answer()).body, "second");
  });

  test("slow, silent and senseless clients hurt only themselves", async () => {
    for (let i = 0; i < 200; i++) client().write("POST /");
    const bad = client();
    bad.write("this is no HTTP\r\n\r\n");
    assert.equal((await bad.answer()).status, 400);
    const huge = client();
    huge.write(`GET / HTTP/1.1\r\nX: ${"x".repeat(1_200_000)}`);
    assert.equal((await huge.answer()).status, 431);
    const smuggler = client();
    smuggler.write("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert.equal((await smuggler.answer()).status, 400);
    const one = await running();
    one.post("invocation/id-1/response", "fine");
    assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "fine");
  });

  test("a runtime told to speak frames may use the Runtime API instead", async () => {
    await host.close();
    host = await TestHost.start();
    host.shell('echo "$AWS_LAMBDA_RUNTIME_API"; exec sleep 1000', { link: "frames" });
    port = Number((await host.next(frameType.LOG)).payload.toString("latin1", 1).split(":")[1]);
    const one = await running("wrapped");
    one.post("invocation/id-1/response", "x");
    assert.equal((await host.next(frameType.RESPONSE)).payload.toString(), "x");
  });
});
