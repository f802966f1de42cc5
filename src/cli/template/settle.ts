import { type Findings, isMapping, type Mapping, type Positions, Unresolved } from "../../templates/index.ts";

/** Where a value stands: for messages. */
export interface At {
  readonly path: string;
  readonly line: number;
}

/**
 * Takes what could not be resolved out of an evaluated value, with a warning for each that names its own place. undefined
 * when nothing is left.
 */
export function settle(value: unknown, at: At, positions: Positions, findings: Findings): unknown {
  if (value instanceof Unresolved) {
    findings.warn(at.line, at.path, `left out: ${value.why}`);
    return undefined;
  }
  const inside = (key: string | number): At => ({
    path: typeof key === "number" ? `${at.path}[${key}]` : `${at.path}.${key}`,
    line: positions.line(value, key) ?? at.line,
  });
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (const [index, item] of value.entries()) {
      const settled = settle(item, inside(index), positions, findings);
      if (settled !== undefined) list.push(settled);
    }
    return list;
  }
  if (!isMapping(value)) return value;
  const mapping: Mapping = {};
  for (const [key, member] of Object.entries(value)) {
    const settled = settle(member, inside(key), positions, findings);
    if (settled !== undefined) mapping[key] = settled;
  }
  positions.inherit(mapping, value);
  return mapping;
}
