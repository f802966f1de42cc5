import type { Place, Remote } from "../../../remote/index.ts";
import { type Actor, type Answers, type Calls, createCalls, type ServiceAnswer } from "../../../stacks/index.ts";

export interface SendingNeeds {
  readonly remote: Pick<Remote, "send">;
  /** where the platform listens */
  endpoint(): string;
  /** what an actor signs with; good for as many seconds as are asked for */
  signing(actor: Actor, seconds?: number): Place["credentials"];
  /** the account itself */
  accountActor(account: string): Actor;
}

/** As host names of AWS name services, where that is not the name in signatures. */
const endpoints: Readonly<Record<string, string>> = { ecr: "api.ecr" };
/** Milliseconds that a service may take: functions of custom resources run for 15 minutes. */
const timeoutMs = 16 * 60_000;

/** The services' operations, as the platform's own endpoint serves or forwards them. */
export function createSending(needs: SendingNeeds): (actor: Actor, region: string) => Calls {
  return (actor, region) =>
    createCalls(async ({ body, service, ...request }): Promise<ServiceAnswer> => {
      const sent = { ...request, service, endpoint: endpoints[service] ?? service, region, body: String(body) };
      const place = { url: needs.endpoint(), credentials: needs.signing(actor) };
      const answer = await needs.remote.send(sent, place, { timeoutMs, tries: 3 });
      const headers = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
      return { status: answer.status, headers: Object.fromEntries(headers), body: answer.body.toString("utf8") };
    });
}

/** Seconds that a custom resource's function may take to answer, and a little more. */
const answerSeconds = 2 * 3600;

/** Where functions of custom resources put their answers: objects of a bucket of the account's, at presigned URLs. */
export function createAnswers(
  needs: SendingNeeds,
  calls: ReturnType<typeof createSending>,
): (account: string, region: string) => Answers {
  return (account, region) => {
    const actor = needs.accountActor(account);
    const bucket = `thaw-custom-resource-responses-${account}`;
    const pathOf = (key: string): string => `/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;
    const s3 = calls(actor, "us-east-1");
    return {
      async urlFor(key) {
        await s3.raw({ service: "s3", method: "PUT", path: `/${bucket}` }).catch((error: { code?: string }) => {
          if (error.code !== "BucketAlreadyOwnedByYou") throw error;
        });
        const { default: aws4 } = await import("aws4");
        const base = new URL(needs.endpoint());
        const path = `${pathOf(key)}?X-Amz-Expires=${answerSeconds}`;
        const request = { service: "s3", region, method: "PUT", host: base.host, path, signQuery: true };
        const signed = aws4.sign(request, needs.signing(actor, answerSeconds));
        return `${base.origin}${signed.path}`;
      },
      async read(key) {
        const found = await s3
          .raw({ service: "s3", method: "GET", path: pathOf(key) })
          .catch((error: { status?: number }) => {
            if (error.status === 404) return undefined;
            throw error;
          });
        if (found === undefined) return undefined;
        await s3.raw({ service: "s3", method: "DELETE", path: pathOf(key) });
        return found.body;
      },
    };
  };
}
