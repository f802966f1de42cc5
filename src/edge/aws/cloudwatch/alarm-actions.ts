import { randomUUID } from "node:crypto";
import type { Posting } from "../../../model/index.ts";
import type { Named, NamedDocument } from "../../../registry/index.ts";
import { type AlarmRecord, actionsOf, alarmArn, documentName, withHistory } from "./alarm-records.ts";
import type { CloudWatchContext } from "./context.ts";

/** What is to be done because an alarm's state has changed: written with that change, gone when the queue of events has it. */
export interface OwedActions extends NamedDocument {
  /** the alarm's document */
  readonly alarm: string;
  readonly postings: readonly OwedPosting[];
}

type OwedPosting = Posting extends infer One
  ? One extends Posting
    ? Omit<One, "payload"> & { readonly text: string }
    : never
  : never;

export interface AlarmActionsNeeds {
  readonly context: CloudWatchContext;
  readonly alarms: Named<AlarmRecord>;
  readonly owed: Named<OwedActions>;
  /** Takes events for functions and topics; resolves when they are durable. */
  post(postings: readonly Posting[]): Promise<void>;
  report(error: unknown): void;
}

/** Actions of alarms, none of which a kill of the platform loses. One may be done twice then. */
export interface AlarmActions {
  /** Notes what follows from a change; to be called in the transaction that writes it. */
  owe(before: AlarmRecord, after: AlarmRecord): void;
  /** Hands all that is owed to the queue of events. What fails is tried again with the next call. */
  pay(): void;
}

export function createAlarmActions(needs: AlarmActionsNeeds): AlarmActions {
  const { context, alarms, owed, report } = needs;
  const underway = new Set<string>();

  async function payOne(one: OwedActions): Promise<void> {
    underway.add(one.name);
    try {
      await needs.post(one.postings.map(({ text, ...posting }) => ({ ...posting, payload: Buffer.from(text) })));
      const alarm = alarms.get(one.account, one.alarm);
      context.registry.together(() => {
        owed.remove(one.account, one.name);
        if (alarm !== undefined) alarms.put(one.postings.reduce(done, alarm));
      });
    } finally {
      underway.delete(one.name);
    }
  }

  function done(alarm: AlarmRecord, posting: OwedPosting): AlarmRecord {
    const arn = posting.to === "target" ? posting.arn : posting.invokedArn;
    const data = { actionState: "Succeeded", notificationResource: arn, publishedMessage: posting.text };
    return withHistory(alarm, {
      at: context.clock(),
      type: "Action",
      summary: `Successfully executed action ${arn}`,
      data: JSON.stringify(data),
    });
  }

  function postingsOf(before: AlarmRecord, after: AlarmRecord): OwedPosting[] {
    const { account, region, alarmName } = after;
    return actionsOf(after).flatMap((arn): OwedPosting[] => {
      const [, , service, , owner = "", kind, name = "", qualifier] = arn.split(":");
      if (service === "sns") {
        const text = JSON.stringify(notificationOf(before, after));
        const Subject = `${after.state}: "${alarmName}" in ${region}`.slice(0, 100);
        return [{ to: "target", account, region, name: alarmName, arn, text, parameters: { Subject } }];
      }
      if (service !== "lambda" || kind !== "function") return [];
      const place = { account: owner, region: arn.split(":")[3] ?? region };
      const call = {
        service: "lambda.alarms.cloudwatch.amazonaws.com",
        sourceArn: alarmArn(after, alarmName),
        sourceAccount: account,
      };
      const { functions, functionPolicies } = context.registry;
      if (functions.find(place, name) === undefined) return [];
      if (!functionPolicies.isAllowed(place, name, qualifier, call)) {
        report(new Error(`${arn} does not allow ${call.service} to invoke it for ${call.sourceArn}`));
        return [];
      }
      const text = JSON.stringify(eventOf(before, after));
      return [{ to: "function", ...place, name, qualifier, invokedArn: arn, text }];
    });
  }

  return {
    owe(before, after) {
      const postings = postingsOf(before, after);
      if (postings.length === 0) return;
      const alarm = documentName(after.region, after.alarmName);
      owed.put({ account: after.account, name: randomUUID(), alarm, postings });
    },
    pay() {
      for (const one of [...owed.everything()]) if (!underway.has(one.name)) payOne(one).catch(report);
    },
  };
}

/** As AWS's clock writes it: `2024-01-17T18:54:47.000+0000`. */
const moment = (at: number): string => new Date(at).toISOString().replace("Z", "+0000");

/** What a topic is told. Source: CloudWatch User Guide, "Notifying users on alarm changes". */
function notificationOf(before: AlarmRecord, after: AlarmRecord): object {
  const {
    OKActions = [],
    AlarmActions = [],
    InsufficientDataActions = [],
    ...given
  } = after.metric ?? after.composite!;
  return {
    AlarmName: after.alarmName,
    AlarmDescription: given.AlarmDescription ?? null,
    AWSAccountId: after.account,
    AlarmConfigurationUpdatedTimestamp: moment(after.configured),
    NewStateValue: after.state,
    NewStateReason: after.reason,
    StateChangeTime: moment(after.updated),
    Region: after.region,
    AlarmArn: alarmArn(after, after.alarmName),
    OldStateValue: before.state,
    OKActions,
    AlarmActions,
    InsufficientDataActions,
    ...(after.metric === undefined ? { AlarmRule: after.composite?.AlarmRule } : { Trigger: given }),
  };
}

/** What a function is told. Source: CloudWatch User Guide, "Invoke a Lambda function from an alarm". */
function eventOf(before: AlarmRecord, after: AlarmRecord): object {
  const state = (record: AlarmRecord) => ({
    value: record.state,
    reason: record.reason,
    ...(record.reasonData === undefined ? {} : { reasonData: record.reasonData }),
    timestamp: moment(record.updated),
  });
  const { AlarmDescription: description } = after.metric ?? after.composite!;
  const metrics =
    after.metric?.Metrics ??
    (after.metric === undefined ? undefined : [{ id: "m1", metricStat: statOf(after.metric), returnData: true }]);
  const configuration = after.metric === undefined ? { alarmRule: after.composite?.AlarmRule } : { metrics };
  return {
    source: "aws.cloudwatch",
    alarmArn: alarmArn(after, after.alarmName),
    accountId: after.account,
    time: moment(after.updated),
    region: after.region,
    alarmData: {
      alarmName: after.alarmName,
      state: state(after),
      previousState: state(before),
      configuration: { ...(description === undefined ? {} : { description }), ...configuration },
    },
  };
}

function statOf(alarm: NonNullable<AlarmRecord["metric"]>): object {
  const dimensions = Object.fromEntries((alarm.Dimensions ?? []).map(({ Name, Value }) => [Name, Value]));
  return {
    metric: { namespace: alarm.Namespace, name: alarm.MetricName, dimensions },
    period: alarm.Period,
    stat: alarm.Statistic ?? alarm.ExtendedStatistic,
  };
}
