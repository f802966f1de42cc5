/** The functions and the record that the documentation's examples are made with. */

const busy = (ms: number): string => `const end = performance.now() + ${ms}; while (performance.now() < end);\n`;
const parts = Array.from({ length: 40 }, (_, index) => index);

/** Folders with code, by path. `shop` brings a package that takes 80 ms to load and one that nobody asks for. */
export const files: Readonly<Record<string, string>> = {
  "shop/index.js": 'const { name } = require("heavy");\nexports.handler = async () => ({ sold: name });\n',
  "shop/node_modules/heavy/package.json": '{"name":"heavy","main":"main.js"}',
  "shop/node_modules/heavy/main.js": `${busy(80)}${parts.map((part) => `require("./part${part}.js");`).join("")}\nexports.name = "heavy";\n`,
  ...Object.fromEntries(parts.map((part) => [`shop/node_modules/heavy/part${part}.js`, `exports.part = ${part};\n`])),
  "shop/node_modules/left-over/package.json": '{"name":"left-over","main":"index.js"}',
  "shop/node_modules/left-over/index.js": `exports.never = [\n${"  'something that nobody reads',\n".repeat(9_700)}];\n`,
  "quick/index.js": "exports.handler = async () => ({ sold: 1 });\n",
  "cpu/index.js": `exports.handler = async () => {
  let sum = 0;
  for (let index = 0; index < 4e6; index++) sum += Math.sqrt(index);
  return sum;
};
`,
};

export const functions = ["shop", "quick", "cpu"];

const minute = 60_000;

/** A report each quarter of an hour, day and night; a checkout every eleven minutes, anew each hour, from 8 to 18 o'clock. */
export function ordersRecord(): string {
  const rows: (readonly [number, string])[] = [];
  for (let quarter = 0; quarter < 96; quarter++) rows.push([quarter * 15 * minute, "report,800,512,640"]);
  for (let hour = 8; hour < 18; hour++) {
    for (let turn = 0; turn < 6; turn++) rows.push([(hour * 60 + turn * 11) * minute, "checkout,120,256,310"]);
  }
  rows.sort(([one], [other]) => one - other);
  return ["time,function,duration,memory,init", ...rows.map((row) => row.join(",")), ""].join("\n");
}
