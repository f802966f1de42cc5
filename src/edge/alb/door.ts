import type { IncomingMessage, ServerResponse } from "node:http";
import { ServiceError } from "../../model/index.ts";
import { functionTarget } from "../api-gateway/targets.ts";
import { sendAnswer } from "../proxy/answer.ts";
import { bodyOf } from "../proxy/body-of.ts";
import { type CallNeeds, callFunction } from "../proxy/call.ts";
import { one, partsOf, type RequestParts } from "../proxy/parts.ts";
import type { Balancers } from "./balancers.ts";
import { type BalancerAnswer, fromResult, mostBytes, ownAnswer } from "./from-result.ts";
import type { Action, BalancerRecord } from "./records.ts";
import { selectActions, selectListener } from "./select.ts";
import { toEvent } from "./to-event.ts";

export interface BalancerNeeds extends CallNeeds {
  readonly balancers: Balancers;
  report(error: unknown): void;
}

/** Answers a request to a load balancer's host, or its path form, of which `base` is ours. Never rejects. */
export type BalancerDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  place: { readonly id: string; readonly base: string },
  requestId: string,
) => Promise<void>;

/** The data plane of Application Load Balancers. */
export function createBalancerDoor(needs: BalancerNeeds): BalancerDoor {
  async function answered(request: IncomingMessage, record: BalancerRecord, parts: RequestParts) {
    const listener = selectListener(record, parts);
    if (listener === undefined) return ownAnswer(503);
    const action = [...selectActions(listener, parts)].sort((a, b) => (a.Order ?? 0) - (b.Order ?? 0)).at(-1);
    if (action?.RedirectConfig !== undefined) return redirected(action.RedirectConfig, parts);
    if (action?.FixedResponseConfig !== undefined) {
      const { StatusCode, ContentType = "text/plain", MessageBody = "" } = action.FixedResponseConfig;
      const headers = [["server", "awselb/2.0"] as const, ["content-type", ContentType] as const];
      return { status: Number(StatusCode), headers, body: MessageBody };
    }
    const arn = action === undefined ? undefined : chosenGroup(action);
    const group = arn === undefined ? undefined : needs.balancers.groups.get(record.account, arn);
    if (group?.target === undefined) return ownAnswer(503);
    const target = functionTarget(group.target, {});
    if (target === undefined) return ownAnswer(502);
    const many = group.attributes["lambda.multi_value_headers.enabled"] === "true";
    const body = await bodyOf(request, mostBytes, tooLarge);
    const payload = toEvent(parts, body, group.name, many);
    const traceId = one(parts.headers, "x-amzn-trace-id");
    const { requestId, received } = parts;
    return fromResult(await callFunction(needs, { ...target, payload, requestId, traceId, received }), many);
  }

  return async (request, response, { id, base }, requestId) => {
    const whole = partsOf(request, requestId);
    const parts = base === "" ? whole : { ...whole, path: whole.path.slice(base.length) || "/" };
    const record = needs.balancers.byHost(id);
    const answer =
      record === undefined
        ? ownAnswer(404)
        : await answered(request, record, parts).catch((error: unknown): BalancerAnswer => {
            if (!(error instanceof ServiceError)) needs.report(error);
            const isLarge = error instanceof ServiceError && error.code === "RequestTooLargeException";
            return ownAnswer(isLarge ? 413 : 502);
          });
    if ("description" in answer && answer.description !== undefined) response.statusMessage = answer.description;
    if (sendAnswer(response, answer)) return;
    response.statusMessage = "";
    sendAnswer(response, ownAnswer(502));
  };
}

/** By weights, where there are several. */
function chosenGroup({ TargetGroupArn, ForwardConfig }: Action): string | undefined {
  const groups = ForwardConfig?.TargetGroups ?? [];
  const total = groups.reduce((sum, { Weight = 1 }) => sum + Weight, 0);
  if (groups.length === 0) return TargetGroupArn;
  let left = Math.random() * total;
  for (const { TargetGroupArn: arn, Weight = 1 } of groups) {
    left -= Weight;
    if (left < 0) return arn;
  }
  return undefined;
}

/** Source: ELB User Guide for Application Load Balancers, "Redirect actions". */
function redirected(config: NonNullable<Action["RedirectConfig"]>, parts: RequestParts): BalancerAnswer {
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/.exec(parts.host) ?? [];
  const protocol = one(parts.headers, "x-forwarded-proto") ?? "http";
  const known: Readonly<Record<string, string>> = {
    protocol,
    host,
    port: port ?? (protocol === "https" ? "443" : "80"),
    path: parts.path.slice(1),
    query: parts.query,
  };
  const filled = (text: string) => text.replace(/#\{(protocol|host|port|path|query)\}/g, (_all, name) => known[name]!);
  const scheme = filled(config.Protocol ?? "#{protocol}").toLowerCase();
  const toPort = filled(config.Port ?? "#{port}");
  const usual = toPort === (scheme === "https" ? "443" : "80");
  const query = filled(config.Query ?? "#{query}");
  const path = filled(config.Path ?? "/#{path}");
  const to = `${scheme}://${filled(config.Host ?? "#{host}")}${usual ? "" : `:${toPort}`}${path}${query === "" ? "" : `?${query}`}`;
  return ownAnswer(config.StatusCode === "HTTP_301" ? 301 : 302, [["location", to]]);
}

const tooLarge = (): ServiceError => new ServiceError("RequestTooLargeException", "Request Entity Too Large");
