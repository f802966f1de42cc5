import type { Config } from "../config.ts";
import { isServedHere } from "../edge/index.ts";
import type { Credentials, Place } from "../remote/index.ts";

export interface PlacesNeeds {
  /** where the platform listens */
  endpoint(): string;
  /** what the platform signs with for an account */
  ofAccount(account: string, roleArn?: string): Credentials;
}

/** Where the services are that the platform itself asks. */
export interface Places {
  /** For records, letters and events of rules: `THAW_UPSTREAM_…`, then `THAW_UPSTREAM`, then this platform. */
  destination(service: string, account: string, roleArn?: string): Place;
  /**
   * For what is read: the URL that the mapping names, `THAW_UPSTREAM_…`, this platform for services it has (as the function's
   * role), `THAW_UPSTREAM`. Throws an Error that says how to name one.
   */
  source(service: string, account: string, named: string | undefined, roleArn: string | undefined): Place;
}

export function createPlaces(config: Config, needs: PlacesNeeds): Places {
  const { upstream } = config;
  // An emulator takes any; some keep what each key makes apart, and functions sign with their account's number, too.
  const elsewhere = (url: string, account: string): Place => ({
    url,
    credentials: config.credentials ?? { accessKeyId: account, secretAccessKey: "test" },
  });
  const own = (account: string, roleArn?: string): Place => ({
    url: needs.endpoint(),
    credentials: needs.ofAccount(account, roleArn),
  });
  const capitals = (service: string) => service.toUpperCase().replace(/[^A-Z0-9]/g, "_");

  return {
    destination(service, account, roleArn) {
      const url = config.upstreams.get(capitals(service)) ?? upstream;
      return url === undefined ? own(account, roleArn) : elsewhere(url, account);
    },
    source(service, account, named, roleArn) {
      const url = named ?? config.upstreams.get(capitals(service));
      if (url !== undefined) return elsewhere(url, account);
      if (isServedHere(service)) return own(account, roleArn);
      if (upstream !== undefined) return elsewhere(upstream, account);
      const option = `THAW_UPSTREAM_${capitals(service)}`;
      throw new Error(`Nothing here serves ${service}: the mapping's tag thaw:endpoint or ${option} says where it is`);
    },
  };
}
