import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../tests/properties.ts";
import {
  accountIdentity,
  anonymous,
  type Context,
  contextKeys,
  evaluate,
  type Identity,
  PolicyError,
  parsePolicy,
  roleIdentity,
  serviceIdentity,
  userIdentity,
} from "./index.ts";

/** How a policy writes a variable. */
const variable = (name: string) => `\${${name}}`;
const arn = "arn:aws:lambda:us-east-1:111111111111:function:f";
const document = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const identity = (...statements: object[]) => parsePolicy(document(...statements), "identity").statements;
const resource = (...statements: object[]) => parsePolicy(document(...statements), "resource").statements;

/** Decision of an identity's policy with one statement that allows unless said otherwise. */
function decide(statement: object, request: { action?: string; resource?: string; context?: Context } = {}): string {
  const statements = identity({ Effect: "Allow", Action: "*", Resource: "*", ...statement });
  return evaluate(statements, { action: "lambda:InvokeFunction", resource: arn, ...request }).decision;
}

function decideFor(principal: Identity, statement: object): string {
  const statements = resource({ Effect: "Allow", Action: "lambda:InvokeFunction", Resource: arn, ...statement });
  return evaluate(statements, { principal, action: "lambda:InvokeFunction", resource: arn }).decision;
}

test("nothing is allowed that no statement allows, and a denial beats every allowance", () => {
  assert.equal(evaluate([], { action: "s3:GetObject", resource: "*" }).decision, "none");
  const allow = { Sid: "a", Effect: "Allow", Action: "lambda:*", Resource: "*" };
  const deny = { Sid: "d", Effect: "Deny", Action: "lambda:Delete*", Resource: "*" };
  const statements = identity(allow, deny);
  const ask = (action: string) => evaluate(statements, { action, resource: arn });
  assert.equal(ask("lambda:GetFunction").decision, "allow");
  assert.equal(ask("lambda:DeleteFunction").decision, "deny");
  assert.deepEqual(
    ask("lambda:DeleteFunction").matched.map(({ sid }) => sid),
    ["d"],
  );
  assert.equal(ask("s3:GetObject").decision, "none");
});

test("actions have no case and two wildcards; NotAction is all but its actions", () => {
  assert.equal(decide({ Action: "LAMBDA:invoke*" }), "allow");
  assert.equal(decide({ Action: "lambda:Invoke?unction" }), "allow");
  assert.equal(decide({ Action: "lambda:Invoke" }), "none");
  assert.equal(decide({ Action: ["s3:*", "lambda:InvokeFunction"] }), "allow");
  assert.equal(decide({ Action: undefined, NotAction: ["iam:*"] }), "allow");
  assert.equal(decide({ Action: undefined, NotAction: ["lambda:*"] }), "none");
});

test("resources keep their case; NotResource is all but its resources", () => {
  assert.equal(decide({ Resource: arn }), "allow");
  assert.equal(decide({ Resource: arn.replace(":f", ":F") }), "none");
  assert.equal(decide({ Resource: "arn:aws:lambda:*:111111111111:function:?" }), "allow");
  assert.equal(decide({ Resource: "arn:aws:s3:::?" }, { resource: "arn:aws:s3:::😀" }), "allow");
  assert.equal(decide({ Resource: `${arn}:*` }), "none");
  assert.equal(decide({ Resource: `${arn}:*` }, { resource: `${arn}:live` }), "allow");
  assert.equal(decide({ Resource: undefined, NotResource: arn }), "none");
  assert.equal(decide({ Resource: undefined, NotResource: `${arn}:*` }), "allow");
});

