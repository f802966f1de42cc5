import { type FunctionVersion, monotonicMs } from "../../model/index.ts";

/** The first of each second, and of all others so many. Source: Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray". */
const each = { second: 1, share: 0.05 };

interface Second {
  begun: number;
  taken: number;
}

const seconds = new WeakMap<FunctionVersion, Second>();

/** Is this call of a function with active tracing one whose trace is kept, where nobody has decided before? */
export function isSampled(target: FunctionVersion): boolean {
  const now = Math.floor(monotonicMs() / 1000);
  const second = seconds.get(target) ?? { begun: now, taken: 0 };
  seconds.set(target, second);
  if (second.begun !== now) Object.assign(second, { begun: now, taken: 0 });
  second.taken += 1;
  return second.taken <= each.second || Math.random() < each.share;
}
