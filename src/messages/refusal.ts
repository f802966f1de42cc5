/** A refusal in the words of SQS or SNS. `code`: the exception's name as their models have it. */
export class MessageRefusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = code;
    this.code = code;
  }
}

export const invalidParameter = (message: string) => new MessageRefusal("InvalidParameterValueException", message);

/** `Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.` */
export const invalidValue = (value: unknown, parameter: string, reason: string) =>
  invalidParameter(`Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`);

export const missingParameter = (name: string) =>
  new MessageRefusal("MissingRequiredParameterException", `The request must contain the parameter ${name}.`);
