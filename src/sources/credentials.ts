import type { SourceNeeds } from "./source.ts";

interface AccessConfiguration {
  readonly Type?: string;
  readonly URI?: string;
}

/** What a mapping names in SourceAccessConfigurations under a type: a secret's ARN, a virtual host; undefined: nothing. */
export function accessOf({ mapping }: Pick<SourceNeeds, "mapping">, type: string): string | undefined {
  const all = (mapping.settings.SourceAccessConfigurations ?? []) as readonly AccessConfiguration[];
  return all.find(({ Type }) => Type === type)?.URI;
}

/**
 * The members of a secret of Secrets Manager, as the function's role may read it. Rejects when there is none, or it is no JSON
 * object.
 */
export async function secretOf(
  needs: Pick<SourceNeeds, "calls">,
  id: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string | undefined>>> {
  const call = needs.calls({ service: "secretsmanager", target: "secretsmanager", version: "1.1" });
  const answer = (await call("GetSecretValue", { SecretId: id }, signal)) as { SecretString?: string };
  try {
    const members: unknown = JSON.parse(answer.SecretString ?? "");
    if (typeof members === "object" && members !== null) return members as Record<string, string>;
  } catch {
    // said below
  }
  throw new Error(`The secret ${id} is not a JSON object`);
}
