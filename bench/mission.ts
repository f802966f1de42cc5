/**
 * What the mission document says of AWS Lambda ("Lambda Cold Starts: AWS Serverless Performance Optimization Profile"),
 * ms. They are another machine's figures: set beside ours for orientation, never called a baseline.
 */
export const mission = Object.freeze({
  cold: { node: 180, python: 220, java: 1200, dotnet: 850, go: 120, rust: 95 },
  warm: { node: 2, python: 3, java: 5, go: 1 },
  /** a cold start of 250 ms taken apart */
  breakdown: { request: 5, scheduling: 15, vm: 120, runtime: 80, code: 30 },
});
