import type { Invocation } from "../model/index.ts";

/** Where an environment's output goes; one for each environment. */
export interface EnvironmentLog {
  initStart(runtimeVersion: string): void;
  /** `errorType`: "timeout" or the runtime's error type */
  initReport(durationMs: number, phase: "init" | "invoke", errorType: string): void;
  begin(invocation: Invocation): void;
  /** source 0 stdout, 1 stderr (raw bytes), 2 one whole message */
  write(source: number, bytes: Buffer): void;
  /** a line of the platform about the invocation that runs */
  platform(text: string): void;
  /** Ends the invocation's log with END and REPORT; returns its last 4 KB when `tail`. */
  end(report: {
    readonly durationMs: number;
    readonly initMs: number | undefined;
    readonly memoryPeakBytes: number;
    readonly errorType: string | undefined;
    readonly tail: boolean;
  }): Buffer | undefined;
}
