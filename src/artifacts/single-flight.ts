/**
 * Runs `action` once for all who ask for the same key while it runs, and remembers what it resolved to until forget().
 * A failure is not remembered.
 */
export interface SingleFlight<T> {
  get(key: string, action: () => Promise<T>): Promise<T>;
  forget(key: string): void;
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>();
  return {
    get(key, action) {
      const running = flights.get(key);
      if (running !== undefined) return running;
      const flight = action();
      flights.set(key, flight);
      flight.catch(() => {
        if (flights.get(key) === flight) flights.delete(key);
      });
      return flight;
    },
    forget: (key) => void flights.delete(key),
  };
}
