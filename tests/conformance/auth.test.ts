import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, describe, test } from "node:test";
import * as scaling from "@aws-sdk/client-application-auto-scaling";
import * as iam from "@aws-sdk/client-iam";
import * as lambda from "@aws-sdk/client-lambda";
import * as signer from "@aws-sdk/client-signer";
import { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import aws4 from "aws4";
import { createKeyring } from "../../src/edge/auth/keyring.ts";
import fc from "../properties.ts";
import { bootstrap, type Door, echo, openDoor } from "./door.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

let door: Door;
let root: Keys;
let shiftMs = 0;
const closing: { destroy(): void }[] = [];

async function open(mode: "known-keys" | "iam") {
  door = await openDoor(echo, undefined, { auth: { mode, clock: () => Date.now() + shiftMs } });
  root = rootOf("000000000000");
}

function rootOf(account: string): Keys {
  const keyring = createKeyring(door);
  const key = keyring.create(account, undefined);
  return { accessKeyId: key.name, secretAccessKey: keyring.secretOf(key) };
}

async function close() {
  for (const client of closing.splice(0)) client.destroy();
  await door[Symbol.asyncDispose]();
  assert.deepEqual(door.reported, []);
}

function clientOf<T extends { destroy(): void }>(Client: new (options: object) => T, credentials: Keys = root): T {
  const client = new Client({ endpoint: door.endpoint, region: "eu-west-1", credentials, maxAttempts: 1 });
  closing.push(client);
  return client;
}

const lambdaOf = (keys?: Keys) => clientOf(lambda.LambdaClient, keys);
const iamOf = (keys?: Keys) => clientOf(iam.IAMClient, keys);
const stsOf = (keys?: Keys) => clientOf(STSClient, keys);

const allow = (Action: string | string[], Resource: string | string[] = "*") =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource }] });
const deny = (Action: string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Deny", Action, Resource: "*" }] });
const trust = (Principal: object | string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal, Action: "sts:AssumeRole" }] });

async function newUser(UserName: string, document?: string): Promise<Keys> {
  const client = iamOf();
  await client.send(new iam.CreateUserCommand({ UserName }));
  if (document !== undefined) {
    await client.send(new iam.PutUserPolicyCommand({ UserName, PolicyName: "own", PolicyDocument: document }));
  }
  const { AccessKey } = await client.send(new iam.CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}

const lambdaTrust = trust({ Service: "lambda.amazonaws.com" });
const newRole = (RoleName: string, AssumeRolePolicyDocument = lambdaTrust) =>
  iamOf().send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));

const newFunction = (client: lambda.LambdaClient, FunctionName: string, Role: string) =>
  client.send(
    new lambda.CreateFunctionCommand({
      FunctionName,
      Role,
      Runtime: "provided.al2023",
      Handler: "x",
      Code: { ZipFile: bootstrap },
    }),
  );

interface Raw {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
interface Answer {
  readonly status: number;
  readonly text: string;
  readonly code: string;
}

function send({ method, path, headers, body }: Raw): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port: door.port, host: "127.0.0.1", method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, text, code: String(response.headers["x-amzn-errortype"] ?? "") });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

function signed(raw: Partial<Raw> & { service?: string; signQuery?: boolean }, keys: Keys = root): Raw {
  const {
    method = "GET",
    path = "/2015-03-31/functions/",
    headers = {},
    body = "",
    service = "lambda",
    signQuery,
  } = raw;
  const options = {
    service,
    region: "us-east-1",
    method,
    path,
    host: `127.0.0.1:${door.port}`,
    headers: { ...headers },
    body,
  };
  const done = aws4.sign({ ...options, ...(signQuery ? { signQuery } : {}) }, keys);
  const text = Object.entries(done.headers ?? {}).map(([name, value]) => [name, String(value)] as const);
  return { method, path: done.path ?? path, headers: Object.fromEntries(text), body };
}

