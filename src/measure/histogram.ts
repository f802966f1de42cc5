/**
 * Latencies in constant memory: log-linear buckets as in Gil Tene's HdrHistogram, so that a percentile is never off by
 * more than 1/128 of its value, however long the run. Values are milliseconds; the resolution at the bottom is 1 µs.
 */
const mantissaBits = 7;
const linear = 2 ** mantissaBits;
const exponents = 26;

export class Histogram {
  readonly #counts = new Float64Array(linear * exponents);
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** Adds one latency in ms; negative ones count as zero, those above 70 minutes as 70 minutes. */
  record(ms: number): void {
    const value = Math.max(0, ms);
    this.#counts[bucket(Math.round(value * 1000))]! += 1;
    this.#count += 1;
    this.#sum += value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** Adds everything another histogram holds. */
  add(other: Histogram): void {
    for (let i = 0; i < this.#counts.length; i++) this.#counts[i]! += other.#counts[i]!;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#sum / this.#count;
  }

  get min(): number {
    return this.#min;
  }

  get max(): number {
    return this.#max;
  }

  /** Smallest latency in ms that `p` percent of the values do not exceed (nearest rank), within 1/128. An empty histogram throws RangeError. */
  percentile(p: number): number {
    if (this.#count === 0) throw new RangeError("percentile of no samples");
    const wanted = Math.max(1, Math.ceil((p / 100) * this.#count));
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i]!;
      if (seen >= wanted) return Math.min(this.#max, Math.max(this.#min, middle(i) / 1000));
    }
    return this.#max;
  }
}

/** Bucket of a whole number of µs: the first 2^7 values have one each, then every power of two is cut into 2^7 parts. */
function bucket(us: number): number {
  if (us < linear) return us;
  const exponent = Math.floor(Math.log2(us)) - mantissaBits;
  const index = (exponent + 1) * linear + (Math.floor(us / 2 ** exponent) - linear);
  return Math.min(index, linear * exponents - 1);
}

function middle(index: number): number {
  if (index < linear) return index;
  const exponent = Math.floor(index / linear) - 1;
  return ((index % linear) + linear + 0.5) * 2 ** exponent;
}
