/** Examples in the documentation: a command behind `$ thaw`, and below it what it printed. */

export interface Example {
  /** without the `$` */
  readonly command: string;
  readonly output: string;
}

const block = /^```console\n([\s\S]*?)^```$/gm;

/** All examples of a page, in their order. */
export function examplesOf(markdown: string): Example[] {
  return [...markdown.matchAll(block)].flatMap(([, text]) => split(text!));
}

/** The page with outputs made anew. `run` gives what a command prints; undefined leaves what stands there. */
export async function renewed(
  markdown: string,
  run: (example: Example) => Promise<string | undefined>,
): Promise<string> {
  let page = "";
  let from = 0;
  for (const match of markdown.matchAll(block)) {
    const made: string[] = [];
    for (const example of split(match[1]!)) {
      const output = (await run(example)) ?? example.output;
      made.push(`$ ${example.command}\n${output.trimEnd()}\n`);
    }
    page += `${markdown.slice(from, match.index)}\`\`\`console\n${made.join("\n")}\`\`\``;
    from = match.index + match[0].length;
  }
  return page + markdown.slice(from);
}

function split(text: string): Example[] {
  return text
    .split(/^\$ /m)
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const end = part.indexOf("\n");
      return { command: part.slice(0, end), output: part.slice(end + 1).trimEnd() };
    });
}

/** Of many histograms two are enough to see what they look like; then comes what they are compared for. */
export function shortened(output: string): string {
  const pieces = output.trimEnd().split("\n\n");
  const [tables, ...rest] = pieces;
  const comparisons = rest.filter((piece) => /confidence/.test(piece));
  const histograms = rest.filter((piece) => !comparisons.includes(piece));
  if (histograms.length <= 2) return output.trimEnd();
  return [tables, ...histograms.slice(0, 2), "…", ...comparisons].join("\n\n");
}
