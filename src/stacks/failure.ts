/** A refusal, in CloudFormation's own code. */
export class StackError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const invalid = (message: string): StackError => new StackError("ValidationError", message);
export const missingStack = (name: string): StackError => invalid(`Stack with id ${name} does not exist`);
