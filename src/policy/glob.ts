/** A pattern of characters, with the two wildcards of IAM. */
export type Glob = readonly (string | typeof anyText | typeof anyCharacter)[];

/** `*` */
export const anyText = Symbol("*");
/** `?` */
export const anyCharacter = Symbol("?");

/** Reads `*` and `?` as wildcards, everything else as itself. */
export function globOf(text: string): Glob {
  return [...text].map((character) => (character === "*" ? anyText : character === "?" ? anyCharacter : character));
}

/**
 * Does the pattern match the whole text? No regular expression: patterns are tenants', and one with many stars must not
 * take longer than its length times the text's.
 */
export function matches(pattern: Glob, text: string): boolean {
  // A character outside of the basic plane is two of a string's units.
  const characters: ArrayLike<string> = /[\ud800-\udfff]/.test(text) ? [...text] : text;
  let at = 0;
  let index = 0;
  // Where to go on when what follows the last star does not fit: one character later.
  let star = -1;
  let taken = 0;
  while (index < characters.length) {
    const wanted = pattern[at];
    if (wanted === anyText) {
      star = at;
      taken = index;
      at += 1;
    } else if (wanted === anyCharacter || wanted === characters[index]) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      at = star + 1;
      taken += 1;
      index = taken;
    } else {
      return false;
    }
  }
  while (pattern[at] === anyText) at += 1;
  return at === pattern.length;
}

/** Tells whether a text matches; prepared once, because the same few patterns meet every request. */
export function matcher(pattern: string): (text: string) => boolean {
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const start = pattern.slice(0, -1);
  if (pattern.endsWith("*") && !/[*?]/.test(start)) return (text) => text.startsWith(start);
  const glob = globOf(pattern);
  return (text) => matches(glob, text);
}
