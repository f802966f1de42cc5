import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateCodeSigningConfigCommand,
  type CreateCodeSigningConfigCommandInput,
  CreateFunctionCommand,
  DeleteCodeSigningConfigCommand,
  DeleteFunctionCodeSigningConfigCommand,
  DeleteFunctionCommand,
  GetCodeSigningConfigCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  ListCodeSigningConfigsCommand,
  ListFunctionsByCodeSigningConfigCommand,
  PublishLayerVersionCommand,
  PutFunctionCodeSigningConfigCommand,
  UpdateCodeSigningConfigCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import {
  CancelSigningProfileCommand,
  DescribeSigningJobCommand,
  GetSigningPlatformCommand,
  GetSigningProfileCommand,
  ListSigningJobsCommand,
  ListSigningPlatformsCommand,
  ListSigningProfilesCommand,
  ListTagsForResourceCommand,
  PutSigningProfileCommand,
  RevokeSignatureCommand,
  RevokeSigningProfileCommand,
  SignerClient,
  SignPayloadCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-signer";
import { answerOf, createFunction, lambdaOf, role, updated, zipOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

/** Code signing: configurations, signatures of the platform's own signer, and what is let in and what is not. */
let server: Server;
let client: LambdaClient;
let signer: SignerClient;

const platformId = "AWSLambda-SHA384-ECDSA";
const signerArn = "arn:aws:signer:us-east-1:000000000000:/signing-profiles";
const arnOf = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const code = (answer: string) => zipOf({ "index.js": `exports.handler = async () => "${answer}";` });

before(async () => {
  server = await startServer();
  client = lambdaOf(server);
  signer = new SignerClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
});
after(async () => {
  client.destroy();
  signer.destroy();
  await server[Symbol.asyncDispose]();
});

async function profile(profileName: string): Promise<string> {
  const made = await signer.send(new PutSigningProfileCommand({ profileName, platformId }));
  return made.profileVersionArn ?? "";
}

/** A signature belongs into the archive's comment, whose length stands in the two bytes before it. */
async function sign(profileName: string, zip: Buffer): Promise<{ readonly zip: Buffer; readonly job: string }> {
  const signed = await signer.send(
    new SignPayloadCommand({ profileName, payload: zip, payloadFormat: "application/zip" }),
  );
  const comment = Buffer.from(signed.signature ?? []);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(comment.length);
  return { zip: Buffer.concat([zip.subarray(0, -2), length, comment]), job: signed.jobId ?? "" };
}

async function config(publishers: string[], more: Partial<CreateCodeSigningConfigCommandInput> = {}): Promise<string> {
  const made = await client.send(
    new CreateCodeSigningConfigCommand({
      AllowedPublishers: { SigningProfileVersionArns: publishers },
      CodeSigningPolicies: { UntrustedArtifactOnDeployment: "Enforce" },
      ...more,
    }),
  );
  return made.CodeSigningConfig?.CodeSigningConfigArn ?? "";
}

const create = (FunctionName: string, ZipFile: Buffer, CodeSigningConfigArn?: string) =>
  client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: role,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Code: { ZipFile },
      CodeSigningConfigArn,
    }),
  );
const refused = (arn: string) => ({
  name: "CodeVerificationFailedException",
  message: `Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for ${arn}.`,
});

