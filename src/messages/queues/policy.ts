import { evaluate, type Statement, serviceIdentity } from "../../policy/index.ts";
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
export const maySend = ({ settings, record }: Queue, sender: ServiceSender): boolean =>
  letsIn(settings.policy, "sqs:SendMessage", arnOf(record), sender);

/** What a resource's policy says of a service. */
export function letsIn(
  policy: readonly Statement[],
  action: string,
  resource: string,
  { service, sourceArn, sourceAccount }: ServiceSender,
): boolean {
  const { decision } = evaluate(policy, {
    principal: serviceIdentity(service),
    action,
    resource,
    context: {
      "aws:SourceArn": sourceArn,
      "aws:SourceAccount": sourceAccount ?? sourceArn.split(":")[4],
      "aws:PrincipalIsAWSService": "true",
      "aws:PrincipalServiceName": service,
    },
  });
  return decision === "allow";
}
