import { signal } from "@preact/signals";

/** The page's path behind the `#`: `/`, `/functions/name` … */
export const route = signal(read());

function read(): string {
  return decodeURIComponent(location.hash.slice(1)) || "/";
}

addEventListener("hashchange", () => {
  route.value = read();
  scrollTo(0, 0);
});

export const pages = [
  { path: "/", name: "Starts", letter: "s" },
  { path: "/metrics", name: "Metrics", letter: "m" },
  { path: "/functions", name: "Functions", letter: "f" },
  { path: "/environments", name: "Environments", letter: "e" },
  { path: "/concurrency", name: "Concurrency", letter: "n" },
  { path: "/images", name: "Images", letter: "i" },
  { path: "/sources", name: "Event sources", letter: "v" },
  { path: "/queues", name: "Queues", letter: "q" },
  { path: "/alarms", name: "Alarms", letter: "a" },
  { path: "/cost", name: "Cost", letter: "c" },
] as const;

export const functionPath = (name: string): string => `#/functions/${encodeURIComponent(name)}`;
export function go(path: string): void {
  location.hash = path;
}
