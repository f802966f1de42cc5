import { signal } from "@preact/signals";
import { ask } from "./api.ts";

/** A function's configuration, as far as it is shown. */
export interface FunctionConfiguration {
  readonly FunctionName: string;
  readonly FunctionArn: string;
  readonly Runtime?: string;
  readonly Handler?: string;
  readonly Description?: string;
  readonly MemorySize: number;
  readonly Timeout: number;
  readonly CodeSize: number;
  readonly CodeSha256: string;
  readonly LastModified: string;
  readonly State?: string;
  readonly StateReason?: string;
  readonly PackageType?: string;
  readonly Version: string;
  readonly Architectures?: readonly string[];
  readonly Layers?: readonly { readonly Arn: string }[];
  readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
  readonly SnapStart?: { readonly ApplyOn?: string; readonly OptimizationStatus?: string };
  readonly DeadLetterConfig?: { readonly TargetArn?: string };
}

export const functionUrl = (name: string): string => `/2015-03-31/functions/${encodeURIComponent(name)}`;

/** All functions; the API gives fifty a page. */
export async function listFunctions(): Promise<FunctionConfiguration[]> {
  const found: FunctionConfiguration[] = [];
  let marker: string | undefined;
  do {
    const query = marker === undefined ? "" : `&Marker=${encodeURIComponent(marker)}`;
    const page = await ask<{ Functions: FunctionConfiguration[]; NextMarker?: string }>(
      `/2015-03-31/functions/?MaxItems=50${query}`,
    );
    found.push(...page.Functions);
    marker = page.NextMarker ?? undefined;
  } while (marker && found.length < 2000);
  functionNames.list.value = found.map(({ FunctionName }) => FunctionName).sort();
  return found;
}

export const functionNames = {
  list: signal<readonly string[]>([]),
  async load(): Promise<void> {
    await listFunctions().catch(() => {});
  },
};
