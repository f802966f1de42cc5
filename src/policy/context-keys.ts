import type { Statement } from "./statement.ts";

/**
 * The condition keys that statements ask for, in their conditions and variables, in the order of the text and each once:
 * what a simulation has to be told (GetContextKeysForCustomPolicy, MissingContextValues).
 */
export function contextKeys(statements: readonly Statement[]): readonly string[] {
  const keys = new Map<string, string>();
  const add = (key: string) => {
    if (!keys.has(key.toLowerCase())) keys.set(key.toLowerCase(), key);
  };
  for (const { resources = [], notResources = [], conditions, variables } of statements) {
    const texts = [...resources, ...notResources, ...conditions.flatMap(({ values }) => values)];
    for (const { key } of conditions) add(key);
    if (!variables) continue;
    for (const text of texts) {
      for (const [, key = ""] of text.matchAll(/\$\{\s*([^,'}\s*?$]+)/g)) add(key);
    }
  }
  return [...keys.values()];
}
