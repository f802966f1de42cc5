import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** Everything that decides what a process may do, read by root from outside: it cannot lie about itself. */
export interface Properties {
  /** what each open descriptor is */
  readonly descriptors: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

const statusFields = [
  "Uid",
  "Gid",
  "Groups",
  "Umask",
  "CapInh",
  "CapPrm",
  "CapEff",
  "CapBnd",
  "CapAmb",
  "NoNewPrivs",
  "Seccomp",
  "Seccomp_filters",
  "Cpus_allowed",
  "CoreDumping",
  "TracerPid",
  "SigBlk",
  "SigIgn",
];

/** Files of a control group that limit it, both versions. Source: kernel documentation, cgroup-v1/ and cgroup-v2.rst. */
const limits =
  /^(memory\.(limit_in_bytes|memsw\.limit_in_bytes|max|swap\.max)|cpu\.(cfs_quota_us|shares|max|weight)|pids\.max)$/;

/** What a process is and may, but for what is another one in every sandbox (ids, device numbers, inodes). */
export function propertiesOf(pid: number): Properties {
  const status = new Map(
    read(pid, "status")
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return {
    status: Object.fromEntries(statusFields.map((name) => [name, relative(name, status.get(name))])),
    "user map": read(pid, "uid_map")
      .trim()
      .split(/\s+/)
      .filter((_, n) => n !== 1),
    "group map": read(pid, "gid_map")
      .trim()
      .split(/\s+/)
      .filter((_, n) => n !== 1),
    "may set groups": read(pid, "setgroups").trim(),
    limits: read(pid, "limits")
      .split("\n")
      .map((line) => line.replace(/\s+/g, " ").trim()),
    mounts: mountsOf(pid),
    "namespaces of its own": readdirSync(`/proc/${pid}/ns`).filter(
      (kind) => readlinkSync(`/proc/${pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`),
    ),
    "control groups": groupsOf(pid),
    // a process that may not be dumped belongs to root: proc(5), /proc/pid
    dumpable: statSync(`/proc/${pid}/environ`).uid !== 0,
    "badness for the killer": read(pid, "oom_score_adj").trim(),
    personality: read(pid, "personality").trim(),
    descriptors: descriptorsOf(pid),
    "shared memory that it may write": read(pid, "maps")
      .split("\n")
      .filter((line) => /^\S+ .w.s /.test(line)),
  };
}

/** Inodes of a process's namespaces. */
export function namespacesOf(pid: number): string[] {
  return ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
}

/** Every sandbox has a user of its own; what matters is that it is one, and the same in all four places. */
function relative(name: string, value: string | undefined): string | undefined {
  if (name !== "Uid" && name !== "Gid") return value;
  const ids = value!.split(/\s+/).map(Number);
  return ids.every((id) => id === ids[0] && id > 0) ? "an ordinary one" : value;
}

function mountsOf(pid: number): string[] {
  return read(pid, "mountinfo")
    .trim()
    .split("\n")
    .map((line) => {
      const [, , , root, target, options, ...rest] = line.split(" ");
      const [type, source, superOptions] = rest.slice(rest.indexOf("-") + 1);
      const own = (text: string | undefined) => text?.replace(/loop\d+/, "loop").replace(/(uid|gid)=\d+/g, "$1=own");
      return [
        root,
        target,
        options,
        rest.slice(0, rest.indexOf("-")).join(),
        type,
        own(source),
        own(superOptions),
      ].join(" ");
    })
    .map((line) => line.replace(/thaw-\d+-[^ /]*/g, "thaw").replace(/[0-9a-f]{32}/g, "id"));
}

/** Limits of every control group that a process is in. */
function groupsOf(pid: number): Record<string, string> {
  const tops = new Map<string, string>();
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n")) {
    const [left, right] = line.split(" - ");
    const [type, , options] = right!.split(" ");
    const path = left!.split(" ")[4]!;
    if (type === "cgroup2") tops.set("", path);
    else if (type === "cgroup") for (const name of options!.split(",")) tops.set(name, path);
  }
  const found: Record<string, string> = {};
  for (const line of read(pid, "cgroup").trim().split("\n")) {
    const [, controllers, path] = line.split(":");
    for (const controller of controllers!.split(",")) {
      const top = tops.get(controller);
      if (top === undefined) continue;
      const directory = join(top, path!);
      for (const name of list(directory).filter((name) => limits.test(name))) {
        found[name] = readFileSync(join(directory, name), "utf8").trim();
      }
    }
  }
  return found;
}

/** What each descriptor is: a path, or the kind of an object that has none. */
function descriptorsOf(pid: number): Record<string, string> {
  const found = list(`/proc/${pid}/fd`).map((fd) => {
    const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    return [fd, target.replace(/\[\d+\]$/, "")];
  });
  return Object.fromEntries(found);
}

/** Every file and directory below one, with what ls(1) says of it. */
export function modesBelow(
  directory: string,
): { readonly path: string; readonly mode: number; readonly uid: number; readonly file: boolean }[] {
  return list(directory).flatMap((name) => {
    const path = join(directory, name);
    const stat = lstatSync(path);
    const row = { path, mode: stat.mode & 0o7777, uid: stat.uid, file: stat.isFile() };
    return stat.isDirectory() ? [row, ...modesBelow(path)] : [row];
  });
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function read(pid: number, file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, "utf8");
}
