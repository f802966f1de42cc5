import type { Operation, S3Call } from "../call.ts";
import { abortMultipartUpload } from "./abort-multipart-upload.ts";
import { completeMultipartUpload } from "./complete-multipart-upload.ts";
import * as configurations from "./configurations.ts";
import { copyObject } from "./copy-object.ts";
import { createBucket } from "./create-bucket.ts";
import { createMultipartUpload } from "./create-multipart-upload.ts";
import { deleteBucket } from "./delete-bucket.ts";
import { deleteObject } from "./delete-object.ts";
import { deleteObjects } from "./delete-objects.ts";
import { getBucketLocation } from "./get-bucket-location.ts";
import { getObject, headObject } from "./get-object.ts";
import { getObjectAttributes } from "./get-object-attributes.ts";
import { headBucket } from "./head-bucket.ts";
import { listBuckets } from "./list-buckets.ts";
import { listMultipartUploads } from "./list-multipart-uploads.ts";
import { listObjectVersions } from "./list-object-versions.ts";
import { listObjects, listObjectsV2 } from "./list-objects.ts";
import { listParts } from "./list-parts.ts";
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from "./object-tagging.ts";
import { postObject } from "./post-object.ts";
import { putBucketNotification } from "./put-notification.ts";
import { putObject } from "./put-object.ts";
import { uploadPart } from "./upload-part.ts";
import { uploadPartCopy } from "./upload-part-copy.ts";
import { getBucketVersioning, putBucketVersioning } from "./versioning.ts";

/** An operation and the permission that it takes; undefined: it asks itself. */
export interface Route {
  readonly action: string | undefined;
  readonly run: Operation;
}

type Asked = Pick<S3Call, "bucket" | "key" | "query" | "request">;

const { getConfiguration, putConfiguration, deleteConfiguration } = configurations;
const route = (action: string | undefined, run: Operation): Route => ({ action, run });

/** Operations on what stands in the query, by `METHOD name`; on a bucket, then on an object. */
const ofBucket: Readonly<Record<string, Route>> = {
  "GET location": route("s3:GetBucketLocation", getBucketLocation),
  "GET versioning": route("s3:GetBucketVersioning", getBucketVersioning),
  "PUT versioning": route("s3:PutBucketVersioning", putBucketVersioning),
  "GET versions": route("s3:ListBucketVersions", listObjectVersions),
  "GET uploads": route("s3:ListBucketMultipartUploads", listMultipartUploads),
  "POST delete": route(undefined, deleteObjects),
  "GET policy": route("s3:GetBucketPolicy", configurations.getBucketPolicy),
  "PUT policy": route("s3:PutBucketPolicy", configurations.putBucketPolicy),
  "DELETE policy": route("s3:DeleteBucketPolicy", deleteConfiguration("policy")),
  "GET policyStatus": route("s3:GetBucketPolicyStatus", configurations.getBucketPolicyStatus),
  "GET tagging": route("s3:GetBucketTagging", configurations.getBucketTagging),
  "PUT tagging": route("s3:PutBucketTagging", configurations.putBucketTagging),
  "DELETE tagging": route("s3:PutBucketTagging", deleteConfiguration("tagging")),
  "GET acl": route("s3:GetBucketAcl", configurations.getAcl),
  "PUT acl": route("s3:PutBucketAcl", configurations.putAcl),
  "GET encryption": route("s3:GetEncryptionConfiguration", getConfiguration("encryption")),
  "PUT encryption": route("s3:PutEncryptionConfiguration", putConfiguration("encryption")),
  "DELETE encryption": route("s3:PutEncryptionConfiguration", deleteConfiguration("encryption")),
  "GET publicAccessBlock": route("s3:GetBucketPublicAccessBlock", getConfiguration("publicAccessBlock")),
  "PUT publicAccessBlock": route("s3:PutBucketPublicAccessBlock", putConfiguration("publicAccessBlock")),
  "DELETE publicAccessBlock": route("s3:PutBucketPublicAccessBlock", deleteConfiguration("publicAccessBlock")),
  "GET lifecycle": route("s3:GetLifecycleConfiguration", getConfiguration("lifecycle")),
  "PUT lifecycle": route("s3:PutLifecycleConfiguration", putConfiguration("lifecycle")),
  "DELETE lifecycle": route("s3:PutLifecycleConfiguration", deleteConfiguration("lifecycle")),
  "GET cors": route("s3:GetBucketCORS", getConfiguration("cors")),
  "PUT cors": route("s3:PutBucketCORS", putConfiguration("cors")),
  "DELETE cors": route("s3:PutBucketCORS", deleteConfiguration("cors")),
  "GET notification": route("s3:GetBucketNotification", getConfiguration("notification")),
  "PUT notification": route("s3:PutBucketNotification", putBucketNotification),
  "GET ownershipControls": route("s3:GetBucketOwnershipControls", getConfiguration("ownershipControls")),
  "PUT ownershipControls": route("s3:PutBucketOwnershipControls", putConfiguration("ownershipControls")),
  "DELETE ownershipControls": route("s3:PutBucketOwnershipControls", deleteConfiguration("ownershipControls")),
  "GET website": route("s3:GetBucketWebsite", getConfiguration("website")),
  "GET logging": route("s3:GetBucketLogging", getConfiguration("logging")),
  "GET accelerate": route("s3:GetAccelerateConfiguration", getConfiguration("accelerate")),
  "GET requestPayment": route("s3:GetBucketRequestPayment", getConfiguration("requestPayment")),
  "GET replication": route("s3:GetReplicationConfiguration", getConfiguration("replication")),
  "GET object-lock": route("s3:GetBucketObjectLockConfiguration", getConfiguration("objectLock")),
};

