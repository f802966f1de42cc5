import assert from "node:assert/strict";
import {
  AddLayerVersionPermissionCommand,
  AddPermissionCommand,
  type AddPermissionCommandInput,
  CreateCodeSigningConfigCommand,
  DeleteFunctionCommand,
  DeleteLayerVersionCommand,
  GetAliasCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionPolicyCommand,
  GetPolicyCommand,
  GetResourcePolicyCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  ListFunctionsByCodeSigningConfigCommand,
  ListLayerVersionsCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  PutFunctionCodeSigningConfigCommand,
  PutResourcePolicyCommand,
  RemovePermissionCommand,
} from "@aws-sdk/client-lambda";
import { bootstrap } from "./door.ts";
import { arnOf, type Fact, refused, testFacts } from "./facts.ts";
import { aliasedFunction, functionOf, newName } from "./facts-functions.ts";

const recorded = "seen: localstack tests against AWS, test_lambda_api";
const notFound = "ResourceNotFoundException";
const stranger = "222222222222";

const add = (client: LambdaClient, FunctionName: string, more: Partial<AddPermissionCommandInput> = {}) =>
  client.send(
    new AddPermissionCommand({
      FunctionName,
      StatementId: "s3",
      Action: "lambda:InvokeFunction",
      Principal: "s3.amazonaws.com",
      ...more,
    }),
  );
const statement = async (request: ReturnType<typeof add>) => JSON.parse((await request).Statement ?? "");
const policyOf = (client: LambdaClient, FunctionName: string, Qualifier?: string) =>
  client.send(new GetPolicyCommand({ FunctionName, Qualifier }));
const documentOf = async (client: LambdaClient, name: string, qualifier?: string) =>
  JSON.parse((await policyOf(client, name, qualifier)).Policy ?? "");

