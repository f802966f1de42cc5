/** `npm run commands-page` writes docs/commands.md out of the command line's own help, so that it cannot say anything else. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command, Option } from "commander";
import { createProgram } from "../src/cli/program.ts";

export const pagePath = resolve(import.meta.dirname, "../docs/commands.md");

/** A cell of a table: one line, and no bar that would end it. */
const cell = (text: string): string => text.replaceAll("|", "\\|").replace(/\s+/g, " ").trim();
const code = (text: string): string => `\`${cell(text)}\``;

function meaning({ description, argChoices }: Pick<Option, "description" | "argChoices">): string {
  return cell(argChoices === undefined ? description : `${description}: ${argChoices.join(", ")}`);
}

const table = (heading: string, rows: readonly (readonly [string, string])[]): string[] =>
  rows.length === 0
    ? []
    : ["", `| ${heading} | |`, "|---|---|", ...rows.map(([name, text]) => `| ${code(name)} | ${text} |`)];

function section(command: Command): string[] {
  const help = command.createHelp();
  const name = command.name();
  const usage = `thaw ${name}${command.usage() === "" ? "" : ` ${command.usage()}`}`;
  const options = help.visibleOptions(command).filter(({ long }) => long !== "--help");
  return [
    "",
    `## thaw ${name}`,
    "",
    `${sentence(command.description())}`,
    "",
    "```sh",
    usage,
    "```",
    ...table(
      "argument",
      help.visibleArguments(command).map((each) => [help.argumentTerm(each), cell(help.argumentDescription(each))]),
    ),
    ...table(
      "option",
      options.map((option) => [option.flags, meaning(option)]),
    ),
  ];
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;

/** The whole page. */
export function page(program: Command = createProgram("0")): string {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((each) => each.name() !== "help");
  const options = help.visibleOptions(program).filter(({ long }) => long !== "--help");
  return [
    "# Commands",
    "",
    sentence(program.description()),
    "",
    "This page is made of the command line's own help (`npm run commands-page`); `thaw COMMAND --help` says the same.",
    ...table(
      "every command takes",
      options.map((option) => [option.flags, meaning(option)]),
    ),
    "",
    "Exit codes: 0 ok, 1 error, 2 wrong command line, 3 the function returned an error. Results go to standard output, all else to",
    "standard error.",
    ...commands.flatMap(section),
    "",
  ].join("\n");
}

if (process.argv[1] === import.meta.filename) writeFileSync(pagePath, page());
