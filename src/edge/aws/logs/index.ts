import { type Posting, ServiceError } from "../../../model/index.ts";
import type { LogStore, Metrics } from "../../../observe/index.ts";
import type { Registry } from "../../../registry/index.ts";
import type { LambdaApiNeeds } from "../../lambda-api/needs.ts";
import { type JsonService, modelIn, serveJson, streamed, withContext } from "../json.ts";
import type { AwsService } from "../service.ts";
import type { GroupRecord, LogsContext, MetricFilterRecord, StreamRecord, SubscriptionRecord } from "./context.ts";
import { createDelivery } from "./delivery.ts";
import { filterLogEvents, getLogEvents, putLogEvents, testMetricFilter } from "./events.ts";
import {
  createLogGroup,
  createLogStream,
  deleteLogGroup,
  deleteLogStream,
  deleteRetentionPolicy,
  describeLogGroups,
  describeLogStreams,
  expire,
  listTagsForResource,
  listTagsLogGroup,
  putRetentionPolicy,
  tagLogGroup,
  tagResource,
  untagLogGroup,
  untagResource,
} from "./groups.ts";
import {
  createQueries,
  describeQueries,
  getLogGroupFields,
  getLogRecord,
  getQueryResults,
  startQuery,
  stopQuery,
} from "./insights/index.ts";
import { createMetricCounting, type MetricCounting } from "./metric-counting.ts";
import { deleteMetricFilter, describeMetricFilters, putMetricFilter } from "./metric-filters.ts";
import { deleteSubscriptionFilter, describeSubscriptionFilters, putSubscriptionFilter } from "./subscriptions.ts";
import { liveTail } from "./tail.ts";

export interface LogsNeeds extends Pick<LambdaApiNeeds, "report"> {
  /** Takes what subscriptions deliver; resolves when it is durable. */
  post?(postings: readonly Posting[]): Promise<void>;
  readonly registry: Registry;
  readonly logs?: LogStore | undefined;
  /** Without it, metric filters make nothing. */
  readonly metrics?: Metrics | undefined;
}

const operations = {
  CreateLogGroup: createLogGroup,
  CreateLogStream: createLogStream,
  DeleteLogGroup: deleteLogGroup,
  DeleteLogStream: deleteLogStream,
  DeleteMetricFilter: deleteMetricFilter,
  DeleteRetentionPolicy: deleteRetentionPolicy,
  DeleteSubscriptionFilter: deleteSubscriptionFilter,
  DescribeLogGroups: describeLogGroups,
  DescribeLogStreams: describeLogStreams,
  DescribeMetricFilters: describeMetricFilters,
  DescribeQueries: describeQueries,
  DescribeSubscriptionFilters: describeSubscriptionFilters,
  FilterLogEvents: filterLogEvents,
  GetLogEvents: getLogEvents,
  GetLogGroupFields: getLogGroupFields,
  GetLogRecord: getLogRecord,
  GetQueryResults: getQueryResults,
  ListTagsForResource: listTagsForResource,
  ListTagsLogGroup: listTagsLogGroup,
  PutLogEvents: putLogEvents,
  PutMetricFilter: putMetricFilter,
  PutRetentionPolicy: putRetentionPolicy,
  PutSubscriptionFilter: putSubscriptionFilter,
  StartQuery: startQuery,
  StopQuery: stopQuery,
  TagLogGroup: tagLogGroup,
  TagResource: tagResource,
  TestMetricFilter: testMetricFilter,
  UntagLogGroup: untagLogGroup,
  UntagResource: untagResource,
};

/** A batch of 1 MB, each of whose characters may be escaped. */
const requestBytes = 8 * 1024 * 1024;
const expireEveryMs = 3600_000;
/** Of one query of Logs Insights; 60 minutes at AWS, where logs are larger. */
const queryPatienceMs = 60_000;
/** Where nothing keeps metrics. */
const uncounted: MetricCounting = { recount: async () => {}, start() {}, stop() {} };

/** CloudWatch Logs over the platform's own log store: what functions write is there, and what clients put beside it. */
export function createLogsService(needs: LogsNeeds): AwsService {
  const { registry, logs, metrics, report } = needs;
  if (logs === undefined) throw new ServiceError("NotImplementedException", "There is no log store here");
  const subscriptions = registry.named<SubscriptionRecord>("log-subscription");
  const clock = Date.now;
  const delivery = createDelivery({ ...needs, logs, subscriptions, clock });
  const metricFilters = registry.named<MetricFilterRecord>("log-metric-filter");
  const counting =
    metrics === undefined ? uncounted : createMetricCounting({ logs, metrics, filters: metricFilters, clock, report });
  const queries = createQueries({ clock, report, patienceMs: queryPatienceMs });
  const closing = new AbortController();
  const context: LogsContext = {
    logs,
    groups: registry.named<GroupRecord>("log-group"),
    streams: registry.named<StreamRecord>("log-stream"),
    subscriptions,
    metricFilters,
    queries,
    clock,
    closing: closing.signal,
    resubscribe: delivery.resubscribe,
    recount: counting.recount,
    checkDestination: delivery.check,
  };
  const service: JsonService = {
    prefix: "Logs_20140328.",
    model: modelIn(import.meta.dirname),
    operations: withContext(operations, context),
    requestBytes,
    invalid: "InvalidParameterException",
    report,
  };
  const sweep = async () => {
    for (const group of [...context.groups.everything()]) await expire(context, group);
  };
  const timer = setInterval(() => sweep().catch(report), expireEveryMs).unref();

  return {
    serve(exchange) {
      if (exchange.request.headers["x-amz-target"] !== "Logs_20140328.StartLiveTail") {
        return serveJson(service, exchange);
      }
      return serveJson(
        {
          ...service,
          operations: {
            StartLiveTail: async (call) => {
              await liveTail({ ...call, context }, exchange);
              return streamed;
            },
          },
        },
        exchange,
      );
    },
    start() {
      delivery.start();
      counting.start();
    },
    stop() {
      clearInterval(timer);
      closing.abort();
      delivery.stop();
      counting.stop();
      queries.close();
    },
  };
}
