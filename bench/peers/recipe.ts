import { join } from "node:path";
import { answers, type Child, freePort } from "../harness/processes.ts";
import { fixtures } from "./cache.ts";
import { type Peer, reasonOf } from "./peer.ts";

/** What differs between the peers: where their files come from and how they are started. */
export interface Recipe {
  readonly name: string;
  readonly version: string;
  /** fetches and builds; returns the place that `launch` needs: a directory, or a binary */
  prepare(): Promise<string>;
  launch(place: string, port: number): Promise<Child>;
  readonly path?: string;
  readonly connections?: number;
}

/** A script of the fixtures that serves. */
export const server = (name: string): string => join(fixtures, "servers", name);

/** Is anything listening on a port of 127.0.0.1? */
export const listening = (port: number) => () => answers(new URL(`http://127.0.0.1:${port}/`));

/** A peer by its recipe, on a port of its own. */
export function peer(recipe: Recipe): Peer {
  let place: string | undefined;
  let child: Child | undefined;
  let url: URL | undefined;
  return {
    name: recipe.name,
    version: recipe.version,
    connections: recipe.connections ?? Number.POSITIVE_INFINITY,
    async available() {
      try {
        place = await recipe.prepare();
        return undefined;
      } catch (error) {
        return reasonOf(error);
      }
    },
    async start() {
      place ??= await recipe.prepare();
      const port = await freePort();
      child = await recipe.launch(place, port);
      url = new URL(`http://127.0.0.1:${port}${recipe.path ?? "/"}`);
    },
    url() {
      if (!url) throw new Error(`${recipe.name} has not been started`);
      return url;
    },
    async stop() {
      await child?.stop();
      child = undefined;
    },
  };
}
