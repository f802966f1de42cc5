import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceModel } from "../../lambda-api/model.ts";

const text = readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8");

/** CloudFormation's public service model, of the operations that are here. */
export const model = JSON.parse(text) as ServiceModel;
