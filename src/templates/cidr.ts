/**
 * The first `count` blocks with `bits` bits for hosts within a block. Undefined: there are not that many, or it is no block.
 * Source: CloudFormation User Guide, "Fn::Cidr".
 */
export function subnetsOf(block: string, count: number, bits: number): string[] | undefined {
  const [address = "", length = ""] = block.split("/");
  const six = address.includes(":");
  const width = six ? 128 : 32;
  const base = six ? numberOfSix(address) : numberOfFour(address);
  if (base === undefined || !/^\d+$/.test(length) || Number(length) > width) return undefined;
  if (!Number.isInteger(count) || !Number.isInteger(bits) || count < 1 || count > 256 || bits < 1) return undefined;
  const free = width - Number(length) - bits;
  if (free < 0 || (free < 9 && count > 2 ** free)) return undefined;
  const host = BigInt(width - Number(length));
  const first = (base >> host) << host;
  return Array.from({ length: count }, (_, index) => {
    const start = first + (BigInt(index) << BigInt(bits));
    return `${six ? textOfSix(start) : textOfFour(start)}/${width - bits}`;
  });
}

function numberOfFour(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
}

function numberOfSix(text: string): bigint | undefined {
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  if (missing < 0) return undefined;
  const parts = [...left, ...Array<string>(missing).fill("0"), ...right];
  if (parts.length !== 8 || parts.some((part) => !/^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  return parts.reduce((sum, part) => (sum << 16n) + BigInt(`0x${part}`), 0n);
}

const textOfFour = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");

/** As AWS writes subnets: the first four groups in full, the rest as `::`, where it is zero. */
function textOfSix(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const rest = groups.slice(4);
  return rest.every((group) => group === "0") ? `${groups.slice(0, 4).join(":")}::` : groups.join(":");
}