const permissions: readonly Fact[] = [
  {
    fact: "a statement's members stand in Lambda's order, and a document is named default",
    source: `${recorded}, test_add_lambda_permission_aws`,
    async holds({ client }) {
      const { name, arn } = await functionOf(client);
      const made = await add(client, name, { SourceArn: "arn:aws:s3:::bucket" });
      assert.equal(
        made.Statement,
        `{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"${arn}","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}`,
      );
      assert.equal(made.$metadata.httpStatusCode, 201);
      const { Policy } = await policyOf(client, name);
      assert.equal(Policy, `{"Version":"2012-10-17","Id":"default","Statement":[${made.Statement}]}`);
    },
  },
  {
    fact: "a principal is everybody, a service, an account by its root user, or an ARN",
    source: `${recorded}, test_add_lambda_permission_fields`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const user = `arn:aws:iam::${stranger}:user/ada`;
      const cases: [Principal: string, shown: unknown][] = [
        ["*", "*"],
        ["lambda.amazonaws.com", { Service: "lambda.amazonaws.com" }],
        [stranger, { AWS: `arn:aws:iam::${stranger}:root` }],
        [user, { AWS: user }],
      ];
      for (const [index, [Principal, shown]] of cases.entries()) {
        const made = await statement(add(client, name, { StatementId: `s${index}`, Principal }));
        assert.deepEqual(made.Principal, shown);
      }
      await refused(
        add(client, name, { StatementId: "other", Principal: "invalid.nonaws.com" }),
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
      );
    },
  },
  {
    fact: "what a URL's permission asks for becomes conditions",
    source: `${recorded}, test_add_lambda_permission_fields; guide: Control access to Lambda function URLs`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const made = await statement(
        add(client, name, {
          Action: "lambda:InvokeFunctionUrl",
          Principal: "*",
          SourceAccount: "000000000000",
          PrincipalOrgID: "o-1234567890",
          FunctionUrlAuthType: "NONE",
        }),
      );
      assert.deepEqual(made.Condition, {
        StringEquals: {
          "lambda:FunctionUrlAuthType": "NONE",
          "aws:PrincipalOrgID": "o-1234567890",
          "AWS:SourceAccount": "000000000000",
        },
      });
      const via = await statement(
        add(client, name, { StatementId: "via", Principal: "*", InvokedViaFunctionUrl: true }),
      );
      assert.deepEqual(via.Condition, { Bool: { "lambda:InvokedViaFunctionUrl": "true" } });
      await refused(
        add(client, name, { StatementId: "no", FunctionUrlAuthType: "NONE" }),
        "InvalidParameterValueException",
        "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
      );
    },
  },
  {
    fact: "$LATEST has no policy of its own",
    source: `${recorded}, test_permission_exceptions`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      for (const more of [{ Qualifier: "$LATEST" }, { FunctionName: `${name}:$LATEST` }]) {
        await refused(
          add(client, name, more),
          "InvalidParameterValueException",
          "We currently do not support adding policies for $LATEST.",
        );
      }
    },
  },
  {
    fact: "a qualifier that leads nowhere is an alias to some and a version to others",
    source: `${recorded}, test_permission_exceptions`,
    async holds({ client }) {
      const { name, arn } = await functionOf(client);
      await refused(add(client, name, { Qualifier: "42" }), notFound, `Function not found: ${arn}:42`);
      await refused(add(client, `${name}:none`), notFound, `Cannot find alias arn: ${arn}:none`);
      await refused(add(client, name, { Qualifier: "no-$-no" }), notFound, `Cannot find alias arn: ${arn}:no-$-no`);
      await refused(add(client, "doesnotexist"), notFound, `Function not found: ${arnOf("doesnotexist")}`);
      await refused(
        add(client, `${name}:one`, { Qualifier: "42" }),
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
      );
    },
  },
  {
    fact: "a statement's name is taken once in each policy, and free in another's",
    source: `${recorded}, test_permission_exceptions and test_lambda_permission_fn_versioning`,
    async holds({ client }) {
      const { name } = await aliasedFunction(client);
      await add(client, name);
      await refused(
        add(client, name),
        "ResourceConflictException",
        "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.",
      );
      await add(client, `${name}:1`, { Qualifier: "1" });
      await add(client, `${name}:live`);
      assert.equal((await documentOf(client, name, "live")).Statement.length, 1);
    },
  },
  {
    fact: "a new version starts without a policy",
    source: `${recorded}, test_lambda_permission_fn_versioning`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      await add(client, name);
      await client.send(new PublishVersionCommand({ FunctionName: name }));
      await refused(policyOf(client, name, "1"), notFound, "The resource you requested does not exist.");
      assert.equal((await documentOf(client, name)).Statement.length, 1);
    },
  },
  {
    fact: "a policy's RevisionId is the function's, or the alias's, and changes with the policy",
    source: `${recorded}, test_function_revisions_permissions and test_lambda_permission_fn_versioning`,
    async holds({ client }) {
      const { name, revision } = await aliasedFunction(client);
      const alias = () => client.send(new GetAliasCommand({ FunctionName: name, Name: "live" }));
      const before = (await alias()).RevisionId;
      await refused(
        add(client, name, { Qualifier: "live", RevisionId: "wrong" }),
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
      );
      await add(client, name, { Qualifier: "live", RevisionId: before });
      const after = (await alias()).RevisionId;
      assert.notEqual(after, before);
      assert.equal((await policyOf(client, name, "live")).RevisionId, after);
      await add(client, name);
      const { RevisionId } = await policyOf(client, name);
      const now = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
      assert.equal(now.RevisionId, RevisionId);
      assert.notEqual(RevisionId, revision);
      await add(client, name, { StatementId: "s3_2", RevisionId });
    },
  },
  {
    fact: "removing what is not there says what is missing",
    source: `${recorded}, test_permission_exceptions and test_remove_multi_permissions`,
    async holds({ client }) {
      const { name } = await functionOf(client);
      const remove = (StatementId: string, FunctionName = name) =>
        client.send(new RemovePermissionCommand({ FunctionName, StatementId }));
      await refused(remove("s3"), notFound, "No policy is associated with the given resource.");
      await refused(remove("s3", "doesnotexist"), notFound, `No policy found for: ${arnOf("doesnotexist")}`);
      await add(client, name);
      await refused(remove("non-existent"), notFound, "Statement non-existent is not found in resource policy.");
      assert.equal((await remove("s3")).$metadata.httpStatusCode, 204);
      await refused(policyOf(client, name), notFound, "The resource you requested does not exist.");
    },
  },
  {
    fact: "a policy has 20 KB, and the error says how long it would be",
    source: "seen: issues of deployment tools quote The final policy size (20588) is bigger than the limit (20480).",
    async holds({ client }) {
      const { name } = await functionOf(client);
      const SourceArn = `arn:aws:s3:::${"b".repeat(9_900)}`;
      await add(client, name, { StatementId: "a", SourceArn });
      await add(client, name, { StatementId: "b", SourceArn });
      const one = await documentOf(client, name);
      const wanted = JSON.stringify({ ...one, Statement: [...one.Statement, { ...one.Statement[0], Sid: "c" }] });
      await refused(
        add(client, name, { StatementId: "c", SourceArn }),
        "PolicyLengthExceededException",
        `The final policy size (${wanted.length}) is bigger than the limit (20480).`,
      );
    },
  },
  {
    fact: "the policy goes with the function",
    source: "guide: Working with resource-based policies in Lambda",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await add(client, name);
      await client.send(new DeleteFunctionCommand({ FunctionName: name }));
      await refused(policyOf(client, name), notFound, `Function not found: ${arnOf(name)}`);
      await functionOf(client, { FunctionName: name });
      await refused(policyOf(client, name), notFound, "The resource you requested does not exist.");
    },
  },
];

