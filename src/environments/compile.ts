import { randomUUID } from "node:crypto";
import type { Driver } from "../isolation/index.ts";
import { limits } from "../model/index.ts";
import { refuseRequest } from "./company.ts";
import { messageIn, reported } from "./failure.ts";
import { Housing } from "./housing.ts";
import { bootDocument, initializationOf, logStreamOf, type Plan, sandboxOf } from "./plan.ts";

/** What a runtime handed over, by name. */
export type CompiledFiles = ReadonlyMap<string, Uint8Array>;

export interface CompileNeeds {
  readonly driver: Pick<Driver, "name" | "create">;
  /** the most that is taken of one version */
  readonly limits: { readonly bytes: number; readonly files: number };
  /** throws for a name that is not taken */
  checkName(name: string): void;
}

/** The function's own code kept it from being loaded. */
export class CompileFailed extends Error {
  override readonly name = "CompileFailed";
}

/**
 * Initialises the function once more in a sandbox of its own, as any other of the tenant's, and takes what its runtime
 * compiled meanwhile over the runtime's link. The sandbox then goes, without having seen an event; nobody hears what it
 * logs. Every byte is the tenant's word: names and sizes are checked as they come, and nothing of it is looked at.
 * Rejects with CompileFailed, SandboxError, or what `checkName` threw.
 */
export async function compileAhead(plan: Plan, needs: CompileNeeds): Promise<CompiledFiles> {
  const { target } = plan;
  const id = randomUUID().replaceAll("-", "");
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  // It may settle before anybody waits for it.
  done.catch(() => undefined);
  const failed = (errorType: string, document: Buffer) => {
    reject(new CompileFailed(`${reported(errorType, document).errorType}: ${messageIn(document)}`));
  };
  const take = (name: string, content: Buffer) => {
    needs.checkName(name);
    if (files.has(name)) throw new CompileFailed(`${name} came twice`);
    bytes += content.length;
    files.set(name, content);
    if (bytes > needs.limits.bytes) throw new CompileFailed(`more than ${needs.limits.bytes} bytes`);
    if (files.size > needs.limits.files) throw new CompileFailed(`more than ${needs.limits.files} files`);
  };
  let refused = false;
  // Nobody waits for it: one CPU at most.
  const spec = sandboxOf({ ...plan, initCpus: Math.min(1, plan.initCpus) }, id);
  const housing = await Housing.make(needs.driver, spec, {
    compiled(name, content) {
      if (refused) return;
      try {
        take(name, content);
      } catch (error) {
        refused = true;
        files.clear();
        reject(error);
      }
    },
    ready: () => resolve(),
    initError: failed,
    restoreError: failed,
    exit: () => reject(new CompileFailed("the runtime ended during init")),
    prepared: spoke,
    beside: { ...unasked, request: (number) => void refuseRequest(housing.link, number) },
    log: spoke,
    response: spoke,
    error: spoke,
    streamStart: spoke,
    streamChunk: spoke,
    streamEnd: spoke,
  });
  const late = setTimeout(() => reject(new CompileFailed("init took too long")), limits.initSeconds * 1e3);
  try {
    const initialization = initializationOf(target, false);
    const start = { logStream: logStreamOf(target, Date.now(), id), initialization, compile: true };
    housing.link.boot(bootDocument(plan, housing.sandbox, start, needs.driver.name !== "process"));
    await done;
    return files;
  } finally {
    clearTimeout(late);
    await housing.leave();
  }
}

/** Nobody has asked it anything. */
function spoke(): void {}

const unasked = { gone: spoke, ended: spoke, sent: spoke };
