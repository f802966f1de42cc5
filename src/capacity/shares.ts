import { limits } from "../model/index.ts";

/** CPUs a function of this memory size gets: one whole vCPU at 1,769 MB (Lambda Developer Guide, "Configure Lambda function memory"). */
export function cpusOf(memoryMb: number): number {
  return memoryMb / limits.mbPerVcpu;
}
