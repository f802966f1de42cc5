/** Something to tell about a template, with the line it is about. */
export interface Finding {
  readonly severity: "warning" | "error";
  /** 1-based; 0 when the whole file is meant */
  readonly line: number;
  /** `MyFunction.Properties.Events`; empty for the file */
  readonly path: string;
  readonly message: string;
}

/** Collects what is wrong with a template, so that all of it can be said at once. */
export interface Findings {
  warn(line: number, path: string, message: string): void;
  fail(line: number, path: string, message: string): void;
  all(): readonly Finding[];
}

export function createFindings(): Findings {
  const found: Finding[] = [];
  const add = (severity: Finding["severity"], line: number, path: string, message: string): void => {
    // one cause may be met twice (a Globals value is evaluated for every function)
    const known = found.some((each) => each.line === line && each.path === path && each.message === message);
    if (!known) found.push({ severity, line, path, message });
  };
  return {
    warn: (line, path, message) => add("warning", line, path, message),
    fail: (line, path, message) => add("error", line, path, message),
    all: () => [...found].sort((a, b) => a.line - b.line),
  };
}

/** `template.yaml:23: MyFunction.Properties.Events: not acted on yet` */
export function formatFinding(file: string, { line, path, message }: Finding): string {
  return [line > 0 ? `${file}:${line}` : file, ...(path === "" ? [] : [path]), message].join(": ");
}
