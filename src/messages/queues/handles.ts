import { MessageRefusal } from "../refusal.ts";

/** What a receipt handle says: which message, and of which of its receives. */
export interface Receipt {
  readonly queue: number;
  readonly id: number;
  readonly receives: number;
  /** MessageId: nobody makes up a handle who has not seen the message */
  readonly message: string;
}

export const handleOf = ({ queue, id, receives, message }: Receipt): string =>
  Buffer.from(`${queue} ${id} ${receives} ${message}`).toString("base64");

/** Throws ReceiptHandleIsInvalid. */
export function receiptOf(handle: string): Receipt {
  const [queue, id, receives, message, ...rest] = Buffer.from(handle, "base64").toString("latin1").split(" ");
  const numbers = [queue, id, receives].map(Number);
  if (message === undefined || rest.length > 0 || !numbers.every(Number.isSafeInteger)) throw badHandle(handle);
  return { queue: numbers[0]!, id: numbers[1]!, receives: numbers[2]!, message };
}

export const badHandle = (handle: string) =>
  new MessageRefusal("ReceiptHandleIsInvalid", `The input receipt handle "${handle}" is not a valid receipt handle.`);
