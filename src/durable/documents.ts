import type { Sealer } from "../keys/index.ts";

/** How documents are written down: sealed, for payloads are their owners' alone. */
export interface Documents {
  write(document: object, place: string): Uint8Array;
  /** Throws SealBroken: it was changed, put in another's place, or sealed with another key. */
  read<T>(bytes: Uint8Array, place: string): T;
}

/** Without a sealer they are written as they are: in tests. */
export function createDocuments(sealer: Sealer | undefined): Documents {
  return {
    write(document, place) {
      const bytes = Buffer.from(JSON.stringify(document));
      return sealer === undefined ? bytes : sealer.seal(bytes, `durable ${place}`);
    },
    read(bytes, place) {
      const plain = sealer === undefined ? Buffer.from(bytes) : sealer.open(bytes, `durable ${place}`);
      return JSON.parse(plain.toString("utf8"));
    },
  };
}

/** Where a document stands: it opens there only. */
export const places = {
  execution: (arn: string): string => `execution ${arn}`,
  operation: (arn: string, position: number): string => `operation ${arn} ${position}`,
  event: (arn: string, id: number): string => `event ${arn} ${id}`,
};
