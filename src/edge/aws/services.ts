import type { IncomingMessage } from "node:http";
import type { Buses } from "../../buses/index.ts";
import type { Keys, Sealer } from "../../keys/index.ts";
import type { Messages, ServiceSender } from "../../messages/index.ts";
import { type Posting, ServiceError } from "../../model/index.ts";
import type { LogStore, Metrics } from "../../observe/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { Remote } from "../../remote/index.ts";
import type { Repositories } from "../../repositories/index.ts";
import type { Traces } from "../../traces/index.ts";
import type { Balancers } from "../alb/balancers.ts";
import type { Apis } from "../api-gateway/apis.ts";
import type { RestApis } from "../api-gateway/rest/apis.ts";
import type { TestAnswer, TestRequest } from "../api-gateway/rest/test-invoke.ts";
import type { Auth } from "../auth/index.ts";
import type { LambdaApiNeeds } from "../lambda-api/needs.ts";
import type { Provisioning } from "../lambda-api/provisioning.ts";
import { isForS3 } from "./s3/claim.ts";
import type { AwsService, ServiceEntry } from "./service.ts";
import { regionOfHost as regionOfQueueHost } from "./sqs/urls.ts";

/** What only the services around Lambda need. Without it, those that need it are not there. */
export interface BesideLambda {
  readonly keys?: Keys | undefined;
  /** what functions have written */
  readonly logs?: LogStore | undefined;
  /** what is counted of them, and what clients count */
  readonly metrics?: Metrics | undefined;
  readonly traces?: Traces | undefined;
  /** seals what they keep for themselves */
  readonly sealer?: Sealer | undefined;
  /** event buses and schedules */
  readonly buses?: Buses | undefined;
  /** Takes events on their way to functions and other targets, all or none of them; resolves when they are durable. */
  post?(postings: readonly Posting[]): Promise<void>;
  /** May a service send to a queue or a topic for one of its resources? Left out: it may. */
  maySend?(arn: string, sender: ServiceSender): boolean;
  /** queues and topics */
  readonly messages?: Messages | undefined;
  /** container images that were pushed here */
  readonly repositories?: Repositories | undefined;
  /** requests of the platform's own, and where it listens itself: for services that have others do their work */
  readonly remote?: Pick<Remote, "send"> | undefined;
  endpoint?(): string;
}

/** What the services around Lambda ask of the rest of the house. */
export interface ServicesNeeds extends LambdaApiNeeds, BesideLambda {
  readonly registry: Registry;
  readonly provisioning: Provisioning;
  /** HTTP and WebSocket APIs */
  readonly apis: Apis;
  readonly restApis: RestApis;
  /** load balancers and target groups */
  readonly balancers: Balancers;
  /** Forgets what authorizers have said for a stage. */
  forgetAuthorizations(apiId: string, stage: string): void;
  /** Has a method of a REST API answer a request that nobody sent. */
  testMethod(test: TestRequest, requestId: string): Promise<TestAnswer>;
  /** absent: signatures are not checked */
  readonly auth?: Auth | undefined;
}

/** Objects by their names, for those whose credential says nothing: a browser's, a presigned URL's, a bucket's own host. */
const s3: ServiceEntry<ServicesNeeds> = {
  signingName: "s3",
  protocol: "rest-xml",
  anonymous: true,
  claims: (request, url, { objects }) => objects !== undefined && isForS3(objects, request, url),
  load: async ({ objects, ...needs }) => {
    if (objects === undefined) throw new ServiceError("NotImplementedException", "Thaw has no S3 here");
    return (await import("./s3/index.ts")).createS3({ ...needs, objects });
  },
};

/** Queues, for clients that say so in their host or path, or ask for nothing that STS has. */
const sqs: ServiceEntry<ServicesNeeds> = {
  signingName: "sqs",
  target: "AmazonSQS.",
  claims: (_request, url) =>
    regionOfQueueHost(url.hostname) !== undefined ||
    hostLabel(url) === "sqs" ||
    /^\/(?:queue\/[a-z0-9-]+\/)?\d{12}\/[\w.-]+$/.test(url.pathname),
  load: async ({ messages, report }) => {
    if (messages === undefined) throw new ServiceError("NotImplementedException", "Thaw has no SQS here");
    return (await import("./sqs/index.ts")).createSqs({ messages, report });
  },
};

