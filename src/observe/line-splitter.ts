/** Splits one stream of raw output at newlines. */
export interface LineSplitter {
  push(chunk: Buffer): void;
  /** Hands out what stands there without a newline. */
  end(): void;
}

const newline = 0x0a;

/**
 * @param maxBytes a line longer than this is handed out in pieces: the limit of one log event
 * @param onLine a line without its newline; the buffer is the splitter's only until it returns
 */
export function createLineSplitter(maxBytes: number, onLine: (line: Buffer) => void): LineSplitter {
  let parts: Buffer[] = [];
  let held = 0;

  const handOut = (last: Buffer): void => {
    const line = held === 0 ? last : Buffer.concat([...parts, last]);
    parts = [];
    held = 0;
    onLine(line);
  };

  /** Adds to the unfinished line, handing out whole pieces of maxBytes. Holds a copy: a chunk may be part of a large buffer. */
  const hold = (rest: Buffer): void => {
    let left = rest;
    while (held + left.length >= maxBytes) {
      const room = maxBytes - held;
      handOut(left.subarray(0, room));
      left = left.subarray(room);
    }
    if (left.length === 0) return;
    parts.push(Buffer.from(left));
    held += left.length;
  };

  const finish = (): void => {
    if (held > 0) handOut(Buffer.alloc(0));
  };

  return {
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        const line = chunk.subarray(from, at);
        if (held + line.length <= maxBytes) {
          handOut(line);
        } else {
          hold(line);
          finish();
        }
        from = at + 1;
      }
      if (from < chunk.length) hold(chunk.subarray(from));
    },
    end: finish,
  };
}
