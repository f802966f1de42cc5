import { useEffect, useRef } from "preact/hooks";
import { ahead, invocations, starts } from "../live.ts";
import { colours } from "../theme.ts";
import { type Kind, kinds, kindWords, ms, startMs, wasAhead } from "../words.ts";

const spanMs = 60_000;
/** logarithmic, milliseconds */
const lowest = 1;
const highest = 10_000;
const marks = [1, 10, 100, 1000, 10_000];
const colourOf: Readonly<Record<Kind, string>> = {
  warm: "--run",
  clone: "--clone",
  restore: "--restore",
  pool: "--runtime",
  plain: "--plain",
};

/** The last minute: each start that a call waited for a bar as high as it took long, one that was ready before a dot, each warm call a tick below. */
export function Strip() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let frame = 0;
    let drawn = 0;
    const draw = (now: number) => {
      frame = requestAnimationFrame(draw);
      // Thirty times a second look like sixty, where all that moves is a slow strip.
      if (now - drawn < (still ? 500 : 33)) return;
      drawn = now;
      if (canvas.current) paint(canvas.current);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [colours.value]);
  const latest = starts.value.filter(({ at }) => at > Date.now() + ahead.value - spanMs);
  return (
    <>
      <canvas
        ref={canvas}
        class="strip"
        role="img"
        aria-label={`The last minute: ${latest.length} starts; the list below has the same`}
      />
      <div class="key">
        {kinds
          .filter((kind) => kind !== "clone" || latest.some(({ timing }) => timing.start === "clone"))
          .map((kind) => (
            <span key={kind} class={`kind-${kind}`} title={kindWords[kind].says}>
              <i aria-hidden="true" />
              {kindWords[kind].name}
            </span>
          ))}
      </div>
    </>
  );
}

function paint(canvas: HTMLCanvasElement): void {
  const ratio = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
    canvas.width = width * ratio;
    canvas.height = height * ratio;
  }
  const brush = canvas.getContext("2d")!;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name);
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, width, height);
  brush.font = "11px ui-sans-serif, system-ui, sans-serif";

  const left = 58;
  const ground = height - 34;
  const top = 10;
  const y = (value: number) => {
    const share = Math.log(Math.max(lowest, Math.min(highest, value)) / lowest) / Math.log(highest / lowest);
    return ground - share * (ground - top);
  };
  brush.textAlign = "right";
  brush.textBaseline = "middle";
  for (const mark of marks) {
    brush.fillStyle = colour("--line");
    brush.fillRect(left, Math.round(y(mark)), width - left, 1);
    brush.fillStyle = colour("--soft");
    brush.fillText(ms(mark).replace(".0", ""), left - 10, y(mark));
  }
  const now = Date.now() + ahead.value;
  // What has just happened comes with the next half second: it appears at the edge, not behind it.
  const x = (at: number) => width - 4 - ((now - 700 - at) / spanMs) * (width - left - 4);
  brush.textBaseline = "alphabetic";
  brush.fillStyle = colour("--soft");
  brush.fillText("now", width - 2, height - 3);
  brush.textAlign = "center";
  for (const seconds of [15, 30, 45]) brush.fillText(`−${seconds} s`, x(now - 700 - seconds * 1000), height - 3);

  brush.fillStyle = colour("--run");
  brush.globalAlpha = 0.55;
  for (const one of invocations.value) {
    const place = x(one.at);
    if (place < left) break;
    if (one.timing.start === "warm") brush.fillRect(place - 1, ground + 7, 2, 5);
  }
  brush.globalAlpha = 1;
  for (const one of starts.value) {
    const place = x(one.at);
    if (place < left) break;
    const up = y(startMs(one));
    brush.fillStyle = colour(colourOf[one.timing.start]);
    if (wasAhead(one)) {
      brush.beginPath();
      brush.arc(place, ground - 5, 2.5, 0, 7);
      brush.fill();
      continue;
    }
    brush.beginPath();
    brush.roundRect(place - 2.5, up, 5, Math.max(2, ground - up), [2.5, 2.5, 0, 0]);
    brush.fill();
    if (one.errorType !== undefined) {
      brush.fillStyle = colour("--bad");
      brush.fillRect(place - 2.5, ground + 2, 5, 3);
    }
  }
}
