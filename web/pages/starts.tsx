import { type Signal, useSignal } from "@preact/signals";
import { ahead, invocations as calls, fresh, rate, starts, totals } from "../live.ts";
import { Card, Command, Empty, Figure, KindTag, usePolled } from "../parts/bits.tsx";
import { Histogram } from "../parts/histogram.tsx";
import { Strip } from "../parts/strip.tsx";
import { MiniFall, Waterfall, WaterfallKey } from "../parts/waterfall.tsx";
import { functionPath } from "../route.ts";
import { loadVersions, type VersionView } from "../versions.ts";
import { clockTime, type Invocation, kinds, kindWords, ms, startMs, wasAhead, whole } from "../words.ts";

const listed = 12;
const shown = ["starts", "calls", "failed"] as const;
type Shown = (typeof shown)[number];

/** The first page: what a start costs here, as it happens. */
export function StartsPage() {
  const chosen = useSignal<string | undefined>(undefined);
  const show = useSignal<Shown>("starts");
  const versions = usePolled(loadVersions, 4000);
  const { invocations, starts: cold } = totals.value;
  const latest = starts.value;
  const rows = (
    show.value === "starts" ? latest : calls.value.filter((each) => show.value === "calls" || each.errorType)
  ).slice(0, listed);
  const one =
    [...latest, ...calls.value].find(({ requestId }) => requestId === chosen.value) ??
    latest.find((each) => !wasAhead(each)) ??
    latest[0];
  /** a start that was ready before its first call cost nobody anything: it would make the others look better than they are */
  const waited = latest.filter((each) => !wasAhead(each)).map(startMs);
  return (
    <>
      <div class="title">
        <div>
          <h1>How your functions start</h1>
          <p>
            Every start of the last minute, as high as it took long. A call that finds an idle environment starts
            nothing.
          </p>
        </div>
      </div>
      <Card>
        <dl class="figures">
          <Figure
            name="Median start"
            value={waited.length === 0 ? "–" : ms(median(waited))}
            hint={`of the last ${whole(waited.length)} that a call waited for`}
          />
          <Figure name="Slowest of those" value={waited.length === 0 ? "–" : ms(Math.max(...waited))} />
          <Figure
            name="Calls on a new environment"
            value={share(cold, invocations)}
            hint={`${whole(cold)} of ${whole(invocations)}`}
          />
          <Figure name="Ready before their call" value={whole(latest.length - waited.length)} hint="nobody waited" />
          <Figure
            name="Calls a second"
            value={rate.value < 10 ? rate.value.toFixed(1) : whole(rate.value)}
            hint="right now"
          />
        </dl>
      </Card>
      <Card title="The last minute" class="hero">
        <Strip />
      </Card>
      {latest.length === 0 && !fresh.value ? (
        <Card>
          <Empty title="Nothing has started yet">
            Invoke a function, and its start appears here with a waterfall of where each millisecond went:{" "}
            <code>thaw env</code> prints what the AWS CLI needs, and each function's <a href="#/functions">page</a> can
            invoke it, too.
            <Command text="aws lambda invoke --function-name NAME /dev/stdout" />
          </Empty>
        </Card>
      ) : (
        <div class="columns">
          <Card title="Live" aside={<Show of={show} />}>
            <WaterfallKey />
            <ul class="rows">
              {rows.length === 0 && <li class="soft none">None of late.</li>}
              {rows.map((start) => (
                <li key={start.requestId}>
                  <button
                    type="button"
                    class="row"
                    aria-pressed={start.requestId === one?.requestId}
                    onClick={() => {
                      chosen.value = start.requestId;
                    }}
                  >
                    <time>{clockTime(start.at)}</time>
                    <b class={start.errorType ? "problem" : ""}>{start.function}</b>
                    <KindTag kind={start.timing.start} />
                    <span class="number">{figureOf(start)}</span>
                    <MiniFall of={start} />
                  </button>
                </li>
              ))}
            </ul>
          </Card>
          {one && <Story of={one} versions={versions.value ?? []} />}
        </div>
      )}
      {latest.length > 0 && (
        <Card
          title="Start times by kind"
          aside={<span>the last {whole(waited.length)} that a call waited for, one scale</span>}
        >
          <div class="histograms">
            {kinds.map((kind) => {
              const ofKind = latest.filter((each) => each.timing.start === kind && !wasAhead(each));
              return ofKind.length > 0 ? <Histogram key={kind} kind={kind} of={ofKind} /> : null;
            })}
          </div>
        </Card>
      )}
    </>
  );
}

/** Of a start what it added, of a warm call how long it took. */
function figureOf(of: Invocation): string {
  if (of.timing.start === "warm") return ms(of.timing.total);
  return wasAhead(of) ? "ready" : ms(startMs(of));
}

function Show({ of }: { of: Signal<Shown> }) {
  return (
    <fieldset class="segments">
      <legend class="sr">Which calls</legend>
      {shown.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name="shown"
            checked={each === of.value}
            onChange={() => {
              of.value = each;
            }}
          />
          <span>{each === "starts" ? "Starts" : each === "calls" ? "All calls" : "Failed"}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** One start: what it was made of, which rung of the ladder it took, and why it was needed. */
function Story({ of, versions }: { of: Invocation; versions: readonly VersionView[] }) {
  const version = versions.find((each) => each.function === of.function && each.version === of.version);
  return (
    <Card
      title="Where its time went"
      aside={
        <a href={functionPath(of.function)}>
          {of.function} · {of.version}
        </a>
      }
    >
      <Waterfall of={of} />
      <div class="story">
        <p>
          <strong>{kindWords[of.timing.start].name}</strong>: {kindWords[of.timing.start].says}.{" "}
          {whyCold(of, starts.value)}
        </p>
        {version?.why && (
          <p class="soft">
            Latest choice for this version: {version.rung ?? "none"}, because {version.why}.
          </p>
        )}
        {version?.image.state === "refused" && <p class="soft">No image of it: {version.image.why}</p>}
      </div>
      <dl class="facts">
        <dt>Request</dt>
        <dd class="mono">{of.requestId}</dd>
        <dt>When</dt>
        <dd>
          {clockTime(of.at)}, {ms(Math.max(0, Date.now() + ahead.value - of.at))} ago
        </dd>
        {of.errorType && (
          <>
            <dt>Failed with</dt>
            <dd class="problem">{of.errorType}</dd>
          </>
        )}
      </dl>
    </Card>
  );
}

/** What can be said from the starts around it. */
function whyCold(of: Invocation, all: readonly Invocation[]): string {
  if (of.timing.start === "warm") return "";
  if (wasAhead(of)) return "It was started ahead and ready when its first call came: that call waited for nothing.";
  const same = all.filter((each) => each.function === of.function && each.version === of.version);
  const near = same.filter((each) => each !== of && Math.abs(each.at - of.at) < 1000).length;
  if (near > 0) return `${near} more of this version started within a second: calls came at once, and none was idle.`;
  if (!same.some((each) => each.at < of.at)) return "It is the first start of this version that is remembered here.";
  return "No environment of its version was idle when the call came.";
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

function share(part: number, of: number): string {
  if (of === 0) return "–";
  const percent = (100 * part) / of;
  return `${percent < 1 ? percent.toFixed(2) : percent.toFixed(percent < 10 ? 1 : 0)} %`;
}
