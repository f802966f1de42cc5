import { patienceMs, smoothed } from "./scale-out.ts";

/** An environment as its line sees it. */
export interface Placed {
  /** kept for provisioned concurrency: used first, and not ended with the others */
  readonly provisioned: boolean;
}

interface Waiter<Request> {
  readonly request: Request;
  /** from when on an environment is started for it */
  readonly startAtMs: number;
  /** that moment has come */
  due: boolean;
}

/** What the answer to "start some" says. */
export interface Starts {
  /** so many starts are to begin now; they count as begun */
  readonly begin: number;
  /** ask again then: somebody's patience ends; undefined: nobody waits whose start has not begun */
  readonly againAtMs: number | undefined;
}

/**
 * Who waits for an environment of one function version, which are idle, and how many starts are under way for those who wait.
 * It decides and makes nothing; every time is an argument, milliseconds of one clock of the caller's.
 *
 * There are as many starts as there are requests that have waited for long enough, not one for each such request: a request
 * that was served by another environment leaves its start to the next one.
 */
export class Line<Environment extends Placed, Request> {
  /** last in, first out: the least recently used fall idle for long and can end */
  readonly #idle: Environment[] = [];
  readonly #provisioned: Environment[] = [];
  readonly #waiters = new Queue<Waiter<Request>>();
  readonly #cpus: number;
  /** waiters whose patience is over */
  #due = 0;
  /** no patience ends sooner */
  #nextMs = Number.POSITIVE_INFINITY;
  #starting = 0;
  #runMs: number | undefined;
  #startMs: number | undefined;

  /** @param cpus of the machine, see patienceMs(); Infinity: every request that finds none idle gets a start, as at AWS */
  constructor(cpus: number) {
    this.#cpus = cpus;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Idle ones that may end. */
  idle(): readonly Environment[] {
    return this.#idle;
  }

  provisioned(): readonly Environment[] {
    return this.#provisioned;
  }

  /** An idle one, if there is one. */
  take(): Environment | undefined {
    return this.#provisioned.pop() ?? this.#idle.pop();
  }

  /**
   * A request waits. Ask begin() afterwards.
   * @param occupied environments of the version that run something or are being started
   * @param leastMs no start is begun for it sooner
   */
  wait(request: Request, nowMs: number, occupied: number, leastMs = 0): void {
    const view = { occupied, waiting: this.#waiters.length, runMs: this.#runMs, startMs: this.#startMs };
    const startAtMs = nowMs + Math.max(patienceMs({ ...view, cpus: this.#cpus }), leastMs);
    this.#waiters.push({ request, startAtMs, due: false });
    if (startAtMs <= nowMs) {
      this.#waiters.last!.due = true;
      this.#due++;
    } else this.#nextMs = Math.min(this.#nextMs, startAtMs);
  }

  /** How many starts are to begin now. */
  begin(nowMs: number): Starts {
    if (nowMs >= this.#nextMs) this.#lookAtAll(nowMs);
    const begin = Math.max(0, this.#due - this.#starting);
    this.#starting += begin;
    return { begin, againAtMs: this.#nextMs === Number.POSITIVE_INFINITY ? undefined : this.#nextMs };
  }

  /** A start that was to begin has waited for its turn: false if those that became idle meanwhile have served so many that nobody needs it. */
  stillWanted(): boolean {
    if (this.#starting <= this.#waiters.length) return true;
    this.#starting--;
    return false;
  }

  /** Who waits longest, if it suits, goes along with a start, which is for nobody else any more. */
  takeAlong(suits: (request: Request) => boolean): Request | undefined {
    const first = this.#waiters.first;
    if (!first || !suits(first.request)) return undefined;
    this.#starting--;
    return this.#shift();
  }

  /** Whoever went along is the first to wait again. */
  giveBack(request: Request): void {
    this.#waiters.unshift({ request, startAtMs: Number.NEGATIVE_INFINITY, due: true });
    this.#due++;
    this.#starting++;
  }

  /** A start took so long, milliseconds. */
  tookToStart(ms: number): void {
    this.#startMs = smoothed(this.#startMs, ms);
  }

  /** A start that nobody went along with is over, well or not. */
  startEnded(): void {
    this.#starting--;
  }

  /** Who waits longest waits no more; undefined: nobody waits. */
  next(): Request | undefined {
    return this.#shift();
  }

  /** An environment has answered after `runMs` and can serve: whoever waits longest gets it, else it is idle. */
  offer(environment: Environment, runMs: number): Request | undefined {
    this.#runMs = smoothed(this.#runMs, runMs);
    const request = this.#shift();
    if (request === undefined) this.rest(environment);
    return request;
  }

  /** Nobody waits for it. */
  rest(environment: Environment): void {
    this.#restingWith(environment).push(environment);
  }

  /** It was provisioned, and is one like any other from now on; `unmark` makes it so. */
  release(environment: Environment, unmark: () => void): void {
    const at = this.#provisioned.indexOf(environment);
    unmark();
    if (at < 0) return;
    this.#provisioned.splice(at, 1);
    this.#idle.push(environment);
  }

  /** An environment ends: nobody gets it any more. */
  drop(environment: Environment): void {
    const resting = this.#restingWith(environment);
    const at = resting.indexOf(environment);
    if (at >= 0) resting.splice(at, 1);
  }

  /** Many end at once: costs one look at those that rest, however many they are. */
  dropAll(ended: ReadonlySet<Environment>): void {
    for (const resting of [this.#idle, this.#provisioned]) {
      let kept = 0;
      for (const each of resting) if (!ended.has(each)) resting[kept++] = each;
      resting.length = kept;
    }
  }

  #restingWith(environment: Environment): Environment[] {
    return environment.provisioned ? this.#provisioned : this.#idle;
  }

  #shift(): Request | undefined {
    const waiter = this.#waiters.shift();
    if (waiter?.due) this.#due--;
    return waiter?.request;
  }

  /** Some patience may be over. Whoever was served meanwhile is not among the waiters any more. */
  #lookAtAll(nowMs: number): void {
    this.#nextMs = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiters) {
      if (waiter.due) continue;
      if (waiter.startAtMs <= nowMs) {
        waiter.due = true;
        this.#due++;
      } else this.#nextMs = Math.min(this.#nextMs, waiter.startAtMs);
    }
  }
}

/** First in, first out; a hundred thousand that wait cost no more each than ten. */
class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }
  get first(): Item | undefined {
    return this.#items[this.#head];
  }
  get last(): Item | undefined {
    return this.length > 0 ? this.#items.at(-1) : undefined;
  }
  push(item: Item): void {
    this.#items.push(item);
  }
  unshift(item: Item): void {
    if (this.#head > 0) this.#items[--this.#head] = item;
    else this.#items.unshift(item);
  }
  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
  *[Symbol.iterator](): Iterator<Item> {
    for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index]!;
  }
}
