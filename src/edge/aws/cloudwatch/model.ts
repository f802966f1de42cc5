import type { FormModel } from "../forms.ts";
import { modelIn } from "../json.ts";

export const model = modelIn(import.meta.dirname);
export const forms: FormModel = { shapes: model.shapes };

/** What every service has, by its name in the Query protocol. */
const queryCodes: Readonly<Record<string, string>> = {
  ValidationException: "ValidationError",
  AccessDeniedException: "AccessDenied",
};

/** A refusal, named by the model's shape: what it is called in each protocol, and its status, are the model's. */
export class CloudWatchError extends Error {
  readonly shape: string;
  readonly code: string;
  readonly status: number;

  constructor(shape: string, message: string) {
    super(message);
    this.name = shape;
    this.shape = shape;
    const { error } = (model.shapes[shape] ?? {}) as { error?: { code?: string; httpStatusCode?: number } };
    this.code = error?.code ?? queryCodes[shape] ?? shape;
    this.status = error?.httpStatusCode ?? 400;
  }
}

export const invalidValue = (message: string) => new CloudWatchError("InvalidParameterValueException", message);
export const badCombination = (message: string) => new CloudWatchError("InvalidParameterCombinationException", message);
export const missing = (message: string) => new CloudWatchError("MissingRequiredParameterException", message);
export const validation = (message: string) => new CloudWatchError("ValidationException", message);
