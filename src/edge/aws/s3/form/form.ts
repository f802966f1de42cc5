import { S3Error } from "../errors.ts";

/** A browser's form, read as far as its file. */
export interface Form {
  /** what stands before the file, by lower-case name */
  readonly fields: ReadonlyMap<string, string>;
  readonly file: FormFile;
}

export interface FormFile {
  /** as the browser calls it; without a path */
  readonly name: string;
  /** to be read to its end */
  readonly bytes: AsyncGenerator<Buffer>;
}

/** Bytes of all fields before the file. Source: S3 API Reference, "POST Object". */
const fieldBytes = 20_480;
const headBytes = 4096;
const mostFields = 200;

/** What a form's Content-Type says that stands between its parts. Throws MalformedPOSTRequest. */
export function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw malformedForm();
  return boundary;
}

/**
 * Reads multipart/form-data up to its part `file`, whatever comes after which is not looked at. Rejects with MalformedPOSTRequest,
 * MaxPostPreDataLengthExceeded, InvalidArgument. Source: RFC 7578, RFC 2046 section 5.1.
 */
export async function readForm(source: AsyncIterable<Buffer>, boundary: string): Promise<Form> {
  const reader = createReader(source);
  const delimiter = Buffer.from(`\r\n--${boundary}`, "latin1");
  const fields = new Map<string, string>();
  let left = fieldBytes;
  await reader.until(delimiter, left);
  while ((await reader.take(2)).toString("latin1") === "\r\n") {
    const head = headOf((await reader.until(Buffer.from("\r\n\r\n"), headBytes)).toString("utf8"));
    if (head.name === "file") {
      return { fields, file: { name: fileName(head.fileName ?? ""), bytes: reader.content(delimiter) } };
    }
    const value = await reader.until(delimiter, left);
    left -= value.length + head.name.length;
    if (left < 0 || fields.size >= mostFields) throw tooMuch();
    fields.set(head.name, value.toString("utf8"));
  }
  throw new S3Error("InvalidArgument", "POST requires exactly one file upload per request.", {
    ArgumentName: "file",
    ArgumentValue: "0",
  });
}

function createReader(source: AsyncIterable<Buffer>) {
  const chunks = source[Symbol.asyncIterator]();
  // The first delimiter has no line before it.
  let held: Buffer = Buffer.from("\r\n");

  async function more(): Promise<boolean> {
    const next = await chunks.next();
    if (next.done === true) return false;
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
    return true;
  }

  return {
    async take(count: number): Promise<Buffer> {
      while (held.length < count) if (!(await more())) throw malformedForm();
      const taken = held.subarray(0, count);
      held = held.subarray(count);
      return taken;
    },
    /** What comes before the mark, which is taken, too. */
    async until(mark: Buffer, most: number): Promise<Buffer> {
      for (;;) {
        const at = held.indexOf(mark);
        if (at > most || (at === -1 && held.length > most + mark.length)) throw tooMuch();
        if (at !== -1) {
          const taken = held.subarray(0, at);
          held = held.subarray(at + mark.length);
          return taken;
        }
        if (!(await more())) throw malformedForm();
      }
    },
    /** The same, piece by piece; then all that follows is read and forgotten. */
    async *content(mark: Buffer): AsyncGenerator<Buffer> {
      for (;;) {
        const at = held.indexOf(mark);
        const end = at === -1 ? held.length - mark.length + 1 : at;
        if (end > 0) {
          yield held.subarray(0, end);
          held = held.subarray(end);
        }
        if (at !== -1) break;
        if (!(await more())) throw malformedForm();
      }
      do held = Buffer.alloc(0);
      while (await more());
    },
  };
}

function headOf(text: string): { readonly name: string; readonly fileName: string | undefined } {
  const line = text.split("\r\n").find((one) => /^content-disposition:/i.test(one));
  const parameter = (name: string) =>
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;"\\s]+))`, "i").exec(line ?? "");
  const [, quoted, plain] = parameter("name") ?? [];
  const name = quoted ?? plain;
  if (name === undefined || !/^content-disposition:\s*form-data/i.test(line ?? "")) throw malformedForm();
  const [, quotedFile, plainFile] = parameter("filename") ?? [];
  return { name: name.toLowerCase(), fileName: quotedFile ?? plainFile };
}

/** Old browsers send the path of the user's machine along. */
const fileName = (given: string): string => given.split(/[/\\]/).at(-1) ?? "";

const malformedForm = (): S3Error =>
  new S3Error("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.");
const tooMuch = (): S3Error =>
  new S3Error("MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.", {
    MaxPostPreDataLengthBytes: fieldBytes,
  });
