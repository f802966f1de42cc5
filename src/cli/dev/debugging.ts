import type { MemoryFile } from "../package/zip.ts";

/** What a function gets beside its own so that a debugger can attach. */
export interface Debugging {
  readonly variables: Readonly<Record<string, string>>;
  /** the handler that is deployed in place of the function's own */
  readonly handler: string | undefined;
  readonly files: readonly MemoryFile[];
}

const none: Debugging = { variables: {}, handler: undefined, files: [] };

/** How the runtime of a function is made to wait for debuggers, on a port of its own choice that it names on standard error. */
export function debugging(
  fn: { readonly runtime: string; readonly handler: string },
  given: Readonly<Record<string, string>>,
): Debugging {
  // an image has no debugger's socket in it
  const off = { THAW_SNAPSHOT: "off" };
  if (fn.runtime.startsWith("nodejs")) {
    const options = [given.NODE_OPTIONS, "--inspect=127.0.0.1:0"].filter(Boolean).join(" ");
    return { ...none, variables: { ...off, NODE_OPTIONS: options } };
  }
  if (fn.runtime.startsWith("python")) {
    return {
      variables: { ...off, THAW_DEV_HANDLER: fn.handler },
      handler: "thaw_dev_debug.handler",
      files: [{ name: "thaw_dev_debug.py", bytes: Buffer.from(python) }],
    };
  }
  return none;
}

/** Loads the function's own handler once a debugger may attach. debugpy comes with the function or with the interpreter. */
const python = `import importlib, os, sys

try:
    import debugpy

    host, port = debugpy.listen(("127.0.0.1", 0))
    print("Debugger listening on %s:%d" % (host, port), file=sys.stderr, flush=True)
except ImportError:
    print("No debugger: debugpy is missing (pip install debugpy, or pip install -t FOLDER debugpy)", file=sys.stderr, flush=True)

module, name = os.environ["THAW_DEV_HANDLER"].rsplit(".", 1)
handler = getattr(importlib.import_module(module.replace("/", ".")), name)
`;
