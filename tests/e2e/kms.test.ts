import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateMacCommand,
  GenerateRandomCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListAliasesCommand,
  ListKeyRotationsCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  VerifyCommand,
  VerifyMacCommand,
} from "@aws-sdk/client-kms";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import fc from "../properties.ts";
import { createFunction, lambdaOf } from "./lambda.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;
let kms: KMSClient;
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const Plaintext = Buffer.from("the plans");

before(async () => {
  server = await startServer();
  kms = new KMSClient({ endpoint: server.endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
});
after(async () => {
  kms.destroy();
  await server[Symbol.asyncDispose]();
});

const newKey = async (input = {}): Promise<string> => (await kms.send(new CreateKeyCommand(input))).KeyMetadata!.KeyId!;
const named = (name: string) => (error: Error) => error.name === name;

test("what a key encrypts it decrypts, with the same context only, and without being named", async () => {
  const KeyId = await newKey({ Description: "one" });
  const EncryptionContext = { purpose: "test", who: "me" };
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
  const opened = await kms.send(
    new DecryptCommand({ CiphertextBlob, EncryptionContext: { who: "me", purpose: "test" } }),
  );
  assert.deepEqual(Buffer.from(opened.Plaintext!), Plaintext);
  assert.ok(opened.KeyId!.endsWith(`:key/${KeyId}`));
  await assert.rejects(kms.send(new DecryptCommand({ CiphertextBlob })), named("InvalidCiphertextException"));
  const other = await newKey();
  await assert.rejects(
    kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext, KeyId: other })),
    named("IncorrectKeyException"),
  );
  const again = await kms.send(
    new ReEncryptCommand({ CiphertextBlob, SourceEncryptionContext: EncryptionContext, DestinationKeyId: other }),
  );
  const moved = await kms.send(new DecryptCommand({ CiphertextBlob: again.CiphertextBlob, KeyId: other }));
  assert.deepEqual(Buffer.from(moved.Plaintext!), Plaintext);
});

test("a ciphertext that was changed anywhere is refused", async () => {
  const KeyId = await newKey();
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }));
  await fc.assert(
    fc.asyncProperty(fc.nat(CiphertextBlob!.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const changed = Uint8Array.from(CiphertextBlob!);
      changed[at] = changed[at]! ^ by;
      await assert.rejects(
        kms.send(new DecryptCommand({ CiphertextBlob: changed })),
        named("InvalidCiphertextException"),
      );
    }),
    { numRuns: 30 },
  );
});

test("data keys come open and sealed", async () => {
  const KeyId = await newKey();
  const data = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256" }));
  const opened = await kms.send(new DecryptCommand({ CiphertextBlob: data.CiphertextBlob }));
  assert.deepEqual(opened.Plaintext, data.Plaintext);
  assert.equal(data.Plaintext!.length, 32);
  const sealed = await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 7 }));
  const { Plaintext: seven } = await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
  assert.equal(seven!.length, 7);
  assert.equal((await kms.send(new GenerateRandomCommand({ NumberOfBytes: 9 }))).Plaintext!.length, 9);
  await assert.rejects(kms.send(new GenerateDataKeyCommand({ KeyId })), named("ValidationException"));
});

test("a rotated key still decrypts what it encrypted before", async () => {
  const KeyId = await newKey();
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }));
  await kms.send(new RotateKeyOnDemandCommand({ KeyId }));
  assert.deepEqual(Buffer.from((await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext!), Plaintext);
  assert.equal((await kms.send(new ListKeyRotationsCommand({ KeyId }))).Rotations!.length, 1);
  await kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 100 }));
  const status = await kms.send(new GetKeyRotationStatusCommand({ KeyId }));
  assert.equal(status.KeyRotationEnabled, true);
  assert.equal(status.RotationPeriodInDays, 100);
});

test("a disabled key and one about to be deleted do nothing", async () => {
  const KeyId = await newKey();
  await kms.send(new DisableKeyCommand({ KeyId }));
  await assert.rejects(kms.send(new EncryptCommand({ KeyId, Plaintext })), named("DisabledException"));
  await kms.send(new EnableKeyCommand({ KeyId }));
  await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  await assert.rejects(kms.send(new EncryptCommand({ KeyId, Plaintext })), named("KMSInvalidStateException"));
  await kms.send(new CancelKeyDeletionCommand({ KeyId }));
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  assert.equal(KeyMetadata!.KeyState, "Disabled");
});

test("aliases stand for keys", async () => {
  const [one, other] = [await newKey(), await newKey()];
  const AliasName = "alias/app/main";
  await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: one }));
  await assert.rejects(
    kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: one })),
    named("AlreadyExistsException"),
  );
  assert.equal((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata!.KeyId, one);
  await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: other }));
  const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId: other }));
  assert.deepEqual(
    Aliases!.map((alias) => alias.AliasName),
    [AliasName],
  );
  await kms.send(new DeleteAliasCommand({ AliasName }));
  await assert.rejects(kms.send(new DescribeKeyCommand({ KeyId: AliasName })), named("NotFoundException"));
  const own = await kms.send(new DescribeKeyCommand({ KeyId: "alias/aws/lambda" }));
  assert.equal(own.KeyMetadata!.KeyManager, "AWS");
});

