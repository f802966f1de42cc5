import { evaluate, parsePolicy, type Statement } from "../../../policy/index.ts";
import { isDocument, parsed } from "../../proxy/result-2.ts";
import type { Denied, Granted } from "./granted.ts";

/** What a Lambda authorizer has said; an answer may be kept, and asked about other routes. */
export type Verdict =
  | { readonly kind: "simple"; readonly allowed: boolean; readonly context: Context }
  | {
      readonly kind: "policy";
      readonly principalId: string;
      readonly statements: readonly Statement[];
      readonly context: Context;
    };

type Context = Readonly<Record<string, unknown>>;

/** Reads an authorizer's result. Undefined: malformed. */
export function verdictOf(payload: Buffer, simple: boolean): Verdict | undefined {
  const document = parsed(payload)?.value;
  if (!isDocument(document)) return undefined;
  const context = isDocument(document.context) ? document.context : {};
  if (simple) {
    const { isAuthorized } = document;
    return typeof isAuthorized === "boolean" ? { kind: "simple", allowed: isAuthorized, context } : undefined;
  }
  const { principalId, policyDocument } = document;
  if (typeof principalId !== "string" || !isDocument(policyDocument)) return undefined;
  try {
    // Authorizers' documents often leave the version out.
    const text = JSON.stringify({ Version: "2012-10-17", ...policyDocument });
    return { kind: "policy", principalId, statements: parsePolicy(text, "identity").statements, context };
  } catch {
    return undefined;
  }
}

/** Does the verdict let this request in? `resource`: the ARN of the stage, method and path it is for. */
export function judged(verdict: Verdict, resource: string): Granted | Denied {
  const { context } = verdict;
  if (verdict.kind === "simple") {
    return verdict.allowed ? { shown: { lambda: context }, shown1: context } : "forbidden";
  }
  const { decision } = evaluate(verdict.statements, { action: "execute-api:Invoke", resource, context: {} });
  if (decision !== "allow") return "forbidden";
  return { shown: { lambda: context }, shown1: { principalId: verdict.principalId, ...context } };
}

/** Verdicts that are good for a while. `seconds` 0: none is kept. */
export interface Verdicts {
  get(key: string): Verdict | undefined;
  put(key: string, verdict: Verdict, seconds: number): void;
  /** those whose keys begin so */
  forget(prefix: string): void;
}

const mostVerdicts = 10_000;

export function createVerdicts(clock: () => number): Verdicts {
  const kept = new Map<string, { readonly verdict: Verdict; readonly until: number }>();
  return {
    get(key) {
      const found = kept.get(key);
      if (found === undefined || found.until > clock()) return found?.verdict;
      kept.delete(key);
      return undefined;
    },
    put(key, verdict, seconds) {
      if (seconds === 0) return;
      if (kept.size >= mostVerdicts) kept.delete(kept.keys().next().value!);
      kept.set(key, { verdict, until: clock() + seconds * 1000 });
    },
    forget(prefix) {
      for (const key of kept.keys()) if (key.startsWith(prefix)) kept.delete(key);
    },
  };
}
