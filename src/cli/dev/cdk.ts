import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailure } from "../failure.ts";

/** The stack of a cloud assembly (`cdk synth`). Rejects when there is none, or more than one. */
export async function cdkTemplate(folder: string): Promise<{ file: string; stack: string; text: string }> {
  const suffix = ".template.json";
  const stacks = (await readdir(folder)).filter((name) => name.endsWith(suffix) && !name.endsWith(`.nested${suffix}`));
  const [only] = stacks;
  if (only === undefined) {
    throw new CommandFailure(`${folder} has no *${suffix}.`, { next: "run `cdk synth` (or `npx cdk synth`) first" });
  }
  if (stacks.length > 1) {
    throw new CommandFailure(`${folder} has ${stacks.length} stacks: ${stacks.join(", ")}; thaw dev runs one.`, {
      next: "synthesise one of them into a folder of its own: cdk synth STACK --output DIR/cdk.out, then thaw dev DIR",
    });
  }
  const file = join(folder, only);
  return { file, stack: only.slice(0, -suffix.length), text: await readFile(file, "utf8") };
}
