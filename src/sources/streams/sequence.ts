/**
 * Compares two sequence numbers of one shard: whole numbers of up to 128 digits as text, which no number of JavaScript holds.
 * Negative, zero or positive, as sort() wants it. Leading zeros mean nothing (DynamoDB Local pads with them).
 */
export function compareSequences(one: string, other: string): number {
  const [a, b] = [one.replace(/^0+/, ""), other.replace(/^0+/, "")];
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
