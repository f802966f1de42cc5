import { type Actor, type Calls, StackError } from "../../../stacks/index.ts";

/** Bytes of a template. Source: CloudFormation User Guide, "CloudFormation quotas". */
const inlineBytes = 51_200;
const storedBytes = 1024 * 1024;

/**
 * Bucket and key of an URL, in any of the forms that tools write: `https://s3.amazonaws.com/bucket/key`,
 * `https://bucket.s3.region.amazonaws.com/key`, the platform's own host, `s3://bucket/key`. Undefined: it is none.
 */
export function objectOf(
  text: string,
): { readonly bucket: string; readonly key: string; readonly version: string | undefined } | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  const version = url.searchParams.get("versionId") ?? undefined;
  const path = decodeURIComponent(url.pathname.slice(1));
  if (url.protocol === "s3:") return path === "" ? undefined : { bucket: url.hostname, key: path, version };
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  const [, ofService] =
    /^(.+)\.s3(?:[.-][a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|localhost(?:\.localstack\.cloud)?)$/.exec(url.hostname) ??
    [];
  if (ofService !== undefined) return path === "" ? undefined : { bucket: ofService, key: path, version };
  const slash = path.indexOf("/");
  if (slash <= 0 || slash === path.length - 1) return undefined;
  return { bucket: path.slice(0, slash), key: path.slice(slash + 1), version };
}

/** The template that a request gives or names. Undefined: neither. Throws ValidationError. */
export async function templateText(
  input: { readonly TemplateBody?: string; readonly TemplateURL?: string },
  calls: (actor: Actor, region: string) => Calls,
  actor: Actor,
  region: string,
): Promise<string | undefined> {
  const { TemplateBody, TemplateURL } = input;
  if (TemplateBody !== undefined && TemplateURL !== undefined) {
    throw invalid("Exactly one of Template URL or Template Body must be specified.");
  }
  if (TemplateBody !== undefined) {
    const bytes = Buffer.byteLength(TemplateBody);
    if (bytes <= inlineBytes) return TemplateBody;
    throw invalid(
      `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${inlineBytes}`,
    );
  }
  if (TemplateURL === undefined) return undefined;
  const object = objectOf(TemplateURL);
  if (object === undefined) throw invalid(`TemplateURL must be a supported URL.`);
  const { bucket, key, version } = object;
  const query = version === undefined ? "" : `?versionId=${encodeURIComponent(version)}`;
  const path = `/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}${query}`;
  const { body } = await calls(actor, region)
    .raw({ service: "s3", method: "GET", path })
    .catch((error: Error & { code?: string }) => {
      throw invalid(
        `S3 error: ${error.message}\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html`,
      );
    });
  if (Buffer.byteLength(body) > storedBytes) throw invalid(`Template may not exceed ${storedBytes} bytes in size.`);
  return body;
}

const invalid = (message: string): StackError => new StackError("ValidationError", message);
