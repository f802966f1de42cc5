import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceModel } from "../../lambda-api/model.ts";
import type { FormModel } from "../forms.ts";

export const model = JSON.parse(
  readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8"),
) as ServiceModel;

export const forms: FormModel = { shapes: model.shapes };

/** A refusal by the name of the exception's shape, or a code that the model does not have (`ValidationError`). */
export class BalancerRefusal extends Error {
  readonly code: string;
  readonly status: number;

  constructor(shape: string, message: string, status?: number) {
    super(message);
    const { error } = (model.shapes[shape] ?? {}) as { error?: { code?: string; httpStatusCode?: number } };
    this.code = error?.code ?? shape;
    this.status = status ?? error?.httpStatusCode ?? 400;
  }
}

export const invalid = (message: string): BalancerRefusal => new BalancerRefusal("ValidationError", message);
