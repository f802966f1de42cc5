import type { FindOwn } from "../artifacts/index.ts";
import { evaluate, parsePolicy, serviceIdentity } from "../policy/index.ts";
import type { Repositories, RepositoryRecord } from "../repositories/index.ts";

const ecrHost = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\./;

/**
 * Finds the images of functions that were pushed to this platform: by ECR's own names (`ACCOUNT.dkr.ecr.REGION.…`), and by the
 * names that the platform is called by. A repository of another account has to let Lambda in.
 * Source: Lambda Developer Guide, "Amazon ECR cross-account permissions".
 */
export function createOwnImages(repositories: Repositories, endpoint: () => string): FindOwn {
  return ({ host, repository, reference }, puller) => {
    const [, account, region] = ecrHost.exec(host) ?? [];
    const isEcr = account !== undefined;
    const there = repositories
      .named(repository)
      .filter((one) =>
        isEcr
          ? one.account === account && one.region === region
          : (isOwnHost(host, endpoint()) || one.host === host) &&
            (puller === undefined || one.account === puller.account),
      );
    // Where a host tells no region, it is the function's, or the only one that has the image.
    const record =
      there.find((one) => one.region === puller?.region && repositories.image(one, reference) !== undefined) ??
      there.find((one) => repositories.image(one, reference) !== undefined) ??
      there[0];
    if (record === undefined) return undefined;
    if (puller !== undefined && !mayPull(record, puller)) return "denied";
    return {
      async manifest(name) {
        const image = repositories.image(record, name);
        return image === undefined ? undefined : repositories.manifest(image);
      },
      file: (digest) => (repositories.blob(record, digest) === undefined ? undefined : repositories.path(digest)),
    };
  };
}

/** The platform is found under any name of this machine's loopback, and under the one that it was told to listen on. */
function isOwnHost(host: string, endpoint: string): boolean {
  const own = new URL(endpoint);
  const asked = URL.parse(`http://${host}`);
  if (asked === null || asked.port !== own.port) return false;
  return asked.hostname === own.hostname || /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(asked.hostname);
}

function mayPull(
  { account, region, repository, policy }: RepositoryRecord,
  puller: { account: string; region: string },
) {
  if (account === puller.account) return true;
  if (policy === undefined) return false;
  const { statements } = parsePolicy(policy, "trust");
  return ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"].every((action) => {
    const asked = {
      principal: serviceIdentity("lambda.amazonaws.com"),
      action,
      resource: `arn:aws:ecr:${region}:${account}:repository/${repository}`,
      context: {
        "aws:SourceAccount": puller.account,
        // Policies name all functions of an account by a star; which one it will be is not known yet.
        "aws:SourceArn": `arn:aws:lambda:${puller.region}:${puller.account}:function:*`,
      },
    };
    return evaluate(statements, asked).decision === "allow";
  });
}
