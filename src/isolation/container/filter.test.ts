import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { probeDrivers } from "../isolation.ts";
import { Link, spec, withIsolation } from "../testing.ts";

const [container] = await probeDrivers();
const skip = !container?.usable
  ? `no containers here: ${container?.reason}`
  : process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)
    ? `no numbers of system calls for ${process.arch}`
    : !existsSync("/usr/bin/perl") && "no perl here to make system calls with";

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const CLONE_NEWUSER = 0x10000000;
const SIGCHLD = 17;

/** Name, number on x86-64 and on arm64, arguments, errno. */
type Attempt = readonly [name: string, x64: number, arm64: number, args: readonly (number | string)[], errno: number];

// Arguments that would work, or fail otherwise, without the filter: TRACEME, our own memory, our own keyring.
const refused: readonly Attempt[] = [
  ["mount", 165, 40, ["x", "/tmp", "tmpfs", 0, 0], EPERM],
  ["umount2", 166, 39, ["/tmp", 2], EPERM],
  ["pivot_root", 155, 41, ["/tmp", "/tmp"], EPERM],
  ["ptrace", 101, 117, [0, 0, 0, 0], EPERM],
  ["unshare(CLONE_NEWUSER)", 272, 97, [CLONE_NEWUSER], EPERM],
  ["clone(CLONE_NEWUSER)", 56, 220, [CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0], EPERM],
  ["clone3", 435, 435, [0, 0], ENOSYS],
  ["setns", 308, 268, [0, 0], EPERM],
  ["bpf", 321, 280, [0, 0, 0], EPERM],
  ["keyctl", 250, 219, [0, -3, 0], EPERM],
  ["add_key", 248, 217, ["user", "x", "y", 1, -3], EPERM],
  ["userfaultfd", 323, 282, [1], EPERM],
  ["io_uring_setup", 425, 425, [1, 0], ENOSYS],
  ["perf_event_open", 298, 241, [0, 0, -1, -1, 0], EPERM],
  ["kexec_load", 246, 104, [0, 0, 0, 0], EPERM],
  ["process_vm_readv", 310, 270, [1, 0, 0, 0, 0, 0], EPERM],
  ["open_by_handle_at", 304, 265, [0, 0, 0], EPERM],
  ["fsopen", 430, 430, ["tmpfs", 0], EPERM],
  ["move_mount", 429, 429, [0, 0, 0, 0, 0], EPERM],
  ["init_module", 175, 105, [0, 0, 0], EPERM],
  ["reboot", 169, 142, [0, 0, 0, 0], EPERM],
  ["personality(ADDR_NO_RANDOMIZE)", 135, 92, [0x40000], EPERM],
  ["ioctl(TIOCSTI)", 16, 29, [0, 0x5412, "x"], EPERM],
  ["ioctl(TIOCLINUX)", 16, 29, [0, 0x541c, "x"], EPERM],
  ["socket(AF_VSOCK)", 41, 198, [40, 1, 0], EAFNOSUPPORT],
  ["socket(AF_PACKET)", 41, 198, [17, 3, 0], EAFNOSUPPORT],
  ["socket(AF_ALG)", 41, 198, [38, 5, 0], EAFNOSUPPORT],
];
const allowed: readonly Attempt[] = [
  ["getppid", 110, 173, [], 0],
  ["personality(only asking)", 135, 92, [0xffffffff], 0],
  ["socket(AF_INET)", 41, 198, [2, 1, 0], 0],
  ["memfd_create", 319, 279, ["x", 0], 0],
];

/** Makes the calls inside a sandbox; what each of them failed with, 0 for success. */
async function attempt(calls: readonly Attempt[]): Promise<Record<string, number>> {
  const argument = (value: number | string) => (typeof value === "string" ? JSON.stringify(value) : String(value));
  const lines = calls.map(([name, x64, arm64, args]) => {
    const list = [process.arch === "x64" ? x64 : arm64, ...args].map(argument).join(", ");
    // perl passes texts by address and takes constants for read-only
    return `$! = 0; my @a = (${list}); my $n = shift @a; $r = syscall($n, @a); print "${name}\\t", $r == -1 ? $! + 0 : 0, "\\n";`;
  });
  let output = "";
  await withIsolation({}, async ({ driver }) => {
    const link = new Link(await driver.create(spec()));
    output = (await link.run(["/usr/bin/perl", "-e", `$| = 1; ${lines.join("\n")}`])).output;
  });
  const rows = output.trim().split("\n");
  return Object.fromEntries(rows.map((row) => [row.split("\t")[0]!, Number(row.split("\t")[1])]));
}

const expected = (calls: readonly Attempt[]) => Object.fromEntries(calls.map(([name, , , , errno]) => [name, errno]));

describe("system calls from inside a sandbox", { skip }, () => {
  test("what reaches for the kernel, other processes or new namespaces is refused", async () => {
    assert.deepEqual(await attempt(refused), expected(refused));
  });

  test("what programs need is not", async () => {
    assert.deepEqual(await attempt(allowed), expected(allowed));
  });
});