test("a principal is met by name, by its account, or as everybody", () => {
  const user = userIdentity("arn:aws:iam::222222222222:user/team/ada");
  const session = roleIdentity(
    "arn:aws:iam::222222222222:role/service/builder",
    "arn:aws:sts::222222222222:assumed-role/builder/run-1",
  );
  const through = (principal: Identity, names: unknown) => {
    const statements = resource({ Effect: "Allow", Principal: names, Action: "*", Resource: "*" });
    const { decision, through } = evaluate(statements, { principal, action: "lambda:GetFunction", resource: arn });
    return `${decision} ${through ?? "-"}`;
  };
  assert.equal(through(user, { AWS: "arn:aws:iam::222222222222:user/team/ada" }), "allow name");
  assert.equal(through(user, { AWS: "222222222222" }), "allow account");
  assert.equal(through(user, { AWS: ["333333333333", "arn:aws:iam::222222222222:root"] }), "allow account");
  assert.equal(through(user, { AWS: "arn:aws:iam::222222222222:user/other" }), "none -");
  assert.equal(through(user, { Service: "s3.amazonaws.com" }), "none -");
  assert.equal(through(session, { AWS: "arn:aws:iam::222222222222:role/service/builder" }), "allow name");
  assert.equal(through(session, { AWS: "arn:aws:sts::222222222222:assumed-role/builder/run-1" }), "allow name");
  assert.equal(through(session, { AWS: "arn:aws:sts::222222222222:assumed-role/builder/run-2" }), "none -");
  assert.equal(through(accountIdentity("222222222222"), { AWS: "arn:aws:iam::222222222222:root" }), "allow account");
  assert.equal(through(serviceIdentity("s3.amazonaws.com"), { Service: ["s3.amazonaws.com"] }), "allow name");
  assert.equal(through(serviceIdentity("s3.amazonaws.com"), { Service: "sns.amazonaws.com" }), "none -");
  for (const everybody of ["*", { AWS: "*" }]) {
    assert.equal(through(anonymous, everybody), "allow name");
    assert.equal(through(user, everybody), "allow name");
  }
  assert.equal(through(anonymous, { AWS: "222222222222" }), "none -");
});

test("NotPrincipal leaves out only who is listed with every name, the account's too", () => {
  const ada = userIdentity("arn:aws:iam::222222222222:user/ada");
  const deny = (NotPrincipal: unknown) => decideFor(ada, { Effect: "Deny", NotPrincipal });
  const root = "arn:aws:iam::222222222222:root";
  assert.equal(deny({ AWS: ["arn:aws:iam::222222222222:user/ada", root] }), "none");
  assert.equal(deny({ AWS: ["arn:aws:iam::222222222222:user/ada"] }), "deny");
  assert.equal(deny({ AWS: root }), "deny");
  assert.equal(deny({ AWS: "333333333333" }), "deny");
  const service = serviceIdentity("s3.amazonaws.com");
  assert.equal(decideFor(service, { Effect: "Deny", NotPrincipal: { Service: "s3.amazonaws.com" } }), "none");
});

test("a statement that names somebody says nothing about a request of nobody", () => {
  const statements = resource({ Effect: "Allow", Principal: "*", Action: "*", Resource: "*" });
  assert.equal(evaluate(statements, { action: "lambda:GetFunction", resource: arn }).decision, "none");
});

