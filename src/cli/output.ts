import { styleText } from "node:util";
import { CommandFailure, exitCodes } from "./failure.ts";

type Format = Parameters<typeof styleText>[0];

/** Styled for standard output; plain when it is not a terminal or NO_COLOR is set (styleText looks at both). */
export function styled(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/** As `styled`, for standard error. */
export function styledError(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stderr });
}

/** A line of the command's result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line beside the result (progress, notes): never on standard output, so that results can be piped. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** One JSON document on standard output. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document, null, process.stdout.isTTY ? 2 : undefined));
}

export function warn(message: string): void {
  note(`${styledError("yellow", "warning:")} ${message}`);
}

/** Shows why a command failed, on standard error, and returns its exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const failure = error instanceof CommandFailure ? error : unexpected(error);
  if (json) {
    const { code, message, next } = failure;
    note(JSON.stringify({ error: { code, message, ...(next === undefined ? {} : { next }) } }));
  } else {
    note(`${styledError("red", "error:")} ${failure.message}`);
    if (failure.next !== undefined) note(`${styledError("cyan", "next:")}  ${failure.next}`);
    if (!(error instanceof CommandFailure) && error instanceof Error && process.env.THAW_DEBUG) {
      note(error.stack ?? "");
    }
  }
  return failure.exitCode;
}

function unexpected(error: unknown): CommandFailure {
  const message = error instanceof Error ? error.message : String(error);
  return new CommandFailure(message, {
    exitCode: exitCodes.error,
    code: "UnexpectedError",
    next: "run it again with THAW_DEBUG=1 to see where this came from",
    cause: error,
  });
}

/** Columns padded to their widest cell; numbers to the right. `headings` are dropped by no one: scripts should use --json. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const numeric = headings.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => String(row[column]).length)),
  );
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return numeric[column] ? String(cell).padStart(width) : String(cell).padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [styled("bold", line(headings)), ...rows.map(line)];
}

/** 1234567 → `1.2 MB` (powers of 1024, as Lambda counts). */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let value = count / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Milliseconds as a person reads them: `0.42 ms`, `84 ms`, `3.2 s`. */
export function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(0)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(2)} ms`;
}
