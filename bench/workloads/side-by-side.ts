import { type Peer, reasonOf } from "../peers/index.ts";

/** What every target is sent, and must send back; fixtures/post.lua says the same to wrk. */
export const event = JSON.stringify({ hello: "world", numbers: [1, 2, 3] });

/** The peers that run, and those that cannot be had here, each with its reason. */
export interface Running {
  readonly peers: readonly Peer[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  stop(): Promise<void>;
}

/** Fetches, builds and starts peers. One that fails is named, never silently dropped. */
export async function startPeers(candidates: readonly Peer[], progress: (text: string) => void): Promise<Running> {
  const peers: Peer[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const peer of candidates) {
    progress(`preparing ${peer.name}`);
    const reason =
      (await peer.available()) ??
      (await started(peer).then(
        () => undefined,
        (error: unknown) => reasonOf(error),
      ));
    if (reason === undefined) peers.push(peer);
    else {
      await peer.stop();
      missing.push({ name: `${peer.name} ${peer.version}`, reason });
    }
  }
  return {
    peers,
    missing,
    async stop() {
      for (const peer of peers) await peer.stop();
    },
  };
}

/** Starts a peer and makes sure that it echoes: whoever answers something else has not done the work. */
async function started(peer: Peer): Promise<void> {
  await peer.start();
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(peer.url(), { method: "POST", headers, body: event });
  const text = await response.text();
  if (!response.ok || text !== event) throw new Error(`error: it answered ${response.status} ${text.slice(0, 200)}`);
}
