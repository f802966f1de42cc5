import { PolicyError, parsePolicy } from "../../../../policy/index.ts";
import { bodyOf, bucketOf, canonicalId, documentOf, type Operation, ownerOf, type S3Call } from "../call.ts";
import { checkedTags } from "../description.ts";
import { malformed, type S3Code, S3Error } from "../errors.ts";
import { type Element, expectRoot, type Tree, textOf, treeOf } from "../read-xml.ts";
import type { Xml } from "../write-xml.ts";
import { tagSet, tagsOf } from "./object-tagging.ts";

/** A configuration of a bucket that is kept as it was sent, and given back. */
interface Kind {
  readonly root: string;
  /** what is answered where there is none: an error, or a document */
  readonly absent: readonly [S3Code, string] | Xml;
  check?(document: Element): void;
}

const kinds = {
  encryption: {
    root: "ServerSideEncryptionConfiguration",
    // Source: S3 User Guide, "Setting default server-side encryption behavior": all buckets since 2023.
    absent: {
      Rule: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: false },
    },
    check: needs("Rule"),
  },
  publicAccessBlock: {
    root: "PublicAccessBlockConfiguration",
    absent: ["NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"],
  },
  lifecycle: {
    root: "LifecycleConfiguration",
    absent: ["NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"],
    check: needs("Rule"),
  },
  cors: {
    root: "CORSConfiguration",
    absent: ["NoSuchCORSConfiguration", "The CORS configuration does not exist"],
    check: needs("CORSRule"),
  },
  notification: { root: "NotificationConfiguration", absent: "" },
  ownershipControls: {
    root: "OwnershipControls",
    absent: { Rule: { ObjectOwnership: "BucketOwnerEnforced" } },
    check: needs("Rule"),
  },
  website: {
    root: "WebsiteConfiguration",
    absent: ["NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"],
  },
  logging: { root: "BucketLoggingStatus", absent: "" },
  accelerate: { root: "AccelerateConfiguration", absent: "" },
  requestPayment: { root: "RequestPaymentConfiguration", absent: { Payer: "BucketOwner" } },
  replication: {
    root: "ReplicationConfiguration",
    absent: ["ReplicationConfigurationNotFoundError", "The replication configuration was not found"],
  },
  objectLock: {
    root: "ObjectLockConfiguration",
    absent: ["ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"],
  },
} satisfies Readonly<Record<string, Kind>>;

export type ConfigurationKind = keyof typeof kinds;

function needs(name: string): (document: Element) => void {
  return (document) => {
    if (textOf(document, name) === undefined) throw malformed();
  };
}

export const getConfiguration = (name: ConfigurationKind): Operation => {
  const { root, absent }: Kind = kinds[name];
  return (call) => {
    const kept = bucketOf(call).configurations[name] as Tree | undefined;
    if (kept !== undefined) return { xml: [root, kept] };
    if (isRefusal(absent)) throw new S3Error(absent[0], absent[1], { BucketName: call.bucket });
    return { xml: [root, absent] };
  };
};

export const putConfiguration = (name: ConfigurationKind): Operation => {
  const { root, check }: Kind = kinds[name];
  return async (call) => {
    const document = expectRoot(await documentOf(call), root);
    check?.(document);
    await keep(call, name, treeOf(document));
    return {};
  };
};

export const deleteConfiguration =
  (name: string): Operation =>
  async (call) => {
    await keep(call, name, undefined);
    return { status: 204 };
  };

export async function keep({ objects, bucket }: S3Call, name: string, value: unknown): Promise<void> {
  await objects.changeBucket(bucket, (record) => {
    const { [name]: _before, ...others } = record.configurations;
    return { ...record, configurations: value === undefined ? others : { ...others, [name]: value } };
  });
}

const isRefusal = (absent: Kind["absent"]): absent is readonly [S3Code, string] => Array.isArray(absent);

export const getBucketPolicy: Operation = (call) => {
  const { policy } = bucketOf(call).configurations;
  if (typeof policy === "string") return { text: policy, headers: { "content-type": "application/json" } };
  throw new S3Error("NoSuchBucketPolicy", "The bucket policy does not exist", { BucketName: call.bucket });
};

/** Source: S3 User Guide, "Bucket policies": 20 KB. */
const policyBytes = 20 * 1024;

export const putBucketPolicy: Operation = async (call) => {
  bucketOf(call);
  const text = (await bodyOf(call, policyBytes)).toString("utf8");
  try {
    const { statements } = parsePolicy(text, "resource");
    if (statements.length === 0)
      throw new S3Error("MalformedPolicy", "Could not parse the policy: Statement is empty!");
  } catch (error) {
    if (error instanceof PolicyError) throw new S3Error("MalformedPolicy", error.message);
    throw error;
  }
  await keep(call, "policy", text);
  return { status: 204 };
};

export const getBucketPolicyStatus: Operation = (call) => {
  const { policy } = bucketOf(call).configurations;
  if (typeof policy !== "string") {
    throw new S3Error("NoSuchBucketPolicy", "The bucket policy does not exist", { BucketName: call.bucket });
  }
  const open = parsePolicy(policy, "resource").statements.some(
    ({ effect, principals }) => effect === "Allow" && JSON.stringify(principals ?? "").includes('"*"'),
  );
  return { xml: ["PolicyStatus", { IsPublic: open }] };
};

export const getBucketTagging: Operation = (call) => {
  const { tagging } = bucketOf(call).configurations;
  if (tagging !== undefined) return { xml: ["Tagging", tagSet(tagging as Record<string, string>)] };
  throw new S3Error("NoSuchTagSet", "The TagSet does not exist", { BucketName: call.bucket });
};

export const putBucketTagging: Operation = async (call) => {
  const tags = checkedTags(tagsOf(await documentOf(call)), 50);
  await keep(call, "tagging", tags);
  return { status: 204 };
};

const instance = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"';

/** Nobody has a list of rights of his own: the owner may everything. */
export const getAcl: Operation = (call) => {
  const { account } = bucketOf(call);
  if (call.key !== "") call.objects.find(call.bucket, call.key, call.query.get("versionId") ?? undefined);
  return {
    xml: [
      "AccessControlPolicy",
      {
        Owner: ownerOf(account),
        AccessControlList: {
          Grant: { Grantee: { $: instance, ID: canonicalId(account) }, Permission: "FULL_CONTROL" },
        },
      },
    ],
  };
};

export const putAcl: Operation = (call) => {
  bucketOf(call);
  if (call.request.headers["x-amz-acl"] === "private") return {};
  throw new S3Error("AccessControlListNotSupported", "The bucket does not allow ACLs");
};