test("configurations are made, read, changed, listed and deleted", async () => {
  const publishers = [`${signerArn}/test`];
  const made = await client.send(
    new CreateCodeSigningConfigCommand({ AllowedPublishers: { SigningProfileVersionArns: publishers } }),
  );
  const first = made.CodeSigningConfig!;
  const arn = first.CodeSigningConfigArn!;
  assert.match(arn, /^arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-[0-9a-f]{17}$/);
  assert.equal(arn.endsWith(`:${first.CodeSigningConfigId}`), true);
  assert.deepEqual(first.CodeSigningPolicies, { UntrustedArtifactOnDeployment: "Warn" });
  assert.equal(first.Description, "");
  assert.match(first.LastModified!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/);
  const get = () => client.send(new GetCodeSigningConfigCommand({ CodeSigningConfigArn: arn }));
  assert.deepEqual((await get()).CodeSigningConfig, first);
  await client.send(
    new UpdateCodeSigningConfigCommand({
      CodeSigningConfigArn: arn,
      Description: "ours",
      CodeSigningPolicies: { UntrustedArtifactOnDeployment: "Enforce" },
    }),
  );
  const changed = (await get()).CodeSigningConfig!;
  assert.deepEqual([changed.Description, changed.AllowedPublishers], ["ours", first.AllowedPublishers]);
  assert.deepEqual(changed.CodeSigningPolicies, { UntrustedArtifactOnDeployment: "Enforce" });

  const others = [await config(publishers), await config(publishers)];
  const seen: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await client.send(new ListCodeSigningConfigsCommand({ MaxItems: 2, Marker }));
    seen.push(...page.CodeSigningConfigs!.map(({ CodeSigningConfigArn }) => CodeSigningConfigArn!));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  assert.deepEqual(seen, [arn, ...others].sort());
  for (const CodeSigningConfigArn of [arn, ...others]) {
    await client.send(new DeleteCodeSigningConfigCommand({ CodeSigningConfigArn }));
  }
  const gone = {
    name: "ResourceNotFoundException",
    message: `The Lambda code signing configuration ${arn} can not be found.`,
  };
  const named = { CodeSigningConfigArn: arn };
  await assert.rejects(get(), gone);
  await assert.rejects(client.send(new UpdateCodeSigningConfigCommand(named)), gone);
  await assert.rejects(client.send(new DeleteCodeSigningConfigCommand(named)), gone);
  await assert.rejects(client.send(new ListFunctionsByCodeSigningConfigCommand(named)), gone);
  await assert.rejects(create("none", await code("x"), arn), {
    name: "CodeSigningConfigNotFoundException",
    message: `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${arn}.`,
  });
});

test("a function has a configuration or none", async () => {
  const arn = await config([`${signerArn}/test`]);
  await createFunction(client, "bound", { code: { "index.js": "exports.handler = async () => 1;" } });
  const put = (FunctionName: string, CodeSigningConfigArn = arn) =>
    client.send(new PutFunctionCodeSigningConfigCommand({ FunctionName, CodeSigningConfigArn }));
  const own = async () => {
    const got = await client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName: "bound" }));
    return [got.CodeSigningConfigArn, got.FunctionName];
  };
  assert.deepEqual(await own(), [undefined, undefined]);
  const done = await put(arnOf("bound"));
  assert.deepEqual([done.CodeSigningConfigArn, done.FunctionName], [arn, "bound"]);
  assert.deepEqual(await own(), [arn, "bound"]);
  const users = () => client.send(new ListFunctionsByCodeSigningConfigCommand({ CodeSigningConfigArn: arn }));
  assert.deepEqual((await users()).FunctionArns, [arnOf("bound")]);
  await assert.rejects(client.send(new DeleteCodeSigningConfigCommand({ CodeSigningConfigArn: arn })), {
    name: "ResourceConflictException",
  });
  // Code that is there already goes on.
  assert.equal(await answerOf(client, "bound"), 1);

  const missing = { name: "ResourceNotFoundException", message: `Function not found: ${arnOf("nowhere")}` };
  await assert.rejects(put("nowhere"), missing);
  await assert.rejects(
    put(
      "bound",
      arn.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
    ),
    {
      name: "CodeSigningConfigNotFoundException",
    },
  );
  const named = { FunctionName: "nowhere" };
  await assert.rejects(client.send(new GetFunctionCodeSigningConfigCommand(named)), missing);
  await assert.rejects(client.send(new DeleteFunctionCodeSigningConfigCommand(named)), missing);
  await client.send(new DeleteFunctionCodeSigningConfigCommand({ FunctionName: "bound" }));
  assert.deepEqual(await own(), [undefined, undefined]);
  await put("bound");
  await client.send(new DeleteFunctionCommand({ FunctionName: "bound" }));
  assert.deepEqual((await users()).FunctionArns, []);
});

