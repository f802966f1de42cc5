import type { Command } from "commander";
import { usageFailure } from "../failure.ts";
import { print } from "../output.ts";

/** What may follow a command, read off the command line's own definition so that the two cannot drift apart. */
interface Entry {
  readonly name: string;
  readonly description: string;
  readonly options: readonly {
    readonly flag: string;
    readonly description: string;
    readonly takesValue: boolean;
    readonly choices: readonly string[];
  }[];
  readonly argument: "function" | "path" | "none";
  /** words that the first argument is one of */
  readonly words: readonly string[];
}

const shells = ["bash", "zsh", "fish"];

/** Prints a completion script. `source <(thaw completion bash)`. */
export function completion(shell: string, program: Command): void {
  print(script(shell, describe(program)));
}

function script(shell: string, entries: readonly Entry[]): string {
  switch (shell) {
    case "bash":
      return bash(entries);
    case "zsh":
      // zsh runs bash's own completion functions through bashcompinit
      return `#compdef thaw\nautoload -U +X bashcompinit && bashcompinit\n${bash(entries)}`;
    case "fish":
      return fish(entries);
    default:
      throw usageFailure(`There is no completion for ${JSON.stringify(shell)}.`, `use one of ${shells.join(", ")}`);
  }
}

function describe(program: Command): Entry[] {
  const help = program.createHelp();
  const optionsOf = (command: Command): Entry["options"] =>
    [...command.options, ...(command === program ? [] : program.options)]
      .filter((option) => option.long !== undefined && option.long !== "--version")
      .map((option) => ({
        flag: option.long as string,
        description: option.description,
        takesValue: option.required || option.optional,
        choices: option.argChoices ?? [],
      }));
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    description: command.description(),
    options: optionsOf(command),
    argument: argumentOf(command),
    words: command.name() === "completion" ? shells : (command.registeredArguments[0]?.argChoices ?? []),
  }));
}

function argumentOf(command: Command): Entry["argument"] {
  if (["invoke", "logs", "delete", "bench", "tune", "advise"].includes(command.name())) return "function";
  return ["deploy", "dev", "simulate"].includes(command.name()) ? "path" : "none";
}

function bash(entries: readonly Entry[]): string {
  const values = new Map<string, string>();
  for (const entry of entries) {
    for (const option of entry.options) {
      if (option.takesValue) values.set(`${entry.name} ${option.flag}`, option.choices.join(" "));
    }
  }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's placeholder
  const lines = ["_thaw() {", '  local cur=$2 prev=$3 command=${COMP_WORDS[1]} words=""', "  COMPREPLY=()"];
  lines.push('  if [ "$COMP_CWORD" -eq 1 ]; then', `    words="${entries.map((entry) => entry.name).join(" ")}"`);
  lines.push("  else", '    case "$command $prev" in');
  for (const [key, choices] of values) {
    const action =
      choices === "" ? 'COMPREPLY=($(compgen -f -- "$cur"))' : `COMPREPLY=($(compgen -W "${choices}" -- "$cur"))`;
    lines.push(`      "${key}") ${action}; return ;;`);
  }
  lines.push("    esac", '    case "$command" in');
  for (const entry of entries) {
    const flags = entry.options.map((option) => option.flag).join(" ");
    const extra = entry.argument === "function" ? "$(thaw function-names 2>/dev/null)" : entry.words.join(" ");
    lines.push(`      ${entry.name}) words="${flags}"`);
    // options only once a dash is typed; else what the command's argument may be
    if (extra !== "") lines.push(`        case "$cur" in -*) ;; *) words="${extra}" ;; esac ;;`);
    else if (entry.argument === "path") {
      lines.push('        case "$cur" in -*) ;; *) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac ;;');
    } else lines.push("        ;;");
  }
  lines.push("    esac", "  fi", '  COMPREPLY=($(compgen -W "$words" -- "$cur"))', "}");
  lines.push("complete -o filenames -F _thaw thaw");
  return lines.join("\n");
}

function fish(entries: readonly Entry[]): string {
  const quote = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const lines = ["complete -c thaw -f"];
  for (const entry of entries) {
    lines.push(`complete -c thaw -n __fish_use_subcommand -a ${entry.name} -d ${quote(entry.description)}`);
    const seen = `-n '__fish_seen_subcommand_from ${entry.name}'`;
    if (entry.argument === "function") lines.push(`complete -c thaw ${seen} -a '(thaw function-names 2>/dev/null)'`);
    if (entry.argument === "path") lines.push(`complete -c thaw ${seen} -F`);
    if (entry.words.length > 0) lines.push(`complete -c thaw ${seen} -a '${entry.words.join(" ")}'`);
    for (const option of entry.options) {
      const value = option.choices.length > 0 ? ` -x -a '${option.choices.join(" ")}'` : option.takesValue ? " -r" : "";
      lines.push(`complete -c thaw ${seen} -l ${option.flag.slice(2)}${value} -d ${quote(option.description)}`);
    }
  }
  return lines.join("\n");
}