/** Topics; their certificate, and what a link in a message asks for, is for everybody. */
const sns: ServiceEntry<ServicesNeeds> = {
  signingName: "sns",
  protocol: "query",
  anonymous: true,
  claims: (_request, url) =>
    hostLabel(url) === "sns" ||
    url.pathname.startsWith("/SimpleNotificationService-") ||
    /^(ConfirmSubscription|Unsubscribe)$/.test(url.searchParams.get("Action") ?? ""),
  load: async ({ messages, note = () => {}, report }) => {
    if (messages === undefined) throw new ServiceError("NotImplementedException", "Thaw has no SNS here");
    return (await import("./sns/index.ts")).createSns({ messages, note, report });
  },
};

/** Every service but Lambda itself. The first that claims an unsigned request gets it. */
export const services: readonly ServiceEntry<ServicesNeeds>[] = [
  s3,
  sqs,
  sns,
  {
    signingName: "iam",
    protocol: "query",
    claims: (_request, url) => hostLabel(url) === "iam",
    load: async (needs) => (await import("./query.ts")).createQueryService(needs),
  },
  {
    signingName: "sts",
    protocol: "query",
    anonymous: true,
    // Unsigned calls of the Query protocol (AssumeRoleWithWebIdentity, tests with curl) are told apart by their Action there.
    claims: (request, url) => hostLabel(url) === "sts" || isQueryRequest(request, url),
    load: async (needs) => (await import("./query.ts")).createQueryService(needs),
  },
  {
    signingName: "cloudformation",
    protocol: "query",
    claims: (_request, url) => hostLabel(url) === "cloudformation",
    hasWork: ({ registry }) => registry.named("stack").everything()[Symbol.iterator]().next().done !== true,
    load: async ({ remote, endpoint, ...needs }) => {
      if (remote === undefined || endpoint === undefined) {
        throw new ServiceError("NotImplementedException", "Thaw has no CloudFormation here");
      }
      return (await import("./cloudformation/index.ts")).createCloudFormation({ ...needs, remote, endpoint });
    },
  },
  {
    signingName: "application-autoscaling",
    target: "AnyScaleFrontendService.",
    hasWork: ({ registry }) => registry.scaling.targets.everything()[Symbol.iterator]().next().done !== true,
    load: async (needs) => (await import("./scaling/index.ts")).createAutoScaling(needs),
  },
  {
    signingName: "ecr",
    target: "AmazonEC2ContainerRegistry_V20150921.",
    // The registry has passwords of its own.
    anonymous: true,
    claims: (_request, { pathname }) => /^\/v2(?:\/?$|\/_catalog$|\/.+\/(?:manifests|blobs|tags)\/)/.test(pathname),
    load: async (needs) => (await import("./ecr/index.ts")).createEcr(needs),
  },
  {
    signingName: "events",
    target: "AWSEvents.",
    load: async ({ buses, report }) =>
      (await import("./events/index.ts")).createEvents({ buses: here(buses, "EventBridge"), report }),
  },
  {
    signingName: "scheduler",
    load: async ({ buses, registry, report }) =>
      (await import("./scheduler/index.ts")).createScheduler({ buses: here(buses, "Scheduler"), registry, report }),
  },
  {
    signingName: "apigateway",
    load: async (needs) => (await import("./api-gateway.ts")).createApiGateways(needs),
  },
  {
    signingName: "elasticloadbalancing",
    protocol: "query",
    claims: (_request, url) => hostLabel(url) === "elasticloadbalancing",
    hasWork: ({ balancers }) => balancers.groups.everything()[Symbol.iterator]().next().done !== true,
    load: async (needs) => (await import("./elbv2/index.ts")).createElasticLoadBalancing(needs),
  },
  {
    signingName: "kms",
    target: "TrentService.",
    load: async (needs) => (await import("./kms/index.ts")).createKms(needs),
  },
  {
    signingName: "logs",
    target: "Logs_20140328.",
    hasWork: ({ registry }) => registry.named("log-group").everything()[Symbol.iterator]().next().done !== true,
    load: async (needs) => (await import("./logs/index.ts")).createLogsService(needs),
  },
  {
    signingName: "monitoring",
    target: "GraniteServiceVersion20100801.",
    claims: (_request, url) => hostLabel(url) === "monitoring" || url.pathname.startsWith("/service/GraniteService"),
    hasWork: ({ registry }) =>
      ["cloudwatch-alarm", "cloudwatch-action"].some(
        (kind) => registry.named(kind).everything()[Symbol.iterator]().next().done !== true,
      ),
    load: async ({ metrics, ...needs }) =>
      (await import("./cloudwatch/index.ts")).createCloudWatch({ ...needs, metrics: here(metrics, "CloudWatch") }),
  },
  {
    signingName: "xray",
    load: async ({ traces, report }) =>
      (await import("./xray/index.ts")).createXRay({ traces: here(traces, "X-Ray"), report }),
  },
  {
    signingName: "secretsmanager",
    target: "secretsmanager.",
    load: async (needs) => (await import("./secrets/index.ts")).createSecrets(needs),
  },
  {
    signingName: "ssm",
    target: "AmazonSSM.",
    load: async (needs) => (await import("./parameters/index.ts")).createParameters(needs),
  },
  {
    signingName: "signer",
    load: async (needs) =>
      (await import("./signer/index.ts")).createSigner({
        ...needs,
        objects:
          needs.objects === undefined ? undefined : (await import("./s3/stored.ts")).signerObjects(needs.objects),
      }),
  },
];

