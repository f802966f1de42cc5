import { platform } from "./api.ts";

/** Events to begin with, as AWS's services send them; shortened to what handlers read. */
export function samples(): readonly { readonly name: string; readonly event: unknown }[] {
  const { region = "us-east-1", account = "000000000000" } = platform.value ?? {};
  const time = new Date().toISOString();
  return [
    {
      name: "HTTP request",
      event: {
        version: "2.0",
        routeKey: "GET /orders/{id}",
        rawPath: "/orders/7",
        rawQueryString: "full=1",
        headers: { accept: "application/json" },
        queryStringParameters: { full: "1" },
        pathParameters: { id: "7" },
        requestContext: { http: { method: "GET", path: "/orders/7", sourceIp: "127.0.0.1" }, stage: "$default" },
        isBase64Encoded: false,
      },
    },
    {
      name: "SQS message",
      event: {
        Records: [
          {
            messageId: crypto.randomUUID?.() ?? "1",
            body: '{"order":7}',
            attributes: { ApproximateReceiveCount: "1" },
            eventSource: "aws:sqs",
            eventSourceARN: `arn:aws:sqs:${region}:${account}:orders`,
            awsRegion: region,
          },
        ],
      },
    },
    {
      name: "S3 object",
      event: {
        Records: [
          {
            eventVersion: "2.1",
            eventSource: "aws:s3",
            eventName: "ObjectCreated:Put",
            awsRegion: region,
            eventTime: time,
            s3: { bucket: { name: "pictures" }, object: { key: "cat.jpg", size: 1024 } },
          },
        ],
      },
    },
    {
      name: "Schedule",
      event: {
        source: "aws.events",
        "detail-type": "Scheduled Event",
        account,
        region,
        time,
        resources: [`arn:aws:events:${region}:${account}:rule/hourly`],
        detail: {},
      },
    },
    {
      name: "SNS message",
      event: {
        Records: [
          {
            EventSource: "aws:sns",
            Sns: {
              Subject: "paid",
              Message: '{"order":7}',
              TopicArn: `arn:aws:sns:${region}:${account}:orders`,
              Timestamp: time,
            },
          },
        ],
      },
    },
  ];
}
