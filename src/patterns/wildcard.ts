/**
 * Compiles a text in which `*` stands for any characters, `\*` and `\\` for themselves. Never slower than the text's length
 * times the pattern's: each part is looked for from where the one before ended.
 */
export function wildcard(pattern: string, wrong: (message: string) => Error): (text: string) => boolean {
  const parts = partsOf(pattern, wrong);
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (parts.length === 1) return (text) => text === first;
  const middle = parts.slice(1, -1);
  return (text) => {
    if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

/** What stands between the stars. */
function partsOf(pattern: string, wrong: (message: string) => Error): string[] {
  const parts: string[] = [];
  let part = "";
  for (let index = 0; index < pattern.length; index += 1) {
    const letter = pattern[index]!;
    if (letter === "*") {
      if (pattern[index + 1] === "*") throw wrong(`Consecutive wildcard characters at pos ${index}`);
      parts.push(part);
      part = "";
      continue;
    }
    if (letter === "\\") {
      index += 1;
      if (pattern[index] !== "*" && pattern[index] !== "\\")
        throw wrong(`Invalid escape character at pos ${index - 1}`);
    }
    part += pattern[index];
  }
  return [...parts, part];
}
