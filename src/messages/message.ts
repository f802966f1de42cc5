import { createHash } from "node:crypto";
import { invalidParameter, MessageRefusal, missingParameter } from "./refusal.ts";

/** As clients give and get it. */
export interface MessageAttribute {
  /** String, Number or Binary, and what stands behind a dot */
  readonly DataType: string;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

/** What is to be sent to a queue. */
export interface NewMessage {
  readonly body: string;
  readonly attributes?: MessageAttributes | undefined;
  /** X-Ray's header */
  readonly trace?: string | undefined;
  /** seconds */
  readonly delay?: number | undefined;
  readonly group?: string | undefined;
  readonly deduplication?: string | undefined;
}

/** All that is kept of a message beside its body and its numbers. */
export interface Head {
  /** MessageId */
  readonly id: string;
  readonly sender: string;
  /** values of Binary ones in base64 */
  readonly attributes?: Readonly<Record<string, { readonly type: string; readonly value: string }>> | undefined;
  readonly trace?: string | undefined;
  readonly group?: string | undefined;
  readonly deduplication?: string | undefined;
}

export const isBinary = (type: string): boolean => type.startsWith("Binary");

/** How attributes are kept. */
export function packed(attributes: MessageAttributes | undefined): Head["attributes"] {
  const entries = Object.entries(attributes ?? {});
  if (entries.length === 0) return undefined;
  return Object.fromEntries(
    entries.map(([name, { DataType: type, StringValue, BinaryValue }]) => [
      name,
      { type, value: BinaryValue === undefined ? (StringValue ?? "") : Buffer.from(BinaryValue).toString("base64") },
    ]),
  );
}

export function unpacked(attributes: Head["attributes"]): Record<string, MessageAttribute> {
  return Object.fromEntries(
    Object.entries(attributes ?? {}).map(([name, { type, value }]) => [
      name,
      isBinary(type)
        ? { BinaryValue: Buffer.from(value, "base64"), DataType: type }
        : { StringValue: value, DataType: type },
    ]),
  );
}

export const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** Undefined: there are none. Source: SQS Developer Guide, "Calculating the MD5 message digest for message attributes". */
export function md5OfAttributes(attributes: MessageAttributes | undefined): string | undefined {
  const names = Object.keys(attributes ?? {}).sort((one, other) => (Buffer.from(one) < Buffer.from(other) ? -1 : 1));
  if (attributes === undefined || names.length === 0) return undefined;
  const hash = createHash("md5");
  const put = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const { DataType, StringValue, BinaryValue } = attributes[name]!;
    put(Buffer.from(name));
    put(Buffer.from(DataType));
    hash.update(Buffer.from([isBinary(DataType) ? 2 : 1]));
    put(isBinary(DataType) ? (BinaryValue ?? Buffer.alloc(0)) : Buffer.from(StringValue ?? ""));
  }
  return hash.digest("hex");
}

/** Bytes that count: of the body, and of names, types and values of attributes. */
export function sizeOf({ body, attributes }: Pick<NewMessage, "body" | "attributes">): number {
  let bytes = Buffer.byteLength(body);
  for (const [name, { DataType, StringValue = "", BinaryValue }] of Object.entries(attributes ?? {})) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType);
    bytes += BinaryValue?.length ?? Buffer.byteLength(StringValue);
  }
  return bytes;
}

/** What XML can carry. Source: SQS API Reference, SendMessage. */
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

export const isReadable = (text: string): boolean => !forbidden.test(text);

/** Throws MessageRefusal. */
export function checkBody(body: string): void {
  if (body === "") throw missingParameter("MessageBody");
  if (isReadable(body)) return;
  throw new MessageRefusal(
    "InvalidMessageContents",
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
  );
}

/** Throws MessageRefusal. Source: SQS Developer Guide, "Message metadata". */
export function checkAttributes(attributes: MessageAttributes | undefined): void {
  const entries = Object.entries(attributes ?? {});
  if (entries.length > 10) {
    throw invalidParameter(`Number of message attributes [${entries.length}] exceeds the allowed maximum [10].`);
  }
  for (const [name, { DataType, StringValue, BinaryValue }] of entries) {
    checkName(name);
    const about = `The message attribute '${name}'`;
    if (!/^(String|Number|Binary)(\..+)?$/.test(DataType) || DataType.length > 256) {
      throw invalidParameter(
        DataType === ""
          ? `The message attribute '${name}' must contain a non-empty message attribute type.`
          : `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
      );
    }
    const value = isBinary(DataType) ? BinaryValue : StringValue;
    if (value === undefined || value.length === 0) {
      const type = isBinary(DataType) ? "Binary" : "String";
      throw invalidParameter(`Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`);
    }
    if (typeof value === "string" && !isReadable(value)) {
      throw invalidParameter(`${about} contains characters that are not allowed.`);
    }
    if (DataType.startsWith("Number") && !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(String(value))) {
      throw invalidParameter(`Can't cast the value of message (user) attribute '${name}' to a number.`);
    }
  }
}

function checkName(name: string): void {
  if (/^(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/.test(name) && !/^(aws|amazon)\./i.test(name)) return;
  throw invalidParameter(
    "The message attribute name can contain the following characters: A-Z, a-z, 0-9, underscore(_), hyphen(-), and period (.). The name must not start or end with a period, and it should not have successive periods.",
  );
}
