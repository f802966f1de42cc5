/** The bucket that a Host names. Undefined: none. */
export function virtualBucket(host: string | undefined): string | undefined {
  const name = (host ?? "").toLowerCase().replace(/:\d+$/, "");
  const [, ofService] = /^(.+)\.s3(?:-[a-z0-9-]+)?\.[a-z0-9.-]+$/.exec(name) ?? [];
  if (ofService !== undefined) return ofService;
  const [, ofLocalhost] = /^(.+)\.localhost$/.exec(name) ?? [];
  if (ofLocalhost === undefined || /^s3([.-]|$)/.test(ofLocalhost)) return undefined;
  return ofLocalhost;
}

/** Is it S3's own host? */
export const isHostOfS3 = (host: string | undefined): boolean => /^(.+\.)?s3[.-]/i.test(host ?? "");
