import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { type Kind, kindWords } from "../words.ts";

export function Card(props: {
  title?: string;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={`card ${props.class ?? ""}`}>
      {props.title && (
        <header>
          <h2>{props.title}</h2>
          {props.aside && <div class="aside">{props.aside}</div>}
        </header>
      )}
      {props.children}
    </section>
  );
}

/** Nothing is there yet: what to do so that there is. */
export function Empty(props: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{props.title}</strong>
      <div>{props.children}</div>
    </div>
  );
}

/** A line for a shell. */
export function Command({ text }: { text: string }) {
  return (
    <span class="command">
      <code>{text}</code>
      <Copy text={text} />
    </span>
  );
}

export function KindTag({ kind }: { kind: string }) {
  const words = kindWords[kind as Kind];
  return (
    <span class={`tag kind-${kind}`} title={words?.says}>
      <i aria-hidden="true" />
      {words?.name ?? kind}
    </span>
  );
}

export function Figure(props: { name: string; value: string; hint?: string }) {
  return (
    <div class="figure">
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
      {props.hint && <small>{props.hint}</small>}
    </div>
  );
}

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const done = useSignal(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    done.value = true;
    setTimeout(() => {
      done.value = false;
    }, 1200);
  };
  return (
    <button type="button" class="quiet" onClick={copy}>
      {done.value ? "Copied" : label}
    </button>
  );
}

/** What a page asks for when it is opened, and then every so often. */
export function usePolled<T>(load: () => Promise<T>, everyMs: number, on: readonly unknown[] = []) {
  const value = useSignal<T | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const turn = useSignal(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const run = async () => {
      try {
        const loaded = await load();
        if (over) return;
        value.value = loaded;
        problem.value = undefined;
      } catch (error) {
        if (!over) problem.value = (error as Error).message;
      }
      if (!over) timer = setTimeout(run, everyMs);
    };
    void run();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [...on, turn.value]);
  return {
    value: value.value,
    problem: problem.value,
    again: () => {
      turn.value++;
    },
  };
}

export function Problem({ text }: { text: string | undefined }) {
  return text === undefined ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}
