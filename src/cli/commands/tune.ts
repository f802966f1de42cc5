import { bar } from "../chart.ts";
import { usageFailure } from "../failure.ts";
import { original, withCopy } from "../measure/copy.ts";
import { history } from "../measure/history.ts";
import { type ChosenPrices, pricesFor } from "../measure/prices.ts";
import { memorySizes, sweep } from "../measure/sweep.ts";
import { progressLine } from "../measure/text.ts";
import {
  busyOf,
  type KeepAliveAdvice,
  keepAlive,
  type Power,
  type Provisioned,
  power,
  provisioned,
  startOf,
} from "../measure/tuning.ts";
import { milliseconds, note, print, printJson, styled, table } from "../output.ts";
import { readPayload } from "../payload.ts";
import { type CommonOptions, connection, spanMs, wholeNumber } from "../settings.ts";

interface TuneOptions extends CommonOptions {
  readonly payload?: string;
  readonly qualifier?: string;
  readonly memory?: string;
  readonly runs?: string;
  readonly weight?: string;
  readonly prices?: string;
  readonly since?: string;
}

/** Which memory size, how much provisioned concurrency, and how long a keep-alive suit a function: by measuring it and by its own past. */
export async function tune(name: string, options: TuneOptions): Promise<void> {
  const sizes = memorySizes("--memory", options.memory ?? "all");
  const runs = wholeNumber("--runs", options.runs ?? "20", { min: 3, max: 10_000 });
  const weight = Number(options.weight ?? "0.5");
  if (!(weight >= 0 && weight <= 1)) {
    throw usageFailure(
      `--weight is ${JSON.stringify(options.weight)}; it must be from 0 (only time) to 1 (only cost).`,
    );
  }
  const sinceMs = Date.now() - spanMs("--since", options.since ?? "7d");
  const server = connection(options);
  const payload = await readPayload(options.payload);
  const from = await original(server, name, options.qualifier);
  const { configuration } = from;
  const prices = await pricesFor(server.region, configuration.Architectures?.[0] ?? "x86_64", options.prices);
  const { say, done } = progressLine(options.json === true);

  // the past before the measurements
  const past = await history(server, configuration.FunctionName, sinceMs);
  const target = { connection: server, name, qualifier: options.qualifier, payload };
  const measured = await withCopy(server, from, {}, (copy) => sweep(target, copy, { sizes, cold: 2, warm: runs }, say));
  done();

  const found = power(measured, prices, weight);
  const now = configuration.MemorySize ?? 128;
  const nearest = found.sizes.reduce((one, other) =>
    Math.abs(other.memoryMb - now) < Math.abs(one.memoryMb - now) ? other : one,
  );
  const untilMs = Date.now();
  const held = provisioned(prices, nearest.handlerMs, busyOf(past, untilMs));
  const kept =
    past.length < 2
      ? undefined
      : keepAlive(past, {
          memoryMb: now,
          usedMb: nearest.usedMb ?? now,
          startMs: startOf(past) ?? nearest.initMs ?? 100,
          untilMs,
        });
  if (options.json) {
    const about = { function: configuration.FunctionName, memoryMb: now, prices, calls: past.length };
    printJson({ ...about, power: found, provisioned: held, keepAlive: kept });
    return;
  }
  for (const line of powerText(found, now)) print(line);
  for (const line of provisionedText(held, prices, past.length)) print(line);
  if (kept !== undefined) for (const line of keepAliveText(kept)) print(line);
  if (past.length > 0 && past.length < 100)
    note(`${past.length} calls are a short past: look again when there are more.`);
  note(`Prices: ${prices.source}.`);
  if (found.balanced !== now)
    note(`${styled("cyan", "next:")}  set ${found.balanced} MB: thaw deploy … --memory ${found.balanced}`);
}

/** Dollars of a million calls. */
const perMillion = (dollars: number): string => `$${(dollars * 1e6).toFixed(2)}`;

function powerText({ sizes, fastest, cheapest, balanced }: Power, now: number): string[] {
  const slowest = Math.max(...sizes.map((size) => size.handlerMs));
  const dearest = Math.max(...sizes.map((size) => size.callCost));
  const rows = sizes.map((size) => {
    const words = [
      size.memoryMb === balanced && "best balance",
      size.memoryMb === fastest && "fastest",
      size.memoryMb === cheapest && "cheapest",
      size.memoryMb === now && "now",
    ];
    return [
      `${size.memoryMb} MB`,
      size.coldMs === undefined ? "–" : milliseconds(size.coldMs),
      milliseconds(size.handlerMs),
      bar(size.handlerMs, slowest, 20).padEnd(20),
      perMillion(size.callCost),
      bar(size.callCost, dearest, 20).padEnd(20),
      words.filter(Boolean).join(", "),
    ];
  });
  return table(["memory", "cold", "handler", "time", "1M calls", "cost", ""], rows);
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 2 : 0)} %`;

function provisionedText(held: Provisioned, prices: ChosenPrices, calls: number): string[] {
  const lines = ["", styled("bold", "provisioned concurrency")];
  if (held.breakEven > 1) return [...lines, `  never pays for itself at the prices ${prices.source}`];
  lines.push(
    `  pays for itself from ${percent(held.breakEven)} of the time in use: ${held.callsPerSecond?.toFixed(2)} calls a second for each environment`,
  );
  if (calls < 2) return [...lines, "  nobody has called it yet: there is no past to look at"];
  const busy = held.busy.slice(0, 5).map(percent).join(", ");
  return [
    ...lines,
    `  in the past (${calls} calls) the environments would have been in use ${busy}: worth having ${held.worth}`,
  ];
}

function keepAliveText({ policies, best }: KeepAliveAdvice): string[] {
  const rows = policies.map((each) => [
    each.policy,
    each.coldStarts,
    percent(each.coldStarts / Math.max(1, each.calls)),
    each.prewarms,
    Math.round(each.idleGbSeconds * 10) / 10,
    each.policy === best ? "best" : "",
  ]);
  const seconds = /:(\d+)([mh])$/.exec(best);
  const setting =
    seconds === null || !best.startsWith("thaw")
      ? []
      : [
          `  THAW_KEEP_ALIVE_SECONDS=${Number(seconds[1]) * (seconds[2] === "h" ? 3600 : 60)} is that, for the platform`,
        ];
  const heading = styled("bold", "keep-alive and pre-warming, with its own past");
  return [
    "",
    heading,
    ...table(["policy", "cold starts", "of calls", "pre-warmed", "GB·s held idle", ""], rows),
    ...setting,
  ];
}
