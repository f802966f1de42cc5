import { readlinkSync } from "node:fs";

/** What a handler of bench/fixtures found around itself. */
export interface Inside {
  readonly seccomp: number;
  readonly noNewPrivs: number;
  readonly uid: number;
  readonly namespaces: Readonly<Record<string, string>>;
  readonly rootWritable: boolean;
}

const kinds = ["user", "mnt", "pid", "net", "ipc", "uts"] as const;

/**
 * What is missing from full isolation, in words; empty when nothing is. Full means: every namespace is another one than
 * this benchmark's, a seccomp filter (mode 2), no new privileges, not root inside, and a root that cannot be written.
 * Sources: namespaces(7), proc(5) `Seccomp`, `NoNewPrivs`.
 */
export function weaknesses(inside: Inside, outside: Readonly<Record<string, string>> = ownNamespaces()): string[] {
  const found: string[] = [];
  for (const kind of kinds) {
    const theirs = inside.namespaces[kind];
    if (!theirs?.startsWith(`${kind}:[`)) found.push(`${kind} namespace unknown`);
    else if (theirs === outside[kind]) found.push(`${kind} namespace of the host`);
  }
  if (inside.seccomp !== 2) found.push(`no seccomp filter (Seccomp: ${inside.seccomp})`);
  if (inside.noNewPrivs !== 1) found.push("may gain privileges (NoNewPrivs: 0)");
  if (inside.uid === 0) found.push("runs as uid 0");
  if (inside.rootWritable) found.push("the root file system can be written");
  return found;
}

function ownNamespaces(): Record<string, string> {
  return Object.fromEntries(kinds.map((kind) => [kind, readlinkSync(`/proc/self/ns/${kind}`)]));
}
