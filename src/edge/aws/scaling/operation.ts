import type { Registry } from "../../../registry/index.ts";
import type { JsonCall } from "../json.ts";
import type { Capacity } from "./capacity.ts";

/** What the operations of Application Auto Scaling work with. */
export interface ScalingContext {
  readonly registry: Registry;
  readonly capacity: Capacity;
  /** milliseconds since the epoch */
  clock(): number;
  /** There is something to scale: see to it from now on. */
  begin(): void;
}

export type ScalingCall<Input> = JsonCall<Input> & { readonly context: ScalingContext };

export type ScalingOperation<Input> = (call: ScalingCall<Input>) => object;
