import type { ServerResponse } from "node:http";

/**
 * Makes an answer wait at its end until all that was written before is on the disk. Reading is no exception: what a client
 * is shown must not be undone by a power cut either. Answers are held at one place, so that no operation can forget it; nothing
 * of one is sent before its end, for headers go out with the first byte of a body. Where nothing waits to be written, nothing
 * is held. A disk that failed has lost something: no answer is right then, and the connection breaks.
 */
export function holdUntilDurable(
  response: ServerResponse,
  durable: () => Promise<void> | undefined,
  report: (error: unknown) => void,
): void {
  const end = response.end.bind(response) as (...given: unknown[]) => ServerResponse;
  const held = (...given: unknown[]): ServerResponse => {
    response.end = end as typeof response.end;
    const waiting = durable();
    if (waiting === undefined) return end(...given);
    waiting.then(
      () => end(...given),
      (error: unknown) => {
        report(error);
        response.destroy();
      },
    );
    return response;
  };
  response.end = held as typeof response.end;
}
