import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Auth } from "../../auth/index.ts";
import { type Caller, callerOf } from "../../caller.ts";
import type { AwsService, Exchange } from "../service.ts";
import { checkAccess, checkOwner } from "./access.ts";
import { addressOf } from "./address.ts";
import type { Answer, S3Call } from "./call.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { S3Error, told } from "./errors.ts";
import { signerOf } from "./form/signer.ts";
import { createNotifications, type NotificationNeeds, type Notifications } from "./notifications.ts";
import { routeOf } from "./operations/index.ts";
import { checkPresigned } from "./presigned.ts";
import { document, errorDocument } from "./write-xml.ts";

/** Amazon S3: objects on this platform's own disk. REST-XML, path style and virtual hosts. */
export function createS3(needs: NotificationNeeds & { readonly auth?: Auth | undefined }): AwsService {
  const { objects, report, auth } = needs;
  const inside: Inside = { objects, report, auth, notifications: createNotifications(needs) };
  return { serve: (exchange) => serve(inside, exchange) };
}

interface Inside extends Pick<NotificationNeeds, "objects" | "report"> {
  readonly notifications: Notifications;
  /** absent: signatures are not checked */
  readonly auth: Auth | undefined;
}

async function serve(needs: Inside, exchange: Exchange): Promise<void> {
  const { request, response, requestId } = exchange;
  const target = request.url ?? "/";
  const headers = { "x-amz-request-id": requestId, "x-amz-id-2": hostId(requestId), server: "AmazonS3" };
  let bucketName = "";
  try {
    const { bucket, key } = addressOf(request.headers.host, target);
    bucketName = bucket;
    const answer = await answerOf(needs, exchange, bucket, key);
    await send(response, answer, { ...headers, ...corsHeaders(needs.objects.bucket(bucket), request) });
  } catch (error) {
    // Who is still writing would not see the answer.
    request.resume();
    if (response.headersSent || response.destroyed) {
      if (told(error) === undefined && !isGone(error)) needs.report(error);
      response.destroy();
      return;
    }
    const known = told(error);
    if (known === undefined) needs.report(error);
    const { code, status, message, fields, headers: more } = known ?? internal;
    const content = {
      Code: code,
      Message: message,
      ...fields,
      ...(code === "NoSuchKey" || code === "NoSuchBucket" ? {} : { Resource: target.split("?")[0] }),
      RequestId: requestId,
      HostId: hostId(requestId),
    };
    const none = request.method === "HEAD" || status === 304;
    const text = none ? "" : errorDocument(content);
    response.writeHead(status, {
      ...headers,
      ...corsHeaders(needs.objects.bucket(bucketName), request),
      "content-type": "application/xml",
      ...(none ? {} : { "content-length": Buffer.byteLength(text) }),
      ...more,
    });
    response.end(text);
  }
}

const internal = new S3Error("InternalError", "We encountered an internal error. Please try again.");

async function answerOf(needs: Inside, exchange: Exchange, bucket: string, key: string): Promise<Answer> {
  const { objects } = needs;
  const { request, requestId } = exchange;
  const mark = (request.url ?? "").indexOf("?");
  const query = new URLSearchParams(mark === -1 ? "" : (request.url ?? "").slice(mark + 1));
  const record = objects.bucket(bucket);
  if (request.method === "OPTIONS") return { headers: preflight(record, request) };
  const caller = presignedCaller(exchange, query);
  checkPresigned(query, Date.now());
  checkOwner(record, request.headers["x-amz-expected-bucket-owner"]);
  const route = routeOf({ bucket, key, query, request });
  if (route === undefined) {
    const known = ["GET", "HEAD", "PUT", "POST", "DELETE"].includes(request.method ?? "");
    if (known && bucket !== "") {
      throw new S3Error(
        "NotImplemented",
        "A header or query you provided implies functionality that is not implemented",
      );
    }
    throw new S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.", {
      Method: request.method ?? "",
      ResourceType: "SERVICE",
    });
  }
  if (route.action !== undefined) {
    // Whoever wants to make a bucket does nothing to the one that is there.
    const about = route.action === "s3:CreateBucket" ? undefined : record;
    checkAccess(caller, route.action, { name: bucket, key, bucket: about });
  }
  const told: Promise<void>[] = [];
  const actingAs = (who: Caller): Pick<S3Call, "caller" | "may" | "happened"> => ({
    caller: who,
    may: (action, name, of) => checkAccess(who, action, { name, key: of, bucket: objects.bucket(name) }),
    happened: (event) => void told.push(needs.notifications.happened(bucket, event, { ...exchange, caller: who })),
  });
  const answer = await route.run({
    request,
    query,
    bucket,
    key,
    ...actingAs(caller),
    objects,
    requestId,
    asSignerOf: (form) => actingAs(signerOf(needs.auth, form, exchange)),
    checkNotification: needs.notifications.check,
    notificationConfigured: (record, configuration) => needs.notifications.configured(record, configuration, requestId),
  });
  await Promise.all(told);
  return answer;
}

/** Where signatures are not checked, nobody has looked at a presigned URL's credential yet. */
function presignedCaller({ caller }: Exchange, query: URLSearchParams) {
  const credential = query.get("X-Amz-Credential");
  if (credential === null || caller.principal !== undefined || caller.anonymous === true) return caller;
  return { ...caller, ...callerOf(`Credential=${credential}`) };
}

async function send(
  response: ServerResponse,
  { status = 200, headers = {}, xml, text, body }: Answer,
  always: Readonly<Record<string, string>>,
): Promise<void> {
  const written = xml === undefined ? text : document(...xml);
  const type = xml === undefined ? {} : { "content-type": "application/xml" };
  const all = Object.entries({ ...always, ...type, ...headers }).filter(([, value]) => value !== undefined);
  const length =
    body !== undefined || headers["content-length"] !== undefined || status === 204 || status === 304
      ? []
      : [["content-length", Buffer.byteLength(written ?? "")]];
  response.writeHead(status, Object.fromEntries([...all, ...length]));
  if (body === undefined) response.end(written ?? "");
  else await pipeline(body, response);
}

/** A client that went away in the middle of its download is no failure of ours. */
function isGone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return (
    code === "ERR_STREAM_PREMATURE_CLOSE" ||
    code === "ECONNRESET" ||
    code === "EPIPE" ||
    code === "ERR_STREAM_DESTROYED"
  );
}

const hostId = (requestId: string): string => Buffer.from(`thaw/${requestId}`).toString("base64");
