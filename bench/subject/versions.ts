import { setTimeout as pause } from "node:timers/promises";
import type { Server } from "./server.ts";

/** PublishVersion, and waits until the version is active (with SnapStart: until its image is made). Returns its number. */
export async function publish(server: Server, name: string, withinMs = 180000): Promise<string> {
  const path = `/2015-03-31/functions/${name}`;
  const { Version } = await server.call("POST", `${path}/versions`, {});
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await server.call("GET", `${path}/configuration?Qualifier=${Version}`);
    if (found.State === "Active") return String(Version);
    if (found.State === "Failed") throw new Error(`${name}:${Version}: ${found.StateReason}`);
    if (Date.now() > deadline) throw new Error(`${name}:${Version} is still ${found.State} after ${withinMs / 1000} s`);
    await pause(5);
  }
}

/** PutProvisionedConcurrencyConfig, and waits until all of it is there. */
export async function provision(server: Server, name: string, version: string, count: number): Promise<void> {
  const path = `/2019-09-30/functions/${name}/provisioned-concurrency?Qualifier=${version}`;
  await server.call("PUT", path, { ProvisionedConcurrentExecutions: count });
  const deadline = Date.now() + 60000;
  for (;;) {
    const found = await server.call("GET", path);
    if (found.Status === "READY") return;
    if (found.Status === "FAILED") throw new Error(`${name}:${version}: ${found.StatusReason}`);
    if (Date.now() > deadline) throw new Error(`${name}:${version}: provisioning is still ${found.Status} after 60 s`);
    await pause(10);
  }
}

/** DeleteProvisionedConcurrencyConfig. */
export async function unprovision(server: Server, name: string, version: string): Promise<void> {
  await server.call("DELETE", `/2019-09-30/functions/${name}/provisioned-concurrency?Qualifier=${version}`);
}
