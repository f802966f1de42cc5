import type { KeyRecord, KeyScope, Keys } from "../../../keys/index.ts";
import { JsonError } from "../json.ts";

/** One call of KMS; its input has been checked against the model. */
export interface KmsCall<Input> {
  readonly input: Input;
  readonly scope: KeyScope;
  readonly keys: Keys;
}

export type KmsOperation<Input> = (call: KmsCall<Input>) => object;

/** Throws NotFoundException. */
export const keyOf = ({ keys, scope }: KmsCall<unknown>, given: string | undefined): KeyRecord =>
  keys.find(scope, given ?? "");

/** Asking whether one may, without doing it. Throws DryRunOperationException. */
export function stopDryRun(input: { readonly DryRun?: boolean | undefined }): void {
  if (input.DryRun !== true) return;
  throw new JsonError(
    "DryRunOperationException",
    "The request would have succeeded, but the DryRun option is set.",
    412,
  );
}

export const seconds = (ms: number): number => ms / 1000;

export interface PageInput {
  readonly Limit?: number | undefined;
  readonly Marker?: string | undefined;
}

/** One page of records in order of their names; the marker is the last name shown. Throws InvalidMarkerException. */
export function page<T>(records: readonly T[], input: PageInput, nameOf: (record: T) => string, usual = 100) {
  const after = input.Marker === undefined ? "" : Buffer.from(input.Marker, "base64url").toString("utf8");
  if (input.Marker !== undefined && Buffer.from(after).toString("base64url") !== input.Marker) {
    throw new JsonError("InvalidMarkerException", "Invalid marker");
  }
  const rest = [...records].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)).filter((one) => nameOf(one) > after);
  const items = rest.slice(0, input.Limit ?? usual);
  const Truncated = rest.length > items.length;
  if (!Truncated) return { items, more: { Truncated } };
  return { items, more: { Truncated, NextMarker: Buffer.from(nameOf(items.at(-1)!)).toString("base64url") } };
}
