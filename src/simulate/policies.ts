import { createKeepAlive, type IdleEnvironment, type KeepAlive } from "../capacity/index.ts";

/** A way to keep idle environments, by a name of the user's. */
export interface NamedPolicy {
  readonly name: string;
  make(): KeepAlive;
}

/** Reads `thaw`, `thaw:20m`, `fixed:10m`, `none`. Throws RangeError. */
export function policyOf(text: string): NamedPolicy {
  const [kind, time = "10m"] = text.split(":");
  const keepAliveMs = kind === "none" ? 0 : spanOf(time);
  if (kind === "none" || kind === "fixed") return { name: text, make: () => fixedKeepAlive(keepAliveMs) };
  // As main configures it.
  const make = () => createKeepAlive({ keepAliveMs, shortestMs: Math.min(10_000, keepAliveMs) });
  if (kind === "thaw") return { name: text, make };
  throw new RangeError(`${text} is no policy: thaw, thaw:TIME, fixed:TIME or none (TIME as 90s, 10m, 1h)`);
}

function spanOf(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  const unit = { s: 1000, m: 60e3, h: 3600e3 }[parts?.[2] ?? ""];
  if (!parts || unit === undefined) throw new RangeError(`${text} is no time: 90s, 10m, 1h`);
  return Number(parts[1]) * unit;
}

/** Every idle environment stays for the same time after its last use; nothing is foreseen. Under pressure the longest idle ends first. */
export function fixedKeepAlive(keepAliveMs: number): KeepAlive {
  const leaves = ({ idleMs }: IdleEnvironment) => idleMs >= keepAliveMs;
  return {
    observe() {},
    plan: (_, nowMs) => ({ keepUntilMs: nowMs + keepAliveMs, prewarmAtMs: undefined }),
    reclaim(idle, usedBytes, budgetBytes) {
      const ends = idle.filter(leaves);
      let excess = usedBytes - budgetBytes;
      for (const { memoryBytes } of ends) excess -= memoryBytes;
      if (excess > 0) {
        const stays = idle.filter((each) => !leaves(each)).sort((a, b) => b.idleMs - a.idleMs);
        for (const each of stays) {
          if (excess <= 0) break;
          ends.push(each);
          excess -= each.memoryBytes;
        }
      }
      return ends.map(({ id }) => id);
    },
    prewarms: () => [],
    forget() {},
    pricePerMs: 0,
    size: 0,
  };
}
