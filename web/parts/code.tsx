import { useSignal } from "@preact/signals";
import { ask, send } from "../api.ts";
import { functionUrl } from "../functions.ts";
import { bytes, plural } from "../words.ts";
import { entriesOf, unpacked, type ZipEntry } from "../zip.ts";
import { Card, Command, Copy, Empty, Problem, usePolled } from "./bits.tsx";

interface Package {
  readonly zip: ArrayBuffer;
  readonly entries: readonly ZipEntry[];
}

/** More than this is fetched only when somebody asks. */
const mostBytes = 20 * 1024 * 1024;
const mostShown = 300_000;
const mostListed = 400;

async function loadPackage(name: string): Promise<Package> {
  const { Code } = await ask<{ Code: { Location?: string } }>(functionUrl(name));
  const { pathname, search } = new URL(Code.Location!);
  // The link names the endpoint as the platform knows it, which need not be how this browser reached it.
  const zip = await (await send(`${pathname}${search}`)).arrayBuffer();
  return { zip, entries: entriesOf(zip) };
}

export interface CodeOf {
  readonly name: string;
  readonly handler: string | undefined;
  readonly size: number;
  readonly packageType: string | undefined;
  /** changes with the code */
  readonly sha256: string;
}

/** The package of a function: its files, and what is in them. */
export function Code({ name, handler, size, packageType, sha256 }: CodeOf) {
  const anyway = useSignal(false);
  if (packageType === "Image") {
    return (
      <Card title="Code">
        <Empty title="It is a container image">Its files are not shown here.</Empty>
      </Card>
    );
  }
  if (size > mostBytes && !anyway.value) {
    return (
      <Card title="Code">
        <Empty title={`The package has ${bytes(size)}`}>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              anyway.value = true;
            }}
          >
            Fetch it to look inside
          </button>
        </Empty>
      </Card>
    );
  }
  return <Files key={sha256} name={name} handler={handler} />;
}

function Files({ name, handler }: { name: string; handler: string | undefined }) {
  // Once: it changes with its hash, and then all of this is made anew.
  const found = usePolled(() => loadPackage(name), 86_400_000, [name]);
  const chosen = useSignal<string | undefined>(undefined);
  const wanted = useSignal("");
  const entries = found.value?.entries ?? [];
  const shown = entries.filter(({ path }) => path.toLowerCase().includes(wanted.value.toLowerCase()));
  const one = entries.find(({ path }) => path === chosen.value) ?? handlerFile(entries, handler) ?? entries[0];
  return (
    <Card title="Code" aside={<span>{`${plural(entries.length, "file")}, read only`}</span>}>
      <Problem text={found.problem} />
      <div class="code">
        <div>
          <input
            type="search"
            aria-label="Find a file"
            placeholder="Find a file"
            value={wanted.value}
            onInput={(event) => {
              wanted.value = event.currentTarget.value;
            }}
          />
          <ul class="files">
            {shown.slice(0, mostListed).map((entry) => (
              <li key={entry.path}>
                <button
                  type="button"
                  class="row"
                  aria-pressed={entry === one}
                  onClick={() => {
                    chosen.value = entry.path;
                  }}
                >
                  <span class="wrap">{entry.path}</span> <small class="soft">{bytes(entry.size)}</small>
                </button>
              </li>
            ))}
          </ul>
          {shown.length > mostListed && <p class="soft">{shown.length - mostListed} more: find them by name</p>}
        </div>
        {one && found.value && <FileText key={one.path} of={one} zip={found.value.zip} />}
      </div>
      <Command text={`thaw deploy . --name ${name}`} />
    </Card>
  );
}

function FileText({ of, zip }: { of: ZipEntry; zip: ArrayBuffer }) {
  const read = usePolled(
    async () => {
      const content = await unpacked(zip, of);
      if (content.subarray(0, 4000).includes(0)) return undefined;
      return new TextDecoder().decode(content.subarray(0, mostShown));
    },
    86_400_000,
    [of.path],
  );
  const text = read.value;
  return (
    <div class="source">
      <header>
        <span class="mono wrap">{of.path}</span>
        {text !== undefined && <Copy text={text} />}
      </header>
      <Problem text={read.problem} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has only a keyboard must be able to scroll it */}
      <pre tabIndex={0}>
        {text === undefined
          ? "Not text"
          : text.split("\n").map((line, index) => <span key={index}>{`${line}\n`}</span>)}
        {of.size > mostShown && <span>{`… ${bytes(of.size - mostShown)} more`}</span>}
      </pre>
    </div>
  );
}

/** `src/app.handler` is in `src/app.js` or another of its kind. */
function handlerFile(entries: readonly ZipEntry[], handler = ""): ZipEntry | undefined {
  const begin = handler.slice(0, handler.lastIndexOf("."));
  return begin === "" ? undefined : entries.find(({ path }) => path.replace(/\.\w+$/, "") === begin);
}
