import { randomUUID } from "node:crypto";
import type { Named, NamedDocument } from "../registry/index.ts";
import { createChangeSets } from "./change-sets.ts";
import { createEngine, type EngineNeeds } from "./engine.ts";
import { invalid, missingStack, StackError } from "./failure.ts";
import { parameterTexts, parameterValues } from "./parameters.ts";
import type { Actor, Description, Operation, StackRecord } from "./records.ts";
import { createStackStore, type StackStore } from "./store.ts";
import { capabilitiesOf, parseTemplate, prepare } from "./template.ts";
import { type Asker, checkUpdatable, createWishes, type Wish } from "./wishes.ts";

export interface StacksNeeds extends Pick<EngineNeeds, "calls" | "answers" | "clock" | "report"> {
  named<T extends NamedDocument>(kind: string): Named<T>;
}

export type Stacks = ReturnType<typeof createStacks>;

/** CloudFormation's stacks: what they are and what is done to them. Every function throws StackError. */
export function createStacks(needs: StacksNeeds) {
  const { clock } = needs;
  const store = createStackStore(needs.named, clock);
  const engine = createEngine({ ...needs, store, exported });
  const describe = createWishes({ store, calls: needs.calls, exported });

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

  /** Notes a stack's status and tells it as an event. */
  function tell(stack: StackRecord, status: string): StackRecord {
    const told = { ...stack, status, reason: "User Initiated" };
    store.put(told);
    const { stackName: logicalId, id: physicalId, operation } = stack;
    const type = "AWS::CloudFormation::Stack";
    const { reason } = told;
    store.event(told, { logicalId, physicalId, type, status, reason, token: operation?.token, at: clock() });
    return told;
  }

  /** Notes what is to be done, tells it as the first event, and begins. */
  function begin(stack: StackRecord, status: string): StackRecord {
    const begun = tell(stack, status);
    engine.start(begun);
    return begun;
  }

  function create(stack: StackRecord, actor: Actor, { token, onFailure, disableRollback }: Partial<Wish>): StackRecord {
    const then = onFailure ?? (disableRollback === true ? "DO_NOTHING" : "ROLLBACK");
    return begin({ ...stack, operation: operation("create", actor, { token, onFailure: then }) }, "CREATE_IN_PROGRESS");
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

  const review = (asker: Asker, wish: Wish, description: Omit<Description, "outputs" | "imports">): StackRecord =>
    tell(fresh(asker, wish, description, "REVIEW_IN_PROGRESS"), "REVIEW_IN_PROGRESS");

  return {
    store: store as StackStore,
    changeSets: createChangeSets({ store, clock, describe, existing, review, create, update }),

    async create(asker: Asker, wish: Wish): Promise<StackRecord> {
      const { description } = await describe(asker, wish, undefined);
      const stack = fresh(asker, wish, description, "CREATE_IN_PROGRESS");
      return create(stack, asker.actor, wish);
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
}
