/** Lambda's quotas. Source: AWS Lambda Developer Guide, "Lambda quotas"; API model of 2026-11. */
export const limits = Object.freeze({
  /** bytes of a synchronous request's payload */
  syncPayloadBytes: 6 * 1024 * 1024,
  /** bytes of a synchronous answer: AWS lets 100 bytes more through than it takes in (error text names 6291556) */
  syncResponseBytes: 6291556,
  /** bytes of an asynchronous request's payload */
  asyncPayloadBytes: 1024 * 1024,
  /** bytes of the base64-encoded client context */
  clientContextBytes: 3583,
  /** bytes of log returned by LogType=Tail */
  logTailBytes: 4096,
  /** bytes of a zip archive sent inside a request */
  zippedCodeBytes: 50 * 1024 * 1024,
  /** bytes of code plus layers, unzipped */
  unzippedCodeBytes: 262144000,
  environmentBytes: 4096,
  /** bytes of the resource policy of a function or a layer version */
  policyBytes: 20480,
  memoryMb: { min: 128, max: 10240, default: 128 },
  timeoutSeconds: { min: 1, max: 900, default: 3 },
  ephemeralMb: { min: 512, max: 10240, default: 512 },
  /** of functions with SnapStart */
  snapStartEphemeralMb: 512,
  layers: 5,
  processes: 1024,
  fileDescriptors: 1024,
  accountConcurrency: 1000,
  /** reserved concurrency must leave this many of the account's for functions that have none */
  unreservedConcurrencyFloor: 100,
  codeStorageBytes: 75 * 1024 ** 3,
  initSeconds: 10,
  /** an init for a snapshot or for provisioned concurrency may take this or the function's timeout, whichever is more */
  snapshotInitSeconds: 130,
  /** afterRestore hooks may take this ("Troubleshooting SnapStart errors for Lambda functions") */
  restoreSeconds: 10,
  /** CPUs lent to every init, whatever the memory size */
  initCpus: 2,
  /** memory at which a function has one whole vCPU */
  mbPerVcpu: 1769,
});
