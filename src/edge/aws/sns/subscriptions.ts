import { badParameter, type Subscription } from "../../../messages/index.ts";
import { page, type SnsCall, type SnsOperation } from "./operation.ts";
import { effectiveDeliveryPolicy } from "./topics.ts";

const protocols: ReadonlySet<string> = new Set(["email", "email-json", "http", "https", "lambda", "sms", "sqs"]);

/** Throws InvalidParameter. Source: SNS API Reference, Subscribe. */
function checkEndpoint(protocol: string, endpoint: string, fifo: boolean): void {
  if (!protocols.has(protocol)) {
    throw badParameter(`Amazon SNS does not support this protocol string: ${protocol}`);
  }
  const wrong = () => badParameter("Endpoint must match the specified protocol");
  if (protocol === "http" || protocol === "https") {
    if (URL.parse(endpoint)?.protocol !== `${protocol}:`) throw wrong();
  } else if (protocol === "sqs") {
    if (!/^arn:[^:]+:sqs:[^:]+:\d{12}:[\w.-]+$/.test(endpoint)) throw badParameter("SQS endpoint ARN");
    if (endpoint.endsWith(".fifo") && !fifo) {
      throw badParameter(
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
      );
    }
  } else if (protocol === "lambda") {
    if (!/^arn:[^:]+:lambda:[^:]+:\d{12}:function:[\w-]+(:[\w$-]+)?$/.test(endpoint)) {
      throw badParameter("Lambda endpoint ARN");
    }
  } else if (protocol === "sms") {
    if (!/^\+?[\d-]{3,20}$/.test(endpoint)) throw badParameter(`Invalid SMS endpoint: ${endpoint}`);
  } else if (!endpoint.includes("@")) throw badParameter("Email address");
  if (fifo && protocol !== "sqs" && protocol !== "lambda") {
    throw badParameter("Endpoint Reason: Please use FIFO SQS queue");
  }
}

interface SubscribeInput {
  readonly TopicArn: string;
  readonly Protocol: string;
  readonly Endpoint?: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly ReturnSubscriptionArn?: boolean;
}

export const subscribe: SnsOperation<SubscribeInput> = async ({ input, topics, topic, caller }) => {
  const found = topic(input.TopicArn);
  const { Protocol: protocol, Endpoint: endpoint = "", Attributes: attributes = {} } = input;
  checkEndpoint(protocol, endpoint, found.fifo);
  const { record } = await topics.subscribe(found, { owner: caller.account, protocol, endpoint, attributes });
  const shown = record.token === undefined || input.ReturnSubscriptionArn === true;
  return { SubscriptionArn: shown ? record.arn : "pending confirmation" };
};

interface ConfirmInput {
  readonly TopicArn: string;
  readonly Token: string;
  readonly AuthenticateOnUnsubscribe?: string;
}

/** The token is what proves that the endpoint wants it: no signature is asked for. */
export const confirmSubscription: SnsOperation<ConfirmInput> = async ({ input, topics, caller }) => {
  const authenticated = input.AuthenticateOnUnsubscribe?.toLowerCase() === "true" && caller.anonymous !== true;
  const confirmed = await topics.confirm(topics.get(input.TopicArn), input.Token, authenticated);
  return { SubscriptionArn: confirmed.record.arn };
};

/** Whoever has a notification may end its subscription by the link in it, unless it was confirmed otherwise. */
export const unsubscribe: SnsOperation<{ SubscriptionArn: string }> = async (call) => {
  const { input, topics, caller } = call;
  const found = topics.findSubscription(input.SubscriptionArn);
  if (caller.anonymous === true && found?.record.authenticated === false) {
    await topics.unsubscribe(found);
    return {};
  }
  await topics.unsubscribe(call.subscription(input.SubscriptionArn));
  return {};
};

const shown = ({ record }: Subscription) => ({
  SubscriptionArn: record.token === undefined ? record.arn : "PendingConfirmation",
  Owner: record.owner,
  Protocol: record.protocol,
  Endpoint: record.endpoint,
  TopicArn: record.topic,
});

export const listSubscriptions: SnsOperation<{ NextToken?: string }> = ({ input, topics, caller }) => {
  const { items, more } = page(topics.listSubscriptions(caller), input.NextToken);
  return { Subscriptions: items.map(shown), ...more };
};

export const listSubscriptionsByTopic: SnsOperation<{ TopicArn: string; NextToken?: string }> = ({
  input,
  topics,
  topic,
}) => {
  const { items, more } = page(topics.subscriptionsOf(topic(input.TopicArn)), input.NextToken);
  return { Subscriptions: items.map(shown), ...more };
};

interface OfSubscription {
  readonly SubscriptionArn: string;
}

export const getSubscriptionAttributes: SnsOperation<OfSubscription> = (call: SnsCall<OfSubscription>) => {
  const { record } = call.subscription(call.input.SubscriptionArn);
  return {
    Attributes: {
      SubscriptionArn: record.arn,
      TopicArn: record.topic,
      Owner: record.owner,
      Protocol: record.protocol,
      Endpoint: record.endpoint,
      PendingConfirmation: String(record.token !== undefined),
      ConfirmationWasAuthenticated: String(record.authenticated),
      RawMessageDelivery: "false",
      SubscriptionPrincipal: `arn:aws:iam::${record.owner}:root`,
      ...(record.protocol.startsWith("http") ? { EffectiveDeliveryPolicy: effectiveDeliveryPolicy } : {}),
      ...(record.attributes.FilterPolicy === undefined ? {} : { FilterPolicyScope: "MessageAttributes" }),
      ...record.attributes,
    },
  };
};

export const setSubscriptionAttributes: SnsOperation<
  OfSubscription & { AttributeName: string; AttributeValue?: string }
> = async (call) => {
  const found = call.subscription(call.input.SubscriptionArn);
  await call.topics.setSubscriptionAttribute(found, call.input.AttributeName, call.input.AttributeValue ?? "");
  return {};
};
