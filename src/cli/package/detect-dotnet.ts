import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailure } from "../failure.ts";

/** What `dotnet publish` calls the frameworks that Lambda has runtimes for. */
const runtimes: Readonly<Record<string, string>> = {
  "net10.0": "dotnet10",
  "net8.0": "dotnet8",
  "net6.0": "dotnet6",
  "netcoreapp3.1": "dotnetcore3.1",
};

/**
 * A published .NET function in a folder. Its runtime stands in the runtimeconfig.json beside the assembly; the method has to
 * be named, as no file says it. Rejects with a CommandFailure that says how.
 */
export async function dotnet(
  folder: string,
  handler: string | undefined,
): Promise<{ runtime: string; handler: string; because: string } | undefined> {
  const suffix = ".runtimeconfig.json";
  const files = (await readdir(folder)).filter((name) => name.endsWith(suffix));
  const assembly = handler?.split("::")[0] ?? files[0]?.slice(0, -suffix.length);
  if (assembly === undefined || !files.includes(assembly + suffix)) return undefined;
  if (handler === undefined) {
    throw new CommandFailure(`${join(folder, assembly)}.dll is a .NET assembly; no file says which method to call.`, {
      next: `name it: --handler ${assembly}::NAMESPACE.CLASS::METHOD`,
    });
  }
  const text = await readFile(join(folder, assembly + suffix), "utf8");
  const framework = /"tfm"\s*:\s*"([^"]+)"/.exec(text)?.[1];
  const runtime = runtimes[framework ?? ""];
  if (runtime === undefined) {
    throw new CommandFailure(
      `${assembly}${suffix} is for ${framework ?? "no framework"}, which Lambda has no runtime for.`,
      {
        next: "name one: --runtime dotnet8",
      },
    );
  }
  return { runtime, handler, because: `${assembly}${suffix}` };
}
