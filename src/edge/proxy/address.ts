/** Which front door a request is for, as its host or path says. */
export type Address =
  | { readonly kind: "function-url"; readonly id: string }
  | {
      readonly kind: "api";
      readonly id: string;
      /** what stands before the stage: `/_aws/execute-api/<id>` or `/restapis/<id>` of the path forms, else nothing */
      readonly base: string;
    }
  /** a load balancer by its host's first label; `base`: `/_aws/elb/<label>` of the path form, else nothing */
  | { readonly kind: "balancer"; readonly id: string; readonly base: string }
  /** the management API of WebSocket connections, of which a client knows no API: connection ids are nobody else's */
  | { readonly kind: "connections"; readonly path: string };

const pathForm = "/_aws/execute-api/";
const balancerForm = "/_aws/elb/";
const restForm = "/restapis/";
const connectionsForm = "/@connections/";

/** Looked at before every request, invocations too: three searches in a short text. */
export const isFrontHost = (host: string): boolean =>
  host.includes(".lambda-url.") || host.includes(".execute-api.") || host.includes(".elb.");

export const isFrontPath = (path: string): boolean =>
  path.startsWith(pathForm) || path.startsWith(connectionsForm) || path.startsWith(balancerForm) || isUserRequest(path);

/** `/restapis/<id>/<stage>/_user_request_/…`, a REST API as other emulators of AWS address it; all else below is the control plane's. */
const isUserRequest = (path: string): boolean =>
  path.startsWith(restForm) && /^\/restapis\/[^/?]+\/[^/?]+\/_user_request_(?:[/?]|$)/.test(path);

/**
 * `<id>.lambda-url.<region>.<anything>`, `<id>.execute-api.<anything>` or `/_aws/execute-api/<id>/…`. What follows the region
 * is not looked at: `localhost`, `on.aws` and `amazonaws.com` name the same thing to who asks us. Undefined: none of them.
 */
export function addressOf(host: string, path: string): Address | undefined {
  const [, id = "", door] = /^([a-z0-9-]+)\.(lambda-url|execute-api|elb)\./i.exec(host) ?? [];
  if (door?.toLowerCase() === "lambda-url") return { kind: "function-url", id: id.toLowerCase() };
  if (door?.toLowerCase() === "elb") return { kind: "balancer", id: id.toLowerCase(), base: "" };
  if (door !== undefined) return { kind: "api", id: id.toLowerCase(), base: "" };
  if (path.startsWith(connectionsForm)) return { kind: "connections", path };
  if (!isFrontPath(path)) return undefined;
  if (path.startsWith(balancerForm)) {
    const [label = ""] = path.slice(balancerForm.length).split(/[/?]/);
    return { kind: "balancer", id: label.toLowerCase(), base: balancerForm + label };
  }
  const form = path.startsWith(restForm) ? restForm : pathForm;
  const [named = ""] = path.slice(form.length).split("/");
  return { kind: "api", id: named, base: form + named };
}
