import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../tests/properties.ts";
import { evaluate, parsePolicy } from "../../policy/index.ts";
import type { Caller } from "../caller.ts";
import { reasonAgainst } from "./authorize.ts";
import { accountOfKeyId, newKeyId } from "./key-ids.ts";
import { judgeBy } from "./permissions.ts";
import { rootPrincipal, userPrincipal } from "./principal.ts";
import { createReplays } from "./replays.ts";

const user = userPrincipal({
  account: "111111111111",
  name: "u",
  path: "/",
  id: "AIDA",
  created: "",
  tags: {},
  inline: {},
  attached: [],
});
const resource = "arn:aws:lambda:us-east-1:111111111111:function:f";
const action = "lambda:InvokeFunction";

type Says = "allow" | "deny" | "none";
const says = fc.constantFrom<Says>("allow", "deny", "none");
const optional = fc.option(says, { nil: undefined });

function statements(said: Says, principal?: object) {
  const Effect = said === "deny" ? "Deny" : "Allow";
  const Action = said === "none" ? "s3:GetObject" : action;
  const Statement = { Effect, Action, Resource: "*", ...(principal === undefined ? {} : { Principal: principal }) };
  const text = JSON.stringify({ Version: "2012-10-17", Statement });
  return parsePolicy(text, principal === undefined ? "identity" : "resource").statements;
}

test("policies of all kinds go together as AWS's evaluation logic says", () => {
  fc.assert(
    fc.property(
      says,
      optional,
      optional,
      says,
      fc.boolean(),
      fc.boolean(),
      (identity, boundary, session, own, named, foreign) => {
        const kinds = {
          identity: statements(identity),
          boundary: boundary === undefined ? undefined : statements(boundary),
          session: session === undefined ? undefined : statements(session),
        };
        const caller: Caller = {
          account: "111111111111",
          region: "us-east-1",
          service: "lambda",
          principal: user,
          permissions: { judge: (act) => judgeBy(kinds, act) },
        };
        const policy = statements(own, { AWS: named ? user.arn : "111111111111" });
        const why = reasonAgainst(caller, {
          action,
          resource,
          owner: foreign ? "222222222222" : "111111111111",
          policy: (asked) => evaluate(policy, { ...asked, resource }),
        });
        const bounds = [boundary, session].filter((said) => said !== undefined);
        const denied = [identity, own, ...bounds].includes("deny");
        const ownSide = identity === "allow" && bounds.every((said) => said === "allow");
        const allowed = foreign ? ownSide && own === "allow" : ownSide || (own === "allow" && named);
        assert.equal(why === undefined, !denied && allowed);
        assert.equal(why?.startsWith("with an explicit deny in a") ?? false, denied);
      },
    ),
    { numRuns: 1000 },
  );
});

test("a resource's policy denies its own root user, too", () => {
  const principal = rootPrincipal("111111111111");
  const all = statements("allow");
  const caller: Caller = {
    account: "111111111111",
    region: "us-east-1",
    service: "lambda",
    principal,
    permissions: { judge: (act) => judgeBy({ identity: all, boundary: undefined, session: undefined }, act) },
  };
  const policy = statements("deny", { AWS: "*" });
  const why = reasonAgainst(caller, { action, resource, policy: (asked) => evaluate(policy, { ...asked, resource }) });
  assert.equal(why, "with an explicit deny in a resource-based policy");
});

test("a key id names its account, and nothing else does", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 999_999_999_999 }),
      fc.constantFrom("AKIA" as const, "ASIA" as const),
      (number, kind) => {
        const account = String(number).padStart(12, "0");
        const id = newKeyId(kind, account);
        assert.match(id, /^(AKIA|ASIA)[A-Z2-7]{16}$/);
        assert.equal(accountOfKeyId(id), account);
      },
    ),
  );
  fc.assert(fc.property(fc.string(), (text) => accountOfKeyId(text) === undefined));
});

test("a signature counts as new once, and the memory of them has an end", () => {
  let now = 0;
  const replays = createReplays(600_000, () => now);
  assert.equal(replays.isReplay("a", true), false);
  assert.equal(replays.isReplay("a", true), true);
  assert.equal(replays.isReplay("b", false), false);
  now = 2000;
  assert.equal(replays.isReplay("b", false), false);
  now = 2001;
  assert.equal(replays.isReplay("b", false), true);
  // Whoever is remembered from before a generation ends is still known in the next.
  now = 599_000;
  assert.equal(replays.isReplay("late", true), false);
  now = 601_000;
  assert.equal(replays.isReplay("c", true), false);
  assert.equal(replays.isReplay("late", true), true);
});
