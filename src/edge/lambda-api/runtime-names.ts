import { ServiceError } from "../../model/index.ts";
import { type ServiceModel, serviceModel } from "./model.ts";
import type { LambdaApiNeeds } from "./needs.ts";

/** Lambda's own names, and those of other versions of its languages that this machine has ready (a distribution's Ruby …). */
type Offer = Pick<LambdaApiNeeds["artifacts"], "runtimes">;

/** Operations whose layers name runtimes; a function's own runtime is checked by checkRuntime. */
const namers: ReadonlySet<string> = new Set(["ListLayerVersions", "ListLayers", "PublishLayerVersion"]);

/** Operations that name an event source. */
const mappers: ReadonlySet<string> = new Set(["CreateEventSourceMapping", "ListEventSourceMappings"]);

/** What DynamoDB Local calls its streams: its region is none of AWS's. */
const localStream = /^arn:aws:dynamodb:ddblocal:\d{12}:table\/[^/]+\/stream\/[^/]+$/;
let localModel: ServiceModel | undefined;

/** The model by which a request of this operation is checked. The machine is only searched for those that name runtimes. */
export async function modelFor(operation: string, artifacts: Offer): Promise<ServiceModel> {
  const model = serviceModel();
  if (mappers.has(operation)) {
    const { shapes } = model;
    localModel ??= { ...model, shapes: { ...shapes, Arn: { ...shapes.Arn!, beyondPattern: localStream } } };
    return localModel;
  }
  if (!namers.has(operation)) return model;
  const Runtime = { ...model.shapes.Runtime!, beyond: await ready(artifacts) };
  return { ...model, shapes: { ...model.shapes, Runtime } };
}

/** Throws InvalidParameterValueException, in Lambda's words, for a name that neither Lambda nor this machine has. */
export async function checkRuntime(artifacts: Offer, name: string | undefined): Promise<void> {
  const names = serviceModel().shapes.Runtime?.enum ?? [];
  if (name === undefined || names.includes(name) || (await ready(artifacts)).has(name)) return;
  throw new ServiceError(
    "InvalidParameterValueException",
    `Value ${name} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${names.join(", ")}] or be a valid ARN`,
  );
}

async function ready(artifacts: Offer): Promise<ReadonlySet<string>> {
  const runtimes = await artifacts.runtimes();
  return new Set(runtimes.filter(({ state }) => state === "ready").map(({ name }) => name));
}
