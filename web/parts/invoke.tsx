import { useSignal } from "@preact/signals";
import { platform, send } from "../api.ts";
import { functionUrl } from "../functions.ts";
import { samples } from "../samples.ts";
import { ms } from "../words.ts";
import { Copy, Problem } from "./bits.tsx";

interface Answer {
  readonly text: string;
  readonly failed: string | undefined;
  readonly tail: string;
  readonly tookMs: number;
  readonly version: string;
}

/** What was sent from this page, by function, the newest first: kept nowhere else. */
const sent = new Map<string, readonly string[]>();
const kept = 8;

/** A payload to edit, and what the function made of it. */
export function Invoke({ name }: { name: string }) {
  const payload = useSignal('{\n  "hello": "world"\n}');
  const nobodyWaits = useSignal(false);
  const busy = useSignal(false);
  const answer = useSignal<Answer | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const wrong = faultOf(payload.value);

  const run = async () => {
    if (wrong !== undefined || busy.value) return;
    busy.value = true;
    const earlier = (sent.get(name) ?? []).filter((each) => each !== payload.value);
    sent.set(name, [payload.value, ...earlier].slice(0, kept));
    problem.value = undefined;
    const began = performance.now();
    try {
      const response = await send(`${functionUrl(name)}/invocations`, {
        method: "POST",
        body: payload.value,
        headers: {
          "x-amz-invocation-type": nobodyWaits.value ? "Event" : "RequestResponse",
          "x-amz-log-type": nobodyWaits.value ? "None" : "Tail",
        },
      });
      const text = await response.text();
      answer.value = {
        text: response.status === 202 ? "Taken: it runs when it is its turn." : pretty(text),
        failed: response.headers.get("x-amz-function-error") ?? undefined,
        tail: fromBase64(response.headers.get("x-amz-log-result") ?? ""),
        tookMs: performance.now() - began,
        version: response.headers.get("x-amz-executed-version") ?? "",
      };
    } catch (error) {
      problem.value = (error as Error).message;
      answer.value = undefined;
    }
    busy.value = false;
  };

  return (
    <>
      <label class="sr" for="payload">
        Payload
      </label>
      <textarea
        id="payload"
        rows={6}
        spellcheck={false}
        value={payload.value}
        onInput={(event) => {
          payload.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void run();
        }}
      />
      <div class="actions">
        <button type="button" onClick={run} disabled={wrong !== undefined || busy.value}>
          Invoke
        </button>
        <label>
          <input
            type="checkbox"
            checked={nobodyWaits.value}
            onChange={(event) => {
              nobodyWaits.value = event.currentTarget.checked;
            }}
          />{" "}
          do not wait
        </label>
        <Copy text={cli(name, payload.value, nobodyWaits.value)} label="Copy as aws CLI" />
        <select
          aria-label="Take a sample event"
          value=""
          onChange={(event) => {
            const sample = samples().find((each) => each.name === event.currentTarget.value);
            if (sample) payload.value = JSON.stringify(sample.event, null, 2);
            event.currentTarget.value = "";
          }}
        >
          <option value="">Sample event</option>
          {samples().map((sample) => (
            <option key={sample.name}>{sample.name}</option>
          ))}
        </select>
        {(sent.get(name) ?? []).length > 1 && (
          <select
            aria-label="Replay an earlier one"
            onChange={(event) => {
              payload.value = event.currentTarget.value;
            }}
          >
            {(sent.get(name) ?? []).map((each) => (
              <option key={each} value={each} selected={each === payload.value}>
                {each.replace(/\s+/g, " ").slice(0, 40)}
              </option>
            ))}
          </select>
        )}
        <span class="soft">
          {wrong ?? (
            <>
              <kbd>Ctrl</kbd> <kbd>Enter</kbd>
            </>
          )}
        </span>
      </div>
      <Problem text={problem.value} />
      {answer.value && (
        <div role="status">
          <p class={answer.value.failed ? "problem" : "soft"}>
            {answer.value.failed ? `${answer.value.failed} error` : "Answered"} in {ms(answer.value.tookMs)}
            {answer.value.version && `, version ${answer.value.version}`}
          </p>
          <pre>{answer.value.text}</pre>
          {answer.value.tail && (
            <details>
              <summary>Its log</summary>
              <pre>{answer.value.tail}</pre>
            </details>
          )}
        </div>
      )}
    </>
  );
}

/** Empty is allowed: the function gets no event. */
function faultOf(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return "This is no JSON yet";
  }
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
}

function cli(name: string, payload: string, nobodyWaits: boolean): string {
  const endpoint = platform.value?.endpoint ?? location.origin;
  const quoted = `'${payload.replaceAll("'", `'\\''`)}'`;
  const how = nobodyWaits ? " --invocation-type Event" : "";
  return `aws lambda invoke --endpoint-url ${endpoint} --function-name ${name}${how} --cli-binary-format raw-in-base64-out --payload ${quoted} /dev/stdout`;
}
