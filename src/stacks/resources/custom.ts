import { randomUUID } from "node:crypto";
import { isMapping, type Mapping } from "../../templates/index.ts";
import { type Existing, encoded, type Handler, type Handlers, type Made, text, type Work, without } from "./handler.ts";

/** Seconds that a function may take to answer. Source: CloudFormation User Guide, AWS::CloudFormation::CustomResource, "ServiceTimeout". */
const longestSeconds = 3600;

/**
 * Asks the function behind a custom resource, and waits for what it puts at the response URL.
 * Source: CloudFormation User Guide, "Custom resource reference".
 */
async function ask(work: Work & Partial<Existing>, RequestType: string, old?: Mapping): Promise<Made> {
  const { stack, logicalId, type, properties, answers, until } = work;
  const token = text(properties.ServiceToken);
  if (!/^arn:[^:]+:lambda:/.test(token)) {
    throw new Error(`ServiceToken ${token || "(none)"}: only functions answer for custom resources here`);
  }
  const RequestId = randomUUID();
  const key = `${stack.name}/${logicalId}/${RequestId}`;
  const event = {
    RequestType,
    ServiceToken: token,
    ResponseURL: await answers.urlFor(key),
    StackId: stack.id,
    RequestId,
    LogicalResourceId: logicalId,
    ...(work.physicalId === undefined ? {} : { PhysicalResourceId: work.physicalId }),
    ResourceType: type,
    ResourceProperties: texts(without(properties, "ServiceTimeout")),
    ...(old === undefined ? {} : { OldResourceProperties: texts(without(old, "ServiceTimeout")) }),
  };
  const seconds = Math.min(Number(properties.ServiceTimeout ?? longestSeconds), longestSeconds);
  let over: { readonly reason: string | undefined } | undefined;
  invoke(work, token, event).then(
    (reason) => {
      over = { reason };
    },
    (error: Error) => {
      over = { reason: error.message };
    },
  );
  let last = 0;
  const said = await until(
    `the answer of custom resource ${logicalId}`,
    async () => {
      const ended = over;
      const found = await answers.read(key);
      if (found !== undefined || ended?.reason === undefined) return found;
      // Nobody is left who could answer: better to say so now than in an hour.
      last += 1;
      if (last > 3) throw new Error(`Function ${token} ended without an answer: ${ended.reason}`);
      return undefined;
    },
    seconds * 1000,
  );
  return answered(said, work.physicalId, logicalId);
}

/** Runs the function to its end. Gives the reason if it failed; one that ends well may have others answer later. */
async function invoke({ calls }: Work, token: string, event: object): Promise<string | undefined> {
  const { headers, body } = await calls.raw({
    service: "lambda",
    method: "POST",
    path: `/2015-03-31/functions/${encoded(token)}/invocations`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
  return headers["x-amz-function-error"] === undefined ? undefined : body.slice(0, 1000);
}

function answered(said: string, physicalId: string | undefined, logicalId: string): Made {
  let answer: unknown;
  try {
    answer = JSON.parse(said);
  } catch {
    throw new Error(`Custom resource ${logicalId}: Invalid response: it is no JSON`);
  }
  if (!isMapping(answer)) throw new Error("Invalid response from the custom resource");
  const id = text(answer.PhysicalResourceId) || physicalId;
  if (answer.Status !== "SUCCESS") {
    throw new Error(`Received response status [FAILED] from custom resource. Message returned: ${text(answer.Reason)}`);
  }
  if (id === undefined) throw new Error("Invalid PhysicalResourceId");
  return { physicalId: id, attributes: isMapping(answer.Data) ? answer.Data : {} };
}

/** Functions of custom resources get every scalar as a text. */
function texts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(texts);
  if (isMapping(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, texts(each)]));
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

/** Another physical id than before means another resource: the stack deletes the old one when all is over. */
export const custom: Handler = {
  replaces: ["ServiceToken"],
  create: (work) => ask(work, "Create"),
  update: (work) => ask(work, "Update", work.before),
  async delete(work) {
    await ask(work, "Delete");
  },
};

/** Things of which only the name matters. */
const named = (more: (work: Work) => Made): Handler => ({
  replaces: [],
  create: async (work) => more(work),
  async delete() {},
});

export const customHandlers: Handlers = {
  "AWS::CloudFormation::CustomResource": custom,
  "AWS::CDK::Metadata": named(({ name }) => ({ physicalId: name })),
  "AWS::CloudFormation::WaitConditionHandle": named(({ name, stack }) => ({
    physicalId: `https://cloudformation-waitcondition-${stack.region}.s3.amazonaws.com/${encoded(stack.id)}/${name}`,
  })),
};
