import { ask } from "../api.ts";
import { listFunctions } from "../functions.ts";
import { environments } from "../live.ts";
import { Card, Command, Empty, Figure, Problem, usePolled } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { whole } from "../words.ts";

export interface Provisioned {
  readonly FunctionArn: string;
  readonly Status: string;
  readonly StatusReason?: string;
  readonly RequestedProvisionedConcurrentExecutions: number;
  readonly AvailableProvisionedConcurrentExecutions?: number;
}

export const loadProvisioned = async (name: string): Promise<readonly Provisioned[]> => {
  const url = `/2019-09-30/functions/${encodeURIComponent(name)}/provisioned-concurrency?List=ALL`;
  return (await ask<{ ProvisionedConcurrencyConfigs: Provisioned[] }>(url)).ProvisionedConcurrencyConfigs;
};

interface Account {
  readonly AccountLimit: {
    readonly ConcurrentExecutions: number;
    readonly UnreservedConcurrentExecutions: number;
  };
}

interface Row {
  readonly name: string;
  readonly reserved: number | undefined;
  readonly provisioned: readonly Provisioned[];
}

/** Each function costs two questions: nobody looks at more than so many at once. */
const most = 100;

async function load() {
  const [account, functions] = await Promise.all([ask<Account>("/2016-08-19/account-settings/"), listFunctions()]);
  const rows = await Promise.all(
    functions.slice(0, most).map(async ({ FunctionName: name }): Promise<Row> => {
      const [{ ReservedConcurrentExecutions: reserved }, provisioned] = await Promise.all([
        ask<{ ReservedConcurrentExecutions?: number }>(`/2019-09-30/functions/${encodeURIComponent(name)}/concurrency`),
        loadProvisioned(name),
      ]);
      return { name, reserved, provisioned };
    }),
  );
  return { limit: account.AccountLimit, rows, left: Math.max(0, functions.length - most) };
}

/** How many may run at once, for whom places are kept, and what is kept ready. */
export function ConcurrencyPage() {
  const loaded = usePolled(load, 10_000);
  const limit = loaded.value?.limit;
  const rows = loaded.value?.rows ?? [];
  const busy = (name?: string) =>
    environments.value.filter((each) => each.state === "busy" && (name === undefined || each.function === name)).length;
  const all = rows.flatMap(({ provisioned }) => provisioned);
  const requested = all.reduce((sum, each) => sum + each.RequestedProvisionedConcurrentExecutions, 0);
  const ready = all.reduce((sum, each) => sum + (each.AvailableProvisionedConcurrentExecutions ?? 0), 0);
  const kept = rows.filter(({ reserved, provisioned }) => reserved !== undefined || provisioned.length > 0);
  return (
    <>
      <div class="title">
        <div>
          <h1>Concurrency</h1>
          <p>How many calls may run at once, for whom places are kept, and which environments are kept ready.</p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure
            name="Running"
            value={whole(busy())}
            hint={limit ? `of ${whole(limit.ConcurrentExecutions)} at once` : ""}
          />
          <Figure
            name="Reserved"
            value={limit ? whole(limit.ConcurrentExecutions - limit.UnreservedConcurrentExecutions) : "–"}
            hint={limit ? `${whole(limit.UnreservedConcurrentExecutions)} for all others` : ""}
          />
          <Figure name="Provisioned" value={loaded.value ? whole(requested) : "–"} hint={`${whole(ready)} ready`} />
        </dl>
      </Card>
      <Card title="Functions with places of their own">
        <Problem text={loaded.problem} />
        {loaded.value && kept.length === 0 ? (
          <Empty title="None">
            All functions share the account's places. Keep some for one that must never wait, or environments ready for
            one that must never start:
            <Command text="aws lambda put-function-concurrency --function-name NAME --reserved-concurrent-executions 50" />
            <Command text="aws lambda put-provisioned-concurrency-config --function-name NAME --qualifier VERSION --provisioned-concurrent-executions 5" />
          </Empty>
        ) : (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Function</th>
                  <th>Running, of its reserved places</th>
                  <th>Provisioned, ready</th>
                </tr>
              </thead>
              <tbody>
                {kept.map(({ name, reserved, provisioned }) => (
                  <tr key={name}>
                    <td class="wrap">
                      <a href={functionPath(name)}>{name}</a>
                    </td>
                    <td>
                      {reserved === undefined ? (
                        <span class="soft">{busy(name)}, shares the account's</span>
                      ) : (
                        <Share part={busy(name)} of={reserved} class="of-handler" />
                      )}
                    </td>
                    <td>
                      <ProvisionedList of={provisioned} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {(loaded.value?.left ?? 0) > 0 && (
          <p class="soft">{loaded.value?.left} more functions are not looked at here.</p>
        )}
      </Card>
    </>
  );
}

export function ProvisionedList({ of }: { of: readonly Provisioned[] }) {
  if (of.length === 0) return <span class="soft">–</span>;
  return (
    <ul class="plain">
      {of.map((each) => (
        <li key={each.FunctionArn}>
          <span class="qualifier">{each.FunctionArn.split(":").at(-1)}</span>
          <Share
            part={each.AvailableProvisionedConcurrentExecutions ?? 0}
            of={each.RequestedProvisionedConcurrentExecutions}
            class="of-restore"
          />
          {each.Status !== "READY" && <small class="soft"> {each.Status.toLowerCase().replaceAll("_", " ")}</small>}
          {each.StatusReason && <p class="problem">{each.StatusReason}</p>}
        </li>
      ))}
    </ul>
  );
}

/** 3 of 10, and a bar that is as full. */
function Share({ part, of, class: name }: { part: number; of: number; class: string }) {
  return (
    <span class="share">
      <span class="bar" aria-hidden="true">
        <i class={name} style={{ width: `${of === 0 ? 0 : Math.min(100, (part / of) * 100)}%` }} />
      </span>
      {whole(part)} of {whole(of)}
    </span>
  );
}
