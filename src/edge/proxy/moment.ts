const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

let known = { second: -1, text: "" };

/** As access logs write it: `12/Mar/2020:19:03:58 +0000`. Of the requests of one second it is made once. */
export function logMoment(at: number): string {
  const second = Math.floor(at / 1000);
  if (second !== known.second) known = { second, text: written(at) };
  return known.text;
}

function written(at: number): string {
  const text = new Date(at).toISOString();
  return `${text.slice(8, 10)}/${months[Number(text.slice(5, 7)) - 1]}/${text.slice(0, 4)}:${text.slice(11, 19)} +0000`;
}
