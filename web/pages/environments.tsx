import { useSignal } from "@preact/signals";
import { ahead, type Environment, environments, fresh } from "../live.ts";
import { Card, Empty, Figure, KindTag } from "../parts/bits.tsx";
import { functionPath } from "../route.ts";
import { bytes, ms, plural, whole } from "../words.ts";

/** Every environment a square: its colour what it does, its filling the memory it uses of what it may. */
export function EnvironmentsPage() {
  const chosen = useSignal<string | undefined>(undefined);
  const all = environments.value;
  const byAge = [...all].sort((one, other) => one.createdAt - other.createdAt);
  const groups = Map.groupBy(byAge, (each) => each.function);
  const one = all.find(({ id }) => id === chosen.value) ?? all[0];
  const count = (...states: string[]) => whole(all.filter(({ state }) => states.includes(state)).length);
  return (
    <>
      <div class="title">
        <div>
          <h1>Environments</h1>
          <p>
            Each square is a sandbox with a function in it. It is filled as far as its memory is used; the oldest come
            first, a dot marks what is kept for provisioned concurrency.
          </p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure name="Environments" value={whole(all.length)} />
          <Figure name="Busy" value={count("busy")} />
          <Figure name="Idle" value={count("idle")} />
          <Figure name="Frozen" value={count("frozen")} />
          <Figure name="Memory in use" value={bytes(all.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0))} />
        </dl>
      </Card>
      {all.length === 0 ? (
        !fresh.value && (
          <Card>
            <Empty title="No environment is alive">
              They come with calls and go when nobody calls for a while. Invoke one of your{" "}
              <a href="#/functions">functions</a>, or give one provisioned concurrency to keep some here.
            </Empty>
          </Card>
        )
      ) : (
        <div class="columns">
          <Card
            title="Map"
            aside={
              <div class="key">
                <span>
                  <i class="of-handler" aria-hidden="true" /> busy
                </span>
                <span>
                  <i class="of-idle" aria-hidden="true" /> idle
                </span>
                <span>
                  <i class="of-frozen" aria-hidden="true" /> frozen
                </span>
                <span>
                  <i class="of-wait" aria-hidden="true" /> other
                </span>
              </div>
            }
          >
            <div class="map">
              {[...groups].map(([name, members]) => (
                <div key={name}>
                  <h3>
                    <a href={functionPath(name)}>{name}</a> <small class="soft">{members.length}</small>
                  </h3>
                  <div class="plot">
                    {members.slice(0, 600).map((each) => (
                      <Cell
                        key={each.id}
                        of={each}
                        chosen={each.id === one?.id}
                        choose={() => {
                          chosen.value = each.id;
                        }}
                      />
                    ))}
                  </div>
                </div>
              ))}
            </div>
          </Card>
          {one && <Detail of={one} />}
        </div>
      )}
    </>
  );
}

function Cell({ of, chosen, choose }: { of: Environment; chosen: boolean; choose: () => void }) {
  const filled = Math.max(0.08, Math.min(1, of.memoryBytes / (of.memoryMb * 1024 * 1024)));
  const age = ms(Math.max(0, Date.now() + ahead.value - of.createdAt));
  const words = `${of.function}, ${of.state}, ${bytes(of.memoryBytes)} of ${of.memoryMb} MB, ${age} old`;
  return (
    <button
      type="button"
      class="cell"
      title={words}
      data-state={of.state}
      {...(of.provisioned ? { "data-provisioned": "" } : {})}
      aria-pressed={chosen}
      aria-label={words}
      onClick={choose}
    >
      <i style={{ height: `${filled * 100}%` }} />
    </button>
  );
}

function Detail({ of }: { of: Environment }) {
  const facts: readonly (readonly [string, string])[] = [
    ["State", of.hibernated ? `${of.state}, its memory given back` : of.state],
    ["Version", of.version],
    ["Memory", `${bytes(of.memoryBytes)} of ${of.memoryMb} MB`],
    ["At most so far", bytes(of.memoryPeakBytes)],
    ["Age", ms(Math.max(0, Date.now() + ahead.value - of.createdAt))],
    ["Idle for", of.idleMs > 0 ? ms(of.idleMs) : "–"],
    ["Served", plural(of.invocations, "call")],
    ["Initialised in", ms(of.initMs)],
    ["Kept for provisioned concurrency", of.provisioned ? "yes" : "no"],
  ];
  return (
    <Card title={of.function} aside={<KindTag kind={of.start} />}>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
        {of.tenant && (
          <>
            <dt>Tenant</dt>
            <dd>{of.tenant}</dd>
          </>
        )}
        <dt>Id</dt>
        <dd class="mono">{of.id}</dd>
      </dl>
    </Card>
  );
}
