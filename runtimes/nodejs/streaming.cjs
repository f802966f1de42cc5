"use strict";
/** The writable stream that a streaming handler gets as its second argument. */
const { Writable } = require("node:stream");
const { RuntimeError } = require("./errors.cjs");

const DEFAULT_CONTENT_TYPE = "application/octet-stream";
/** content type of an answer that begins with a JSON prelude (status, headers, cookies) and 8 NUL bytes */
const PRELUDE_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response";
const PRELUDE_END = Buffer.alloc(8);

/**
 * Sends every chunk at once as a frame. The answer starts with the first chunk, or when the stream is ended without any;
 * until then the content type may be set.
 */
class ResponseStream extends Writable {
  #session;
  #stream;
  #contentType = DEFAULT_CONTENT_TYPE;
  #prelude;
  #started = false;

  constructor(session, highWaterMark) {
    super({ highWaterMark, objectMode: false });
    this.#session = session;
    this.#stream = session.stream();
  }

  /** Throws `Runtime.InvalidStreamingOperation` once the answer has started. */
  setContentType(contentType) {
    if (this.#started) throw new RuntimeError("InvalidStreamingOperation", "Cannot set content-type, too late.");
    this.#contentType = contentType;
  }

  /** For HttpResponseStream.from(). */
  setPrelude(prelude) {
    this.setContentType(PRELUDE_CONTENT_TYPE);
    this.#prelude = JSON.stringify(prelude);
  }

  /** Lambda accepts any value: what is neither text nor bytes is written as JSON. */
  write(chunk, ...rest) {
    const raw = typeof chunk === "string" || chunk instanceof Uint8Array;
    return super.write(raw ? chunk : JSON.stringify(chunk), ...rest);
  }

  #start() {
    if (this.#started) return;
    this.#started = true;
    this.#session.start(String(this.#contentType));
    if (this.#prelude === undefined) return;
    this.#session.chunk(Buffer.from(this.#prelude));
    this.#session.chunk(PRELUDE_END);
  }

  #send(bytes) {
    // A stream kept beyond its invocation must not write into the answer of another.
    if (this.#session.stream() !== this.#stream) throw new Error("The invocation of this stream has ended.");
    this.#start();
    if (bytes.length > 0) this.#session.chunk(bytes);
  }

  _write(chunk, encoding, done) {
    try {
      this.#send(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk);
      done();
    } catch (error) {
      done(error);
    }
  }

  _final(done) {
    this._write(PRELUDE_END.subarray(0, 0), "buffer", done);
  }
}

const HttpResponseStream = Object.freeze({
  /** Makes `stream` an HTTP answer: `prelude` has `statusCode`, `headers`, `cookies`. Returns the same stream. */
  from(stream, prelude) {
    stream.setPrelude(prelude);
    return stream;
  },
});

module.exports = { ResponseStream, HttpResponseStream };
