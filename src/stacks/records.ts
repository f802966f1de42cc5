import type { Mapping } from "../templates/index.ts";

/** Who a stack's calls are made as: what credentials are made of, for as long as an operation takes. */
export type Actor = Readonly<Record<string, unknown>> & { readonly account: string };

/** A resource of a stack. */
export interface ResourceRecord {
  readonly logicalId: string;
  readonly type: string;
  /** undefined: it is not there yet */
  readonly physicalId?: string | undefined;
  /** the name that it is given if its template gives none */
  readonly name: string;
  readonly status: string;
  readonly reason?: string | undefined;
  /** milliseconds since the epoch */
  readonly updated: number;
  /** as they were last sent */
  readonly properties: Mapping;
  readonly attributes: Mapping;
  readonly deletionPolicy: string;
  readonly replacePolicy: string;
  /** logical ids that it needs: it is deleted before them */
  readonly needs: readonly string[];
  /** the stack's tags when it was last sent */
  readonly tags: Readonly<Record<string, string>>;
}

export interface Output {
  readonly key: string;
  readonly value: string;
  readonly description?: string | undefined;
  readonly exportName?: string | undefined;
}

/** What a stack is described by; an operation goes from one to another. */
export interface Description {
  /** under which its template is kept */
  readonly template: string;
  /** as given; what is missing has a default */
  readonly parameters: Readonly<Record<string, string>>;
  /** of those that name a parameter of Systems Manager: what was there */
  readonly resolved: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly notificationArns: readonly string[];
  readonly description?: string | undefined;
  readonly outputs: readonly Output[];
  /** names of other stacks' exports that it uses */
  readonly imports: readonly string[];
}

/** What is being done to a stack. Kept until it is over: a killed platform goes on with it. */
export interface Operation {
  readonly kind: "create" | "update" | "delete";
  readonly id: string;
  /** forward, back to what was before, or removing what is not needed any more */
  readonly phase: "forward" | "rollback" | "cleanup";
  readonly token?: string | undefined;
  readonly started: number;
  readonly actor: Actor;
  /** of an update: what there was */
  readonly before?: Description | undefined;
  readonly resources?: Readonly<Record<string, ResourceRecord>> | undefined;
  /** what is to be deleted when the rest is done */
  readonly obsolete: readonly ResourceRecord[];
  /** of a deletion: not to be touched */
  readonly retain: readonly string[];
  readonly onFailure: "ROLLBACK" | "DELETE" | "DO_NOTHING";
  readonly reason?: string | undefined;
}

/** A stack. `name`: `region/stack's name/uuid`. Kept by `registry.named("stack")`. */
export interface StackRecord extends Description {
  readonly account: string;
  readonly name: string;
  readonly region: string;
  readonly stackName: string;
  /** its ARN */
  readonly id: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly created: number;
  readonly updated?: number | undefined;
  readonly deleted?: number | undefined;
  readonly roleArn?: string | undefined;
  readonly protected: boolean;
  readonly disableRollback: boolean;
  readonly timeoutMinutes?: number | undefined;
  readonly changeSetId?: string | undefined;
  readonly resources: Readonly<Record<string, ResourceRecord>>;
  readonly operation?: Operation | undefined;
}

/** Kept by `registry.named("stack-event")`. `name`: `uuid of the stack/number`. */
export interface EventRecord {
  readonly account: string;
  readonly name: string;
  readonly id: string;
  readonly stackId: string;
  readonly stackName: string;
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly properties?: string | undefined;
  readonly token?: string | undefined;
  readonly at: number;
}

/** Kept by `registry.named("stack-template")`. `name`: the digest of its text. */
export interface TemplateRecord {
  readonly account: string;
  readonly name: string;
  readonly text: string;
}

export interface Change {
  readonly action: "Add" | "Modify" | "Remove";
  readonly logicalId: string;
  readonly physicalId?: string | undefined;
  readonly type: string;
  readonly replacement?: "True" | "False" | "Conditional" | undefined;
  /** names of properties that change */
  readonly properties: readonly string[];
  readonly tags: boolean;
}

/** A change set. `name`: `uuid`. Kept by `registry.named("change-set")`. */
export interface ChangeSetRecord extends Omit<Description, "outputs" | "imports"> {
  readonly account: string;
  readonly name: string;
  readonly region: string;
  readonly changeSetName: string;
  readonly id: string;
  readonly stackId: string;
  readonly stackName: string;
  readonly kind: "CREATE" | "UPDATE";
  readonly status: string;
  readonly executionStatus: string;
  readonly reason?: string | undefined;
  readonly created: number;
  readonly roleArn?: string | undefined;
  readonly changeSetDescription?: string | undefined;
  readonly changes: readonly Change[];
}