test("Enforce lets in what an allowed profile has signed, and nothing else", async () => {
  const ours = await profile("ours");
  await profile("others");
  const arn = await config([ours]);
  const zip = await code("signed");
  await assert.rejects(create("strict", zip, arn), refused(arnOf("strict")));
  await assert.rejects(create("strict", (await sign("others", zip)).zip, arn), refused(arnOf("strict")));
  const changed = Buffer.from((await sign("ours", zip)).zip);
  changed[40] = changed[40]! ^ 1;
  await assert.rejects(create("strict", changed, arn), { name: /InvalidCodeSignature|InvalidParameterValue/ });
  await assert.rejects(client.send(new GetFunctionConfigurationCommand({ FunctionName: "strict" })), {
    name: "ResourceNotFoundException",
  });

  const signed = await sign("ours", zip);
  const made = await create("strict", signed.zip, arn);
  const jobArn = `arn:aws:signer:us-east-1:000000000000:/signing-jobs/${signed.job}`;
  assert.deepEqual([made.SigningProfileVersionArn, made.SigningJobArn], [ours, jobArn]);
  assert.equal(await answerOf(client, "strict"), "signed");
  const own = await client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName: "strict" }));
  assert.equal(own.CodeSigningConfigArn, arn);

  const update = (ZipFile: Buffer, DryRun = false) =>
    client.send(new UpdateFunctionCodeCommand({ FunctionName: "strict", ZipFile, DryRun }));
  await updated(client, "strict");
  await assert.rejects(update(await code("unsigned")), refused(arnOf("strict")));
  await assert.rejects(update(await code("unsigned"), true), refused(arnOf("strict")));
  assert.equal(await answerOf(client, "strict"), "signed");
  const next = await sign("ours", await code("next"));
  assert.equal((await update(next.zip)).SigningProfileVersionArn, ours);
  await updated(client, "strict");
  assert.equal(await answerOf(client, "strict"), "next");
});

test("layers of such a function must be signed too", async () => {
  const team = await profile("layers");
  const arn = await config([team]);
  const publish = async (ZipFile: Buffer) =>
    client.send(new PublishLayerVersionCommand({ LayerName: "checked", Content: { ZipFile } }));
  const files = await zipOf({ "data.txt": "data" });
  const plain = await publish(files);
  assert.equal(plain.Content?.SigningProfileVersionArn, undefined);
  const signed = await publish((await sign("layers", files)).zip);
  assert.equal(signed.Content?.SigningProfileVersionArn, team);
  await create("layered", (await sign("layers", await code("x"))).zip, arn);
  await updated(client, "layered");
  const use = (layer: string) =>
    client.send(new UpdateFunctionConfigurationCommand({ FunctionName: "layered", Layers: [layer] }));
  await assert.rejects(use(plain.LayerVersionArn!), refused(plain.LayerVersionArn!));
  const changed = await use(signed.LayerVersionArn!);
  assert.equal(changed.Layers?.[0]?.SigningProfileVersionArn, team);
});

test("Warn lets in what is not signed, but never what was changed after signing", async () => {
  const arn = await config([await profile("lenient")], {
    CodeSigningPolicies: { UntrustedArtifactOnDeployment: "Warn" },
  });
  const made = await create("warned", await code("unsigned"), arn);
  assert.equal(made.SigningProfileVersionArn, undefined);
  assert.equal(await answerOf(client, "warned"), "unsigned");
  const { zip } = await sign("lenient", await code("good"));
  const token = zip.subarray(zip.lastIndexOf("thaw-signature:"));
  const other = await code("evil");
  const length = Buffer.alloc(2);
  length.writeUInt16LE(token.length);
  const moved = Buffer.concat([other.subarray(0, -2), length, token]);
  await updated(client, "warned");
  await assert.rejects(client.send(new UpdateFunctionCodeCommand({ FunctionName: "warned", ZipFile: moved })), {
    name: "InvalidCodeSignatureException",
  });
  assert.equal(await answerOf(client, "warned"), "unsigned");
});

