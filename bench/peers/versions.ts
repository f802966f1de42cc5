/** Every version the benchmarks compare with, in one place. Debian's packages and toolchains report their own. */
export const versions = Object.freeze({
  fastify: "5.12.8",
  workerd: "1.20261117.1",
  /** the last serverless that needs no account, and the serverless-offline made for it */
  serverless: "3.40.0",
  serverlessOffline: "13.9.0",
  /** Go module of AWS's Runtime Interface Emulator (its module calls itself go.amzn.com) */
  runtimeInterfaceEmulator: "v0.0.0-20250423173140-3a0772eae98d",
  /** commit of github.com/openfaas/of-watchdog */
  ofWatchdog: "a265b19f6e058c8bd8a2adb4e601b9783a87b452",
  /** client loaded at init by the Node.js function with an SDK */
  awsSdkDynamodb: "3.1162.0",
  /** loaded beside it */
  zod: "4.6.7",
  /** client loaded at init by the Python function with an SDK */
  boto3: "1.43.117",
});