/** Does this platform have a service of its own by this signing name? */
export const isServedHere = (signingName: string): boolean => services.some((one) => one.signingName === signingName);

/** The services, each loaded when it is first needed: a server that only runs functions never needs them. */
export interface Services {
  /** The service a request is meant for; undefined: none that is here. */
  find(request: IncomingMessage, url: URL, signingName: string): ServiceEntry<ServicesNeeds> | undefined;
  loaded(entry: ServiceEntry<ServicesNeeds>): Promise<AwsService>;
  /** Takes up what an earlier run has left to do. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createServices(needs: ServicesNeeds, entries = services): Services {
  const loading = new Map<ServiceEntry<ServicesNeeds>, Promise<AwsService>>();

  function loaded(entry: ServiceEntry<ServicesNeeds>): Promise<AwsService> {
    const known = loading.get(entry);
    if (known !== undefined) return known;
    const service = entry.load(needs);
    loading.set(entry, service);
    // One that is not here is nothing that could be stopped.
    service.catch(() => loading.delete(entry));
    return service;
  }

  return {
    find(request, url, signingName) {
      const target = request.headers["x-amz-target"];
      if (typeof target === "string") {
        const named = entries.find((entry) => entry.target !== undefined && target.startsWith(entry.target));
        if (named !== undefined) return named;
      }
      if (signingName !== "") return entries.find((entry) => entry.signingName === signingName);
      return entries.find((entry) => entry.claims?.(request, url, needs) === true);
    },
    loaded,
    async start() {
      for (const entry of entries) if (entry.hasWork?.(needs) === true) (await loaded(entry)).start?.();
    },
    async stop() {
      for (const service of loading.values()) await (await service).stop?.();
    },
  };
}

/** Throws NotImplementedException where a platform was made without it. */
function here<T>(room: T | undefined, name: string): T {
  if (room !== undefined) return room;
  throw new ServiceError("NotImplementedException", `Thaw has no ${name} here`);
}

const hostLabel = (url: URL): string => url.hostname.split(".")[0] ?? "";

function isQueryRequest(request: IncomingMessage, url: URL): boolean {
  if (url.searchParams.has("Action")) return true;
  const type = request.headers["content-type"] ?? "";
  return request.method === "POST" && url.pathname === "/" && type.startsWith("application/x-www-form-urlencoded");
}
