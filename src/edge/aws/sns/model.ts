import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceModel } from "../../lambda-api/model.ts";
import type { FormModel } from "../forms.ts";

export const model = JSON.parse(
  readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8"),
) as ServiceModel;

export const forms: FormModel = { shapes: model.shapes };

/** An exception's code and status, as the model has them. */
export function errorOf(shape: string): { readonly code: string; readonly status: number } {
  const { error } = (model.shapes[shape] ?? {}) as { error?: { code?: string; httpStatusCode?: number } };
  return { code: error?.code ?? shape.replace(/Exception$/, ""), status: error?.httpStatusCode ?? 400 };
}