describe("with known keys", () => {
  before(() => open("known-keys"));
  after(close);

  test("a right signature is let in, by every official client and in every service", async () => {
    assert.deepEqual((await lambdaOf().send(new lambda.ListFunctionsCommand())).Functions, []);
    const { Arn } = await stsOf().send(new GetCallerIdentityCommand());
    assert.equal(Arn, "arn:aws:iam::000000000000:root");
    await iamOf().send(new iam.ListRolesCommand());
    assert.equal((await send(signed({}))).status, 200);
    assert.equal((await send(signed({ signQuery: true }))).status, 200);
  });

  test("without a signature nothing but health answers", async () => {
    const bare = (path: string, method = "GET") => send({ method, path, headers: {}, body: "" });
    const { status, code, text } = await bare("/2015-03-31/functions/");
    assert.deepEqual([status, code], [403, "MissingAuthenticationTokenException"]);
    assert.match(text, /"message":"Missing Authentication Token"/);
    assert.equal(
      (await bare("/2015-03-31/functions/f/invocations", "POST")).code,
      "MissingAuthenticationTokenException",
    );
    assert.match((await bare("/?Action=GetCallerIdentity", "POST")).text, /<Code>MissingAuthenticationToken<\/Code>/);
    assert.equal((await bare("/_localstack/health")).status, 200);
    assert.equal((await bare("/_thaw/environments")).code, "MissingAuthenticationTokenException");
  });

  test("an unknown key, a wrong secret and a key switched off are refused as AWS words it", async () => {
    const unknown = lambdaOf({ accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x" });
    await assert.rejects(unknown.send(new lambda.ListFunctionsCommand()), {
      name: "UnrecognizedClientException",
      message: "The security token included in the request is invalid.",
    });
    await assert.rejects(stsOf({ accessKeyId: "test", secretAccessKey: "test" }).send(new GetCallerIdentityCommand()), {
      name: "InvalidClientTokenId",
    });
    const wrong = lambdaOf({ ...root, secretAccessKey: `${root.secretAccessKey}x` });
    await assert.rejects(wrong.send(new lambda.ListFunctionsCommand()), {
      name: "InvalidSignatureException",
      message: /^The request signature we calculated does not match the signature you provided\./,
    });
    const keys = await newUser("switched");
    await lambdaOf(keys).send(new lambda.ListFunctionsCommand());
    const change = { UserName: "switched", AccessKeyId: keys.accessKeyId, Status: "Inactive" } as const;
    await iamOf().send(new iam.UpdateAccessKeyCommand(change));
    await assert.rejects(lambdaOf(keys).send(new lambda.ListFunctionsCommand()), {
      name: "UnrecognizedClientException",
    });
  });

  test("a request changed in any part on its way is refused", async () => {
    const body = JSON.stringify({ a: 1 });
    const headers = { "x-amz-log-type": "None", "content-type": "application/json" };
    const whole = () =>
      signed({ method: "POST", path: "/2015-03-31/functions/f/invocations?Qualifier=1", headers, body });
    // Let in, and then there is no such function.
    assert.equal((await send(whole())).code, "ResourceNotFoundException");
    const changes: Record<string, (raw: Raw) => Raw> = {
      body: (raw) => ({ ...raw, body: JSON.stringify({ a: 2 }) }),
      "body, with a digest that fits": (raw) => ({
        ...raw,
        body: JSON.stringify({ a: 2 }),
        headers: { ...raw.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      }),
      path: (raw) => ({ ...raw, path: raw.path.replace("/f/", "/g/") }),
      query: (raw) => ({ ...raw, path: raw.path.replace("Qualifier=1", "Qualifier=2") }),
      "query added": (raw) => ({ ...raw, path: `${raw.path}&x=1` }),
      method: (raw) => ({ ...raw, method: "PUT" }),
      "signed header": (raw) => ({ ...raw, headers: { ...raw.headers, "x-amz-log-type": "Tail" } }),
      "header added": (raw) => ({ ...raw, headers: { ...raw.headers, "x-amz-invocation-type": "DryRun" } }),
      host: (raw) => ({ ...raw, headers: { ...raw.headers, Host: "lambda.eu-west-1.amazonaws.com" } }),
      "signed header taken away": (raw) => ({
        ...raw,
        headers: Object.fromEntries(Object.entries(raw.headers).filter(([name]) => name !== "x-amz-log-type")),
      }),
      region: (raw) => changeAuthorization(raw, "/us-east-1/", "/eu-west-1/"),
      service: (raw) => changeAuthorization(raw, "/lambda/", "/s3/"),
      signature: (raw) => changeAuthorization(raw, /Signature=./, "Signature=x"),
      "signature cut": (raw) => changeAuthorization(raw, /.$/, ""),
    };
    for (const [name, change] of Object.entries(changes)) {
      const { status, code } = await send(change(whole()));
      assert.ok(status === 403, `${name}: ${status}`);
      assert.ok(["InvalidSignatureException", "IncompleteSignatureException"].includes(code), `${name}: ${code}`);
    }
  });

  test("a signature of another service, or of a kind that is not checked, is none", async () => {
    const other = await send(signed({ method: "POST", path: "/2015-03-31/functions/f/invocations", service: "iam" }));
    assert.match(other.text, /Credential should be scoped to correct service: 'lambda'\./);
    const asymmetric = { authorization: "AWS4-ECDSA-P256-SHA256 Credential=x" };
    const { code, text } = await send({ method: "GET", path: "/2015-03-31/functions/", headers: asymmetric, body: "" });
    assert.equal(code, "IncompleteSignatureException");
    assert.match(text, /Version 4A/);
  });

  test("clocks may differ by five minutes, and presigned requests have an end", async () => {
    try {
      const now = signed({});
      const presigned = signed({ signQuery: true, path: "/2015-03-31/functions/?X-Amz-Expires=600" });
      shiftMs = 4 * 60_000;
      assert.equal((await send(now)).status, 200);
      shiftMs = 6 * 60_000;
      const late = await send(now);
      assert.equal(late.code, "InvalidSignatureException");
      assert.match(
        late.text,
        /Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)/,
      );
      assert.equal((await send(presigned)).status, 200);
      shiftMs = -6 * 60_000;
      assert.match(
        (await send(now)).text,
        /Signature not yet current: \d{8}T\d{6}Z is still later than .* \+ 5 min\.\)/,
      );
      shiftMs = 11 * 60_000;
      assert.match((await send(presigned)).text, /Signature expired/);
    } finally {
      shiftMs = 0;
    }
  });

  test("a request that was recorded and is sent again later is refused, but for reads and presigned ones", async () => {
    const body = "{}";
    const write = signed({ method: "POST", path: "/2015-03-31/functions/f/invocations", body });
    const read = signed({});
    const presigned = signed({ method: "POST", path: "/2015-03-31/functions/f/invocations", signQuery: true });
    assert.equal((await send(write)).code, "ResourceNotFoundException");
    await send(read);
    await send(presigned);
    // Equal requests of one second have one signature.
    assert.equal((await send(write)).code, "ResourceNotFoundException");
    try {
      shiftMs = 3000;
      const again = await send(write);
      assert.equal(again.code, "InvalidSignatureException");
      assert.match(again.text, /Signature already used/);
      assert.equal((await send(read)).status, 200);
      assert.equal((await send(presigned)).code, "ResourceNotFoundException");
    } finally {
      shiftMs = 0;
    }
  });

  test("temporary credentials need their token, hold for their time, and say whose they are", async () => {
    const { Credentials } = await stsOf().send(
      new AssumeRoleCommand({
        RoleArn: "arn:aws:iam::000000000000:role/a/deployer",
        RoleSessionName: "ci",
        DurationSeconds: 900,
      }),
    );
    const keys = {
      accessKeyId: Credentials!.AccessKeyId!,
      secretAccessKey: Credentials!.SecretAccessKey!,
      sessionToken: Credentials!.SessionToken!,
    };
    const { Arn, Account } = await stsOf(keys).send(new GetCallerIdentityCommand());
    assert.equal(Arn, "arn:aws:sts::000000000000:assumed-role/deployer/ci");
    assert.equal(Account, "000000000000");
    const foreign = { RoleArn: "arn:aws:iam::123456789012:role/a/deployer", RoleSessionName: "ci" };
    await assert.rejects(stsOf().send(new AssumeRoleCommand(foreign)), { name: "AccessDenied" });
    const { sessionToken: _token, ...bare } = keys;
    const invalid = { name: "UnrecognizedClientException" };
    await assert.rejects(lambdaOf(bare).send(new lambda.ListFunctionsCommand()), invalid);
    const forged = { ...keys, sessionToken: `${keys.sessionToken.slice(0, -8)}AAAAAAAA` };
    await assert.rejects(lambdaOf(forged).send(new lambda.ListFunctionsCommand()), invalid);
    await assert.rejects(
      lambdaOf({ ...root, sessionToken: keys.sessionToken }).send(new lambda.ListFunctionsCommand()),
      invalid,
    );
    const user = await newUser("sessions");
    const { Credentials: own } = await stsOf(user).send(new GetSessionTokenCommand());
    const mine = {
      accessKeyId: own!.AccessKeyId!,
      secretAccessKey: own!.SecretAccessKey!,
      sessionToken: own!.SessionToken!,
    };
    assert.equal(
      (await stsOf(mine).send(new GetCallerIdentityCommand())).Arn,
      "arn:aws:iam::000000000000:user/sessions",
    );
    try {
      shiftMs = 16 * 60_000;
      const request = signed({ headers: { "X-Amz-Date": basic(Date.now() + shiftMs) } }, keys);
      const { status, code } = await send(request);
      assert.deepEqual([status, code], [403, "ExpiredTokenException"]);
    } finally {
      shiftMs = 0;
    }
  });

  test("no header that anybody makes up gets in, or brings the platform to fail", async () => {
    const part = fc.oneof(
      fc.stringMatching(/^[ -~]{0,30}$/),
      fc.constantFrom("AWS4-HMAC-SHA256 ", "Credential=", "/", ",", root.accessKeyId),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
        const headers = { authorization: parts.join(""), "x-amz-date": basic(Date.now()) };
        const { status } = await send({ method: "GET", path: "/2015-03-31/functions/", headers, body: "" });
        assert.equal(status, 403);
      }),
      { numRuns: 60 },
    );
  });
});

