/** A message as a client of AMQP 1.0 gives it; only what is read of it. */
export interface AmqpMessage {
  readonly body?: unknown;
  readonly message_id?: unknown;
  readonly correlation_id?: unknown;
  readonly reply_to?: string | undefined;
  readonly subject?: string | undefined;
  readonly durable?: boolean | undefined;
  readonly priority?: number | undefined;
  readonly delivery_count?: number | undefined;
  readonly creation_time?: Date | number | undefined;
  readonly absolute_expiry_time?: Date | number | undefined;
  readonly application_properties?: Readonly<Record<string, unknown>> | undefined;
  readonly message_annotations?: Readonly<Record<string, unknown>> | undefined;
}

/** What ActiveMQ writes into the annotation `x-opt-jms-msg-type`. Source: AMQP JMS Mapping 1.0, working draft 5, 3.2. */
const jmsTypes = ["message", "object-message", "map-message", "bytes-message", "stream-message", "text-message"];

/**
 * The message as functions get it. Source: Developer Guide, "Using Lambda with Amazon MQ" (example event of ActiveMQ), and the event
 * types of AWS's libraries: `correlationID` (Go, Java) and `connectionId` (Python) are other names of what the guide calls
 * `correlationId`. AMQP does not say when the broker took a message: that is its own time, or when it came here.
 */
export function activeItem(message: AmqpMessage, queue: string, now: number) {
  const { type, data } = contentOf(message);
  const sent = momentOf(message.creation_time);
  const correlation = message.correlation_id === undefined ? null : String(message.correlation_id);
  return {
    messageID: message.message_id === undefined ? "" : String(message.message_id),
    messageType: `jms/${type}`,
    deliveryMode: message.durable === true ? 2 : 1,
    replyTo: message.reply_to ?? null,
    type: message.subject ?? null,
    expiration: momentOf(message.absolute_expiry_time) ?? 0,
    priority: message.priority ?? 4,
    correlationId: correlation,
    correlationID: correlation,
    connectionId: correlation,
    redelivered: (message.delivery_count ?? 0) > 0,
    destination: { physicalName: queue },
    data: data.toString("base64"),
    timestamp: sent ?? now,
    brokerInTime: sent ?? now,
    brokerOutTime: now,
    properties: propertiesOf(message.application_properties),
  };
}

/** The event: messages of one queue. `json`: the elements */
export function activePayload(json: readonly string[], brokerArn: string): Buffer {
  const source = JSON.stringify({ eventSource: "aws:mq", eventSourceArn: brokerArn }).slice(0, -1);
  return Buffer.from(`${source},"messages":[${json.join(",")}]}`);
}

function contentOf({ body, message_annotations }: AmqpMessage): { type: string; data: Buffer } {
  const data = bytesOf(body);
  const said = jmsTypes[Number(message_annotations?.["x-opt-jms-msg-type"])];
  return { type: said ?? (typeof body === "string" ? "text-message" : "bytes-message"), data };
}

/** Texts and bytes as they are; maps and lists, for which the guide has no form, as JSON. */
function bytesOf(body: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === "string") return Buffer.from(body);
  if (Buffer.isBuffer(body)) return body;
  const content = (body as { content?: unknown }).content;
  if (Buffer.isBuffer(content)) return content;
  if (Array.isArray(content) && content.every((part) => Buffer.isBuffer(part))) return Buffer.concat(content);
  return Buffer.from(
    JSON.stringify(content ?? body, (_, value) => (typeof value === "bigint" ? String(value) : value)),
  );
}

/** As texts, as AWS has them; null: there are none. */
function propertiesOf(properties: Readonly<Record<string, unknown>> | undefined): Record<string, string> | null {
  const all = Object.entries(properties ?? {});
  return all.length === 0 ? null : Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
}

/** Milliseconds since the epoch; 0 is as good as nothing. */
function momentOf(moment: Date | number | undefined): number | undefined {
  const ms = Number(moment ?? 0);
  return ms > 0 ? ms : undefined;
}
