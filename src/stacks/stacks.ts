import { randomUUID } from "node:crypto";
import type { Named, NamedDocument } from "../registry/index.ts";
import { changesOf } from "./changes.ts";
import { createEngine, type EngineNeeds } from "./engine.ts";
import { createEvaluation } from "./evaluation.ts";
import { invalid, missingStack, StackError } from "./failure.ts";
import { parameterTexts, parameterValues, ssmType } from "./parameters.ts";
import type { Actor, Change, ChangeSetRecord, Description, Operation, ResourceRecord, StackRecord } from "./records.ts";
import { handlerOf } from "./resources/index.ts";
import { createStackStore, type StackStore } from "./store.ts";
import { capabilitiesOf, parseTemplate, prepare, type Template } from "./template.ts";
import { unknownTypes } from "./worker.ts";

export interface StacksNeeds extends Pick<EngineNeeds, "calls" | "answers" | "clock" | "report"> {
  named<T extends NamedDocument>(kind: string): Named<T>;
}

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

export type Stacks = ReturnType<typeof createStacks>;

/** CloudFormation's stacks: what they are and what is done to them. Every function throws StackError. */
export function createStacks(needs: StacksNeeds) {
  const { clock } = needs;
  const store = createStackStore(needs.named, clock);
  const engine = createEngine({ ...needs, store, exported });

  const live = (account: string, region: string): StackRecord[] =>
    store.list(account, region).filter(({ deleted }) => deleted === undefined);

  function exported(account: string, region: string, name: string): string | undefined {
    for (const { outputs } of live(account, region)) {
      const found = outputs.find(({ exportName }) => exportName === name);
      if (found !== undefined) return found.value;
    }
    return undefined;
  }

  function existing(asker: Asker, name: string): StackRecord {
    const stack = store.find(asker.account, asker.region, name);
    if (stack === undefined) throw missingStack(name);
    return stack;
  }

  /** What a stack is to be, checked as far as that is possible without doing it. */
  async function describe(asker: Asker, wish: Wish, current: StackRecord | undefined) {
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
  }

  /** Values of parameters that name a parameter of Systems Manager. */
  async function resolve(asker: Asker, template: Template, texts: Readonly<Record<string, string>>) {
    const resolved: Record<string, string> = {};
    const calls = needs.calls(asker.actor, asker.region);
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

  function fresh(
    asker: Asker,
    wish: Wish,
    description: Omit<Description, "outputs" | "imports">,
    status: string,
  ): StackRecord {
    if (store.find(asker.account, asker.region, wish.stackName) !== undefined) {
      throw new StackError("AlreadyExistsException", `Stack [${wish.stackName}] already exists`);
    }
    const uuid = randomUUID();
    const { account, region } = asker;
    return {
      ...description,
      outputs: [],
      imports: [],
      account,
      region,
      name: `${region}/${wish.stackName}/${uuid}`,
      stackName: wish.stackName,
      id: `arn:aws:cloudformation:${region}:${account}:stack/${wish.stackName}/${uuid}`,
      status,
      created: clock(),
      roleArn: wish.roleArn,
      protected: wish.protected ?? false,
      disableRollback: wish.disableRollback ?? false,
      timeoutMinutes: wish.timeoutMinutes,
      resources: {},
    };
  }

  const operation = (kind: Operation["kind"], actor: Actor, more: Partial<Operation>): Operation => ({
    kind,
    id: randomUUID(),
    phase: "forward",
    started: clock(),
    actor,
    obsolete: [],
    retain: [],
    onFailure: "ROLLBACK",
    ...more,
  });

  /** Notes what is to be done, tells it as the first event, and begins. */
  function begin(stack: StackRecord, status: string): StackRecord {
    const begun = { ...stack, status, reason: "User Initiated" };
    store.put(begun);
    const { stackName: logicalId, id: physicalId } = stack;
    const type = "AWS::CloudFormation::Stack";
    store.event(begun, {
      logicalId,
      physicalId,
      type,
      status,
      reason: "User Initiated",
      token: stack.operation?.token,
      at: clock(),
    });
    engine.start(begun);
    return begun;
  }

  function update(
    current: StackRecord,
    actor: Actor,
    description: Omit<Description, "outputs" | "imports">,
    wish: Partial<Wish>,
  ): StackRecord {
    checkUpdatable(current);
    const { template, parameters, resolved, tags, capabilities, notificationArns, outputs, imports } = current;
    const before = {
      template,
      parameters,
      resolved,
      tags,
      capabilities,
      notificationArns,
      description: current.description,
      outputs,
      imports,
    };
    const onFailure = wish.disableRollback === true ? "DO_NOTHING" : "ROLLBACK";
    const more = { before, resources: current.resources, token: wish.token, onFailure } as const;
    const next = {
      ...current,
      ...description,
      roleArn: wish.roleArn ?? current.roleArn,
      updated: clock(),
      operation: operation("update", actor, more),
    };
    return begin(next, "UPDATE_IN_PROGRESS");
  }

  const stacks = {
    store: store as StackStore,

    async create(asker: Asker, wish: Wish): Promise<StackRecord> {
      const { description } = await describe(asker, wish, undefined);
      const stack = fresh(asker, wish, description, "CREATE_IN_PROGRESS");
      const onFailure = wish.onFailure ?? (wish.disableRollback === true ? "DO_NOTHING" : "ROLLBACK");
      return begin(
        { ...stack, operation: operation("create", asker.actor, { token: wish.token, onFailure }) },
        "CREATE_IN_PROGRESS",
      );
    },

    async update(asker: Asker, wish: Wish): Promise<StackRecord> {
      const current = existing(asker, wish.stackName);
      checkUpdatable(current);
      const { description, unchanged } = await describe(asker, wish, current);
      if (unchanged) throw invalid("No updates are to be performed.");
      return update(existing(asker, current.id), asker.actor, description, wish);
    },

    remove(
      asker: Asker,
      name: string,
      options: { readonly retain: readonly string[]; readonly token?: string | undefined },
    ): void {
      const stack = store.find(asker.account, asker.region, name);
      if (stack === undefined || stack.deleted !== undefined) return;
      if (stack.protected)
        throw invalid(`Stack [${stack.stackName}] cannot be deleted while TerminationProtection is enabled`);
      if (stack.operation !== undefined) {
        if (stack.operation.kind === "delete") return;
        throw invalid(`Stack [${stack.stackName}] cannot be deleted while in status ${stack.status}`);
      }
      for (const { exportName } of stack.outputs) {
        if (exportName === undefined) continue;
        const users = live(asker.account, asker.region).filter(
          ({ id, imports }) => id !== stack.id && imports.includes(exportName),
        );
        if (users.length > 0) {
          throw invalid(
            `Export ${exportName} cannot be deleted as it is in use by ${users.map(({ stackName }) => stackName).join(" and ")}`,
          );
        }
      }
      for (const set of store.changeSets(stack)) store.removeChangeSet(set);
      begin({ ...stack, operation: operation("delete", asker.actor, options) }, "DELETE_IN_PROGRESS");
    },

    async createChangeSet(
      asker: Asker,
      wish: Wish,
      set: { readonly name: string; readonly kind: "CREATE" | "UPDATE"; readonly description?: string | undefined },
    ): Promise<ChangeSetRecord> {
      const found = store.find(asker.account, asker.region, wish.stackName);
      const inReview = found?.status === "REVIEW_IN_PROGRESS";
      if (set.kind === "CREATE" && found !== undefined && !inReview) {
        throw invalid(
          `Stack [${found.stackName}] already exists and cannot be created again with the changeSet [${set.name}].`,
        );
      }
      if (set.kind === "UPDATE" && (found === undefined || inReview))
        throw invalid(`Stack [${wish.stackName}] does not exist`);
      if (found !== undefined && !inReview) checkUpdatable(found);
      if (found !== undefined && store.changeSets(found).some(({ changeSetName }) => changeSetName === set.name)) {
        throw new StackError("AlreadyExistsException", `ChangeSet ${set.name} already exists`);
      }
      const current = inReview ? undefined : found;
      const { description, changes, unchanged } = await describe(asker, wish, current);
      let stack = store.find(asker.account, asker.region, wish.stackName);
      if (stack === undefined) {
        stack = fresh(asker, wish, description, "REVIEW_IN_PROGRESS");
        store.put({ ...stack, reason: "User Initiated" });
        const { stackName: logicalId, id: physicalId } = stack;
        store.event(stack, {
          logicalId,
          physicalId,
          type: "AWS::CloudFormation::Stack",
          status: "REVIEW_IN_PROGRESS",
          reason: "User Initiated",
          at: clock(),
        });
      }
      const uuid = randomUUID();
      const { account, region } = asker;
      const record: ChangeSetRecord = {
        ...description,
        account,
        region,
        name: uuid,
        changeSetName: set.name,
        id: `arn:aws:cloudformation:${region}:${account}:changeSet/${set.name}/${uuid}`,
        stackId: stack.id,
        stackName: stack.stackName,
        kind: set.kind,
        status: unchanged ? "FAILED" : "CREATE_COMPLETE",
        executionStatus: unchanged ? "UNAVAILABLE" : "AVAILABLE",
        reason: unchanged
          ? "The submitted information didn't contain changes. Submit different information to create a change set."
          : undefined,
        created: clock(),
        roleArn: wish.roleArn,
        changeSetDescription: set.description,
        changes,
      };
      store.putChangeSet(record);
      return record;
    },

    execute(
      asker: Asker,
      set: ChangeSetRecord,
      options: { readonly token?: string | undefined; readonly disableRollback?: boolean | undefined },
    ): void {
      if (set.executionStatus !== "AVAILABLE") {
        throw new StackError(
          "InvalidChangeSetStatus",
          `ChangeSet [${set.id}] cannot be executed in its current execution status of [${set.executionStatus}]`,
        );
      }
      const stack = existing(asker, set.stackId);
      const { template, parameters, resolved, tags, capabilities, notificationArns, description } = set;
      const wanted = { template, parameters, resolved, tags, capabilities, notificationArns, description };
      const { token, disableRollback } = options;
      if (stack.status === "REVIEW_IN_PROGRESS") {
        const onFailure = disableRollback === true ? "DO_NOTHING" : "ROLLBACK";
        const next = {
          ...stack,
          ...wanted,
          roleArn: set.roleArn ?? stack.roleArn,
          changeSetId: set.id,
          operation: operation("create", asker.actor, { token, onFailure }),
        };
        begin(next, "CREATE_IN_PROGRESS");
      } else {
        update({ ...stack, changeSetId: set.id }, asker.actor, wanted, {
          token,
          disableRollback,
          roleArn: set.roleArn,
        });
      }
      for (const other of store.changeSets(stack)) {
        if (other.id === set.id) store.putChangeSet({ ...set, executionStatus: "EXECUTE_COMPLETE" });
        else store.removeChangeSet(other);
      }
    },

    removeChangeSet(set: ChangeSetRecord): void {
      store.removeChangeSet(set);
    },

    protect(asker: Asker, name: string, on: boolean): StackRecord {
      const stack = { ...existing(asker, name), protected: on };
      store.put(stack);
      return stack;
    },

    existing,

    /** A template's text, its parameters and what has to be acknowledged for it. */
    summary(text: string) {
      const template = parseTemplate(text);
      return { template, ...capabilitiesOf(template) };
    },

    /** What a stack's template becomes once its transforms are applied, as a document. */
    processed(stack: Pick<StackRecord, "account" | "template" | "parameters" | "resolved">): object {
      const template = parseTemplate(store.text(stack.account, stack.template));
      const values = parameterValues(template, parameterTexts(template, stack.parameters), stack.resolved);
      return prepare(template, values).root;
    },

    exports: (account: string, region: string) =>
      live(account, region).flatMap(({ id, outputs }) =>
        outputs.flatMap(({ exportName, value }) =>
          exportName === undefined ? [] : [{ name: exportName, value, stackId: id }],
        ),
      ),

    importers: (account: string, region: string, name: string): string[] =>
      live(account, region)
        .filter(({ imports }) => imports.includes(name))
        .map(({ stackName }) => stackName),

    /** Is there anything that an earlier platform has left half done? */
    takeUp(): void {
      for (const stack of [...store.everything()]) if (stack.operation !== undefined) engine.start(stack);
    },
    stop: () => engine.stop(),
  };
  return stacks;
}

function checkUpdatable({ stackName, id, status, operation }: StackRecord): void {
  if (
    operation === undefined &&
    /^(CREATE|UPDATE|UPDATE_ROLLBACK|IMPORT)_COMPLETE$|^UPDATE_(ROLLBACK_)?FAILED$/.test(status)
  )
    return;
  throw invalid(`Stack:${id || stackName} is in ${status} state and can not be updated.`);
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

export type { Change, ResourceRecord };