const basic = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;

function changeAuthorization(raw: Raw, from: string | RegExp, to: string): Raw {
  const [name = "", value = ""] =
    Object.entries(raw.headers).find(([key]) => key.toLowerCase() === "authorization") ?? [];
  return { ...raw, headers: { ...raw.headers, [name]: value.replace(from, to) } };
}

describe("with permissions", () => {
  before(async () => {
    await open("iam");
    await newRole("executor");
    await newFunction(lambdaOf(), "f", "arn:aws:iam::000000000000:role/executor");
  });
  after(close);

  const arn = "arn:aws:lambda:eu-west-1:000000000000:function:f";
  const invoke = (keys: Keys, FunctionName = "f") => lambdaOf(keys).send(new lambda.InvokeCommand({ FunctionName }));
  const denied = (who: string, why: string) => ({
    name: "AccessDeniedException",
    message: `User: ${who} is not authorized to perform: lambda:InvokeFunction on resource: ${arn} ${why}`,
  });
  const nothing = "because no identity-based policy allows the lambda:InvokeFunction action";

  test("a user may what its policies, or its groups', say, and nothing else", async () => {
    const keys = await newUser("ann");
    const who = "arn:aws:iam::000000000000:user/ann";
    await assert.rejects(invoke(keys), denied(who, nothing));
    const client = iamOf();
    await client.send(new iam.CreateGroupCommand({ GroupName: "invokers" }));
    await client.send(
      new iam.PutGroupPolicyCommand({
        GroupName: "invokers",
        PolicyName: "p",
        PolicyDocument: allow("lambda:InvokeFunction", arn),
      }),
    );
    await client.send(new iam.AddUserToGroupCommand({ GroupName: "invokers", UserName: "ann" }));
    assert.equal((await invoke(keys)).StatusCode, 200);
    const list = {
      name: "AccessDeniedException",
      message: /lambda:ListFunctions on resource: \* because no identity-based/,
    };
    await assert.rejects(lambdaOf(keys).send(new lambda.ListFunctionsCommand()), list);
    await client.send(
      new iam.PutUserPolicyCommand({ UserName: "ann", PolicyName: "no", PolicyDocument: deny("lambda:Invoke*") }),
    );
    await assert.rejects(invoke(keys), denied(who, "with an explicit deny in an identity-based policy"));
    await client.send(new iam.DeleteUserPolicyCommand({ UserName: "ann", PolicyName: "no" }));
    await client.send(new iam.RemoveUserFromGroupCommand({ GroupName: "invokers", UserName: "ann" }));
    await assert.rejects(invoke(keys), denied(who, nothing));
  });

  test("managed policies grant by their default version, AWS's own too, and a boundary bounds", async () => {
    const keys = await newUser("bob");
    const UserName = "bob";
    const client = iamOf();
    const PolicyArn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess";
    await client.send(new iam.AttachUserPolicyCommand({ UserName, PolicyArn }));
    assert.equal((await invoke(keys)).StatusCode, 200);
    const { Policy } = await client.send(
      new iam.CreatePolicyCommand({ PolicyName: "bound", PolicyDocument: allow("lambda:List*") }),
    );
    const boundary = Policy!.Arn!;
    await client.send(new iam.PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary: boundary }));
    const who = "arn:aws:iam::000000000000:user/bob";
    await assert.rejects(
      invoke(keys),
      denied(who, "because no permissions boundary allows the lambda:InvokeFunction action"),
    );
    await lambdaOf(keys).send(new lambda.ListFunctionsCommand());
    await client.send(
      new iam.CreatePolicyVersionCommand({
        PolicyArn: boundary,
        PolicyDocument: allow("lambda:*"),
        SetAsDefault: true,
      }),
    );
    assert.equal((await invoke(keys)).StatusCode, 200);
    await client.send(new iam.SetDefaultPolicyVersionCommand({ PolicyArn: boundary, VersionId: "v1" }));
    await assert.rejects(invoke(keys), { name: "AccessDeniedException" });
  });

  test("a function's policy lets in users it names, also of another account, who then need their own permission", async () => {
    const keys = await newUser("eve");
    const who = "arn:aws:iam::000000000000:user/eve";
    await assert.rejects(invoke(keys), denied(who, nothing));
    const add = (StatementId: string, Principal: string) =>
      lambdaOf().send(
        new lambda.AddPermissionCommand({ FunctionName: "f", StatementId, Action: "lambda:InvokeFunction", Principal }),
      );
    await add("eve", who);
    assert.equal((await invoke(keys)).StatusCode, 200);
    // The other account's root user may everything that its own account can grant.
    const foreign = rootOf("111122223333");
    const root2 = "arn:aws:iam::111122223333:root";
    const noResource = "because no resource-based policy allows the lambda:InvokeFunction action";
    await assert.rejects(invoke(foreign, arn), denied(root2, noResource));
    await add("account", "111122223333");
    assert.equal((await invoke(foreign, arn)).StatusCode, 200);
  });

  test("a role is assumed as its trust policy says, and a session policy narrows it", async () => {
    const keys = await newUser("dan", allow("sts:AssumeRole"));
    const dan = "arn:aws:iam::000000000000:user/dan";
    const RoleArn = "arn:aws:iam::000000000000:role/worker";
    const assume = (more: object = {}) =>
      stsOf(keys).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "s", ...more }));
    const refused = {
      name: "AccessDenied",
      message: `User: ${dan} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
    };
    await assert.rejects(assume(), refused);
    await newRole("worker", trust({ AWS: "arn:aws:iam::000000000000:user/somebody" }));
    await assert.rejects(assume(), refused);
    const client = iamOf();
    const PolicyDocument = trust({ AWS: "000000000000" });
    await client.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName: "worker", PolicyDocument }));
    await client.send(
      new iam.PutRolePolicyCommand({ RoleName: "worker", PolicyName: "p", PolicyDocument: allow("lambda:*") }),
    );
    const keysOf = ({ Credentials }: Awaited<ReturnType<typeof assume>>): Keys => ({
      accessKeyId: Credentials!.AccessKeyId!,
      secretAccessKey: Credentials!.SecretAccessKey!,
      sessionToken: Credentials!.SessionToken!,
    });
    const wide = keysOf(await assume());
    assert.equal((await invoke(wide)).StatusCode, 200);
    const { Arn } = await stsOf(wide).send(new GetCallerIdentityCommand());
    assert.equal(Arn, "arn:aws:sts::000000000000:assumed-role/worker/s");
    const narrow = keysOf(await assume({ Policy: allow("lambda:List*") }));
    await lambdaOf(narrow).send(new lambda.ListFunctionsCommand());
    await assert.rejects(
      invoke(narrow),
      denied(Arn!, "because no session policy allows the lambda:InvokeFunction action"),
    );
    await assert.rejects(iamOf(wide).send(new iam.ListUsersCommand()), {
      name: "AccessDenied",
      message: `User: ${Arn} is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::000000000000:user/ because no identity-based policy allows the iam:ListUsers action`,
    });
  });

  test("to give a role to a function takes PassRole, and a role that Lambda may assume", async () => {
    const keys = await newUser("deployer", allow("lambda:*"));
    const role = "arn:aws:iam::000000000000:role/executor";
    await assert.rejects(newFunction(lambdaOf(keys), "g", role), {
      name: "AccessDeniedException",
      message: `User: arn:aws:iam::000000000000:user/deployer is not authorized to perform: iam:PassRole on resource: ${role} because no identity-based policy allows the iam:PassRole action`,
    });
    await iamOf().send(
      new iam.PutUserPolicyCommand({
        UserName: "deployer",
        PolicyName: "pass",
        PolicyDocument: allow("iam:PassRole", role),
      }),
    );
    await newFunction(lambdaOf(keys), "g", role);
    await newRole("mine", trust({ AWS: "000000000000" }));
    const cannot = {
      name: "InvalidParameterValueException",
      message: "The role defined for the function cannot be assumed by Lambda.",
    };
    await assert.rejects(newFunction(lambdaOf(), "h", "arn:aws:iam::000000000000:role/mine"), cannot);
    await assert.rejects(newFunction(lambdaOf(), "h", "arn:aws:iam::000000000000:role/nobodys"), cannot);
    await assert.rejects(newFunction(lambdaOf(), "h", "arn:aws:iam::111122223333:role/executor"), {
      name: "AccessDeniedException",
      message: "Cross-account pass role is not allowed.",
    });
  });

  test("the services around Lambda ask for their own actions", async () => {
    const keys = await newUser("scaler");
    const client = clientOf(scaling.ApplicationAutoScalingClient, keys);
    const ask = () => client.send(new scaling.DescribeScalableTargetsCommand({ ServiceNamespace: "lambda" }));
    await assert.rejects(ask(), {
      name: "AccessDeniedException",
      message:
        "User: arn:aws:iam::000000000000:user/scaler is not authorized to perform: application-autoscaling:DescribeScalableTargets on resource: * because no identity-based policy allows the application-autoscaling:DescribeScalableTargets action",
    });
    const PolicyDocument = allow("application-autoscaling:Describe*");
    await iamOf().send(new iam.PutUserPolicyCommand({ UserName: "scaler", PolicyName: "p", PolicyDocument }));
    assert.deepEqual((await ask()).ScalableTargets, []);
    const signing = clientOf(signer.SignerClient, keys);
    await assert.rejects(signing.send(new signer.GetSigningProfileCommand({ profileName: "profile" })), {
      name: "AccessDeniedException",
      message:
        /signer:GetSigningProfile on resource: arn:aws:signer:eu-west-1:000000000000:\/signing-profiles\/profile because/,
    });
  });

  test("a simulation decides as the platform does", async () => {
    await newUser("sim", allow("lambda:InvokeFunction", arn));
    const PolicySourceArn = "arn:aws:iam::000000000000:user/sim";
    const ActionNames = ["lambda:InvokeFunction", "lambda:DeleteFunction"];
    const simulate = (more: object = {}) =>
      iamOf().send(
        new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames, ResourceArns: [arn], ...more }),
      );
    const decisions = async (more?: object) =>
      (await simulate(more)).EvaluationResults!.map(({ EvalDecision }) => EvalDecision);
    assert.deepEqual(await decisions(), ["allowed", "implicitDeny"]);
    assert.deepEqual(await decisions({ PolicyInputList: [deny("lambda:*")] }), ["explicitDeny", "explicitDeny"]);
    const bounded = { PermissionsBoundaryPolicyInputList: [allow("s3:*")] };
    assert.deepEqual(await decisions(bounded), ["implicitDeny", "implicitDeny"]);
    const conditional = JSON.stringify({
      Version: "2012-10-17",
      Statement: {
        Effect: "Allow",
        Action: "s3:*",
        Resource: "*",
        Condition: { Bool: { "aws:SecureTransport": "true" } },
      },
    });
    const custom = await iamOf().send(
      new iam.SimulateCustomPolicyCommand({ PolicyInputList: [conditional], ActionNames: ["s3:GetObject"] }),
    );
    assert.deepEqual(custom.EvaluationResults![0]!.MissingContextValues, ["aws:SecureTransport"]);
  });
});
