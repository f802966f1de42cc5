import { effect, signal } from "@preact/signals";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const storedAs = "thaw-theme";
const stored = themes.find((one) => one === localStorage.getItem(storedAs));

export const theme = signal<Theme>(stored ?? "auto");
/** grows when colours have changed: what is drawn on a canvas has to be drawn anew */
export const colours = signal(0);

effect(() => {
  const wanted = theme.value;
  localStorage.setItem(storedAs, wanted);
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  colours.value = colours.peek() + 1;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours.value++;
});

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length]!;
}
