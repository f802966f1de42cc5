import type { AlarmState } from "./alarm-evaluation.ts";

/** What a composite alarm is made of. Source: CloudWatch API Reference, PutCompositeAlarm. */
export type Rule =
  | { readonly kind: "state"; readonly state: AlarmState; readonly alarm: string }
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "not"; readonly of: Rule }
  | { readonly kind: "and" | "or"; readonly of: readonly Rule[] };

export class RuleError extends Error {
  override readonly name = "RuleError";
}

const deepest = 50;

/** Alarms are named by name or ARN, quoted or not. Throws RuleError. */
export function parseRule(text: string): Rule {
  const tokens = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|([()])|([^\s()"]+)/g)].map(([whole, quoted, sign]) => ({
    word: quoted?.replace(/\\(.)/g, "$1") ?? whole,
    isSign: sign !== undefined,
  }));
  let at = 0;
  const isWord = (word: string) => !tokens[at]?.isSign && tokens[at]?.word.toUpperCase() === word;
  const take = (sign: string) => {
    if (!tokens[at]?.isSign || tokens[at]?.word !== sign) throw new RuleError(`"${sign}" is expected`);
    at++;
  };

  function chain(kind: "and" | "or", word: string, inner: (depth: number) => Rule, depth: number): Rule {
    const of = [inner(depth)];
    while (isWord(word)) {
      at++;
      of.push(inner(depth));
    }
    return of.length === 1 ? of[0]! : { kind, of };
  }
  const either = (depth: number): Rule => chain("or", "OR", both, depth);
  const both = (depth: number): Rule => chain("and", "AND", operand, depth);

  function operand(depth: number): Rule {
    if (depth > deepest) throw new RuleError("the rule is nested too deeply");
    const next = tokens[at++];
    if (next === undefined) throw new RuleError("the rule ends too early");
    if (next.isSign) {
      if (next.word !== "(") throw new RuleError(`"${next.word}" is unexpected`);
      const inner = either(depth + 1);
      take(")");
      return inner;
    }
    const word = next.word.toUpperCase();
    if (word === "NOT") return { kind: "not", of: operand(depth + 1) };
    if (word === "TRUE" || word === "FALSE") return { kind: "constant", value: word === "TRUE" };
    if (word !== "ALARM" && word !== "OK" && word !== "INSUFFICIENT_DATA") {
      throw new RuleError(`"${next.word}" is unexpected`);
    }
    take("(");
    const alarm = tokens[at++];
    if (alarm === undefined || alarm.isSign) throw new RuleError("an alarm is expected");
    take(")");
    return { kind: "state", state: word, alarm: alarm.word.replace(/^arn:.*?:alarm:/, "") };
  }

  const rule = either(0);
  if (at < tokens.length) throw new RuleError(`"${tokens[at]?.word}" is unexpected`);
  return rule;
}

/** Names of the alarms that a rule speaks of. */
export function alarmsOf(rule: Rule): string[] {
  if (rule.kind === "state") return [rule.alarm];
  if (rule.kind === "constant") return [];
  return rule.kind === "not" ? alarmsOf(rule.of) : rule.of.flatMap(alarmsOf);
}

export function holds(rule: Rule, stateOf: (alarm: string) => AlarmState | undefined): boolean {
  switch (rule.kind) {
    case "constant":
      return rule.value;
    case "state":
      return stateOf(rule.alarm) === rule.state;
    case "not":
      return !holds(rule.of, stateOf);
    case "and":
      return rule.of.every((one) => holds(one, stateOf));
    case "or":
      return rule.of.some((one) => holds(one, stateOf));
  }
}
