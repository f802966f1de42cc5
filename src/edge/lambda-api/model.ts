import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Lambda's public service model (generated/model.json, see scripts/generate-service-models.ts). */
export interface ServiceModel {
  readonly operations: Readonly<Record<string, OperationModel>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

export interface OperationModel {
  readonly method: string;
  /** `/2015-03-31/functions/{FunctionName}`, perhaps with `?List=ALL` */
  readonly path: string;
  /** of a success */
  readonly status: number;
  readonly input?: string;
  readonly output?: string;
  readonly errors: readonly string[];
}

export interface Member {
  readonly shape: string;
  readonly location?: "uri" | "querystring" | "header" | "statusCode";
  readonly locationName?: string;
}

export interface Shape {
  readonly type:
    | "structure"
    | "list"
    | "map"
    | "string"
    | "integer"
    | "long"
    | "double"
    | "boolean"
    | "blob"
    | "timestamp";
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, Member>>;
  /** the member that is the whole body */
  readonly payload?: string;
  readonly member?: Member;
  readonly key?: Member;
  readonly value?: Member;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  /** values that are taken though AWS does not have them, and not named either */
  readonly beyond?: ReadonlySet<string>;
  /** texts that are taken though AWS's pattern does not have them */
  readonly beyondPattern?: RegExp;
  readonly sensitive?: boolean;
  readonly exception?: boolean;
  readonly error?: { readonly httpStatusCode: number };
}

let loaded: ServiceModel | undefined;

/** Read at the first use, for a server that only invokes never needs it. */
export function serviceModel(): ServiceModel {
  loaded ??= adapt(JSON.parse(readFileSync(join(import.meta.dirname, "generated/model.json"), "utf8")));
  return loaded;
}

/**
 * What a request is checked against. Whether a function has a capacity provider says the request that creates it; one that
 * updates it may leave that out, and its operation looks again (managed.ts).
 */
export function inputShape(operation: string, shape: string, given: Readonly<Record<string, unknown>>): string {
  const isManaged =
    operation === "UpdateFunctionConfiguration" ||
    (operation === "CreateFunction" && given.CapacityProviderConfig !== undefined);
  return isManaged ? `Managed${shape}` : shape;
}

/**
 * The model allows what only managed instances have (32 GB of memory, 90 minutes); functions on Lambda's own fleet are
 * held to the old maxima with the same texts (Developer Guide, "Lambda quotas"). An unknown runtime is refused in other
 * words than an unknown value of any other enumeration, so those two members leave it to the operation.
 */
function adapt(model: ServiceModel): ServiceModel {
  const shapes: Record<string, Shape> = { ...model.shapes, AnyRuntime: { type: "string" } };
  const limit = (name: string, max: number) => {
    shapes[`Managed${name}`] = shapes[name]!;
    shapes[name] = { ...shapes[name]!, max };
  };
  limit("MemorySize", 10240);
  limit("EphemeralStorageSize", 10240);
  limit("Timeout", 900);
  const managed = (members: Shape["members"] = {}) => ({
    ...members,
    MemorySize: { shape: "ManagedMemorySize" },
    EphemeralStorage: { shape: "ManagedEphemeralStorage" },
    Timeout: { shape: "ManagedTimeout" },
  });
  shapes.ManagedEphemeralStorage = {
    ...shapes.EphemeralStorage!,
    members: { Size: { shape: "ManagedEphemeralStorageSize" } },
  };
  for (const name of ["CreateFunctionRequest", "UpdateFunctionConfigurationRequest"]) {
    const shape = shapes[name]!;
    shapes[name] = { ...shape, members: { ...shape.members, Runtime: { shape: "AnyRuntime" } } };
    shapes[`Managed${name}`] = { ...shapes[name]!, members: managed(shapes[name]!.members) };
  }
  // As AWS's front end lists them, which is not the model's order.
  shapes.EventSourcePosition = { type: "string", enum: ["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"] };
  shapes.InvokeMode = { type: "string", enum: ["RESPONSE_STREAM", "BUFFERED"] };
  return { operations: model.operations, shapes };
}
