import { monotonicMs } from "../../../model/index.ts";
import type { RequestParts } from "../../proxy/parts.ts";
import { matched, segmentOf } from "../http/select.ts";
import type { RestArrival } from "./arrival.ts";
import type { RestApiRecord, RestMethod, RestResource } from "./records.ts";
import type { SelectedMethod } from "./select.ts";

/** A request that nobody sent, for a method as it is now, deployed or not. */
export interface TestRequest {
  readonly record: RestApiRecord;
  readonly resource: RestResource;
  readonly method: RestMethod;
  /** the request's own: the method may be for any */
  readonly httpMethod: string;
  readonly pathWithQueryString?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly stageVariables?: Readonly<Record<string, string>>;
}

/** TestInvokeMethod's answer. */
export interface TestAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly multiValueHeaders: Readonly<Record<string, readonly string[]>>;
  readonly log: string;
  /** milliseconds */
  readonly latency: number;
}

const stageName = "test-invoke-stage";

/** The request as if it had arrived, at a stage that there is for tests alone. Undefined: its path is not well percent-encoded. */
export function testArrival(test: TestRequest, requestId: string): (RestArrival & SelectedPath) | undefined {
  const { record, resource, pathWithQueryString = resource.path } = test;
  const [given = "/", ...behind] = pathWithQueryString.split("?");
  const names = new Map<string, string>();
  const headers = new Map<string, readonly string[]>();
  const several = Object.entries(test.multiValueHeaders ?? {});
  const single = Object.entries(test.headers ?? {}).map(([name, value]) => [name, [value]] as const);
  for (const [name, values] of [...several, ...single]) {
    names.set(name.toLowerCase(), name);
    headers.set(name.toLowerCase(), values);
  }
  let segments: string[];
  try {
    segments = given.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const parts: RequestParts = {
    method: test.httpMethod,
    path: given,
    query: behind.join("?"),
    headers,
    host: "testPrefix.testDomainName",
    domain: "testPrefix.testDomainName",
    protocol: "HTTP/1.1",
    sourceIp: "test-invoke-source-ip",
    userAgent: "test-invoke-user-agent",
    requestId,
    at: Date.now(),
    received: monotonicMs(),
  };
  const variables = test.stageVariables ?? {};
  const stage = { stageName, deploymentId: "", methodSettings: {}, createdDate: 0, lastUpdatedDate: 0, variables };
  const own = resource.path === "/" ? [] : resource.path.split("/").slice(1).map(segmentOf);
  const trail = segments.at(-1) === "" ? segments.slice(0, -1) : segments;
  return {
    record,
    stage,
    definition: { ...record.live, settings: record.api },
    path: `/${segments.join("/")}`,
    segments: trail,
    parts,
    names,
    pathParameters: matched(own, trail) ?? {},
  };
}

type SelectedPath = Pick<SelectedMethod, "pathParameters">;

/** What was done, as the console shows it. */
export function testLog(test: TestRequest, requestId: string, answer: Omit<TestAnswer, "log">, at: number): string {
  const lines = [
    `Starting execution for request: ${requestId}`,
    `HTTP Method: ${test.httpMethod}, Resource Path: ${test.resource.path}`,
    `Method request body before transformations: ${test.body ?? ""}`,
    `Method response body after transformations: ${answer.body}`,
    `Method response headers: ${JSON.stringify(answer.headers)}`,
    "Successfully completed execution",
    `Method completed with status: ${answer.status}`,
  ];
  const moment = new Date(at).toUTCString();
  return [`Execution log for request ${requestId}`, ...lines.map((line) => `${moment} : ${line}`), ""].join("\n");
}