test("all operators, keys and quantifiers of a condition", () => {
  const context: Context = {
    "aws:PrincipalTag/Team": "red",
    "aws:SourceArn": "arn:aws:s3:::bucket",
    "aws:CurrentTime": "2026-11-22T04:00:00Z",
    "aws:EpochTime": "1795320000",
    "aws:SecureTransport": "true",
    "aws:SourceIp": "203.0.113.9",
    "s3:max-keys": "10",
    "aws:TagKeys": ["red", "blue"],
    "empty:List": [],
  };
  const table: [Condition: object, expected: "allow" | "none"][] = [
    [{ StringEquals: { "AWS:principaltag/team": "red" } }, "allow"],
    [{ StringEquals: { "aws:PrincipalTag/Team": ["blue", "red"] } }, "allow"],
    [{ StringEquals: { "aws:PrincipalTag/Team": "Red" } }, "none"],
    [{ StringEquals: { "aws:PrincipalTag/Team": "r*" } }, "none"],
    [{ StringEqualsIgnoreCase: { "aws:PrincipalTag/Team": "RED" } }, "allow"],
    [{ StringNotEqualsIgnoreCase: { "aws:PrincipalTag/Team": "RED" } }, "none"],
    [{ StringNotEquals: { "aws:PrincipalTag/Team": ["blue", "red"] } }, "none"],
    [{ StringNotEquals: { "aws:PrincipalTag/Team": "blue" } }, "allow"],
    [{ StringLike: { "aws:PrincipalTag/Team": "r?d" } }, "allow"],
    [{ StringNotLike: { "aws:PrincipalTag/Team": "r*" } }, "none"],
    // Both lines must hold, and every key of a line.
    [{ StringEquals: { "aws:PrincipalTag/Team": "red" }, Bool: { "aws:SecureTransport": "false" } }, "none"],
    [{ StringEquals: { "aws:PrincipalTag/Team": "red", "aws:Missing": "x" } }, "none"],
    // Keys that the request has not.
    [{ StringEquals: { "aws:Missing": "x" } }, "none"],
    [{ StringNotEquals: { "aws:Missing": "x" } }, "allow"],
    [{ StringEqualsIfExists: { "aws:Missing": "x" } }, "allow"],
    [{ StringEqualsIfExists: { "aws:PrincipalTag/Team": "blue" } }, "none"],
    [{ Null: { "aws:Missing": "true" } }, "allow"],
    [{ Null: { "aws:PrincipalTag/Team": "true" } }, "none"],
    [{ Null: { "aws:PrincipalTag/Team": false } }, "allow"],
    [{ Null: { "empty:List": "true" } }, "allow"],
    [{ NumericEquals: { "s3:max-keys": 10 } }, "allow"],
    [{ NumericNotEquals: { "s3:max-keys": "10" } }, "none"],
    [{ NumericLessThan: { "s3:max-keys": "10" } }, "none"],
    [{ NumericLessThanEquals: { "s3:max-keys": "10" } }, "allow"],
    [{ NumericGreaterThan: { "s3:max-keys": "9.5" } }, "allow"],
    [{ NumericGreaterThanEquals: { "s3:max-keys": "11" } }, "none"],
    [{ DateGreaterThan: { "aws:CurrentTime": "2026-11-22T03:59:59Z" } }, "allow"],
    [{ DateLessThanEquals: { "aws:CurrentTime": "2026-11-22T04:00:00Z" } }, "allow"],
    [{ DateLessThan: { "aws:EpochTime": "2026-01-01" } }, "none"],
    [{ DateEquals: { "aws:EpochTime": "1795320000" } }, "allow"],
    [{ DateNotEquals: { "aws:EpochTime": "1795320000" } }, "none"],
    [{ DateGreaterThanEquals: { "aws:CurrentTime": "2027-01-01" } }, "none"],
    [{ Bool: { "aws:SecureTransport": true } }, "allow"],
    [{ BoolIfExists: { "aws:MultiFactorAuthPresent": "true" } }, "allow"],
    [{ IpAddress: { "aws:SourceIp": "203.0.113.0/24" } }, "allow"],
    [{ IpAddress: { "aws:SourceIp": ["2001:db8::/32", "203.0.113.9"] } }, "allow"],
    [{ NotIpAddress: { "aws:SourceIp": "203.0.113.0/24" } }, "none"],
    [{ NotIpAddress: { "aws:SourceIp": "203.0.114.0/24" } }, "allow"],
    [{ ArnEquals: { "aws:SourceArn": "arn:aws:s3:::buck*" } }, "allow"],
    [{ ArnLike: { "aws:SourceArn": "arn:*:s3:::bucket" } }, "allow"],
    // A star does not cross a colon of the first five.
    [{ ArnLike: { "aws:SourceArn": "arn:*:bucket" } }, "none"],
    [{ StringLike: { "aws:SourceArn": "arn:*:bucket" } }, "allow"],
    [{ ArnNotEquals: { "aws:SourceArn": "arn:aws:s3:::other" } }, "allow"],
    [{ ArnNotLike: { "aws:SourceArn": "arn:aws:s3:::*" } }, "none"],
    // Several values.
    [{ "ForAllValues:StringEquals": { "aws:TagKeys": ["red", "blue", "green"] } }, "allow"],
    [{ "ForAllValues:StringEquals": { "aws:TagKeys": ["red"] } }, "none"],
    [{ "ForAllValues:StringEquals": { "aws:Missing": ["red"] } }, "allow"],
    [{ "ForAnyValue:StringEquals": { "aws:TagKeys": ["red"] } }, "allow"],
    [{ "ForAnyValue:StringEquals": { "aws:TagKeys": ["green"] } }, "none"],
    [{ "ForAnyValue:StringEquals": { "aws:Missing": ["red"] } }, "none"],
    [{ "ForAnyValue:StringNotEquals": { "aws:TagKeys": ["red"] } }, "allow"],
    [{ "ForAllValues:StringNotEquals": { "aws:TagKeys": ["red"] } }, "none"],
    [{ "ForAnyValue:StringLikeIfExists": { "aws:Missing": ["r*"] } }, "allow"],
  ];
  for (const [Condition, expected] of table) {
    assert.equal(decide({ Condition }, { context }), expected, JSON.stringify(Condition));
  }
});

