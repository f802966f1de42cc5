import { randomUUID } from "node:crypto";
import {
  type Evaluation,
  evaluate,
  parsePolicy,
  type Request,
  type Statement,
  serviceIdentity,
} from "../policy/index.ts";
import { type Attachments, noQualifier } from "./attached.ts";
import type { Functions } from "./functions.ts";
import { functionArn, layerArn, type Scope } from "./records.ts";
import type { Named, NamedDocument } from "./roles.ts";

/** The policy of a function, a version, an alias or a layer version. */
export interface ResourcePolicyRecord {
  /** the whole document, as JSON */
  readonly document: string;
  /** a UUID, new with every change of the document */
  readonly revisionId: string;
}

/** Somebody's request, but for the resource. */
export type Asked = Omit<Request, "resource">;

/** A call by a service: what a permission for one is written about. */
export interface ServiceCall {
  /** `s3.amazonaws.com` */
  readonly service: string;
  /** the resource that it calls for */
  readonly sourceArn?: string | undefined;
  /** the account of that resource */
  readonly sourceAccount?: string | undefined;
  /** `lambda:InvokeFunction` when left out */
  readonly action?: string | undefined;
}

/** Policies of functions, versions and aliases; each goes with what it belongs to, and none is copied to a new version. */
export interface FunctionPolicies {
  /** Of the function as a whole when no qualifier is given, or `$LATEST`. */
  get(scope: Scope, name: string, qualifier?: string): ResourcePolicyRecord | undefined;
  /** `document`: undefined takes the policy away. The function, version or alias gets a new RevisionId, as Lambda gives it. */
  set(scope: Scope, name: string, qualifier: string | undefined, document: string | undefined): void;
  /**
   * What policies say about a request for this function, version or alias: its own, and the function's, whose statements
   * may name all of its versions and aliases by a wildcard. Memory only.
   */
  evaluate(scope: Scope, name: string, qualifier: string | undefined, asked: Asked): Evaluation;
  /** May a service call it on behalf of one of its own resources (a bucket, a topic, a rule)? Memory only. */
  isAllowed(scope: Scope, name: string, qualifier: string | undefined, call: ServiceCall): boolean;
  /** May any of the function's policies deny something explicitly? Cheap: asked before every invocation. */
  denies(scope: Scope, name: string): boolean;
}

export interface LayerPolicies {
  get(scope: Scope, layer: string, version: number): ResourcePolicyRecord | undefined;
  /** Undefined takes it away. */
  set(scope: Scope, layer: string, version: number, document: string | undefined): ResourcePolicyRecord | undefined;
  evaluate(scope: Scope, layer: string, version: number, asked: Asked): Evaluation;
}

export interface LayerPolicyRecord extends ResourcePolicyRecord, NamedDocument {}

export function createFunctionPolicies(needs: {
  readonly attachments: Pick<Attachments, "open">;
  readonly functions: Pick<Functions, "revise">;
}): FunctionPolicies {
  const policies = needs.attachments.open<ResourcePolicyRecord>("function-policy");
  const place = (qualifier: string | undefined) =>
    qualifier === undefined || qualifier === "$LATEST" ? noQualifier : qualifier;
  const get = (scope: Scope, name: string, qualifier?: string) => policies.get(scope, name, place(qualifier));
  // Hardly any policy denies. A function that is gone may stay in here: its successor is then looked at in vain.
  const denying = new Set<string>();
  const note = (scope: Scope, name: string, record: ResourcePolicyRecord) => {
    if (statementsOf(record).some(({ effect }) => effect === "Deny")) denying.add(functionArn(scope, name));
  };
  for (const { document, name, ...scope } of policies.everything()) note(scope, name, document);

  function judge(scope: Scope, name: string, qualifier: string | undefined, asked: Asked): Evaluation {
    const own = place(qualifier) === noQualifier ? undefined : get(scope, name, qualifier);
    const statements = [...statementsOf(get(scope, name)), ...statementsOf(own)];
    const arn = functionArn(scope, name);
    // $LATEST has two names, and a policy may mean it by either.
    if (qualifier === "$LATEST") return strictest([arn, `${arn}:$LATEST`], statements, asked);
    return evaluate(statements, { ...asked, resource: qualifier === undefined ? arn : `${arn}:${qualifier}` });
  }

  return {
    get,
    denies: (scope, name) => denying.size > 0 && denying.has(functionArn(scope, name)),
    set(scope, name, qualifier, document) {
      needs.functions.revise(scope, name, qualifier, () => {
        if (document === undefined) policies.remove(scope, name, place(qualifier));
        else policies.put(scope, name, place(qualifier), { document, revisionId: randomUUID() });
      });
      const record = get(scope, name, qualifier);
      if (record !== undefined) note(scope, name, record);
    },
    evaluate: judge,
    isAllowed(scope, name, qualifier, { service, sourceArn, sourceAccount, action = "lambda:InvokeFunction" }) {
      const context = { "aws:SourceArn": sourceArn, "aws:SourceAccount": sourceAccount };
      const asked = { principal: serviceIdentity(service), action, context };
      return judge(scope, name, qualifier, asked).decision === "allow";
    },
  };
}

export function createLayerPolicies(records: Named<LayerPolicyRecord>): LayerPolicies {
  const nameOf = (scope: Scope, layer: string, version: number) => `${scope.region}/${layer}/${version}`;
  const get = (scope: Scope, layer: string, version: number) =>
    records.get(scope.account, nameOf(scope, layer, version));
  return {
    get,
    set(scope, layer, version, document) {
      const name = nameOf(scope, layer, version);
      if (document === undefined) {
        records.remove(scope.account, name);
        return undefined;
      }
      const record = { account: scope.account, name, document, revisionId: randomUUID() };
      records.put(record);
      return record;
    },
    evaluate(scope, layer, version, asked) {
      const resource = `${layerArn(scope, layer)}:${version}`;
      return evaluate(statementsOf(get(scope, layer, version)), { ...asked, resource });
    },
  };
}

/** Denied by any of its names, else allowed by any. */
function strictest(resources: readonly string[], statements: readonly Statement[], asked: Asked): Evaluation {
  const evaluations = resources.map((resource) => evaluate(statements, { ...asked, resource }));
  const of = (decision: string) => evaluations.find((one) => one.decision === decision);
  return of("deny") ?? of("allow") ?? evaluations[0]!;
}

const read = new WeakMap<ResourcePolicyRecord, readonly Statement[]>();

/** Documents are read once, when they are first asked. */
function statementsOf(record: ResourcePolicyRecord | undefined): readonly Statement[] {
  if (record === undefined) return [];
  const known = read.get(record);
  if (known !== undefined) return known;
  const { statements } = parsePolicy(record.document, "resource");
  read.set(record, statements);
  return statements;
}
