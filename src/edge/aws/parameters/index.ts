import type { Sealer } from "../../../keys/index.ts";
import { ServiceError } from "../../../model/index.ts";
import type { Registry } from "../../../registry/index.ts";
import { type JsonService, modelIn, serveJson, withContext } from "../json.ts";
import { secretValue } from "../secrets/value.ts";
import type { AwsService } from "../service.ts";
import {
  describeParameters,
  getParameter,
  getParameterHistory,
  getParameters,
  getParametersByPath,
} from "./reading.ts";
import type { ParameterRecord, ParametersContext } from "./store.ts";
import {
  addTagsToResource,
  deleteParameter,
  deleteParameters,
  labelParameterVersion,
  listTagsForResource,
  putParameter,
  removeTagsFromResource,
  unlabelParameterVersion,
} from "./writing.ts";

export interface ParametersNeeds {
  readonly registry: Pick<Registry, "named">;
  readonly sealer?: Sealer | undefined;
  report(error: unknown): void;
}

const operations = {
  AddTagsToResource: addTagsToResource,
  DeleteParameter: deleteParameter,
  DeleteParameters: deleteParameters,
  DescribeParameters: describeParameters,
  GetParameter: getParameter,
  GetParameterHistory: getParameterHistory,
  GetParameters: getParameters,
  GetParametersByPath: getParametersByPath,
  LabelParameterVersion: labelParameterVersion,
  ListTagsForResource: listTagsForResource,
  PutParameter: putParameter,
  RemoveTagsFromResource: removeTagsFromResource,
  UnlabelParameterVersion: unlabelParameterVersion,
};

/** Parameter Store of AWS Systems Manager. Secure strings are sealed with the platform's master key. */
export function createParameters({ registry, sealer, report }: ParametersNeeds): AwsService {
  if (sealer === undefined) throw new ServiceError("NotImplementedException", "There is no master key here");
  const context: ParametersContext = {
    records: registry.named<ParameterRecord>("ssm-parameter"),
    sealer,
    clock: Date.now,
    secret: (scope, id) => secretValue({ registry, sealer }, scope, id),
  };
  const service: JsonService = {
    prefix: "AmazonSSM.",
    model: modelIn(import.meta.dirname),
    operations: withContext(operations, context),
    report,
  };
  return { serve: (exchange) => serveJson(service, exchange) };
}
