import { BlockList, isIPv6 } from "node:net";
import { joined, type RequestParts } from "../proxy/parts.ts";
import type { Action, BalancerRecord, Condition, Listener } from "./records.ts";

/**
 * The listener that a request is for: all of them share the platform's port, so it is the one of the port that the host names, else the
 * first of the connection's protocol, else the first.
 */
export function selectListener({ listeners }: BalancerRecord, { host, headers }: RequestParts): Listener | undefined {
  const port = Number(/:(\d+)$/.exec(host)?.[1]);
  const protocol = headers.get("x-forwarded-proto")?.[0] === "https" ? "HTTPS" : "HTTP";
  return (
    listeners.find(({ Port }) => Port === port) ??
    listeners.find(({ Protocol }) => Protocol === protocol) ??
    listeners[0]
  );
}

/** What the first rule that fits does, by priority; else the listener's default. */
export function selectActions({ rules, DefaultActions }: Listener, parts: RequestParts): readonly Action[] {
  const rule = rules.find(({ Conditions }) => Conditions.every((condition) => holds(condition, parts)));
  return rule?.Actions ?? DefaultActions;
}

/** Source: ELB User Guide for Application Load Balancers, "Condition types for listener rules". */
export function holds(condition: Condition, parts: RequestParts): boolean {
  const { Values = [] } = condition;
  switch (condition.Field) {
    case "host-header": {
      const host = parts.domain.toLowerCase();
      return (condition.HostHeaderConfig?.Values ?? Values).some((one) => fits(one.toLowerCase(), host));
    }
    case "path-pattern":
      return (condition.PathPatternConfig?.Values ?? Values).some((one) => fits(one, parts.path));
    case "http-request-method":
      return (condition.HttpRequestMethodConfig?.Values ?? Values).includes(parts.method);
    case "http-header": {
      const { HttpHeaderName = "", Values: patterns = [] } = condition.HttpHeaderConfig ?? {};
      const value = joined(parts.headers, HttpHeaderName.toLowerCase())?.toLowerCase();
      return value !== undefined && patterns.some((one) => fits(one.toLowerCase(), value));
    }
    case "query-string": {
      const pairs = pairsOf(parts.query).map(([name, value]) => [name.toLowerCase(), value.toLowerCase()] as const);
      return (condition.QueryStringConfig?.Values ?? []).some(({ Key, Value = "" }) =>
        pairs.some(
          ([name, value]) => (Key === undefined || fits(Key.toLowerCase(), name)) && fits(Value.toLowerCase(), value),
        ),
      );
    }
    case "source-ip":
      return (condition.SourceIpConfig?.Values ?? Values).some((one) => isWithin(parts.sourceIp, one));
    default:
      return false;
  }
}

/** Of a query as it came: nothing is decoded. */
export function pairsOf(query: string): (readonly [string, string])[] {
  return query
    .split("&")
    .filter((one) => one !== "")
    .map((one) => {
      const mark = one.indexOf("=");
      return mark === -1 ? ([one, ""] as const) : ([one.slice(0, mark), one.slice(mark + 1)] as const);
    });
}

/** `*`: any characters, `?`: one. Goes back to the last `*` only: no pattern takes more than its length times the text's. */
export function fits(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resumed = 0;
  for (let index = 0; index < text.length; ) {
    if (at < pattern.length && pattern[at] === "*") {
      star = at;
      at += 1;
      resumed = index;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[index])) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      at = star + 1;
      resumed += 1;
      index = resumed;
    } else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

function isWithin(address: string, range: string): boolean {
  const [network = "", bits = ""] = range.split("/");
  const family = isIPv6(network) ? "ipv6" : "ipv4";
  try {
    const list = new BlockList();
    list.addSubnet(network, Number(bits), family);
    return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  } catch {
    return false;
  }
}
