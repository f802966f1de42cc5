import type { Probe } from "../driver.ts";
import type { LauncherReady, Part } from "./launcher.ts";

const partNames: readonly (readonly [Part, string])[] = [
  ["memory", "memory limit"],
  ["cpu", "CPU share"],
  ["pids", "process limit"],
  ["freezer", "freezer"],
];

/** What a running launcher can give its sandboxes. */
export function probeContainer(found: LauncherReady): Probe {
  const features = partNames.map(([part, name]) => {
    const at = found.parts[part];
    return {
      name,
      ok: at !== undefined,
      detail: at ? `cgroup ${at.v2 ? "v2" : "v1"}, ${at.directory}` : (found.missing[part] ?? "no cgroup controller"),
    };
  });
  const missing = features.filter(({ ok }) => !ok).map(({ name }) => name);
  const who = found.privileged ? "as root" : "as an ordinary user, by user namespaces";
  return {
    driver: "container",
    usable: true,
    reason: `containers work ${who}${missing.length > 0 ? `, but without ${missing.join(", ")}` : ""}`,
    features: [
      { name: "namespaces", ok: true, detail: "user, mount, pid, network, ipc, uts; seccomp; no new privileges" },
      ...features,
      {
        name: "a user of its own for every sandbox",
        ok: found.privileged,
        detail: found.privileged
          ? "yes"
          : "all sandboxes run as the platform's user outside; start as root to change that",
      },
      {
        name: "/tmp on disk",
        ok: found.disk === null,
        detail:
          found.disk === null
            ? "an ext4 of its own for every sandbox, beside the platform's data"
            : `what a function writes to /tmp counts as its memory (${found.disk})`,
      },
      {
        name: "images of initialised processes",
        ok: found.images === null,
        detail:
          found.images === null
            ? "made and restored by the launcher and the agent"
            : (found.images ?? "the agent in use cannot make them"),
      },
      {
        name: "network egress",
        ok: found.egress === null,
        detail: found.egress ?? "for functions that ask for it, by a wire of their own and the kernel's packet filter",
      },
    ],
  };
}

/** Why there are no containers. */
export function unusableContainer(error: unknown): Probe {
  const reason =
    process.platform === "linux" ? (error instanceof Error ? error.message : String(error)) : "containers need Linux";
  return { driver: "container", usable: false, reason, features: [] };
}