test("variables stand for the request's values, which are never wildcards", () => {
  const home = { Resource: `arn:aws:s3:::home/${variable("aws:username")}/*` };
  const at = (name: string | undefined, object: string) =>
    decide(home, { resource: `arn:aws:s3:::home/${object}`, context: { "aws:username": name } });
  assert.equal(at("ada", "ada/notes"), "allow");
  assert.equal(at("ada", "bob/notes"), "none");
  assert.equal(at("*", "bob/notes"), "none");
  assert.equal(at("*", "*/notes"), "allow");
  assert.equal(at(undefined, "bob/notes"), "none");
  const fallback = { Resource: `arn:aws:s3:::home/${variable("aws:username, 'public'")}/*` };
  assert.equal(decide(fallback, { resource: "arn:aws:s3:::home/public/x" }), "allow");
  assert.equal(decide({ Resource: `arn:aws:s3:::a${variable("*")}b` }, { resource: "arn:aws:s3:::a*b" }), "allow");
  assert.equal(decide({ Resource: `arn:aws:s3:::a${variable("*")}b` }, { resource: "arn:aws:s3:::axb" }), "none");
  const context = { "aws:username": "ada", "s3:prefix": "ada/", "aws:TagKeys": ["a", "b"] };
  assert.equal(
    decide({ Condition: { StringLike: { "s3:prefix": `${variable("aws:username")}/*` } } }, { context }),
    "allow",
  );
  assert.equal(
    decide({ Condition: { StringEquals: { "s3:prefix": `${variable("AWS:UserName")}/` } } }, { context }),
    "allow",
  );
  assert.equal(
    decide({ Condition: { StringLike: { "s3:prefix": `${variable("aws:TagKeys")}/*` } } }, { context }),
    "none",
  );
});

test("the keys that a policy asks for are known, each once", () => {
  const statements = identity({
    Effect: "Allow",
    Action: "s3:*",
    Resource: [
      `arn:aws:s3:::home/${variable("aws:username")}/${variable("aws:PrincipalTag/team, 'none'")}${variable("*")}`,
    ],
    Condition: { StringLike: { "s3:prefix": `${variable("AWS:userName")}/*` }, Null: { "aws:TokenIssueTime": "true" } },
  });
  assert.deepEqual(contextKeys(statements), [
    "s3:prefix",
    "aws:TokenIssueTime",
    "aws:username",
    "aws:PrincipalTag/team",
  ]);
});

