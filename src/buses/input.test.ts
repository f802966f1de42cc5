import assert from "node:assert/strict";
import { test } from "node:test";
import { envelope } from "./envelope.ts";
import { checkInput, InputFailure, type InputRule, InvalidInput, inputOf } from "./input.ts";

const event = envelope({
  source: "my.app",
  detailType: "made",
  detail: '{"id": 12345678901234567890, "name": "a \\"b\\"", "list": [{"n":1},{"n":2}], "on": true, "nothing": null}',
  account: "000000000000",
  region: "us-east-1",
  resources: ["one"],
  time: Date.UTC(2026, 10, 22, 7, 0, 0, 999),
});
const occasion = { ruleArn: "arn:rule", ruleName: "rule", ingested: "2026-11-22T07:00:01.000Z" };
const given = (rule: InputRule) => inputOf(rule, event.document, event.text, occasion);
const transformed = (InputTemplate: string, InputPathsMap: Record<string, string> = {}) =>
  given({ InputTransformer: { InputTemplate, InputPathsMap } });

test("an event has EventBridge's members in their order, and its detail to the letter", () => {
  assert.equal(
    event.text,
    `{"version":"0","id":"${event.id}","detail-type":"made","source":"my.app","account":"000000000000","time":"2026-11-22T07:00:00Z","region":"us-east-1","resources":["one"],"detail":{"id": 12345678901234567890, "name": "a \\"b\\"", "list": [{"n":1},{"n":2}], "on": true, "nothing": null}}`,
  );
  assert.equal(given({}), event.text);
});

test("Input takes the event's place, InputPath gives a part of it", () => {
  assert.equal(given({ Input: '{"a": 1.0}' }), '{"a": 1.0}');
  assert.equal(given({ InputPath: "$.detail.list" }), '[{"n":1},{"n":2}]');
  assert.equal(given({ InputPath: "$.detail-type" }), '"made"');
  assert.equal(given({ InputPath: "$.detail.list[1].n" }), "2");
  assert.equal(given({ InputPath: "$.detail.list[*].n" }), "[1,2]");
  assert.equal(given({ InputPath: "$.detail.none" }), "{}");
});

test("variables of a template are values outside of quotes, and text within them", () => {
  const paths = { type: "$.detail-type", list: "$.detail.list", name: "$.detail.name", on: "$.detail.on" };
  assert.equal(
    transformed('{"t": <type>, "l": <list>, "on": <on>}', paths),
    '{"t": "made", "l": [{"n":1},{"n":2}], "on": true}',
  );
  assert.equal(transformed('{"t": "it is <type>, <name>"}', paths), '{"t": "it is made, a \\"b\\""}');
  assert.equal(transformed('"<type> of <list>"', paths), '"made of [{n:1},{n:2}]"');
  assert.equal(transformed('"\\"<type>\\" <on>"', paths), '"\\"made\\" true"');
});

test("a path that leads nowhere leaves nothing", () => {
  const paths = { none: "$.detail.none" };
  assert.equal(transformed('"it is <none>."', paths), '"it is ."');
  assert.equal(transformed('{"a": <none>}', paths), '{"a": ""}');
});

test("what EventBridge knows of the event is there without a path", () => {
  assert.equal(
    transformed('{"a":<aws.events.rule-arn>,"n":"<aws.events.rule-name>","t":<aws.events.event.ingestion-time>}'),
    '{"a":"arn:rule","n":"rule","t":"2026-11-22T07:00:01.000Z"}',
  );
  assert.equal(transformed('{"e":<aws.events.event.json>}'), `{"e":${event.text}}`);
  const { e } = JSON.parse(transformed('{"e":<aws.events.event>}'));
  assert.equal(e.detail, undefined);
  assert.equal(e.source, "my.app");
});

test("a template that makes no JSON of an event fails, and only for that event", () => {
  assert.throws(() => transformed('{"a": <type> <type>}', { type: "$.source" }), InputFailure);
});

test("input rules that cannot be used are refused when they are made", () => {
  const refused = (rule: InputRule, message: RegExp) => {
    assert.throws(
      () => checkInput(rule, "t"),
      (error) => error instanceof InvalidInput && message.test(error.message),
    );
  };
  refused({ Input: "{}", InputPath: "$" }, /^Only one of Input, InputPath, or InputTransformer/);
  refused({ Input: "{" }, /^JSON syntax error in input for target t/);
  refused({ InputPath: "detail" }, /^Invalid InputPath for target t/);
  refused({ InputPath: "$.a b" }, /^Invalid InputPath/);
  refused({ InputTransformer: { InputTemplate: '"<b>"', InputPathsMap: { a: "$.a" } } }, /invalid placeholder b/);
  refused({ InputTransformer: { InputTemplate: '"x"', InputPathsMap: { AwsX: "$.a" } } }, /reserved prefix AWS/);
  checkInput(
    { InputTransformer: { InputTemplate: '"<a> <aws.events.rule-arn> 1 < 2"', InputPathsMap: { a: "$.a" } } },
    "t",
  );
});
