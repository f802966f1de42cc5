"use strict";
/**
 * One invocation after another over the link: waits for the event, keeps what belongs to the current invocation, sends
 * its answer once.
 */
const { type, READY_FLAG, RAW_FLAG, MAX_PAYLOAD_BYTES } = require("./link.cjs");

/** most bytes of an answer that is not streamed (Lambda quotas, "Invocation payload": 6 MB, and 100 bytes on top) */
const MAX_RESPONSE_BYTES = 6_291_556;

/** Splits `Name: value` lines, each ended by CRLF, into a plain object of lower-case names. */
function parseHead(head) {
  const fields = {};
  for (let at = 0; at < head.length; ) {
    const colon = head.indexOf(": ", at);
    const end = head.indexOf("\r\n", at);
    if (colon < 0 || end < colon) break;
    fields[head.slice(at, colon).toLowerCase()] = head.slice(colon + 2, end);
    at = end + 2;
  }
  return fields;
}

function parseField(json, name) {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

/** a UTF-16 unit is at most 3 bytes of UTF-8 */
const isTooLarge = (text) => text.length * 3 > MAX_RESPONSE_BYTES && Buffer.byteLength(text) > MAX_RESPONSE_BYTES;

/** Members of every context that stay the same while an environment lives. */
function contextOf(env) {
  return {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  };
}

/** @param {ReturnType<import("./link.cjs").openLink>} link @param {() => boolean} hasRawOutput @param {string | undefined} idBeforeFirst request id in log lines of the init phase */
function createSession(link, hasRawOutput, idBeforeFirst) {
  const env = process.env;
  let ofFunction = contextOf(env);
  /** stream of the invocation that still needs its answer; 0: none */
  let open = 0;
  let started = false;
  let fields = { "lambda-runtime-aws-request-id": idBeforeFirst };
  const rawFlag = () => (hasRawOutput() ? RAW_FLAG : 0);

  function failStart(frame, error, errorType) {
    const document = require("./errors.cjs").toDocument(error);
    link.sendError(frame, rawFlag(), 0, errorType ?? document.errorType, JSON.stringify(document));
  }

  const session = {
    tenantId: undefined,
    traceId: undefined,
    /** what console writes as the request id */
    logId: () => fields["lambda-runtime-aws-request-id"],
    /** a stream that has been answered is closed: what is logged later belongs to none */
    log: (message) => link.log(open, message),
    /** true until the current invocation has been answered */
    isOpen: () => open !== 0,
    /** stream number, so that a late answer to an earlier invocation can be told from one to this */
    stream: () => open,

    /**
     * Waits for the next invocation, blocking. Returns its event as JSON text; undefined when the host wants no more.
     */
    next() {
      const frame = link.receive();
      if (frame === undefined) return undefined;
      const { payload } = frame;
      if (frame.type !== type.INVOKE || payload.length < 2) throw new Error(`unexpected frame of type ${frame.type}`);
      const end = 2 + payload.readUInt16LE(0);
      fields = parseHead(payload.toString("utf8", 2, end));
      // A copy had this event before it was ready: its time begins now.
      const timeout = fields["lambda-runtime-timeout-ms"];
      if (timeout !== undefined) fields["lambda-runtime-deadline-ms"] = String(Date.now() + Number(timeout));
      open = frame.stream;
      started = false;
      session.tenantId = fields["lambda-runtime-aws-tenant-id"];
      session.traceId = fields["lambda-runtime-trace-id"];
      if (session.traceId === undefined) delete env._X_AMZN_TRACE_ID;
      else env._X_AMZN_TRACE_ID = session.traceId;
      return payload.toString("utf8", end);
    },

    /** The context's members but those of the callback style. Throws when the client context is not JSON. */
    context() {
      const deadline = Number(fields["lambda-runtime-deadline-ms"]);
      return {
        ...ofFunction,
        clientContext: parseField(fields["lambda-runtime-client-context"], "ClientContext"),
        identity: parseField(fields["lambda-runtime-cognito-identity"], "CognitoIdentity"),
        invokedFunctionArn: fields["lambda-runtime-invoked-function-arn"],
        awsRequestId: fields["lambda-runtime-aws-request-id"],
        tenantId: session.tenantId,
        getRemainingTimeInMillis: () => deadline - Date.now(),
      };
    },

    /** Answers with JSON text; with Lambda's error for an answer over the limit. */
    respond(json) {
      const flags = READY_FLAG | rawFlag();
      if (isTooLarge(json)) {
        const errorType = "Function.ResponseSizeTooLarge";
        const errorMessage = `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`;
        link.sendError(type.ERROR, flags, open, errorType, JSON.stringify({ errorType, errorMessage }));
      } else {
        link.send(type.RESPONSE, flags, open, json);
      }
      open = 0;
    },

    /** Answers with a failure. `dying`: the process ends now, no further event may be sent to it. */
    fail(error, dying = false) {
      const document = require("./errors.cjs").toDocument(error);
      const frame = started ? type.RESPONSE_END : type.ERROR;
      link.sendError(frame, rawFlag() | (dying ? 0 : READY_FLAG), open, document.errorType, JSON.stringify(document));
      open = 0;
    },

    /** Begins a streamed answer. */
    start(contentType) {
      link.send(type.RESPONSE_START, 0, open, contentType);
      started = true;
    },
    chunk(bytes) {
      for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES) {
        link.send(type.CHUNK, 0, open, bytes.subarray(at, at + MAX_PAYLOAD_BYTES));
      }
    },
    end() {
      link.send(type.RESPONSE_END, READY_FLAG | rawFlag(), open, "");
      open = 0;
    },

    /** The init phase failed. `errorType`: the platform's name for it, where it is not the error's own. */
    failInit(error, errorType) {
      failStart(type.INIT_ERROR, error, errorType);
    },

    /** This copy cannot serve. */
    failRestore(error, errorType) {
      failStart(type.RESTORE_ERROR, error, errorType);
    },

    /** Ready to be copied. `drew`: random bytes were drawn that all copies will share. */
    prepared(drew) {
      link.send(type.PREPARED, rawFlag(), 0, JSON.stringify({ drew }));
    },

    /** The environment's variables are another's now: this is a copy. */
    adopt() {
      ofFunction = contextOf(env);
    },

    /** The handler is loaded, or the copy is awake: asks for the first event. Times: milliseconds of CLOCK_MONOTONIC. */
    ready(marks) {
      link.send(type.READY, rawFlag(), 0, JSON.stringify(marks));
    },
  };
  return session;
}

module.exports = { createSession };
