import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceModel } from "../../lambda-api/model.ts";

let loaded: ServiceModel | undefined;

/** The service's public model, read at the first use. */
export function serviceModel(): ServiceModel {
  loaded ??= JSON.parse(readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8")) as ServiceModel;
  return loaded;
}