const documents: readonly Fact[] = [
  {
    fact: "PutResourcePolicy replaces what AddPermission wrote",
    source: "api: PutResourcePolicy",
    async holds({ client }) {
      const { name, arn } = await functionOf(client);
      await add(client, name);
      const Policy = JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Deny", Principal: "*", Action: "lambda:DeleteFunction", Resource: arn }],
      });
      const made = await client.send(new PutResourcePolicyCommand({ ResourceArn: arn, Policy }));
      assert.equal(made.Policy, Policy);
      assert.match(made.RevisionId ?? "", /^[0-9a-f-]{36}$/);
      assert.equal((await policyOf(client, name)).Policy, Policy);
      const read = await client.send(new GetResourcePolicyCommand({ ResourceArn: arn }));
      assert.equal(read.RevisionId, made.RevisionId);
      await refused(client.send(new DeleteFunctionCommand({ FunctionName: name })), "AccessDeniedException");
    },
  },
  {
    fact: "the operations on whole policies take full ARNs only",
    source: "model: PolicyResourceArn",
    async holds({ client }) {
      const { name } = await functionOf(client);
      await refused(
        client.send(new GetResourcePolicyCommand({ ResourceArn: name })),
        "ValidationException",
        /resourceArn/,
      );
    },
  },
];

