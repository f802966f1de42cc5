"use strict";
/**
 * Failures as Lambda's Node.js runtimes report them: the document the caller gets and the text of the log. Names, texts
 * and members are those of the published runtime interface clients aws-lambda-ric 3 (Node.js 22 and older) and 4 (24).
 */
const util = require("node:util");

/** An error of the runtime itself; `name` is what callers see as errorType. */
class RuntimeError extends Error {
  constructor(kind, message) {
    super(message);
    // Not enumerable: the log shows an error's own members beside its type.
    Object.defineProperty(this, "name", { value: `Runtime.${kind}` });
  }
}

/** DEL may not stand in an HTTP header, where the type and message also travel: it is spelled out. */
function plain(text) {
  return typeof text === "string" ? text.replace(/\x7f/g, "%7F") : text;
}

function looksLikeError(value) {
  return (
    util.types.isNativeError(value) ||
    (value !== null &&
      typeof value === "object" &&
      [value.name, value.message, value.stack].every((part) => typeof part === "string" && part !== ""))
  );
}

/** The document of a failure: `errorType`, `errorMessage` and `trace`, the stack's lines. Never throws. */
function toDocument(error) {
  try {
    if (looksLikeError(error)) {
      return {
        errorType: plain(error.name),
        errorMessage: plain(error.message),
        trace: plain(String(error.stack)).split("\n"),
      };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack",
      trace: [],
    };
  }
}

function intoError(value) {
  return value instanceof Error ? value : new Error(String(value));
}

/** An error with everything it carries (`code`, own members) for the log. */
function toLogged(error) {
  const named = { errorType: error.name, errorMessage: error.message, code: error.code };
  const logged = Object.assign(named, error);
  if (typeof error.stack === "string") logged.stack = error.stack.split("\n");
  return logged;
}

/** The error as one line of JSON behind a tab, as it stands in a text log. */
function toLogText(value) {
  const error = intoError(value);
  try {
    return `\t${JSON.stringify(error, (_key, member) => (member instanceof Error ? toLogged(member) : member))}`;
  } catch {
    return `\t${JSON.stringify(toDocument(error))}`;
  }
}

module.exports = { RuntimeError, toDocument, toLogText, intoError };
