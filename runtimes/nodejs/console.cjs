"use strict";
/**
 * console as Lambda's runtimes set it up: every message becomes one log event, `time TAB request id TAB level TAB text`,
 * or a JSON object when AWS_LAMBDA_LOG_FORMAT is JSON; AWS_LAMBDA_LOG_LEVEL silences the levels below it. What is
 * written to process.stdout and process.stderr directly stays as it is.
 */
const util = require("node:util");

const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

function stackLines(error) {
  return typeof error.stack === "string" ? error.stack.split("\n") : [];
}

/** Error values inside a logged object keep their message and stack. */
function withErrors(_key, value) {
  if (!(value instanceof Error)) return value;
  return Object.assign(
    {
      errorType: value.constructor?.name ?? "UnknownError",
      errorMessage: value.message,
      stackTrace: stackLines(value),
    },
    value,
  );
}

function toJson(session, level, params) {
  const event = { timestamp: new Date().toISOString(), level, requestId: session.logId() };
  if (session.tenantId !== undefined) event.tenantId = session.tenantId;
  if (params.length <= 1) {
    event.message = params[0];
    try {
      return JSON.stringify(event, withErrors);
    } catch {
      // A cycle or a BigInt: print it as console would.
      event.message = util.format(params[0]);
      return JSON.stringify(event);
    }
  }
  event.message = util.format(...params);
  const error = params.find((param) => param instanceof Error);
  if (error !== undefined) {
    event.errorType = error.constructor?.name ?? "UnknownError";
    event.errorMessage = error.message;
    event.stackTrace = stackLines(error);
  }
  return JSON.stringify(event);
}

function toText(session, level, params) {
  // Lambda's console formats a first argument even when there is none: console.log() prints "undefined".
  const text = params.length === 0 ? "undefined" : util.format(...params);
  return `${new Date().toISOString()}\t${session.logId()}\t${level}\t${text}`;
}

const isJson = (env) => env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";

/** The function that makes a log event's text of a session, a level and what console was given. */
const formatOf = (env) => (isJson(env) ? toJson : toText);

/**
 * Replaces console's methods.
 * @param {{ logId(): string | undefined, tenantId: string | undefined, log(message: string): void }} session
 * @returns {(title: string, error: unknown) => void} logs a failure the way the runtime does
 */
function patchConsole(session, env) {
  const json = isJson(env);
  const format = formatOf(env);
  const lowest = Math.max(0, levels.indexOf(env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase() ?? "TRACE"));
  levels.forEach((level, at) => {
    console[level.toLowerCase()] =
      at < lowest ? () => {} : (...params) => session.log(`${format(session, level, params)}\n`);
  });
  console.log = console.info;

  return function logError(title, error) {
    const errors = require("./errors.cjs");
    if (json) console.error(errors.intoError(error));
    else console.error(title, errors.toLogText(error));
  };
}

module.exports = { patchConsole, formatOf };