test("before 2012-10-17 there were no variables", () => {
  const statement = {
    Effect: "Allow",
    Principal: "*",
    Action: "*",
    Resource: `arn:aws:s3:::${variable("aws:username")}`,
  };
  const { statements } = parsePolicy(JSON.stringify({ Statement: statement }), "resource");
  const ask = (name: string) =>
    evaluate(statements, {
      principal: anonymous,
      action: "s3:GetObject",
      resource: `arn:aws:s3:::${name}`,
      context: { "aws:username": "ada" },
    }).decision;
  assert.equal(ask("ada"), "none");
  assert.equal(ask(`${variable("aws:username")}`), "allow");
});

test("a document that is no policy is refused in IAM's words", () => {
  const good = { Effect: "Allow", Action: "s3:*", Resource: "*" };
  const cases: [text: string, kind: "identity" | "resource" | "trust", message: string][] = [
    ["{", "identity", "Syntax errors in policy."],
    ["[]", "identity", "Syntax errors in policy."],
    [document(), "identity", "Syntax errors in policy."],
    [document({ ...good, Effect: "allow" }), "identity", "Syntax errors in policy."],
    [document({ ...good, Unknown: 1 }), "identity", "Syntax errors in policy."],
    [document({ ...good, NotAction: "s3:*" }), "identity", "Syntax errors in policy."],
    [document({ ...good, Condition: { StringIs: { a: "b" } } }), "identity", "Syntax errors in policy."],
    [document({ ...good, Condition: { toString: { a: "b" } } }), "identity", "Syntax errors in policy."],
    [document({ ...good, Condition: { IpAddress: { a: "1.2.3" } } }), "identity", "Syntax errors in policy."],
    [document({ ...good, Action: [] }), "identity", "Syntax errors in policy."],
    [document({ ...good, Action: undefined }), "identity", "Policy statement must contain actions."],
    [document({ ...good, Resource: undefined }), "identity", "Policy statement must contain resources."],
    [document({ ...good, Resource: "bucket" }), "identity", 'Resource bucket must be in ARN format or "*".'],
    [document({ ...good, Principal: "*" }), "identity", "Policy document should not specify a principal."],
    [
      document({ ...good, Sid: "a" }, { ...good, Sid: "a" }),
      "identity",
      "Statement IDs (SID) in a single policy must be unique.",
    ],
    [
      document({ ...good, Action: "GetObject" }),
      "identity",
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ],
    [JSON.stringify({ Statement: good }), "identity", "Policy document must be version 2012-10-17 or greater."],
    [document(good), "resource", "Missing required field Principal"],
    [document({ ...good, Principal: { User: "x" } }), "resource", "Syntax errors in policy."],
    [document({ ...good, Principal: "*" }), "trust", "Has prohibited field Resource"],
  ];
  for (const [text, kind, message] of cases) {
    assert.throws(() => parsePolicy(text, kind), { name: "PolicyError", message }, text);
  }
});

test("whatever text comes, it is a policy or a PolicyError", () => {
  const anything = fc.oneof(fc.string(), fc.json(), fc.constantFrom("__proto__", "Allow", "*", "arn:aws:s3:::x"));
  const statement = fc.dictionary(
    fc.constantFrom("Sid", "Effect", "Principal", "Action", "Resource", "Condition", "NotAction", "constructor"),
    fc.oneof(
      anything,
      fc.array(anything),
      fc.dictionary(anything, fc.oneof(anything, fc.dictionary(anything, anything))),
    ),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        anything,
        statement.map((one) => document(one)),
      ),
      (text) => {
        try {
          const { statements } = parsePolicy(text, "resource");
          evaluate(statements, { principal: anonymous, action: "a:b", resource: "c", context: { d: "e" } });
        } catch (error) {
          assert.ok(error instanceof PolicyError, String(error));
        }
      },
    ),
  );
});

test("a pattern of many stars is matched in time that grows with its length times the text's", () => {
  const statement = { Action: "lambda:*", Resource: `arn:aws:s3:::${"a*".repeat(5_000)}b` };
  // Backtracking over all stars would never end.
  assert.equal(decide(statement, { resource: `arn:aws:s3:::${"a".repeat(1_000)}` }), "none");
});