test("a signature can be revoked, and so can a profile; a cancelled profile signs no more", async () => {
  const arn = await config([await profile("fleeting")]);
  const first = await sign("fleeting", await code("first"));
  const second = await sign("fleeting", await code("second"));
  await create("revoked", first.zip, arn);
  await updated(client, "revoked");
  const update = (ZipFile: Buffer) =>
    client.send(new UpdateFunctionCodeCommand({ FunctionName: "revoked", ZipFile, DryRun: true }));
  await update(first.zip);
  await signer.send(new RevokeSignatureCommand({ jobId: first.job, reason: "a mistake" }));
  await assert.rejects(update(first.zip), refused(arnOf("revoked")));
  await update(second.zip);
  const revoked = await signer.send(new DescribeSigningJobCommand({ jobId: first.job }));
  assert.equal(revoked.revocationRecord?.reason, "a mistake");
  const jobs = await signer.send(new ListSigningJobsCommand({ isRevoked: true }));
  assert.deepEqual(
    jobs.jobs?.map(({ jobId }) => jobId),
    [first.job],
  );

  await signer.send(new CancelSigningProfileCommand({ profileName: "fleeting" }));
  await assert.rejects(sign("fleeting", await code("third")), {
    name: "ValidationException",
    message: "Signing profile fleeting is Canceled and cannot sign.",
  });
  await update(second.zip);
  const { profileVersion } = await signer.send(new GetSigningProfileCommand({ profileName: "fleeting" }));
  await signer.send(
    new RevokeSigningProfileCommand({
      profileName: "fleeting",
      profileVersion,
      reason: "the key was lost",
      effectiveTime: new Date("2020-01-01"),
    }),
  );
  await assert.rejects(update(second.zip), refused(arnOf("revoked")));
  const { status, revocationRecord } = await signer.send(new GetSigningProfileCommand({ profileName: "fleeting" }));
  assert.deepEqual([status, revocationRecord?.revocationEffectiveFrom], ["Revoked", new Date("2020-01-01")]);
});

test("profiles, platforms and tags of the signer", async () => {
  const { arn, profileVersionArn } = await signer.send(
    new PutSigningProfileCommand({
      profileName: "described",
      platformId,
      signatureValidityPeriod: { value: 31, type: "DAYS" },
      tags: { team: "red" },
    }),
  );
  assert.equal(arn, `${signerArn}/described`);
  assert.match(profileVersionArn!, /\/signing-profiles\/described\/[A-Za-z0-9]{10}$/);
  const got = await signer.send(new GetSigningProfileCommand({ profileName: "described" }));
  assert.deepEqual([got.status, got.signatureValidityPeriod], ["Active", { value: 31, type: "DAYS" }]);
  const { jobId } = await signer.send(
    new SignPayloadCommand({ profileName: "described", payload: await code("x"), payloadFormat: "application/zip" }),
  );
  const job = await signer.send(new DescribeSigningJobCommand({ jobId }));
  assert.equal(job.signatureExpiresAt!.getTime() - job.createdAt!.getTime(), 31 * 24 * 3600 * 1000);
  assert.equal(job.status, "Succeeded");

  await signer.send(new TagResourceCommand({ resourceArn: arn, tags: { stage: "test" } }));
  await signer.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: ["team"] }));
  assert.deepEqual((await signer.send(new ListTagsForResourceCommand({ resourceArn: arn }))).tags, { stage: "test" });
  const { profiles } = await signer.send(new ListSigningProfilesCommand({ platformId }));
  assert.ok(profiles?.some(({ profileName }) => profileName === "described"));
  const { platforms } = await signer.send(new ListSigningPlatformsCommand({}));
  assert.deepEqual(
    platforms?.map((platform) => platform.platformId),
    [platformId],
  );
  assert.equal((await signer.send(new GetSigningPlatformCommand({ platformId }))).revocationSupported, true);

  const refusals: [send: () => Promise<unknown>, name: string][] = [
    [() => profile("described"), "ValidationException"],
    [() => signer.send(new PutSigningProfileCommand({ profileName: "x", platformId })), "ValidationException"],
    [
      () => signer.send(new PutSigningProfileCommand({ profileName: "xy", platformId: "Other" })),
      "ValidationException",
    ],
    [() => signer.send(new GetSigningProfileCommand({ profileName: "nowhere" })), "ResourceNotFoundException"],
    [() => signer.send(new DescribeSigningJobCommand({ jobId: "nowhere" })), "ResourceNotFoundException"],
    [() => sign("described", Buffer.from("no zip")), "ValidationException"],
  ];
  for (const [send, name] of refusals) await assert.rejects(send(), { name });
});
