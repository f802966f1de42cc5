import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { functionNames } from "../functions.ts";
import { go, pages } from "../route.ts";
import { nextTheme } from "../theme.ts";

const open = signal(false);
const text = signal("");
const at = signal(0);

export function openPalette(): void {
  text.value = "";
  at.value = 0;
  open.value = true;
  void functionNames.load();
}

interface Choice {
  readonly name: string;
  readonly what: string;
  run(): void;
}

function choices(): Choice[] {
  const all: Choice[] = [
    ...pages.map(({ path, name }) => ({ name, what: "page", run: () => go(path) })),
    { name: "Change the theme", what: "command", run: nextTheme },
    ...functionNames.list.value.map((name) => ({ name, what: "function", run: () => go(`/functions/${name}`) })),
  ];
  const wanted = text.value.toLowerCase();
  return all.filter(({ name }) => name.toLowerCase().includes(wanted)).slice(0, 40);
}

/** Everything there is to go to, by the beginning of its name. */
export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open.value]);
  const found = open.value ? choices() : [];
  const choose = (choice: Choice | undefined) => {
    open.value = false;
    choice?.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      at.value = (at.value + step + found.length) % Math.max(1, found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[at.value]);
    }
  };
  return (
    <dialog
      ref={dialog}
      aria-label="Go to"
      onClose={() => {
        open.value = false;
      }}
    >
      <input
        aria-label="Page, function or command"
        placeholder="Page, function or command"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={onKey}
      />
      <ul class="choices">
        {found.map((choice, index) => (
          <li key={`${choice.what} ${choice.name}`}>
            <button
              type="button"
              class="row"
              aria-pressed={index === at.value}
              tabIndex={-1}
              onClick={() => choose(choice)}
            >
              <span class="choice">{choice.name}</span>
              <small>{choice.what}</small>
            </button>
          </li>
        ))}
      </ul>
    </dialog>
  );
}
