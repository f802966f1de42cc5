export { Histogram } from "./histogram.ts";
export { type OpenLoopOptions, type OpenLoopResult, openLoop } from "./open-loop.ts";
export { differenceOfMedians, percentile, type Ratio, ratioOfMedians, type Summary, summarize } from "./statistics.ts";
