/** What a zip has, read in the browser. Source: PKWARE, "APPNOTE.TXT", 4.3. */

export interface ZipEntry {
  readonly path: string;
  /** bytes, unpacked */
  readonly size: number;
  readonly packed: number;
  readonly method: number;
  readonly at: number;
}

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;

/** The files of a zip, by path. Throws when it is none. */
export function entriesOf(zip: ArrayBuffer): ZipEntry[] {
  const view = new DataView(zip);
  const found: ZipEntry[] = [];
  let place = view.getUint32(endOf(view) + 16, true);
  while (place + 46 <= view.byteLength && view.getUint32(place, true) === entrySignature) {
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((offset) => view.getUint16(place + offset, true));
    const path = new TextDecoder().decode(new Uint8Array(zip, place + 46, nameSize));
    if (!path.endsWith("/")) {
      found.push({
        path,
        method: view.getUint16(place + 10, true),
        packed: view.getUint32(place + 20, true),
        size: view.getUint32(place + 24, true),
        at: view.getUint32(place + 42, true),
      });
    }
    place += 46 + nameSize! + extraSize! + commentSize!;
  }
  return found.sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** One file, unpacked. */
export async function unpacked(zip: ArrayBuffer, { at, packed, method }: ZipEntry): Promise<Uint8Array> {
  const view = new DataView(zip);
  const begin = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  const bytes = new Uint8Array(zip, begin, packed);
  if (method === 0) return bytes;
  if (method !== 8) throw new Error(`It is packed in a way (${method}) that browsers do not know`);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Where the directory's end begins: a comment may stand behind it. */
function endOf(view: DataView): number {
  for (let place = view.byteLength - 22; place >= Math.max(0, view.byteLength - 65_557); place--) {
    if (view.getUint32(place, true) === endSignature) return place;
  }
  throw new Error("The code is not a zip");
}
