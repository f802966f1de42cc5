import { ImageRefused } from "./refused.ts";
import { type Endpoint, isLoopback } from "./registry-source.ts";

/** Where registries are, and who one is to them: the operator's settings. */
export interface RegistrySettings {
  /** origin that stands for every ECR host (`http://localhost:5000`); undefined: AWS's own */
  readonly ecr?: string | undefined;
  /** user and password (`user:password`) by host, as ImageUris write it */
  readonly logins: Readonly<Record<string, string>>;
  /** hosts that images may come from, `*.` before those below a name; undefined: any */
  readonly allowed?: readonly string[] | undefined;
}

export interface Endpoints {
  /** Throws ImageRefused where images may not come from. */
  of(image: { readonly host: string }, uri: string): Endpoint;
}

const ecrHost = /^\d{12}\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$|\.localhost(?::\d+)?$/;

/** Registries are spoken to over https, those on this machine over http. */
export function createEndpoints(settings: RegistrySettings): Endpoints {
  return {
    of({ host }, uri) {
      if (settings.allowed !== undefined && !settings.allowed.some((pattern) => isOf(host, pattern))) {
        throw new ImageRefused(
          "denied",
          `Source image ${uri} is in none of the registries that the operator has allowed (THAW_IMAGE_REGISTRIES).`,
        );
      }
      const login = settings.logins[host];
      if (settings.ecr !== undefined && ecrHost.test(host)) {
        return { origin: new URL(settings.ecr).origin, login: login ?? settings.logins[new URL(settings.ecr).host] };
      }
      const { origin, hostname } = new URL(`https://${host}`);
      return { origin: isLoopback(hostname) ? `http://${host}` : origin, login };
    },
  };
}

const isOf = (host: string, pattern: string): boolean =>
  pattern.startsWith("*.") ? host.toLowerCase().endsWith(pattern.slice(1)) : host.toLowerCase() === pattern;
