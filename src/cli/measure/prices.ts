import { readFile } from "node:fs/promises";
import { CommandFailure, usageFailure } from "../failure.ts";
import { readNamedFile } from "../settings.ts";

/** US dollars. `held` is provisioned concurrency: for its existence, and for run time on it. */
export interface Prices {
  readonly request: number;
  readonly gbSecond: number;
  readonly heldGbSecond: number;
  readonly heldRunGbSecond: number;
}

interface PriceFile {
  readonly date: string;
  readonly source: string;
  readonly tables: Readonly<
    Record<string, { readonly regions: Readonly<Record<string, Readonly<Record<string, Prices>>>> }>
  >;
}

export interface ChosenPrices extends Prices {
  /** where they are from, for people */
  readonly source: string;
}

/**
 * The prices of a region and architecture: of a table of ours by its name (default `aws`), or of a file of the same form
 * (`prices.json`). A region that is not named costs what `default` says.
 */
export async function pricesFor(region: string, architecture: string, named = "aws"): Promise<ChosenPrices> {
  const fromFile = /[./\\]/.test(named);
  const bytes = fromFile
    ? await readNamedFile("--prices", named)
    : await readFile(new URL("prices.json", import.meta.url));
  const file = parsed(bytes.toString(), named);
  const table = fromFile ? Object.values(file.tables ?? {})[0] : file.tables[named];
  if (table === undefined) {
    throw usageFailure(
      `There are no prices called ${JSON.stringify(named)}.`,
      `use one of ${Object.keys(file.tables ?? {}).join(", ")}, or a file like src/cli/measure/prices.json`,
    );
  }
  const prices = table.regions?.[region]?.[architecture] ?? table.regions?.default?.[architecture];
  const members = ["request", "gbSecond", "heldGbSecond", "heldRunGbSecond"] as const;
  if (prices === undefined || !members.every((member) => prices[member] >= 0)) {
    throw new CommandFailure(
      `The prices ${named} lack ${region} (or default) for ${architecture}, with ${members.join(", ")}.`,
      { next: "look at src/cli/measure/prices.json for the form" },
    );
  }
  return { ...prices, source: `${named}, ${file.date}` };
}

function parsed(text: string, named: string): PriceFile {
  try {
    return JSON.parse(text) as PriceFile;
  } catch (error) {
    throw usageFailure(`--prices ${named} is not JSON: ${(error as Error).message}`);
  }
}

/** Dollars of one call: `billedMs` at `memoryMb`. */
export const costOfCall = (prices: Prices, memoryMb: number, billedMs: number): number =>
  prices.request + (memoryMb / 1024) * (billedMs / 1000) * prices.gbSecond;

/**
 * Share of the time for which a provisioned environment must be running so that it costs no more than on demand; above 1
 * it never does. Held time and run time on it against the same run time on demand.
 */
export const breakEven = (prices: Prices): number => {
  const saved = prices.gbSecond - prices.heldRunGbSecond;
  return saved <= 0 ? Number.POSITIVE_INFINITY : prices.heldGbSecond / saved;
};
