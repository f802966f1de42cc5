/**
 * `npm run docs` writes docs/*.md as a site of plain files into dist/docs: one page each, a list of all, and a search that needs no
 * server. Nothing is fetched, so that it opens from the disk.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { marked } from "marked";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "docs");

export interface Page {
  readonly file: string;
  readonly title: string;
  readonly markdown: string;
}

/** All pages: those that index.md lists in its order, then what it does not name. */
export function pages(): Page[] {
  const listed = [...readFileSync(join(source, "index.md"), "utf8").matchAll(/\]\(([\w-]+\.md)\)/g)].map(
    ([, name]) => name!,
  );
  const all = readdirSync(source).filter((name) => name.endsWith(".md"));
  return [...new Set(["index.md", ...listed, ...all.sort()])].map((file) => {
    const markdown = readFileSync(join(source, file), "utf8");
    return { file, title: /^# (.+)$/m.exec(markdown)?.[1] ?? file, markdown };
  });
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const address = (file: string): string => file.replace(/\.md$/, ".html");
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/<[^>]*>|[^\w\s-]/g, "")
    .trim()
    .replace(/\s/g, "-");

/** A page's HTML: headings can be linked to, links between pages lead to pages. */
function body({ markdown }: Page): string {
  const html = marked.parse(markdown, { async: false, gfm: true });
  return html
    .replace(/<h([1-3])>(.*?)<\/h\1>/g, (_, level, text) => `<h${level} id="${anchor(text)}">${text}</h${level}>`)
    .replace(/href="([\w-]+)\.md(#[^"]*)?"/g, (_, name, hash = "") => `href="${name}.html${hash}"`);
}

function document(page: Page, all: readonly Page[]): string {
  const list = all.map(({ file, title }) => {
    const here = file === page.file ? ' aria-current="page"' : "";
    return `<li><a href="${address(file)}"${here}>${escaped(title)}</a></li>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(page.title)} · Thaw</title>
<link rel="stylesheet" href="site.css">
<nav aria-label="Pages"><input id="search" type="search" placeholder="Search" aria-label="Search"><ul id="found"></ul><ul>${list.join("")}</ul></nav>
<main>${body(page)}</main>
<script src="words.js"></script>
<script src="search.js"></script>
`;
}

/** Sections with their text, for the search in the page. */
function words(all: readonly Page[]): string {
  const sections = all.flatMap(({ file, title, markdown }) =>
    markdown.split(/^(?=#{1,3} )/m).map((text) => {
      const heading = /^#+ (.+)/.exec(text)?.[1] ?? title;
      const hash = heading === title ? "" : `#${anchor(heading)}`;
      return { page: title, heading, to: `${address(file)}${hash}`, text: text.replace(/[`*|#]/g, " ").toLowerCase() };
    }),
  );
  return `window.sections = ${JSON.stringify(sections)};\n`;
}

/** Writes the site and answers with its pages' names. */
export function build(target: string): string[] {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const all = pages();
  for (const page of all) writeFileSync(join(target, address(page.file)), document(page, all));
  writeFileSync(join(target, "words.js"), words(all));
  for (const file of ["site.css", "search.js"]) copyFileSync(join(source, "site", file), join(target, file));
  const images = join(source, "images");
  if (existsSync(images)) cpSync(images, join(target, "images"), { recursive: true });
  return all.map(({ file }) => address(file));
}

if (process.argv[1] === import.meta.filename) {
  const target = join(root, "dist/docs");
  console.log(`${build(target).length} pages: ${join(target, "index.html")}`);
}
