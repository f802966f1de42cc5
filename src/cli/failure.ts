/** How a command ends. Scripts rely on these numbers; they are named in README.md and in `thaw help`. */
export const exitCodes = Object.freeze({
  ok: 0,
  /** the command could not do what it was asked */
  error: 1,
  /** the command line itself was wrong */
  usage: 2,
  /** the platform did its part; the customer's function returned an error */
  functionError: 3,
});

/** Ends a command with a message for a person: what went wrong, with the field and its value, and what to do next. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  readonly next: string | undefined;
  /** machine-readable code: AWS's where the server gave one */
  readonly code: string;

  constructor(
    message: string,
    details: { next?: string | undefined; exitCode?: number; code?: string; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "CommandFailure";
    this.exitCode = details.exitCode ?? exitCodes.error;
    this.next = details.next;
    this.code = details.code ?? (this.exitCode === exitCodes.usage ? "UsageError" : "CommandFailed");
  }
}

/** A wrong command line: exit code 2. */
export function usageFailure(message: string, next?: string): CommandFailure {
  return new CommandFailure(message, { next, exitCode: exitCodes.usage });
}
