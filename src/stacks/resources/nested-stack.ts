import type { Mapping } from "../../templates/index.ts";
import { ServiceFailure, type Xml } from "./calls.ts";
import {
  type Existing,
  type Handler,
  type Handlers,
  type Made,
  pairsOf,
  tagList,
  tagsOf,
  text,
  type Work,
} from "./handler.ts";

/** Milliseconds that a nested stack may take: as long as its own resources do, one after the other. */
const patienceMs = 6 * 60 * 60 * 1000;

const ask = ({ calls }: Work, action: string, input: Mapping): Promise<Xml> =>
  calls.query("cloudformation", action, input);

function wish(work: Work): Mapping {
  const { TemplateURL, Parameters, NotificationARNs } = work.properties;
  return {
    TemplateURL,
    Parameters: Object.entries(pairsOf(Parameters)).map(([ParameterKey, ParameterValue]) => ({
      ParameterKey,
      ParameterValue,
    })),
    NotificationARNs,
    Tags: tagList(tagsOf(work)),
    // What was acknowledged for the stack that has it was acknowledged for all that is in it.
    Capabilities: work.stack.capabilities,
  };
}

/** Waits until nothing is done to the stack any more. Rejects in CloudFormation's words if it is not in the state that was wanted. */
async function settled(work: Work, id: string, verb: "created" | "updated" | "deleted"): Promise<Xml> {
  const description = await work.until(
    `Embedded stack ${id}`,
    async () => {
      const found = await ask(work, "DescribeStacks", { StackName: id });
      return text(found.text("StackStatus")).endsWith("_IN_PROGRESS") ? undefined : found;
    },
    patienceMs,
  );
  const wanted = {
    created: ["CREATE_COMPLETE"],
    updated: ["CREATE_COMPLETE", "UPDATE_COMPLETE"],
    deleted: ["DELETE_COMPLETE"],
  };
  if (wanted[verb].includes(text(description.text("StackStatus")))) return description;
  throw new Error(`Embedded stack ${id} was not successfully ${verb}: ${await why(work, id, description)}`);
}

/** The reason of a creation that was undone stands with its events only. */
async function why(work: Work, id: string, description: Xml): Promise<string> {
  const reasons = (await ask(work, "DescribeStackEvents", { StackName: id })).texts("ResourceStatusReason");
  return (
    reasons.find((reason) => reason.startsWith("The following resource(s) failed")) ??
    text(description.text("StackStatusReason"))
  );
}

/** `Outputs.NAME` are a nested stack's attributes. */
function made(id: string, description: Xml): Made {
  const values = description.texts("OutputValue");
  const outputs = description
    .texts("OutputKey")
    .map((key, index): [string, unknown] => [`Outputs.${key}`, values[index]]);
  return { physicalId: id, attributes: Object.fromEntries(outputs) };
}

/** A stack of a stack. Source: CloudFormation Template Reference, "AWS::CloudFormation::Stack". */
const nestedStack: Handler = {
  replaces: [],
  // No template can name it: the property is none of the type's.
  name: { property: "StackName", most: 128 },
  async create(work) {
    const { TimeoutInMinutes } = work.properties;
    const answer = await ask(work, "CreateStack", { StackName: work.name, ...wish(work), TimeoutInMinutes }).catch(
      (error) => {
        if (!(work.again && error instanceof ServiceFailure && error.code === "AlreadyExistsException")) throw error;
        return ask(work, "DescribeStacks", { StackName: work.name });
      },
    );
    const id = text(answer.text("StackId"));
    work.exists({ physicalId: id });
    return made(id, await settled(work, id, "created"));
  },
  async update(work) {
    const id = work.physicalId;
    await ask(work, "UpdateStack", { StackName: id, ...wish(work) }).catch((error) => {
      if (!(error instanceof ServiceFailure && error.message === "No updates are to be performed.")) throw error;
    });
    return made(id, await settled(work, id, "updated"));
  },
  async delete(work: Existing) {
    await ask(work, "DeleteStack", { StackName: work.physicalId });
    await settled(work, work.physicalId, "deleted");
  },
};

export const nestedStackHandlers: Handlers = { "AWS::CloudFormation::Stack": nestedStack };
