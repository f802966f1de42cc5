import { isMapping, type Mapping } from "../../templates/index.ts";
import { isMissing } from "./calls.ts";
import { type Handler, type Handlers, tagList, tagsOf, text, type Work, without } from "./handler.ts";

const cloudWatch = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("monitoring", `GraniteServiceVersion20100801.${operation}`, input, "1.0");

/** Alarms of metrics and composite ones: their properties are the operation's members, by the same names. */
function alarm(operation: "PutMetricAlarm" | "PutCompositeAlarm"): Handler {
  const put = async (work: Work, AlarmName: string) => {
    const tags = tagList(tagsOf(work));
    const input = { ...work.properties, AlarmName, Tags: tags.length > 0 ? tags : undefined };
    await cloudWatch(work, operation, without(input));
    const { stack } = work;
    const Arn = `arn:aws:cloudwatch:${stack.region}:${stack.account}:alarm:${AlarmName}`;
    return { physicalId: AlarmName, attributes: { Arn } };
  };
  return {
    replaces: ["AlarmName"],
    name: { property: "AlarmName", most: 255 },
    create: (work) => put(work, text(work.properties.AlarmName) || work.name),
    update: async (work) => ({ attributes: (await put(work, work.physicalId)).attributes }),
    async delete(work) {
      await cloudWatch(work, "DeleteAlarms", { AlarmNames: [work.physicalId] }).catch((error: unknown) => {
        if (!isMissing(error) && (error as { code?: string }).code !== "ResourceNotFound") throw error;
      });
    },
  };
}

const logs = (work: Work, operation: string, input: object): Promise<Mapping> =>
  work.calls.json("logs", `Logs_20140328.${operation}`, input);

async function putMetricFilter(work: Work, filterName: string): Promise<void> {
  const { LogGroupName, FilterPattern, MetricTransformations } = work.properties;
  const given = Array.isArray(MetricTransformations) ? MetricTransformations.filter(isMapping) : [];
  const metricTransformations = given.map((one) =>
    without({
      metricNamespace: one.MetricNamespace,
      metricName: one.MetricName,
      metricValue: text(one.MetricValue),
      defaultValue: one.DefaultValue,
      unit: one.Unit,
      // Pairs there, a map here.
      dimensions: Array.isArray(one.Dimensions)
        ? Object.fromEntries(one.Dimensions.filter(isMapping).map(({ Key, Value }) => [text(Key), text(Value)]))
        : undefined,
    }),
  );
  const input = { logGroupName: LogGroupName, filterName, filterPattern: FilterPattern ?? "", metricTransformations };
  await logs(work, "PutMetricFilter", input);
}

const metricFilter: Handler = {
  replaces: ["FilterName", "LogGroupName"],
  name: { property: "FilterName", most: 512 },
  async create(work) {
    const name = text(work.properties.FilterName) || work.name;
    await putMetricFilter(work, name);
    return { physicalId: name };
  },
  async update(work) {
    await putMetricFilter(work, work.physicalId);
    return {};
  },
  async delete(work) {
    const input = { logGroupName: work.properties.LogGroupName, filterName: work.physicalId };
    await logs(work, "DeleteMetricFilter", input);
  },
};

export const observingHandlers: Handlers = {
  "AWS::CloudWatch::Alarm": alarm("PutMetricAlarm"),
  "AWS::CloudWatch::CompositeAlarm": alarm("PutCompositeAlarm"),
  "AWS::Logs::MetricFilter": metricFilter,
};
