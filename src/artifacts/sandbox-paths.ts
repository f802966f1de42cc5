import { join } from "node:path";

/** Directories that every runtime's PATH and LD_LIBRARY_PATH end with, as on Lambda. */
export const programPath = ["/usr/local/bin", "/usr/bin", "/bin", "/opt/bin"];
export const libraryPath = [
  "/lib64",
  "/usr/lib64",
  "/var/runtime",
  "/var/runtime/lib",
  "/var/task",
  "/var/task/lib",
  "/opt/lib",
];

/** Variables that AWS sets alike for every runtime ("Defined runtime environment variables"). */
export const commonEnv = Object.freeze({ LANG: "en_US.UTF-8", TZ: ":UTC" });

/** Our own bootstraps, beside this source tree: runtimes/nodejs, runtimes/python and so on. Mounted at /var/runtime. */
export function bootstrapMount(language: "nodejs" | "python" | "java" | "ruby" | "dotnet"): {
  readonly source: string;
  readonly target: string;
} {
  return { source: join(import.meta.dirname, "..", "..", "runtimes", language), target: "/var/runtime" };
}
