import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const onPath = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name)));
const executablePath = [process.env.THAW_TEST_CHROMIUM ?? "", ...onPath].find(
  (path) => path !== "" && existsSync(path),
);

/** false, or why nothing can be looked at */
export const skip = executablePath === undefined ? "no Chromium on the PATH (Debian: apt install chromium)" : false;

export const openBrowser = (): Promise<Browser> =>
  // Where containers have little shared memory, pages would crash for want of it.
  chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** A loaded machine draws a page when it gets round to it. */
const patienceMs = 90_000;

/** A page, and everything that it complained of. */
export interface Watched {
  readonly page: Page;
  readonly complaints: string[];
}

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

/** Opens the dashboard of a platform. Errors of scripts, on the console and against the page's policy are kept. */
export async function openDashboard(browser: Browser, endpoint: string, look: Look = {}): Promise<Watched> {
  const { width = 1280, height = 900, colorScheme = "light" } = look;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  page.setDefaultTimeout(patienceMs);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => {
    if (new URL(response.url()).origin !== endpoint) complaints.push(`asked ${response.url()}`);
  });
  await page.goto(`${endpoint}/_thaw/`);
  return { page, complaints };
}

/** What somebody who cannot see the page, or has no mouse, would stumble over; and what is wider than the screen. */
export function faults(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const found = [];
    const nameOf = (one) =>
      (one.getAttribute("aria-label") ?? "") + [...(one.labels ?? [])].map((each) => each.textContent).join() + one.textContent + (one.title ?? "");
    const shown = (one) => one.checkVisibility();
    for (const one of [...document.querySelectorAll("a, button, input, select, textarea")].filter(shown))
      if (nameOf(one).trim() === "") found.push("no name: " + one.outerHTML.slice(0, 80));
    for (const one of document.querySelectorAll("img:not([alt]), svg[role=img]:not(:has(title)), canvas:not([aria-label])"))
      found.push("no words for a picture: " + one.outerHTML.slice(0, 80));
    if (document.querySelectorAll("h1").length !== 1) found.push("headings of the page: " + document.querySelectorAll("h1").length);
    if (document.querySelectorAll("main").length !== 1) found.push("no main part");
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    if (new Set(ids).size !== ids.length) found.push("an id twice");
    if (document.documentElement.lang === "") found.push("no language");
    const wider = document.documentElement.scrollWidth - innerWidth;
    if (wider > 0) found.push("wider than the screen: " + wider);
    const channels = (colour) => {
      const painter = new OffscreenCanvas(1, 1).getContext("2d");
      painter.fillStyle = colour;
      painter.fillRect(0, 0, 1, 1);
      return [...painter.getImageData(0, 0, 1, 1).data];
    };
    const light = ([red, green, blue]) => {
      const [r, g, b] = [red, green, blue].map((each) => (each /= 255) <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (one) => {
      for (let each = one; each; each = each.parentElement) {
        const colour = channels(getComputedStyle(each).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return [255, 255, 255];
    };
    const worst = new Map();
    const walker = document.createTreeWalker(document.querySelector("#app"), NodeFilter.SHOW_TEXT);
    const seen = new Set();
    while (walker.nextNode()) {
      const one = walker.currentNode.parentElement;
      if (seen.has(one.className + one.tagName) || !shown(one) || one.disabled || walker.currentNode.data.trim() === "") continue;
      seen.add(one.className + one.tagName);
      const [a, b] = [light(channels(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
      const contrast = (a + 0.05) / (b + 0.05);
      if (contrast < 4.5) found.push("hard to read (" + contrast.toFixed(1) + "): " + one.outerHTML.slice(0, 80));
    }
    return found;
  })()`);
}
