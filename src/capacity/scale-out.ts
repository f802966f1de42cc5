/** What is known about a function version when a request finds none of its environments idle. */
export interface ScaleOutView {
  /** environments that run an event or are being started */
  readonly occupied: number;
  /** requests already waiting for one of them */
  readonly waiting: number;
  /** how long an event occupies an environment lately, milliseconds; undefined: not known yet */
  readonly runMs: number | undefined;
  /** how long an environment takes to start, milliseconds; undefined: not known yet */
  readonly startMs: number | undefined;
  /** CPUs of this machine */
  readonly cpus: number;
}

/**
 * How long a request may wait for a busy environment before one is started for it, milliseconds; 0: start it now.
 *
 * Lambda starts an environment for every concurrent request. Where a function answers in a fraction of the time that a
 * start takes, its request is served sooner, and with less memory, by an environment that is about to be free. So,
 * once every CPU has two environments to switch between, a request waits while the queue before it is expected to be gone in
 * a quarter of a start; and never longer than that quarter, whatever was expected.
 */
export function patienceMs(view: ScaleOutView): number {
  const { occupied, waiting, runMs, startMs, cpus } = view;
  if (runMs === undefined || startMs === undefined || occupied < 2 * cpus) return 0;
  const longest = startMs / 4;
  const expected = ((waiting + 1) * runMs) / occupied;
  return expected <= longest ? longest : 0;
}

/** Moving average that forgets half of the past in five samples. */
export function smoothed(average: number | undefined, sample: number): number {
  return average === undefined ? sample : average + (sample - average) / 8;
}
