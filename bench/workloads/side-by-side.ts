import { type Peer, reasonOf } from "../peers/index.ts";

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
      (await peer.start().then(
        () => undefined,
        (error: unknown) => reasonOf(error),
      ));
    if (reason === undefined) peers.push(peer);
    else missing.push({ name: `${peer.name} ${peer.version}`, reason });
  }
  return {
    peers,
    missing,
    async stop() {
      for (const peer of peers) await peer.stop();
    },
  };
}
