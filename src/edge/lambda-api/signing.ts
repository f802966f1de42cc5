import { type CodeRef, type LayerRef, ServiceError } from "../../model/index.ts";
import { type CodeSigningRecord, functionArn } from "../../registry/index.ts";
import { inspectArchive } from "../signing/signatures.ts";
import type { FunctionRef } from "./function-ref.ts";
import type { LambdaApiNeeds } from "./needs.ts";

type Needs = Pick<LambdaApiNeeds, "registry" | "artifacts" | "note">;

/**
 * What a function's code signing configuration makes of new code: Enforce throws CodeVerificationFailedException for what
 * none of its publishers has signed, Warn tells the operator. What was changed after it was signed is refused either way
 * (InvalidCodeSignatureException). Gives back the code with who signed it, where that counts; as it is without a configuration.
 */
export async function admittedCode(
  needs: Needs,
  config: CodeSigningRecord | undefined,
  ref: FunctionRef,
  code: CodeRef,
): Promise<CodeRef> {
  if (config === undefined) return code;
  const signing = await check(needs, config, code, functionArn(ref, ref.name));
  return signing === undefined ? code : { ...code, signing };
}

/** The same for the layers of a function, each of which must be signed too. */
export async function checkLayerSignatures(
  needs: Needs,
  config: CodeSigningRecord | undefined,
  layers: readonly LayerRef[],
): Promise<void> {
  if (config === undefined) return;
  for (const layer of layers) await check(needs, config, layer, layer.arn);
}

/** The signature of an archive, whoever made it, if it is whole and good today: shown, not judged. */
export async function signedCode(needs: Needs, code: CodeRef): Promise<CodeRef> {
  const found = await inspectArchive(needs.registry, await needs.artifacts.getZip(code), Date.now());
  return found.kind === "signed" && found.flaw === undefined ? { ...code, signing: found.signing } : code;
}

/** The configuration of a function, if it has one and it still exists. */
export function configOf(needs: Pick<Needs, "registry">, ref: FunctionRef): CodeSigningRecord | undefined {
  const own = needs.registry.functionCodeSigning.get(ref, ref.name);
  if (own === undefined) return undefined;
  const [, , , region, account = "", , id] = own.configArn.split(":");
  return needs.registry.codeSigning.get(account, `${region}/${id}`);
}

async function check(needs: Needs, config: CodeSigningRecord, code: CodeRef, arn: string) {
  const found = await inspectArchive(needs.registry, await needs.artifacts.getZip(code), Date.now());
  if (found.kind === "damaged") {
    throw new ServiceError(
      "InvalidCodeSignatureException",
      `The code signature failed the integrity check. Check the provided signature for ${arn}.`,
    );
  }
  const trusted =
    found.kind === "signed" && found.flaw === undefined && config.publishers.includes(found.signing.profileVersionArn);
  if (trusted) return found.signing;
  if (config.untrusted === "Enforce") {
    throw new ServiceError(
      "CodeVerificationFailedException",
      `Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for ${arn}.`,
    );
  }
  const why =
    found.kind === "unsigned"
      ? "is not signed"
      : `has a signature that does not count (${found.flaw ?? "not allowed"})`;
  needs.note?.(`${arn} ${why}; ${config.id} lets it in with this warning`);
  return undefined;
}
