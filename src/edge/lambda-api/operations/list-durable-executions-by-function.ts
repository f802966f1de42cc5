import type { ListDurableExecutionsByFunctionRequest } from "@aws-sdk/client-lambda";
import { listedExecution } from "../../../durable/index.ts";
import { durableOf, pageSize, readMarker, writeMarker } from "../durable-executions.ts";
import { functionRef } from "../function-ref.ts";
import type { Operation } from "../operation.ts";

type Last = readonly [started: number, id: string];
const isLast = (value: unknown): value is Last =>
  Array.isArray(value) && typeof value[0] === "number" && typeof value[1] === "string";

/** GET /2025-12-01/functions/{FunctionName}/durable-executions: newest first, unless reversed. */
export const listDurableExecutionsByFunction: Operation<ListDurableExecutionsByFunctionRequest> = (call) => {
  const { input, scope, needs } = call;
  const ref = functionRef(input.FunctionName ?? "", input.Qualifier, scope);
  const version =
    ref.qualifier === undefined ? undefined : needs.registry.functions.version(ref, ref.name, ref.qualifier).version;
  needs.registry.functions.get(ref, ref.name);
  const last = readMarker(input.Marker, isLast);
  const limit = pageSize(input.MaxItems);
  const found = durableOf(call).list({
    account: ref.account,
    region: ref.region,
    functionName: ref.name,
    version,
    name: input.DurableExecutionName,
    statuses: input.Statuses,
    after: milliseconds(input.StartedAfter),
    before: milliseconds(input.StartedBefore),
    oldestFirst: input.ReverseOrder === true,
    from: last === undefined ? undefined : { started: last[0], id: last[1] },
    limit: limit + 1,
  });
  const page = found.slice(0, limit);
  const end = page.at(-1);
  return {
    body: {
      DurableExecutions: page.map(listedExecution),
      ...(found.length > limit && end !== undefined ? { NextMarker: writeMarker([end.started, end.id]) } : {}),
    },
  };
};

/** A moment of a request is a number of seconds here (request.ts), whatever the client's type says. */
const milliseconds = (moment: unknown): number | undefined =>
  typeof moment === "number" ? Math.round(moment * 1000) : undefined;
