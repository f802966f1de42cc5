import type { GetFunctionRequest } from "@aws-sdk/client-lambda";
import { configurationOf } from "../configuration.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

/** GET /2015-03-31/functions/{FunctionName}. Code.Location is a link to the zip, good for ten minutes. */
export const getFunction: Operation<GetFunctionRequest> = ({ input, scope, origin, needs, links }) => {
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const { functions } = needs.registry;
  const version = functions.version(ref, ref.name, ref.qualifier);
  const { record } = functions.get(ref, ref.name);
  const reserved = record.reservedConcurrency;
  return {
    body: {
      Configuration: configurationOf(record, version, ref.qualifier),
      Code:
        version.code.image === undefined
          ? {
              RepositoryType: "S3",
              Location: links.link(origin, version.code),
              ...(version.code.reference && { ResolvedS3Object: version.code.reference }),
            }
          : { RepositoryType: "ECR", ImageUri: version.code.image.uri, ResolvedImageUri: version.code.image.resolved },
      ...(Object.keys(record.tags).length === 0 ? {} : { Tags: record.tags }),
      ...(reserved === undefined ? {} : { Concurrency: { ReservedConcurrentExecutions: reserved } }),
    },
  };
};
