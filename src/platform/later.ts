/** How a room is made that most platforms never need. */
export interface LaterNeeds<Room> {
  /** Loads it and opens what it keeps. */
  make(): Room;
  /** is something kept that it has to take up, or answer for, whether or not anybody asks for it? */
  owes(): boolean;
  /**
   * Begins its work: called once, as soon as it is made and the platform is ready for it.
   * @param owed it has something to take up that was there when the platform was ready
   */
  begin?(room: Room, owed: boolean): void;
  /** What is answered in its stead while nothing of it was needed. */
  readonly unmade: Partial<Room>;
  /** Methods that others keep from the beginning, and that make it when they are called. */
  readonly kept?: readonly (keyof Room)[];
}

/** A room that is made when something of it is first asked for. */
export interface Later<Room> {
  /** stands for it: to be used as if it were there */
  readonly room: Room;
  /** The platform is ready: what is kept is taken up now, if there is any. */
  begin(): void;
}

/**
 * A room whose files nobody has written yet has nothing to remember and nothing to do: neither its code nor its store are
 * loaded until somebody asks for it. From then on its files exist, and every later start opens it at once, and fails as early as it would have.
 */
export function later<Room extends object>(needs: LaterNeeds<Room>): Later<Room> {
  let made: Room | undefined;
  let begun = false;
  const opened = (): Room => {
    if (made === undefined) {
      made = needs.make();
      if (begun) needs.begin?.(made, false);
    }
    return made;
  };
  const owed = needs.owes();
  if (owed) opened();
  type Method = (...args: unknown[]) => unknown;
  /** Somebody may keep such a method: it must answer for the room once that is there. */
  const answering = new Map<PropertyKey, Method>();
  for (const [name, answer] of Object.entries(needs.unmade)) {
    answering.set(name, (...args) => {
      const method = made === undefined ? answer : (made as Record<string, unknown>)[name];
      return (method as Method)(...args);
    });
  }
  for (const name of needs.kept ?? []) {
    answering.set(name, (...args) => (opened() as Record<PropertyKey, Method>)[name]!(...args));
  }
  const room = new Proxy({} as Room, {
    get: (_, name) => (made === undefined ? answering.get(name) : undefined) ?? Reflect.get(opened(), name),
    has: (_, name) => name in opened(),
  });
  return {
    room,
    begin() {
      begun = true;
      if (made !== undefined) needs.begin?.(made, owed);
    },
  };
}
