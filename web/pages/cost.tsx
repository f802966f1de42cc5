import { signal } from "@preact/signals";
import { ask, type Info } from "../api.ts";
import { listFunctions } from "../functions.ts";
import { Card, Empty, Figure, Problem, usePolled } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { whole } from "../words.ts";
import { loadProvisioned } from "./concurrency.tsx";
import { loadStatistics } from "./functions.tsx";

/** US dollars, us-east-1. Source: AWS Lambda pricing (x86, Arm; first tier). Editable, for regions differ and prices change. */
const tables = {
  x86_64: { second: 0.0000166667, million: 0.2, held: 0.0000041667 },
  arm64: { second: 0.0000133334, million: 0.2, held: 0.0000033334 },
};

const monthMs = 30 * 86_400_000;
const second = signal(tables.x86_64.second);
const million = signal(tables.x86_64.million);
/** of provisioned concurrency */
const held = signal(tables.x86_64.held);

/** GB that are held ready by provisioned concurrency. Each function is a question: of the first hundred only. */
async function loadHeld(): Promise<number> {
  const functions = (await listFunctions()).slice(0, 100);
  const all = await Promise.all(
    functions.map(async ({ FunctionName, MemorySize }) => {
      const found = await loadProvisioned(FunctionName);
      const many = found.reduce((sum, each) => sum + each.RequestedProvisionedConcurrentExecutions, 0);
      return (many * MemorySize) / 1024;
    }),
  );
  return all.reduce((sum, each) => sum + each, 0);
}

/** What the same calls would have cost at AWS. */
export function CostPage() {
  const functions = usePolled(listFunctions, 8000);
  const statistics = usePolled(loadStatistics, 3000);
  const provisioned = usePolled(loadHeld, 15_000);
  const info = usePolled(() => ask<Info>("/_thaw/info"), 10_000);
  const memory = new Map((functions.value ?? []).map((each) => [each.FunctionName, each.MemorySize]));
  const rows = [...Map.groupBy(statistics.value ?? [], (each) => each.function)].map(([name, versions]) => {
    const handlerMs = versions
      .flatMap(({ starts }) => Object.values(starts))
      .reduce((sum, { handler, codeInit }) => sum + timeOf(handler) + timeOf(codeInit), 0);
    const calls = versions.reduce((sum, { invocations }) => sum + invocations, 0);
    const gbSeconds = (handlerMs / 1000) * ((memory.get(name) ?? 0) / 1024);
    return { name, calls, gbSeconds, price: gbSeconds * second.value + (calls / 1e6) * million.value };
  });
  rows.sort((one, other) => other.price - one.price);
  const since = info.value?.uptimeMs;
  const sum = (field: "calls" | "gbSeconds" | "price") => rows.reduce((all, row) => all + row[field], 0);
  return (
    <>
      <div class="title">
        <div>
          <h1>Cost</h1>
          <p>
            What the calls since the platform started would have cost at AWS: init and handler time, by configured
            memory. Run time on provisioned concurrency is counted like any other; storage and traffic are not in it.
          </p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure name="Together" value={dollars(sum("price"))} hint="since the platform started" />
          <Figure
            name="A month of it"
            value={since === undefined ? "–" : dollars((sum("price") / since) * monthMs)}
            hint="if calls go on as they came"
          />
          <Figure
            name="Provisioned, a month"
            value={provisioned.value === undefined ? "–" : dollars((provisioned.value * held.value * monthMs) / 1000)}
            hint={`${(provisioned.value ?? 0).toFixed(2)} GB held ready`}
          />
          <Figure name="GB-seconds" value={sum("gbSeconds").toFixed(1)} />
          <Figure name="Calls" value={whole(sum("calls"))} />
        </dl>
        <div class="actions">
          <Price name="$ a GB-second" value={second} />
          <Price name="$ a million calls" value={million} />
          <Price name="$ a GB-second held" value={held} />
          {Object.entries(tables).map(([architecture, table]) => (
            <button
              key={architecture}
              type="button"
              class="quiet"
              aria-pressed={second.value === table.second && held.value === table.held}
              onClick={() => {
                second.value = table.second;
                million.value = table.million;
                held.value = table.held;
              }}
            >
              {architecture}
            </button>
          ))}
        </div>
      </Card>
      <Card>
        <Problem text={statistics.problem ?? functions.problem} />
        {rows.length === 0 && statistics.value !== undefined ? (
          <Empty title="Nothing was called yet">
            Prices appear with the first call of one of your <a href="#/functions">functions</a>.
          </Empty>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Function</th>
                  <th class="number">Memory</th>
                  <th class="number">Calls</th>
                  <th class="number">GB-seconds</th>
                  <th class="number">Price</th>
                  <th class="number">A million calls like these</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ name, calls, gbSeconds, price }) => (
                  <tr key={name}>
                    <td class="wrap">
                      <a href={functionPath(name)}>{name}</a>
                    </td>
                    <td class="number">{memory.has(name) ? `${memory.get(name)} MB` : "deleted"}</td>
                    <td class="number">{whole(calls)}</td>
                    <td class="number">{gbSeconds.toFixed(3)}</td>
                    <td class="number">{dollars(price)}</td>
                    <td class="number">{calls === 0 ? "–" : dollars((price / calls) * 1e6)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </>
  );
}

function Price({ name, value }: { name: string; value: typeof second }) {
  return (
    <label>
      <input
        type="number"
        min="0"
        step="any"
        value={value.value}
        onInput={(event) => {
          const given = Number(event.currentTarget.value);
          if (Number.isFinite(given) && given >= 0) value.value = given;
        }}
      />{" "}
      <span class="soft">{name}</span>
    </label>
  );
}

const timeOf = (summary: { count: number; mean: number } | undefined) =>
  summary === undefined ? 0 : summary.count * summary.mean;

const dollars = (value: number): string => `$${value < 1 ? value.toFixed(6) : value.toFixed(2)}`;
