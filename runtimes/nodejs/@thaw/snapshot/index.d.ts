/** Runs `hook(...args)` before the initialised process is copied; the last registered runs first. It may be async. */
export function beforeSnapshot<A extends unknown[]>(hook: (...args: A) => unknown, ...args: A): void;
/** Runs `hook(...args)` in every copy before its first event, in the order of registration. It may be async. */
export function afterRestore<A extends unknown[]>(hook: (...args: A) => unknown, ...args: A): void;
