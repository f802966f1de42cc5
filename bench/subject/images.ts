import { setTimeout as pause } from "node:timers/promises";

/** The part of a running platform that is asked here. */
export interface Asked {
  call(method: string, path: string): Promise<Record<string, unknown>>;
}
export interface Called extends Asked {
  cool(name: string): Promise<void>;
  invoke(name: string, event: object): Promise<{ readonly timing: { readonly start: string } }>;
}

/** Whether the platform can restore environments from images at all, and why not. */
export async function imagesUsable(server: Asked): Promise<{ readonly usable: boolean; readonly reason: string }> {
  const { snapshots } = await server.call("GET", "/_thaw/info");
  return (snapshots as { usable: boolean; reason: string } | undefined) ?? noImages;
}

const noImages = { usable: false, reason: "no images here: this platform knows of none" };

/**
 * Waits until cold calls of a function are restores: its image is made in the background after its first plain start.
 * Undefined: they are. Otherwise why not, after `withinMs`.
 */
export async function awaitImage(server: Called, name: string, withinMs = 30000): Promise<string | undefined> {
  const { usable, reason } = await imagesUsable(server);
  if (!usable) return reason;
  const deadline = Date.now() + withinMs;
  let last = "";
  for (let waitMs = 200; Date.now() < deadline; waitMs = Math.min(2000, waitMs * 1.5)) {
    await server.cool(name);
    const { timing } = await server.invoke(name, {});
    if (timing.start === "restore") return undefined;
    last = timing.start;
    // it is made while the machine is calm
    await pause(waitMs);
  }
  return `no image of it after ${withinMs / 1000} s: a cold call still is a ${last} start`;
}
