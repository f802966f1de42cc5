import { evaluate, serviceIdentity } from "../../policy/index.ts";
import { arnOf, type Queue } from "./catalogue.ts";

/** Another service that sends for one of its own resources. */
export interface ServiceSender {
  /** `sns.amazonaws.com` */
  readonly service: string;
  /** the topic, the rule, the bucket */
  readonly sourceArn: string;
  /** its account; left out: as the ARN says */
  readonly sourceAccount?: string | undefined;
}

/** Services send only where the queue's policy says so, whoever has both. Source: SQS Developer Guide, "Basic examples of policies". */
export function maySend({ settings, record }: Queue, { service, sourceArn, sourceAccount }: ServiceSender): boolean {
  const { decision } = evaluate(settings.policy, {
    principal: serviceIdentity(service),
    action: "sqs:SendMessage",
    resource: arnOf(record),
    context: {
      "aws:SourceArn": sourceArn,
      "aws:SourceAccount": sourceAccount ?? sourceArn.split(":")[4],
      "aws:PrincipalIsAWSService": "true",
      "aws:PrincipalServiceName": service,
    },
  });
  return decision === "allow";
}
