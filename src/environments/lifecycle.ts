/** Where one execution environment stands. */
export const states = [
  "creating", // the sandbox is being made
  "initializing", // the runtime boots and loads the code
  "restoring", // a copy of an initialised runtime wakes
  "failed", // init failed or took too long; its sandbox is gone
  "idle", // waits for an event, may use the CPU
  "frozen", // waits for an event, gets no CPU
  "busy", // runs an event
  "settling", // has answered, has not asked for the next event yet
  "stopping", // is being killed
  "gone", // nothing is left
] as const;
export type State = (typeof states)[number];

/** What can happen to it. */
export const moves = [
  "made", // the agent said HELLO
  "restore", // the agent said HELLO in a sandbox that was made with an image
  "ready", // the runtime asked for its next event
  "broke", // the runtime reported an init error, exited or overstayed during init
  "retry", // the first event tries again, in a fresh sandbox
  "freeze",
  "thaw",
  "invoke",
  "join", // another event comes beside those that it runs
  "leave", // one of several events is over
  "answered", // the answer came, the runtime has not asked for more
  "stop", // somebody decided to end it
  "ended", // the sandbox is gone, whoever ended it
] as const;
export type Move = (typeof moves)[number];

/**
 * Every legal move. An absent cell is illegal: input is checked before a move is made, because a move cannot be taken back.
 */
export const transitions: Readonly<Record<State, Readonly<Partial<Record<Move, State>>>>> = Object.freeze({
  creating: { made: "initializing", restore: "restoring", stop: "stopping", ended: "gone" },
  initializing: { ready: "idle", broke: "failed", stop: "stopping", ended: "gone" },
  // A copy that does not wake is no failed init: the platform starts another environment on the next rung.
  restoring: { ready: "idle", stop: "stopping", ended: "gone" },
  failed: { retry: "creating", stop: "stopping", ended: "gone" },
  idle: { invoke: "busy", freeze: "frozen", stop: "stopping", ended: "gone" },
  frozen: { thaw: "idle", stop: "stopping", ended: "gone" },
  // Only an environment that serves several events at once joins and leaves; it is ready when the last one is over.
  busy: { join: "busy", leave: "busy", answered: "settling", ready: "idle", stop: "stopping", ended: "gone" },
  settling: { ready: "idle", stop: "stopping", ended: "gone" },
  stopping: { ended: "gone" },
  gone: {},
});

/** A move that the table does not have: a fault of the platform, never of a function. */
export class IllegalMove extends Error {
  readonly state: State;
  readonly move: Move;
  constructor(state: State, move: Move) {
    super(`an environment that is ${state} cannot take the move "${move}"`);
    this.name = "IllegalMove";
    this.state = state;
    this.move = move;
  }
}

/** The state after a move. Throws IllegalMove where the table has no cell. */
export function next(state: State, move: Move): State {
  const after = transitions[state][move];
  if (after === undefined) throw new IllegalMove(state, move);
  return after;
}

/** Where one environment stands; shared by those who move it. */
export class Life {
  #state: State = "creating";

  get state(): State {
    return this.#state;
  }

  /** Throws IllegalMove. */
  move(move: Move): void {
    this.#state = next(this.#state, move);
  }
}
