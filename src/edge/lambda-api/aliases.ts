import type { AliasConfiguration } from "@aws-sdk/client-lambda";
import { ServiceError } from "../../model/index.ts";
import { type AliasRecord, aliasNotFound, type FunctionEntry, functionArn, type Scope } from "../../registry/index.ts";

/** An alias as Lambda describes it. */
export function aliasView(scope: Scope, functionName: string, alias: AliasRecord): AliasConfiguration {
  return {
    AliasArn: `${functionArn(scope, functionName)}:${alias.name}`,
    Name: alias.name,
    FunctionVersion: alias.version,
    Description: alias.description,
    ...(alias.weights === undefined ? {} : { RoutingConfig: { AdditionalVersionWeights: { ...alias.weights } } }),
    RevisionId: alias.revisionId,
  };
}

/** Throws ResourceNotFoundException in Lambda's words. */
export function getAliasRecord(entry: FunctionEntry, name: string): AliasRecord {
  const alias = entry.aliases.get(name);
  if (alias !== undefined) return alias;
  throw aliasNotFound(entry.record, entry.record.name, name);
}

/** Checks that an alias's versions exist and that its weights make sense. */
export function checkAliasTarget(
  entry: FunctionEntry,
  version: string,
  weights: Readonly<Record<string, number>> | undefined,
): void {
  const exists = (number: string) => number === "$LATEST" || entry.versions.has(number);
  const arn = functionArn(entry.record, entry.record.name);
  if (!exists(version)) throw new ServiceError("ResourceNotFoundException", `Function not found: ${arn}:${version}`);
  const { state, stateReasonCode } = entry.versions.get(version) ?? entry.latest;
  if (state === "Failed") {
    throw new ServiceError(
      "ResourceConflictException",
      `The operation cannot be performed at this time. The function version ${arn}:${version} is in state: '${state}', StateReasonCode: '${stateReasonCode}'`,
    );
  }
  if (weights === undefined) return;
  const invalid = (message: string) => new ServiceError("InvalidParameterValueException", message);
  const additional = Object.keys(weights);
  if (additional.length > 1) {
    throw invalid("Number of items in AdditionalVersionWeights cannot be greater than 1");
  }
  if (version === "$LATEST") throw invalid("$LATEST is not supported for an alias pointing to more than 1 version");
  for (const other of additional) {
    if (other === version) {
      throw invalid(
        `Invalid function version ${other}. Function version ${other} is already included in routing configuration.`,
      );
    }
    if (!exists(other)) throw new ServiceError("ResourceNotFoundException", `Function not found: ${arn}:${other}`);
  }
}
