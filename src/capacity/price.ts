/**
 * What memory costs, in cold starts: the one number by which all functions share what idle environments may take.
 *
 * Cold starts are fewest for a given amount of memory when a second of it saves equally much everywhere (the multiplier of
 * a constrained optimum). Which price that is depends on what runs; so it is found by watching: too much was spent → it
 * rises, too little → it falls. "Too much" is against what keeping every environment for a fixed time would have cost.
 */
export interface Price {
  /** cold starts a millisecond of a usual environment is worth */
  readonly perMs: number;
  /**
   * After a gap between two calls: how long the policy was warm in it and how long the fixed time would have been.
   * @param bytes the environment's size: both are weighted by it
   */
  account(spentMs: number, fixedMs: number, bytes: number): void;
}

/** accounts between two adjustments, and the most that one changes */
const adjustEvery = 32;
const largestStep = 1.25;
/** Small, because spending answers late (a gap is accounted for when it is over): larger ones make the price swing. */
const gain = 0.15;
/** spending aims a little below what it may be, for it is only steered after the fact */
const aim = 0.97;
/** accounts after which half of the past is forgotten */
const halfLife = 1 << 11;

/** Starts at the price at which an environment is held for `keepAliveMs` in the hope of one start (the break-even of ski rental). */
export function createPrice(keepAliveMs: number): Price {
  let perMs = 1 / keepAliveMs;
  let spent = 0;
  let allowed = 0;
  let accounts = 0;
  let since = 0;

  return {
    get perMs() {
      return perMs;
    },
    account(spentMs, fixedMs, bytes) {
      spent += spentMs * bytes;
      allowed += fixedMs * bytes;
      if (++since < adjustEvery) return;
      accounts += since;
      since = 0;
      if (allowed === 0) return;
      const step = (spent / (allowed * aim)) ** gain;
      perMs *= Math.min(largestStep, Math.max(1 / largestStep, step));
      // However rarely or often functions are called, a usual environment is worth between a hundredth and a hundred times its fixed time.
      perMs = Math.min(100 / keepAliveMs, Math.max(0.01 / keepAliveMs, perMs));
      if (accounts < halfLife) return;
      accounts /= 2;
      spent /= 2;
      allowed /= 2;
    },
  };
}