const ofObject: Readonly<Record<string, Route>> = {
  "GET attributes": route("s3:GetObjectAttributes", getObjectAttributes),
  "GET tagging": route("s3:GetObjectTagging", getObjectTagging),
  "PUT tagging": route("s3:PutObjectTagging", putObjectTagging),
  "DELETE tagging": route("s3:DeleteObjectTagging", deleteObjectTagging),
  "GET acl": route("s3:GetObjectAcl", configurations.getAcl),
  "PUT acl": route("s3:PutObjectAcl", configurations.putAcl),
  "POST uploads": route("s3:PutObject", createMultipartUpload),
  "GET uploadId": route("s3:ListMultipartUploadParts", listParts),
  "POST uploadId": route("s3:PutObject", completeMultipartUpload),
  "DELETE uploadId": route("s3:AbortMultipartUpload", abortMultipartUpload),
};

/** Names in a query that make another operation of a request; any of them that has no route here is refused, not ignored. */
const subresources: ReadonlySet<string> = new Set([
  ...[...Object.keys(ofBucket), ...Object.keys(ofObject)].map((name) => name.split(" ")[1]!),
  ...["analytics", "intelligent-tiering", "inventory", "metrics", "torrent", "legal-hold", "retention", "restore"],
  ...["select", "session", "metadataTable", "metadataConfiguration", "renameObject", "abac"],
]);

const isForm = ({ headers }: Asked["request"]): boolean =>
  /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");

/** Undefined: S3 has no such operation, or Thaw has it not. */
export function routeOf({ bucket, key, query, request }: Asked): Route | undefined {
  const method = request.method ?? "GET";
  if (bucket === "") return method === "GET" && key === "" ? route("s3:ListAllMyBuckets", listBuckets) : undefined;
  const [subresource] = [...query.keys()].filter((name) => subresources.has(name));
  if (key === "") {
    if (subresource !== undefined) return ofBucket[`${method} ${subresource}`];
    if (method === "PUT") return route("s3:CreateBucket", createBucket);
    if (method === "HEAD") return route("s3:ListBucket", headBucket);
    if (method === "DELETE") return route("s3:DeleteBucket", deleteBucket);
    if (method === "POST" && isForm(request)) return route(undefined, postObject);
    if (method === "GET") return route("s3:ListBucket", query.get("list-type") === "2" ? listObjectsV2 : listObjects);
    return undefined;
  }
  const copies = request.headers["x-amz-copy-source"] !== undefined;
  if (method === "PUT" && query.has("uploadId")) return route("s3:PutObject", copies ? uploadPartCopy : uploadPart);
  if (subresource !== undefined) return ofObject[`${method} ${subresource}`];
  const version = query.has("versionId") ? "Version" : "";
  if (method === "PUT") return route("s3:PutObject", copies ? copyObject : putObject);
  if (method === "GET") return route(`s3:GetObject${version}`, getObject);
  if (method === "HEAD") return route(`s3:GetObject${version}`, headObject);
  if (method === "DELETE") return route(`s3:DeleteObject${version}`, deleteObject);
  return undefined;
}
