import { compilePath, InvalidPath } from "./json-path.ts";

/** What a target gets instead of the event; at most one of them. */
export interface InputRule {
  readonly Input?: string | undefined;
  readonly InputPath?: string | undefined;
  readonly InputTransformer?: InputTransformer | undefined;
}

export interface InputTransformer {
  readonly InputPathsMap?: Readonly<Record<string, string>> | undefined;
  readonly InputTemplate: string;
}

/** What is known of an event beside its own members. */
export interface Occasion {
  readonly ruleArn: string;
  readonly ruleName: string;
  /** ISO 8601 */
  readonly ingested: string;
}

/** An input rule that cannot be used. The message is one for the user. */
export class InvalidInput extends Error {}

/** It makes no JSON of this event. */
export class InputFailure extends Error {}

const variable = /<([^<>\s"]+)>/g;
const predefined = new Set([
  "aws.events.rule-arn",
  "aws.events.rule-name",
  "aws.events.event.ingestion-time",
  "aws.events.event",
  "aws.events.event.json",
]);

/** Throws InvalidInput, in EventBridge's words as far as they are known. `id`: of the target. */
export function checkInput(rule: InputRule, id: string): void {
  const given = [rule.Input, rule.InputPath, rule.InputTransformer].filter((one) => one !== undefined);
  if (given.length > 1) {
    throw new InvalidInput(`Only one of Input, InputPath, or InputTransformer must be provided for target ${id}.`);
  }
  if (rule.Input !== undefined && !isJson(rule.Input)) {
    throw new InvalidInput(`JSON syntax error in input for target ${id}`);
  }
  if (rule.InputPath !== undefined) checkPath(rule.InputPath, `Invalid InputPath for target ${id}.`);
  if (rule.InputTransformer === undefined) return;
  const { InputPathsMap = {}, InputTemplate } = rule.InputTransformer;
  for (const [name, path] of Object.entries(InputPathsMap)) {
    if (name.toUpperCase().startsWith("AWS")) {
      throw new InvalidInput(`InputPathsMap for target ${id} contains reserved prefix AWS.`);
    }
    checkPath(path, `Invalid InputPathsMap for target ${id}.`);
  }
  for (const [, name = ""] of InputTemplate.matchAll(variable)) {
    if (Object.hasOwn(InputPathsMap, name) || predefined.has(name)) continue;
    throw new InvalidInput(`InputTemplate for target ${id} contains invalid placeholder ${name}.`);
  }
}

function checkPath(path: string, message: string): void {
  try {
    compilePath(path);
  } catch (error) {
    if (error instanceof InvalidPath) throw new InvalidInput(message);
    throw error;
  }
}

/**
 * The text that a target gets. `text`: the event as it is sent to who changes nothing. Throws InputFailure.
 * Source: EventBridge User Guide, "Amazon EventBridge input transformation".
 */
export function inputOf(rule: InputRule, event: object, text: string, occasion: Occasion): string {
  if (rule.Input !== undefined) return rule.Input;
  if (rule.InputPath !== undefined) return JSON.stringify(compilePath(rule.InputPath)(event) ?? {});
  if (rule.InputTransformer === undefined) return text;
  return transformed(rule.InputTransformer, event, text, occasion);
}

function transformed(
  { InputPathsMap = {}, InputTemplate }: InputTransformer,
  event: object,
  text: string,
  occasion: Occasion,
): string {
  const isText = !/^\s*[{[]/.test(InputTemplate);
  const named = (name: string): unknown => {
    if (name === "aws.events.rule-arn") return occasion.ruleArn;
    if (name === "aws.events.rule-name") return occasion.ruleName;
    if (name === "aws.events.event.ingestion-time") return occasion.ingested;
    if (name === "aws.events.event") return withoutDetail(event);
    if (name === "aws.events.event.json") return event;
    const path = Object.hasOwn(InputPathsMap, name) ? InputPathsMap[name] : undefined;
    return path === undefined ? undefined : compilePath(path)(event);
  };
  const filled = fill(InputTemplate, (name, quoted) => {
    if (name === "aws.events.event.json" && !quoted) return text;
    const value = named(name);
    // A variable whose path leads nowhere is not there.
    if (value === undefined) return quoted ? "" : '""';
    if (!quoted) return JSON.stringify(value);
    if (typeof value === "string") return JSON.stringify(value).slice(1, -1);
    // What is no string loses its own quotes within those of the template.
    return JSON.stringify(value).replaceAll('"', "");
  });
  if (!isText && !isJson(filled)) throw new InputFailure(`InputTemplate gives no valid JSON: ${filled.slice(0, 200)}`);
  return filled;
}

/** Replaces variables; `quoted`: it stands within a string of JSON. */
function fill(template: string, replace: (name: string, quoted: boolean) => string): string {
  let quoted = false;
  let from = 0;
  let result = "";
  for (const found of template.matchAll(variable)) {
    const before = template.slice(from, found.index);
    for (const quote of before.matchAll(/\\.|"/gs)) if (quote[0] === '"') quoted = !quoted;
    result += before + replace(found[1]!, quoted);
    from = found.index + found[0].length;
  }
  return result + template.slice(from);
}

function withoutDetail(event: object): object {
  const { detail: _detail, "detail-type": detailType, ...rest } = event as Record<string, unknown>;
  return { ...rest, detailType };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