const across: readonly Fact[] = [
  {
    fact: "another account is told nothing but that no policy lets it in",
    source: "seen: AccessDeniedException quoted in public; guide: Granting function access to other accounts",
    async holds({ client, clientOf }) {
      const { name, arn } = await functionOf(client);
      const other = clientOf(stranger);
      const call = (FunctionName: string) => other.send(new InvokeCommand({ FunctionName }));
      for (const one of [arn, arnOf("nonexistent-function")]) {
        await refused(
          call(one),
          "AccessDeniedException",
          `User: arn:aws:iam::${stranger}:root is not authorized to perform: lambda:InvokeFunction on resource: ${one} because no resource-based policy allows the lambda:InvokeFunction action`,
        );
      }
      const streamed = () => other.send(new InvokeWithResponseStreamCommand({ FunctionName: arn }));
      const tried = () => other.send(new InvokeCommand({ FunctionName: arn, InvocationType: "DryRun" }));
      await refused(streamed(), "AccessDeniedException", /perform: lambda:InvokeFunction on/);
      await refused(tried(), "AccessDeniedException");
      await add(client, name, { Principal: stranger });
      assert.equal((await call(arn)).StatusCode, 200);
      assert.equal((await streamed()).StatusCode, 200);
      assert.equal((await tried()).StatusCode, 204);
      await client.send(new RemovePermissionCommand({ FunctionName: name, StatementId: "s3" }));
      await refused(call(arn), "AccessDeniedException");
    },
  },
  {
    fact: "a layer is shared version by version, for GetLayerVersion alone",
    source: `${recorded}, test_layer_policy_lifecycle; seen: ListLayerVersions refused in public issues`,
    async holds({ client, clientOf }) {
      const LayerName = newName();
      const { LayerArn, LayerVersionArn } = await client.send(
        new PublishLayerVersionCommand({ LayerName, Content: { ZipFile: bootstrap } }),
      );
      const other = clientOf(stranger);
      const read = () => other.send(new GetLayerVersionByArnCommand({ Arn: LayerVersionArn }));
      const use = (FunctionName: string) => functionOf(other, { FunctionName, Layers: [LayerVersionArn!] });
      const denied = `User: arn:aws:iam::${stranger}:root is not authorized to perform: lambda:GetLayerVersion on resource: ${LayerVersionArn} because no resource-based policy allows the lambda:GetLayerVersion action`;
      await refused(read(), "AccessDeniedException", denied);
      await refused(use("layered"), "AccessDeniedException", denied);
      const policy = () => client.send(new GetLayerVersionPolicyCommand({ LayerName, VersionNumber: 1 }));
      await refused(policy(), notFound, "No policy is associated with the given resource.");
      const share = (StatementId: string) =>
        client.send(
          new AddLayerVersionPermissionCommand({
            LayerName,
            VersionNumber: 1,
            StatementId,
            Action: "lambda:GetLayerVersion",
            Principal: "*",
          }),
        );
      const shared = await share("s1");
      assert.equal(
        shared.Statement,
        `{"Sid":"s1","Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion","Resource":"${LayerVersionArn}"}`,
      );
      assert.equal((await policy()).RevisionId, shared.RevisionId);
      await refused(
        share("s1"),
        "ResourceConflictException",
        "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.",
      );
      await read();
      await use("layered");
      await refused(
        other.send(new ListLayerVersionsCommand({ LayerName: LayerArn })),
        "AccessDeniedException",
        `User: arn:aws:iam::${stranger}:root is not authorized to perform: lambda:ListLayerVersions on resource: ${LayerArn} because no resource-based policy allows the lambda:ListLayerVersions action`,
      );
      await client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }));
      await refused(policy(), notFound, `Layer version ${LayerVersionArn} does not exist.`);
    },
  },
];

const signing: readonly Fact[] = [
  {
    fact: "a configuration's id has 17 digits, and its policy is Warn unless said otherwise",
    source: `${recorded}, test_function_code_signing_config; api: CodeSigningPolicies`,
    async holds({ client }) {
      const publisher = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/test";
      const { CodeSigningConfig, $metadata } = await client.send(
        new CreateCodeSigningConfigCommand({ AllowedPublishers: { SigningProfileVersionArns: [publisher] } }),
      );
      assert.equal($metadata.httpStatusCode, 201);
      assert.match(CodeSigningConfig?.CodeSigningConfigId ?? "", /^csc-[a-z0-9]{17}$/);
      assert.deepEqual(CodeSigningConfig?.CodeSigningPolicies, { UntrustedArtifactOnDeployment: "Warn" });
    },
  },
  {
    fact: "functions and configurations say differently that a configuration is gone",
    source: `${recorded}, test_code_signing_not_found_excs`,
    async holds({ client }) {
      const CodeSigningConfigArn = "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-00000000000000000";
      const { name } = await functionOf(client);
      await refused(
        client.send(new ListFunctionsByCodeSigningConfigCommand({ CodeSigningConfigArn })),
        notFound,
        `The Lambda code signing configuration ${CodeSigningConfigArn} can not be found.`,
      );
      await refused(
        client.send(new PutFunctionCodeSigningConfigCommand({ FunctionName: name, CodeSigningConfigArn })),
        "CodeSigningConfigNotFoundException",
        `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${CodeSigningConfigArn}.`,
      );
    },
  },
  {
    fact: "a function without a configuration answers with an empty document",
    source: `${recorded}, test_function_code_signing_config; terraform reads it after every creation`,
    async holds({ client, raw }) {
      const { name } = await functionOf(client);
      const answer = await raw("GET", `/2020-06-30/functions/${name}/code-signing-config`);
      assert.deepEqual([answer.status, answer.body], [200, {}]);
      await refused(
        client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName: "doesnotexist" })),
        notFound,
        `Function not found: ${arnOf("doesnotexist")}`,
      );
    },
  },
];

testFacts([...permissions, ...documents, ...across, ...signing]);
