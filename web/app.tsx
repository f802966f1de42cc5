import { useEffect } from "preact/hooks";
import { key, locked, platform } from "./api.ts";
import { connected, fresh } from "./live.ts";
import { Login } from "./login.tsx";
import { AlarmsPage } from "./pages/alarms.tsx";
import { ConcurrencyPage } from "./pages/concurrency.tsx";
import { CostPage } from "./pages/cost.tsx";
import { EnvironmentsPage } from "./pages/environments.tsx";
import { FunctionPage } from "./pages/function.tsx";
import { FunctionsPage } from "./pages/functions.tsx";
import { ImagesPage } from "./pages/images.tsx";
import { MetricsPage } from "./pages/metrics.tsx";
import { QueuesPage } from "./pages/queues.tsx";
import { SourcesPage } from "./pages/sources.tsx";
import { StartsPage } from "./pages/starts.tsx";
import { openPalette, Palette } from "./parts/palette.tsx";
import { go, pages, route } from "./route.ts";
import { nextTheme, theme } from "./theme.ts";

export function App() {
  useEffect(() => {
    let went = 0;
    const onKey = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key === "k") {
        event.preventDefault();
        openPalette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isWriting(event.target)) return;
      if (event.key === "/") {
        event.preventDefault();
        openPalette();
      } else if (event.key === "g") went = Date.now();
      else if (event.key === "t") nextTheme();
      else if (Date.now() - went < 1500) {
        const page = pages.find(({ letter }) => letter === event.key);
        if (page) go(page.path);
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  const here = pages.find(({ path }) => path !== "/" && route.value.startsWith(path)) ?? pages[0];
  useEffect(() => {
    // On a phone the pages are a row that does not fit.
    document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    document.title = here.path === "/" ? "Thaw" : `${here.name} · Thaw`;
  }, [here]);
  if (locked.value && key.value === undefined) return <Login />;
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        To the content
      </button>
      <nav class="side" aria-label="Pages">
        <a class="brand" href="#/">
          <img src="/_thaw/icon.svg" alt="" />
          Thaw
        </a>
        <ul>
          {pages.map(({ path, name, letter }) => (
            <li key={path}>
              <a
                href={`#${path}`}
                title={`${name} (g, then ${letter})`}
                {...(path === here.path ? { "aria-current": "page" } : {})}
              >
                {name}
              </a>
            </li>
          ))}
        </ul>
        <div class="foot">
          <span class={`pill ${connected.value ? "on" : ""}`} role="status">
            <i aria-hidden="true" />
            {connected.value ? "Live" : fresh.value ? "Connecting" : "Not reachable"}
          </span>
          <span class="wide">
            <kbd>/</kbd> find <kbd>g</kbd> go <kbd>t</kbd> theme
          </span>
          <button type="button" class="quiet" onClick={nextTheme}>
            {`Theme: ${theme.value}`}
          </button>
          {platform.value && <span class="wide">{`${platform.value.version} · ${platform.value.region}`}</span>}
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      <Palette />
    </div>
  );
}

function Page() {
  const path = route.value;
  if (path.startsWith("/functions/")) {
    const [name = "", tab = ""] = path.slice("/functions/".length).split("/");
    return <FunctionPage key={name} name={name} tab={tab} />;
  }
  if (path === "/functions") return <FunctionsPage />;
  if (path === "/environments") return <EnvironmentsPage />;
  if (path === "/metrics") return <MetricsPage />;
  if (path === "/concurrency") return <ConcurrencyPage />;
  if (path === "/sources") return <SourcesPage />;
  if (path === "/queues") return <QueuesPage />;
  if (path === "/images") return <ImagesPage />;
  if (path === "/alarms") return <AlarmsPage />;
  if (path === "/cost") return <CostPage />;
  return <StartsPage />;
}

const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
