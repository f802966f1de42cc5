import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Cables and machines for egress.test.ts, all of them gone with the processes that are in them. */

/** Runs a program of the machine and gives its output. */
export function run(program: string, ...argv: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, argv, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${argv.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

export interface Peer {
  /** what a server at host:port says first, or "nothing" */
  dial(host: string, port: number): Promise<string>;
  close(): Promise<void>;
}

export const ports = { tcp: 7001, udp: 7002 } as const;

/**
 * A machine in a network namespace of its own, at the other end of a cable from here. `here` is its way to everywhere;
 * `more` is an address that it has besides.
 */
export async function connectPeer(cable: string, here: string, there: string, more?: string): Promise<Peer> {
  const argv = ["--net", process.execPath, join(import.meta.dirname, "testing-peer.ts")];
  const child = spawn("unshare", argv, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout);
  await once(lines, "line");
  const pid = String(child.pid);
  run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", pid);
  run("ip", "address", "add", `${here}/24`, "dev", cable);
  run("ip", "link", "set", cable, "up");
  const inside = (...words: string[]) => run("nsenter", "-t", pid, "-n", "ip", ...words);
  inside("address", "add", `${there}/24`, "dev", "eth0");
  inside("link", "set", "eth0", "up");
  if (more !== undefined) inside("address", "add", `${more}/32`, "dev", "eth0");
  inside("route", "add", "default", "via", here);
  return {
    async dial(host, port) {
      const answer = once(lines, "line");
      child.stdin.write(`${host} ${port}\n`);
      return String((await answer)[0]);
    },
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.stdin?.end();
  await exited;
}

/** What a platform with egress changes about its machine. */
export interface Traces {
  readonly tables: readonly string[];
  /** the machine's ends of the wires to sandboxes */
  readonly wires: readonly string[];
  readonly addresses: readonly string[];
  readonly forwarding: string;
}

export function traces(): Traces {
  const addresses = run("ip", "-o", "-4", "address", "show");
  return {
    tables: (run("nft", "list", "tables").match(/thaw\S*/g) ?? []).sort(),
    wires: run("ip", "-o", "link").match(/thaw\d+-\d+/g) ?? [],
    addresses: [...addresses.matchAll(/thaw\d+-\d+\s+inet (\S+)\/31/g)].map((match) => match[1]!),
    forwarding: readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim(),
  };
}
