import { generateKeyPair, randomInt } from "node:crypto";
import { promisify } from "node:util";
import type {
  CancelSigningProfileRequest,
  GetSigningProfileRequest,
  ListSigningProfilesRequest,
  PutSigningProfileRequest,
} from "@aws-sdk/client-signer";
import { type ProfileRecord, type ProfileVersion, profileArn, profileVersionArn } from "../../signing/records.ts";
import type { RestCall } from "../rest-json.ts";
import { page, profileOf, refusal, type SignerContext, seconds } from "./context.ts";
import { checkPlatform, lambdaPlatform } from "./platforms.ts";

/** In months: AWS's default and most. */
const longest = 135;
const monthsOf = { DAYS: 1 / 30, MONTHS: 1, YEARS: 12 } as const;

/** A new profile with a key pair of its own. A name whose profile was cancelled or revoked gets a new version. */
export async function putSigningProfile(context: SignerContext, call: RestCall<PutSigningProfileRequest>) {
  const { input, scope } = call;
  checkPlatform(input.platformId ?? "");
  const profile = input.profileName ?? "";
  const validity = validityOf(input.signatureValidityPeriod);
  const made = await newVersion();
  const name = `${scope.region}/${profile}`;
  const old = context.profiles.get(scope.account, name);
  if (old?.versions.at(-1)?.status === "Active") {
    throw refusal("ValidationException", `A signing profile with the name ${profile} already exists.`);
  }
  const record: ProfileRecord = {
    account: scope.account,
    name,
    region: scope.region,
    profile,
    platformId: lambdaPlatform.platformId,
    validity,
    versions: [...(old?.versions ?? []), made],
    signingParameters: input.signingParameters ?? {},
    tags: input.tags ?? {},
  };
  context.profiles.put(record);
  return {
    arn: profileArn(record),
    profileVersion: made.version,
    profileVersionArn: profileVersionArn(record, made.version),
  };
}

export function getSigningProfile(context: SignerContext, { input, scope }: RestCall<GetSigningProfileRequest>) {
  const record = profileOf(context, scope, input.profileName ?? "");
  const { revokedFrom, revokedAt, revokedBy } = record.versions.at(-1)!;
  return {
    ...profileView(record),
    ...(revokedFrom === undefined
      ? {}
      : {
          revocationRecord: {
            revocationEffectiveFrom: seconds(revokedFrom),
            revokedAt: seconds(revokedAt ?? revokedFrom),
            revokedBy,
          },
        }),
  };
}

export function listSigningProfiles(context: SignerContext, { input, scope }: RestCall<ListSigningProfilesRequest>) {
  const own = context.profiles.list(scope.account).filter((record) => {
    const { status } = record.versions.at(-1)!;
    if (record.region !== scope.region) return false;
    if (input.platformId !== undefined && input.platformId !== record.platformId) return false;
    if (input.statuses !== undefined) return input.statuses.includes(status);
    return status !== "Canceled" || input.includeCanceled === true;
  });
  const { items, nextToken } = page(own, input.nextToken, input.maxResults);
  return { profiles: items.map(profileView), ...(nextToken === undefined ? {} : { nextToken }) };
}

/** Nothing more is signed with it; what was signed goes on to count. */
export function cancelSigningProfile(context: SignerContext, { input, scope }: RestCall<CancelSigningProfileRequest>) {
  const record = profileOf(context, scope, input.profileName ?? "");
  changeVersion(context, record, record.versions.at(-1)!.version, (version) =>
    version.status === "Active" ? { ...version, status: "Canceled" } : version,
  );
  return undefined;
}

/** `effectiveTime` in seconds: signatures made since then do not count. */
export function revokeSigningProfile(
  context: SignerContext,
  { input, scope }: RestCall<{ profileName: string; profileVersion: string; reason: string; effectiveTime: number }>,
) {
  const record = profileOf(context, scope, input.profileName);
  if (!record.versions.some(({ version }) => version === input.profileVersion)) {
    throw refusal("ResourceNotFoundException", `Signing profile version ${input.profileVersion} not found.`);
  }
  const now = context.clock();
  if (input.effectiveTime * 1000 > now) {
    throw refusal("ValidationException", "The effective time of a revocation must not lie in the future.");
  }
  changeVersion(context, record, input.profileVersion, (version) => ({
    ...version,
    status: "Revoked",
    revokedFrom: input.effectiveTime * 1000,
    revokedAt: now,
    revokedBy: `arn:aws:iam::${scope.account}:root`,
    revocationReason: input.reason,
  }));
  return undefined;
}

function changeVersion(
  context: SignerContext,
  record: ProfileRecord,
  number: string,
  change: (version: ProfileVersion) => ProfileVersion,
): void {
  const versions = record.versions.map((one) => (one.version === number ? change(one) : one));
  context.profiles.put({ ...record, versions });
}

function profileView(record: ProfileRecord) {
  const { version, status } = record.versions.at(-1)!;
  return {
    profileName: record.profile,
    profileVersion: version,
    profileVersionArn: profileVersionArn(record, version),
    platformId: record.platformId,
    platformDisplayName: lambdaPlatform.displayName,
    signatureValidityPeriod: record.validity,
    signingParameters: record.signingParameters,
    status,
    arn: profileArn(record),
    tags: record.tags,
  };
}

function validityOf(given: PutSigningProfileRequest["signatureValidityPeriod"]): ProfileRecord["validity"] {
  const { value = longest, type = "MONTHS" } = given ?? {};
  if (value < 1 || value * monthsOf[type] > longest) {
    throw refusal("ValidationException", `A signature is valid for at least a day and at most ${longest} months.`);
  }
  return { value, type };
}

async function newVersion(): Promise<ProfileVersion> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("ec", {
    namedCurve: "P-384",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const version = Array.from({ length: 10 }, () => letters[randomInt(letters.length)]).join("");
  return { version, status: "Active", publicKey, privateKey };
}
