import { randomUUID } from "node:crypto";
import { invalid, StackError } from "./failure.ts";
import type { Actor, ChangeSetRecord, Description, StackRecord } from "./records.ts";
import type { StackStore } from "./store.ts";
import { type Asker, checkUpdatable, type Describe, type Wish } from "./wishes.ts";

export interface ChangeSetsNeeds {
  readonly store: StackStore;
  clock(): number;
  readonly describe: Describe;
  /** Throws ValidationError. */
  existing(asker: Asker, name: string): StackRecord;
  /** A stack that is nothing yet but what its first change set belongs to. */
  review(asker: Asker, wish: Wish, description: Omit<Description, "outputs" | "imports">): StackRecord;
  /** Begins to make what the stack says. */
  create(stack: StackRecord, actor: Actor, wish: Partial<Wish>): StackRecord;
  /** Begins to bring the stack to this description. */
  update(
    stack: StackRecord,
    actor: Actor,
    description: Omit<Description, "outputs" | "imports">,
    wish: Partial<Wish>,
  ): StackRecord;
}

/** Change sets: what a stack is to become, shown before it is done. Every function throws StackError. */
export function createChangeSets(needs: ChangeSetsNeeds) {
  const { store, clock } = needs;
  return {
    async create(
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
      const { description, changes, unchanged } = await needs.describe(asker, wish, current);
      let stack = store.find(asker.account, asker.region, wish.stackName);
      if (stack === undefined) {
        stack = needs.review(asker, wish, description);
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
      const stack = needs.existing(asker, set.stackId);
      const { template, parameters, resolved, tags, capabilities, notificationArns, description } = set;
      const wanted = { template, parameters, resolved, tags, capabilities, notificationArns, description };
      const { token, disableRollback } = options;
      if (stack.status === "REVIEW_IN_PROGRESS") {
        needs.create({ ...stack, ...wanted, roleArn: set.roleArn ?? stack.roleArn, changeSetId: set.id }, asker.actor, {
          token,
          disableRollback,
        });
      } else {
        needs.update({ ...stack, changeSetId: set.id }, asker.actor, wanted, {
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

    remove(set: ChangeSetRecord): void {
      store.removeChangeSet(set);
    },
  };
}
