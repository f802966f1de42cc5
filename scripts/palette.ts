import { crc32, deflateSync, inflateSync } from "node:zlib";

/**
 * Makes a browser's picture small: of its thousands of colours the 64 that matter most. Text and charts look the same, in a
 * third of the bytes. Source: PNG (Portable Network Graphics) Specification, 3rd edition.
 */
export function withPalette(png: Buffer): Buffer {
  const { width, height, channels, pixels } = decode(png);
  const colours = new Map<number, number>();
  const colourAt = (place: number) => pixels.readUIntBE(place * channels, 3);
  for (let place = 0; place < width * height; place++) {
    const colour = colourAt(place);
    colours.set(colour, (colours.get(colour) ?? 0) + 1);
  }
  const palette = chosen(colours);
  const nearest = new Map([...colours.keys()].map((colour) => [colour, nearestOf(palette, colour)]));
  // one byte before each row says how it is filtered: not at all
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = nearest.get(colourAt(y * width + x))!;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  return Buffer.concat([
    png.subarray(0, 8),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const most = 64;
/** squared distance below which two colours look alike */
const alike = 60;

/** The most frequent colours that do not look like one that is chosen already. */
function chosen(colours: ReadonlyMap<number, number>): number[] {
  const palette: number[] = [];
  for (const [colour] of [...colours].sort(([, one], [, other]) => other - one)) {
    if (palette.length === most) break;
    if (palette.every((each) => distance(each, colour) > alike)) palette.push(colour);
  }
  return palette;
}

function nearestOf(palette: readonly number[], colour: number): number {
  let best = 0;
  for (const [index, each] of palette.entries()) {
    if (distance(each, colour) < distance(palette[best]!, colour)) best = index;
  }
  return best;
}

function distance(one: number, other: number): number {
  const by = (shift: number) => ((one >> shift) & 255) - ((other >> shift) & 255);
  return by(16) ** 2 + by(8) ** 2 + by(0) ** 2;
}

/** Pixels of what a browser writes: eight bits a channel, three or four of them, not interlaced. */
function decode(png: Buffer) {
  let header = Buffer.alloc(0);
  const packed: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const size = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + size);
    if (type === "IHDR") header = Buffer.from(body);
    if (type === "IDAT") packed.push(body);
    at += 12 + size;
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = header[9] === 6 ? 4 : 3;
  const raw = inflateSync(Buffer.concat(packed));
  const stride = width * channels;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]!;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x >= channels ? pixels[at - channels]! : 0;
      const up = y > 0 ? pixels[at - stride]! : 0;
      const corner = x >= channels && y > 0 ? pixels[at - stride - channels]! : 0;
      pixels[at] = raw[y * (stride + 1) + 1 + x]! + predicted(filter, left, up, corner);
    }
  }
  return { width, height, channels, pixels };
}

/** What a filter says a byte would be, from its neighbours. */
function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const [toLeft, toUp, toCorner] = [up - corner, left - corner, left + up - 2 * corner].map(Math.abs);
  if (toLeft! <= toUp! && toLeft! <= toCorner!) return left;
  return toUp! <= toCorner! ? up : corner;
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), body]);
  const framed = Buffer.alloc(8 + named.length);
  framed.writeUInt32BE(body.length, 0);
  named.copy(framed, 4);
  framed.writeUInt32BE(crc32(named), 4 + named.length);
  return framed;
}
