/** `npm run test:clones` asks for everything; without it the suites show in a minute that they work. */
export const full = process.env.THAW_TEST_CLONES === "full";

/** One number in the short form, another in the full one. */
export function scaled(short: number, whole: number): number {
  return full ? whole : short;
}
