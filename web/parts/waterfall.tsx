import { type Invocation, ms, phases } from "../words.ts";

/** Where the milliseconds of one invocation went: its phases, one after another. */
export function Waterfall({ of }: { of: Invocation }) {
  const { timing } = of;
  let before = 0;
  const lanes = phases.flatMap((phase) => {
    const value = timing[phase.key];
    if (value <= 0) return [];
    const from = before;
    before += value;
    return [{ ...phase, from, value }];
  });
  const whole = Math.max(timing.total, before, 0.001);
  return (
    <ol class="fall">
      {lanes.map(({ key, name, of: owner, from, value }) => (
        <li key={key}>
          <span>{name}</span>
          <span class="lane">
            <i class={`of-${owner}`} style={{ left: `${(from / whole) * 100}%`, width: `${(value / whole) * 100}%` }} />
          </span>
          <span class="number">{ms(value)}</span>
        </li>
      ))}
      <li>
        <strong>Together</strong>
        <span />
        <strong class="number">{ms(timing.total)}</strong>
      </li>
    </ol>
  );
}

/** The same in one line. */
export function MiniFall({ of: { timing } }: { of: Invocation }) {
  return (
    <span class="mini" aria-hidden="true">
      {phases.map(({ key, of }) => {
        const value = timing[key];
        return value > 0 ? (
          <i key={key} class={`of-${of}`} style={{ width: `${(value / timing.total) * 100}%` }} />
        ) : null;
      })}
    </span>
  );
}

export function WaterfallKey() {
  const owners = [
    ["platform", "Platform"],
    ["restore", "Restore"],
    ["runtime", "Runtime"],
    ["code", "Your init"],
    ["handler", "Handler"],
    ["wait", "Waiting"],
  ] as const;
  return (
    <div class="key">
      {owners.map(([owner, name]) => (
        <span key={owner}>
          <i aria-hidden="true" class={`of-${owner}`} />
          {name}
        </span>
      ))}
    </div>
  );
}
