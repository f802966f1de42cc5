import type { SimulationResult } from "./world.ts";

/** What things cost, US dollars. */
export interface Prices {
  readonly perRequest: number;
  readonly perGbSecond: number;
  readonly perProvisionedGbSecond: number;
  /** of run time on provisioned environments */
  readonly perProvisionedRunGbSecond: number;
}

/** AWS Lambda, x86, first tier, us-east-1 (aws.amazon.com/lambda/pricing). */
export const awsPrices: Prices = Object.freeze({
  perRequest: 0.2e-6,
  perGbSecond: 0.0000166667,
  perProvisionedGbSecond: 0.0000041667,
  perProvisionedRunGbSecond: 0.0000097222,
});

/** What a run would cost at AWS, dollars; and what the memory is worth that was held ready, at what AWS takes for holding memory ready. */
export function costOf(result: SimulationResult, prices: Prices = awsPrices) {
  const requests = result.answered * prices.perRequest;
  const running =
    result.runGbSeconds * prices.perGbSecond + result.provisionedRunGbSeconds * prices.perProvisionedRunGbSecond;
  const provisioned = result.provisionedGbSeconds * prices.perProvisionedGbSecond;
  const heldReady = result.idleGbSeconds * prices.perProvisionedGbSecond;
  return { requests, running, provisioned, bill: requests + running + provisioned, heldReady };
}
