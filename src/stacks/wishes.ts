import { changesOf } from "./changes.ts";
import { createEvaluation } from "./evaluation.ts";
import { invalid, StackError } from "./failure.ts";
import { parameterTexts, parameterValues, ssmType } from "./parameters.ts";
import type { Actor, Change, Description, StackRecord } from "./records.ts";
import { type Calls, handlerOf } from "./resources/index.ts";
import type { StackStore } from "./store.ts";
import { capabilitiesOf, parseTemplate, prepare, type Template } from "./template.ts";
import { unknownTypes } from "./worker.ts";

/** Who asks for something to be done, and where. */
export interface Asker {
  readonly account: string;
  readonly region: string;
  readonly actor: Actor;
}

/** What creating, updating and change sets have in common. */
export interface Wish {
  readonly stackName: string;
  /** undefined: the template that the stack has */
  readonly template: string | undefined;
  /** `previous`: the value that the stack has */
  readonly parameters: Readonly<Record<string, string | typeof previous>>;
  /** undefined: those that the stack has */
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly capabilities: readonly string[];
  readonly notificationArns: readonly string[] | undefined;
  readonly roleArn?: string | undefined;
  readonly token?: string | undefined;
  readonly disableRollback?: boolean | undefined;
  readonly onFailure?: "ROLLBACK" | "DELETE" | "DO_NOTHING" | undefined;
  readonly timeoutMinutes?: number | undefined;
  readonly protected?: boolean | undefined;
}

export const previous: unique symbol = Symbol("previous value");

/** What comes of a wish, as far as that is known without doing anything. */
export interface Intention {
  readonly description: Omit<Description, "outputs" | "imports">;
  readonly changes: readonly Change[];
  /** neither resources nor outputs nor tags would be others */
  readonly unchanged: boolean;
}

export interface WishesNeeds {
  readonly store: StackStore;
  calls(actor: Actor, region: string): Calls;
  exported(account: string, region: string, name: string): string | undefined;
}

export type Describe = ReturnType<typeof createWishes>;

/** Reads wishes. What it gives rejects with StackError. */
export function createWishes({ store, calls: callsOf, exported }: WishesNeeds) {
  /** What a stack is to be, checked as far as that is possible without doing it. */
  return async function describe(asker: Asker, wish: Wish, current: StackRecord | undefined): Promise<Intention> {
    const text = wish.template ?? (current === undefined ? undefined : store.text(asker.account, current.template));
    if (text === undefined || text === "") throw invalid("Either Template URL or Template Body must be specified.");
    const template = parseTemplate(text);
    checkCapabilities(template, wish.capabilities);
    const given: Record<string, string> = {};
    for (const [name, value] of Object.entries(wish.parameters)) {
      if (value !== previous) given[name] = value;
      else if (current?.parameters[name] !== undefined) given[name] = current.parameters[name];
      else if (template.parameters[name]?.Default === undefined) {
        throw invalid(
          `Invalid input for parameter key ${name}. Cannot specify usePreviousValue as true for a parameter key not in the previous template`,
        );
      }
    }
    const texts = parameterTexts(template, given);
    const resolved = await resolve(asker, template, texts);
    const values = parameterValues(template, texts, resolved);
    const ready = prepare(template, values);
    const tags = wish.tags ?? current?.tags ?? {};
    const description: Omit<Description, "outputs" | "imports"> = {
      template: store.keep(asker.account, text),
      parameters: given,
      resolved,
      tags,
      capabilities: wish.capabilities,
      notificationArns: wish.notificationArns ?? current?.notificationArns ?? [],
      description: template.description,
    };
    const evaluation = createEvaluation(ready, {
      stack: {
        account: asker.account,
        region: asker.region,
        id: current?.id ?? "",
        stackName: wish.stackName,
        notificationArns: description.notificationArns,
      },
      parameters: values,
      resource: (logicalId) => current?.resources[logicalId],
      exported: (name) => exported(asker.account, asker.region, name),
    });
    const broken = evaluation.broken();
    if (broken.length > 0) throw invalid(`Template validation error: ${broken.join("; ")}`);
    const types = ready.order.filter((id) => evaluation.has(id)).map((id) => ready.resources.get(id)!.type);
    const unknown = [...new Set(types)].filter((type) => handlerOf(type) === undefined);
    if (unknown.length > 0) throw invalid(unknownTypes(unknown));
    const tagsChange = current !== undefined && JSON.stringify(current.tags) !== JSON.stringify(tags);
    const changes = changesOf(ready, evaluation, current?.resources ?? {}, tagsChange);
    const outputs = evaluation.outputs();
    const same =
      current !== undefined && Array.isArray(outputs) && JSON.stringify(outputs) === JSON.stringify(current.outputs);
    return { description, changes, unchanged: changes.length === 0 && same && !tagsChange };
  };
  /** Values of parameters that name a parameter of Systems Manager. */
  async function resolve(asker: Asker, template: Template, texts: Readonly<Record<string, string>>) {
    const resolved: Record<string, string> = {};
    const calls = callsOf(asker.actor, asker.region);
    for (const [name, declaration] of Object.entries(template.parameters)) {
      const Name = texts[name];
      if (ssmType(declaration.Type) === undefined || Name === undefined) continue;
      const answer = await calls.json("ssm", "AmazonSSM.GetParameters", { Names: [Name] });
      const [found] = Array.isArray(answer.Parameters) ? (answer.Parameters as { Value?: unknown }[]) : [];
      if (found === undefined)
        throw invalid(`Unable to fetch parameters [${Name}] from parameter store for this account.`);
      resolved[name] = String(found.Value);
    }
    return resolved;
  }
}

function checkCapabilities(template: Template, given: readonly string[]): void {
  const { needed } = capabilitiesOf(template);
  const lacking = needed.filter(
    (capability) =>
      !given.includes(capability) && !(capability === "CAPABILITY_IAM" && given.includes("CAPABILITY_NAMED_IAM")),
  );
  if (
    template.transforms.length > 0 &&
    !given.includes("CAPABILITY_AUTO_EXPAND") &&
    template.transforms.some((name) => name !== "AWS::Serverless-2016-10-31" && name !== "AWS::LanguageExtensions")
  ) {
    lacking.push("CAPABILITY_AUTO_EXPAND");
  }
  if (lacking.length > 0) {
    throw new StackError("InsufficientCapabilitiesException", `Requires capabilities : [${lacking.join(", ")}]`);
  }
}

/** Throws ValidationError unless nothing is being done to the stack and it is as it should be. */
export function checkUpdatable({ stackName, id, status, operation }: StackRecord): void {
  if (
    operation === undefined &&
    /^(CREATE|UPDATE|UPDATE_ROLLBACK|IMPORT)_COMPLETE$|^UPDATE_(ROLLBACK_)?FAILED$/.test(status)
  )
    return;
  throw invalid(`Stack:${id || stackName} is in ${status} state and can not be updated.`);
}
