/** One of the things measured side by side. */
export interface Subject {
  readonly name: string;
  /** before the first round; may take long, is never measured */
  setup?(): Promise<void>;
  /** one measurement; returns samples in the unit of the whole run (ms, or requests a second) */
  once(round: number): Promise<readonly number[]>;
  /** after the last round, always, also when something failed */
  teardown?(): Promise<void>;
}

export interface InterleaveOptions {
  /** rounds that count */
  readonly rounds: number;
  /** rounds before them that do not: page cache, JIT */
  readonly warmups?: number;
  /** why a round that starts now would not count */
  readonly tooLoaded: () => Promise<string | undefined>;
  readonly progress?: (text: string) => void;
}

export interface Interleaved {
  /** samples of the rounds that count, by subject */
  readonly samples: ReadonlyMap<string, readonly number[]>;
  /** rounds discarded, with the reason of each */
  readonly discarded: readonly string[];
  /** true: calm rounds were too few, so `samples` holds all rounds and no verdict may rest on them */
  readonly loaded: boolean;
}

/**
 * Measures subjects in turns, so that whatever the machine does meanwhile hits all of them; every second round in
 * reverse order, so that being first or last helps nobody. A round that starts on a loaded machine is discarded and one
 * more is run, up to twice the number asked for.
 */
export async function interleave(subjects: readonly Subject[], options: InterleaveOptions): Promise<Interleaved> {
  const calm = new Map<string, number[]>(subjects.map((subject) => [subject.name, []]));
  const all = new Map<string, number[]>(subjects.map((subject) => [subject.name, []]));
  const discarded: string[] = [];
  const ready: Subject[] = [];
  try {
    for (const subject of subjects) {
      ready.push(subject);
      await subject.setup?.();
    }
    const warmups = options.warmups ?? 1;
    let counted = 0;
    for (let round = 0 - warmups; counted < options.rounds && round < 2 * options.rounds; round++) {
      const reason = round < 0 ? undefined : await options.tooLoaded();
      for (const subject of order(subjects, round)) {
        options.progress?.(`round ${round + 1} of ${options.rounds}: ${subject.name}`);
        const values = await subject.once(round);
        if (round < 0) continue;
        all.get(subject.name)!.push(...values);
        if (reason === undefined) calm.get(subject.name)!.push(...values);
      }
      if (reason !== undefined) discarded.push(reason);
      else if (round >= 0) counted += 1;
    }
    const loaded = counted < Math.ceil(options.rounds / 2);
    return { samples: loaded ? all : calm, discarded, loaded };
  } finally {
    for (const subject of ready.reverse()) await subject.teardown?.();
  }
}

/** The turns of one round. */
export function order<T>(subjects: readonly T[], round: number): readonly T[] {
  return Math.abs(round) % 2 === 0 ? subjects : [...subjects].reverse();
}