test("pairs sign, verify and encrypt; MACs are made and checked", async () => {
  const Message = Buffer.from("message");
  for (const [KeySpec, SigningAlgorithm] of [
    ["ECC_NIST_P256", "ECDSA_SHA_256"],
    ["RSA_2048", "RSASSA_PSS_SHA_384"],
  ] as const) {
    const KeyId = await newKey({ KeySpec, KeyUsage: "SIGN_VERIFY" });
    const { Signature } = await kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm }));
    const verified = await kms.send(new VerifyCommand({ KeyId, Message, Signature, SigningAlgorithm }));
    assert.equal(verified.SignatureValid, true);
    await assert.rejects(
      kms.send(new VerifyCommand({ KeyId, Message: Plaintext, Signature, SigningAlgorithm })),
      named("KMSInvalidSignatureException"),
    );
    assert.equal((await kms.send(new GetPublicKeyCommand({ KeyId }))).KeySpec, KeySpec);
    await assert.rejects(kms.send(new EncryptCommand({ KeyId, Plaintext })), named("InvalidKeyUsageException"));
  }
  const KeyId = await newKey({ KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" });
  const EncryptionAlgorithm = "RSAES_OAEP_SHA_256";
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionAlgorithm }));
  const opened = await kms.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }));
  assert.deepEqual(Buffer.from(opened.Plaintext!), Plaintext);
  const mac = await newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
  const MacAlgorithm = "HMAC_SHA_256";
  const { Mac } = await kms.send(new GenerateMacCommand({ KeyId: mac, Message, MacAlgorithm }));
  assert.ok((await kms.send(new VerifyMacCommand({ KeyId: mac, Message, Mac, MacAlgorithm }))).MacValid);
  await assert.rejects(
    kms.send(new VerifyMacCommand({ KeyId: mac, Message: Plaintext, Mac, MacAlgorithm })),
    named("KMSInvalidMacException"),
  );
});

test("tags and the policy are kept, and keys are listed in pages", async () => {
  const KeyId = await newKey({ Tags: [{ TagKey: "a", TagValue: "1" }] });
  await kms.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: "b", TagValue: "2" }] }));
  await kms.send(new UntagResourceCommand({ KeyId, TagKeys: ["a"] }));
  const { Tags } = await kms.send(new ListResourceTagsCommand({ KeyId }));
  assert.deepEqual(Tags, [{ TagKey: "b", TagValue: "2" }]);
  const Statement = [{ Effect: "Allow", Principal: "*", Action: "kms:*", Resource: "*" }];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  await kms.send(new PutKeyPolicyCommand({ KeyId, Policy }));
  assert.equal((await kms.send(new GetKeyPolicyCommand({ KeyId }))).Policy, Policy);
  const seen = new Set<string>();
  let Marker: string | undefined;
  do {
    const page = await kms.send(new ListKeysCommand({ Limit: 2, Marker }));
    for (const key of page.Keys!) seen.add(key.KeyId!);
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  assert.ok(seen.has(KeyId));
});

test("bad input is refused in KMS's words and never by a failure of the platform", async () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.constant("arn:aws:kms:us-east-1:000000000000:key/"),
    fc.string({ unit: "binary" }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("DescribeKey", "Encrypt", "Sign", "CreateAlias"),
      hostile,
      fc.jsonValue(),
      async (name, KeyId, other) => {
        const answer = await fetch(server.endpoint, {
          method: "POST",
          headers: {
            "x-amz-target": `TrentService.${name}`,
            authorization:
              "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0",
          },
          body: JSON.stringify({ KeyId, Plaintext: other, Message: other, AliasName: KeyId, TargetKeyId: other }),
        });
        assert.equal(answer.status, 400, await answer.text());
      },
    ),
    { numRuns: 40 },
  );
});

test("a function does not run while its key is disabled, and runs again when it is enabled", async () => {
  const KeyId = await newKey();
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  const client = lambdaOf(server);
  const FunctionName = "sealed";
  await createFunction(client, FunctionName, {
    code: { "index.js": "exports.handler = async () => process.env.TOKEN;" },
    KMSKeyArn: KeyMetadata!.Arn,
    Environment: { Variables: { TOKEN: "t" } },
  });
  const invoke = async () => Buffer.from((await client.send(new InvokeCommand({ FunctionName }))).Payload!).toString();
  assert.equal(await invoke(), '"t"');
  await kms.send(new DisableKeyCommand({ KeyId }));
  await assert.rejects(invoke(), named("KMSDisabledException"));
  await kms.send(new EnableKeyCommand({ KeyId }));
  assert.equal(await invoke(), '"t"');
  client.destroy();
});
