/** Keeps the last bytes of an invocation's log for LogType=Tail, copying nothing until they are asked for. */
export interface LogTail {
  push(line: string): void;
  /** The last `maxBytes` as UTF-8, each line ended by a newline, beginning at a whole character. */
  take(): Buffer;
}

export function createLogTail(maxBytes: number): LogTail {
  let lines: string[] = [];
  let chars = 0;
  return {
    push(line) {
      lines.push(line);
      chars += line.length + 1;
      // A character is at least a byte: whatever lies maxBytes characters back cannot be in the tail.
      if (lines.length > 256 && chars > 2 * maxBytes) {
        let kept = 0;
        let from = lines.length;
        while (from > 0 && kept < maxBytes) kept += lines[--from]!.length + 1;
        lines = lines.slice(from);
        chars = kept;
      }
    },
    take() {
      const text = lines.map((line) => `${line.length > maxBytes ? line.slice(-maxBytes) : line}\n`).join("");
      const bytes = Buffer.from(text);
      let from = Math.max(0, bytes.length - maxBytes);
      // 10xxxxxx: the middle of a character
      while (from > 0 && from < bytes.length && (bytes[from]! & 0xc0) === 0x80) from++;
      return bytes.subarray(from);
    },
  };
}
