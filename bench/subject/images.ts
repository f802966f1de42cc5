import { setTimeout as pause } from "node:timers/promises";

/** The part of a running platform that is asked here. */
export interface Asked {
  call(method: string, path: string): Promise<Record<string, unknown>>;
}
export interface Called extends Asked {
  cool(name: string): Promise<void>;
  invoke(name: string, event: object): Promise<{ readonly timing: { readonly start: string } }>;
}

/** Where the image of a function's version stands, as `/_thaw/environments` has it. */
export interface ImageView {
  readonly state: "none" | "waiting" | "making" | "ready" | "refused";
  readonly why: string;
  readonly bytes?: number;
}

/** Whether the platform can restore environments from images at all, and why not. */
export async function imagesUsable(server: Asked): Promise<{ readonly usable: boolean; readonly reason: string }> {
  const { snapshots } = await server.call("GET", "/_thaw/info");
  return (snapshots as { usable: boolean; reason: string } | undefined) ?? noImages;
}

const noImages = { usable: false, reason: "no images here: this platform knows of none" };

export async function imageOf(server: Asked, name: string, version = "$LATEST"): Promise<ImageView> {
  const { versions } = await server.call("GET", "/_thaw/environments");
  const rows = versions as { function: string; version: string; image: ImageView }[];
  // of a version whose configuration was just changed there are two rows for a moment: the later one counts
  const row = rows.findLast((one) => one.function === name && one.version === version);
  return row?.image ?? { state: "none", why: "" };
}

/**
 * Waits until cold calls of a function's $LATEST are restores: its image is made in the background after its first plain
 * start. Undefined: they are. Otherwise why not, after `withinMs` or once the platform has refused.
 */
export async function awaitImage(server: Called, name: string, withinMs = 30000): Promise<string | undefined> {
  const { usable, reason } = await imagesUsable(server);
  if (!usable) return reason;
  await server.invoke(name, {});
  const deadline = Date.now() + withinMs;
  for (;;) {
    const { state, why } = await imageOf(server, name);
    if (state === "ready") break;
    if (state === "refused" || (state === "none" && why !== "")) return why;
    if (Date.now() > deadline) return `no image of it after ${withinMs / 1000} s (${state} ${why})`;
    await pause(20);
  }
  await server.cool(name);
  const { timing } = await server.invoke(name, {});
  return timing.start === "restore" ? undefined : `its image is there, but a cold call was a ${timing.start} start`;
}

/**
 * Waits until a function's runtime has been booted without it, so that code which nobody has seen can be taken by a copy.
 * The function must have been called. Undefined: it has. Otherwise why not.
 */
export async function awaitBooted(server: Asked, name: string, withinMs = 30000): Promise<string | undefined> {
  const { usable, reason } = await imagesUsable(server);
  if (!usable) return reason;
  const deadline = Date.now() + withinMs;
  for (;;) {
    const { versions } = await server.call("GET", "/_thaw/environments");
    const rows = versions as { function: string; pool?: ImageView }[];
    const { state, why } = rows.findLast((one) => one.function === name)?.pool ?? { state: "none", why: "" };
    if (state === "ready") return undefined;
    if (state === "refused" || (state === "none" && why !== "")) return why;
    if (Date.now() > deadline) return `its runtime was not booted ahead within ${withinMs / 1000} s (${state} ${why})`;
    await pause(20);
  }
}

/** How a function came to its image, if it did. */
export interface Imaged {
  /** why it has none */
  readonly why?: string;
  /** the platform's default refused, so it was asked for with the variable THAW_SNAPSHOT */
  readonly asked: boolean;
}

/** Waits for the image that the platform makes by itself; where its default refuses, the function asks for one. */
export async function imaged(
  server: Called & { configure(name: string, variables: Readonly<Record<string, string>>): Promise<void> },
  fn: { readonly name: string; readonly imageWithinMs?: number },
): Promise<Imaged> {
  const { usable, reason } = await imagesUsable(server);
  if (!usable) return { why: reason, asked: false };
  if ((await awaitImage(server, fn.name, fn.imageWithinMs)) === undefined) return { asked: false };
  await server.configure(fn.name, { THAW_SNAPSHOT: "on" });
  const why = await awaitImage(server, fn.name, fn.imageWithinMs);
  return why === undefined ? { asked: true } : { why, asked: false };
}
