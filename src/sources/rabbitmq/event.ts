/** A message as a client of AMQP 0.9.1 gives it. */
export interface RabbitMessage {
  readonly content: Buffer;
  readonly redelivered: boolean;
  readonly properties: RabbitProperties;
}

export interface RabbitProperties {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly deliveryMode?: number | undefined;
  readonly priority?: number | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly expiration?: string | undefined;
  readonly messageId?: string | undefined;
  /** seconds since the epoch */
  readonly timestamp?: number | undefined;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  readonly appId?: string | undefined;
  readonly clusterId?: string | undefined;
}

/** The message as functions get it. Source: Developer Guide, "Using Lambda with Amazon MQ" (example event of RabbitMQ). */
export function rabbitItem({ content, redelivered, properties }: RabbitMessage) {
  const { headers, timestamp } = properties;
  const hasHeaders = headers !== undefined && Object.keys(headers).length > 0;
  return {
    basicProperties: {
      contentType: properties.contentType ?? null,
      contentEncoding: properties.contentEncoding ?? null,
      headers: hasHeaders ? headerOf(headers) : null,
      deliveryMode: properties.deliveryMode ?? null,
      priority: properties.priority ?? null,
      correlationId: properties.correlationId ?? null,
      replyTo: properties.replyTo ?? null,
      expiration: properties.expiration ?? null,
      messageId: properties.messageId ?? null,
      timestamp: timestamp === undefined ? null : momentOf(timestamp),
      type: properties.type ?? null,
      userId: properties.userId ?? null,
      appId: properties.appId ?? null,
      clusterId: properties.clusterId ?? null,
      bodySize: content.length,
    },
    redelivered,
    data: content.toString("base64"),
  };
}

/** The event: messages of one queue, under its name and its virtual host. `json`: the elements */
export function rabbitPayload(json: readonly string[], queue: string, virtualHost: string, brokerArn: string): Buffer {
  const source = JSON.stringify({ eventSource: "aws:rmq", eventSourceArn: brokerArn }).slice(0, -1);
  return Buffer.from(
    `${source},"rmqMessagesByQueue":{${JSON.stringify(`${queue}::${virtualHost}`)}:[${json.join(",")}]}}`,
  );
}

/** deeper than anybody nests tables, and not so deep that the stack ends */
const mostDepth = 100;

/** Texts are their bytes, tables and lists what is in them. */
function headerOf(value: unknown, depth = 0): unknown {
  if (depth > mostDepth) return null;
  if (typeof value === "string") return { bytes: [...Buffer.from(value)] };
  if (Buffer.isBuffer(value)) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map((inner) => headerOf(inner, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, headerOf(inner, depth + 1)]));
}

const moment = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });

/** `Jan 1, 1970, 12:33:41 AM`; null: no calendar has it */
function momentOf(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : moment.format(date).replaceAll("\u202f", " ");
}
