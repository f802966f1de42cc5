import type { CodeRef } from "../model/index.ts";
import type { Compiled } from "./compiled.ts";
import type { ContainerImages } from "./container/index.ts";

/** What functions are made of: content-addressed zips, unpacked trees, merged layers, language runtimes. */
export interface Artifacts {
  /**
   * Checks a zip and stores it under its SHA-256, durably (fsync) before it resolves. Idempotent.
   * Errors: InvalidParameterValueException with AWS's texts (`Could not unzip uploaded file. Please check your file, then try to upload again.`,
   * `Unzipped size must be smaller than 262144000 bytes`), for corrupt archives, bombs, zip slip, links that leave the tree.
   */
  putZip(bytes: Uint8Array): Promise<CodeRef>;
  /** The zip's bytes. */
  getZip(code: CodeRef): Promise<Buffer>;
  /** How many bytes a zip that was taken has unzipped. */
  unzippedBytes(code: CodeRef): Promise<number>;
  /** The unpacked tree of a zip: a directory, unpacked once, read-only for everybody. Concurrent calls share one unpacking. */
  unpacked(code: CodeRef): Promise<string>;
  /** Layers merged in order into one directory for /opt; undefined when there are none. */
  layers(layers: readonly CodeRef[]): Promise<string | undefined>;
  /** Ready to mount: fetched and cached on the first demand. Rejects with RuntimeUnavailable. */
  runtime(name: string): Promise<RuntimeDistribution>;
  /** What can be run here, without fetching anything. */
  runtimes(): Promise<readonly RuntimeStatus[]>;
  /** Container images. */
  readonly images: ContainerImages;
  /** Deletes what no live reference needs. Never deletes anything younger than `graceMs`. */
  sweep(live: readonly CodeRef[], graceMs?: number): Promise<{ readonly removed: number; readonly bytes: number }>;
  /** what runtimes have compiled of functions' code */
  readonly compiled: Compiled;
  /** zipped bytes stored */
  storedBytes(): number;
}

/** A language runtime as the sandbox sees it. */
export interface RuntimeDistribution {
  /** Lambda's name: nodejs22.x, python3.11, provided.al2023 */
  readonly name: string;
  /** exact version of the interpreter: 22.23.3; empty for provided */
  readonly version: string;
  /** read-only mounts it needs (interpreter, bootstrap) */
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
  /** alternatives of argv, in sandbox paths, as BOOT's `command` (agent/PROTOCOL.md) */
  readonly command: readonly (readonly string[])[];
  /** environment it needs beside Lambda's reserved variables (LANG, PATH, LD_LIBRARY_PATH, NODE_PATH, PYTHONPATH …), in sandbox paths */
  readonly env: Readonly<Record<string, string>>;
  readonly link: "frames" | "http";
  /** before it is copied, its bootstrap says whether init drew random bytes (agent/PROTOCOL.md, PREPARED) */
  readonly tellsDraws: boolean;
  /** it can boot before it has a function: for any, or for those of one amount of memory; absent: it cannot */
  readonly bare?: "any" | "by memory";
  /** it hands over what it compiled of a function's code, and takes it again (agent/PROTOCOL.md, COMPILED) */
  readonly compiles?: boolean;
}

export interface RuntimeStatus {
  readonly name: string;
  readonly state: "ready" | "fetchable" | "missing";
  /** where it is, or what to install */
  readonly detail: string;
}

/** A runtime that this machine does not have and that cannot be fetched. The message says what to install. */
export class RuntimeUnavailable extends Error {
  readonly runtime: string;
  constructor(runtime: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RuntimeUnavailable";
    this.runtime = runtime;
  }
}
