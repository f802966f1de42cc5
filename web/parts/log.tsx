import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { askService, lines, send } from "../api.ts";
import { Empty, Problem } from "./bits.tsx";

interface Line {
  /** counted in this page */
  readonly id?: number;
  readonly timestamp: number;
  readonly stream: string;
  readonly message: string;
}

const keep = 2000;
const drawn = 300;
/** so many lines may come that drawing each of them would be all the page does */
const drawEveryMs = 250;
const backMs = 24 * 3600 * 1000;
const ofPlatform = /^(START|END|REPORT|INIT_START|RESTORE_START|RESTORE_REPORT|INIT_REPORT|XRAY) /;

/** The last lines of a function's log, those that come, and a way to find some of them. */
export function Log({ name }: { name: string }) {
  const all = useSignal<readonly Line[] | undefined>(undefined);
  const follows = useSignal(true);
  const wanted = useSignal("");
  const ours = useSignal(true);
  const problem = useSignal<string | undefined>(undefined);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const over = new AbortController();
    let count = 0;
    let arrived: Line[] = [];
    const take = (more: readonly Line[]) => {
      arrived.push(...more.map((line) => ({ ...line, id: count++ })));
    };
    const draw = () => {
      if (arrived.length === 0) return;
      all.value = [...(all.value ?? []), ...arrived].slice(-keep);
      arrived = [];
    };
    const drawing = setInterval(draw, drawEveryMs);
    const first = () => {
      all.value ??= [];
      draw();
    };
    read(name, follows.value, over.signal, take, first).catch((error: Error) => {
      if (!over.signal.aborted) problem.value = error.message;
    });
    return () => {
      over.abort();
      clearInterval(drawing);
      all.value = undefined;
      problem.value = undefined;
    };
  }, [name, follows.value]);

  const shown = (all.value ?? []).filter(
    ({ message }) =>
      (ours.value || !ofPlatform.test(message)) && message.toLowerCase().includes(wanted.value.toLowerCase()),
  );
  useEffect(() => {
    if (follows.value && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown.length, shown.at(-1)]);
  return (
    <>
      <div class="actions">
        <input
          type="search"
          aria-label="Find in the log"
          placeholder="Find in the log"
          value={wanted.value}
          onInput={(event) => {
            wanted.value = event.currentTarget.value;
          }}
        />
        <label>
          <input
            type="checkbox"
            checked={follows.value}
            onChange={(event) => {
              follows.value = event.currentTarget.checked;
            }}
          />{" "}
          follow
        </label>
        <label>
          <input
            type="checkbox"
            checked={ours.value}
            onChange={(event) => {
              ours.value = event.currentTarget.checked;
            }}
          />{" "}
          the platform's lines
        </label>
      </div>
      <Problem text={problem.value} />
      {wanted.value !== "" && <WholeLog key={wanted.value} name={name} wanted={wanted.value} />}
      {all.value !== undefined && all.value.length === 0 ? (
        <Empty title="Nothing was written">What the function prints appears here within half a second.</Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has only a keyboard must be able to scroll it
        <div class="log" ref={box} role="log" aria-label="Log" tabIndex={0}>
          {shown.slice(-drawn).map(({ id, timestamp, stream, message }) => (
            <div key={id} title={stream}>
              <time>{new Date(timestamp).toISOString().slice(11, 23)}</time>
              <span class={ofPlatform.test(message) ? "platform" : ""}>
                <Marked text={message.trimEnd()} wanted={wanted.value} />
              </span>
            </div>
          ))}
        </div>
      )}
    </>
  );
}

interface Found {
  readonly events?: readonly { readonly timestamp: number; readonly message: string; readonly eventId: string }[];
}

const mostFound = 200;

/** All that the log group has kept with some words in it, by CloudWatch's FilterLogEvents; asked when somebody wants it. */
function WholeLog({ name, wanted }: { name: string; wanted: string }) {
  const found = useSignal<Found["events"]>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);
  const search = async () => {
    busy.value = true;
    problem.value = undefined;
    try {
      found.value = await searched(name, wanted);
    } catch (error) {
      problem.value = (error as Error).message;
    }
    busy.value = false;
  };
  return (
    <div class="found">
      <button type="button" class="quiet" disabled={busy.value} onClick={search}>
        Search all that is kept
      </button>
      <Problem text={problem.value} />
      {found.value && (
        <>
          <p class="soft">
            {found.value.length === mostFound ? `The first ${mostFound} lines` : `${found.value.length} lines`} with
            these words, capitals and all
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has only a keyboard must be able to scroll it */}
          <pre tabIndex={0}>
            {found.value.map(
              ({ timestamp, message }) => `${new Date(timestamp).toISOString()}  ${message.trimEnd()}\n`,
            )}
          </pre>
        </>
      )}
    </div>
  );
}

/** Pages of an answer may be empty while there is more. */
async function searched(name: string, wanted: string): Promise<NonNullable<Found["events"]>> {
  const all: NonNullable<Found["events"]>[number][] = [];
  let nextToken: string | undefined;
  do {
    const page = await askService<Found & { nextToken?: string }>("logs", "Logs_20140328.FilterLogEvents", {
      logGroupName: `/aws/lambda/${name}`,
      filterPattern: `"${wanted.replace(/["\\]/g, "\\$&")}"`,
      limit: mostFound - all.length,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    all.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken && all.length < mostFound);
  return all;
}

async function read(
  name: string,
  follows: boolean,
  signal: AbortSignal,
  take: (more: readonly Line[]) => void,
  first: () => void,
): Promise<void> {
  const query = `/_thaw/logs?function=${encodeURIComponent(name)}`;
  const text = await (await send(`${query}&since=${Date.now() - backMs}`, { signal })).text();
  const before = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  take(before.slice(-keep));
  first();
  if (!follows) return;
  // What has just been shown is told once more where it was written in the same millisecond.
  const last = before.at(-1)?.timestamp ?? Date.now() - 1;
  const seen = new Set(before.filter(({ timestamp }) => timestamp >= last).map((line) => JSON.stringify(line)));
  for await (const line of lines<Line>(`${query}&follow=1&since=${last}`, signal)) {
    if (!seen.has(JSON.stringify(line))) take([line]);
  }
}

function Marked({ text, wanted }: { text: string; wanted: string }) {
  const at = wanted === "" ? -1 : text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at === -1) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + wanted.length)}</mark>
      {text.slice(at + wanted.length)}
    </>
  );
}
