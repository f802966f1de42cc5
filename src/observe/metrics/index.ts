export { embeddedMetrics } from "./embedded.ts";
export { type Also, createFunctionMetrics, type FunctionMetrics, lambdaNamespace, ownNamespace } from "./functions.ts";
export { createMetrics, type MetricQuery, type Metrics, type MetricsNeeds } from "./metrics.ts";
export { type PrometheusNeeds, prometheusText } from "./prometheus.ts";
export { byName, type Dimension, platformNamespace, type Series } from "./series.ts";
export { addSet, addValue, between, merge, newSketch, quantile, type Sketch } from "./sketch.ts";
export { bounds, type FunctionTotals, type Totals } from "./totals.ts";
