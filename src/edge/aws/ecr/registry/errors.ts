import { ServiceError } from "../../../../model/index.ts";
import { type FailureCode, RepositoryError } from "../../../../repositories/index.ts";
import { Refusal } from "../../../auth/index.ts";

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly bytes?: Buffer;
}

/** A refusal in the registry's own code. Source: distribution-spec, "Error Codes". */
export class RegistryError extends Error {
  readonly code: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: string, status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    this.headers = headers;
  }
}

export const repositoryUnknown = (name: string, account: string): RegistryError =>
  new RegistryError(
    "NAME_UNKNOWN",
    404,
    `The repository with name '${name}' does not exist in the registry with id '${account}'`,
  );

const codes: Readonly<Record<FailureCode, readonly [code: string, status: number]>> = {
  EmptyUploadException: ["BLOB_UPLOAD_INVALID", 400],
  ImageAlreadyExistsException: ["MANIFEST_INVALID", 400],
  ImageDigestDoesNotMatchException: ["DIGEST_INVALID", 400],
  ImageNotFoundException: ["MANIFEST_UNKNOWN", 404],
  ImageTagAlreadyExistsException: ["TAG_INVALID", 400],
  InvalidLayerException: ["DIGEST_INVALID", 400],
  InvalidLayerPartException: ["BLOB_UPLOAD_INVALID", 416],
  InvalidParameterException: ["MANIFEST_INVALID", 400],
  LayerInaccessibleException: ["BLOB_UNKNOWN", 404],
  LayersNotFoundException: ["MANIFEST_BLOB_UNKNOWN", 400],
  LimitExceededException: ["TOOMANYREQUESTS", 429],
  ReferencedImagesNotFoundException: ["MANIFEST_BLOB_UNKNOWN", 400],
  RepositoryAlreadyExistsException: ["NAME_INVALID", 400],
  RepositoryNotEmptyException: ["DENIED", 400],
  RepositoryNotFoundException: ["NAME_UNKNOWN", 404],
  UploadNotFoundException: ["BLOB_UPLOAD_UNKNOWN", 404],
};

/** What failed, as an answer; what is our own fault is told. */
export function refusalOf(error: unknown, host: string, report: (error: unknown) => void): Answer {
  if (error instanceof RegistryError) return answer(error.code, error.status, error.message, error.headers);
  if (error instanceof RepositoryError) return answer(...codes[error.code], error.message);
  if (error instanceof Refusal) {
    const challenge = { "www-authenticate": `Basic realm="http://${host}/",service="ecr.amazonaws.com"` };
    // A password that does not fit is no reason to be asked for it once more.
    return error.reason === "missing"
      ? answer("UNAUTHORIZED", 401, error.message, challenge)
      : answer("DENIED", 403, error.message);
  }
  if (error instanceof ServiceError && error.kind.status < 500) {
    return answer("DENIED", error.kind.status, error.message);
  }
  report(error);
  return answer("UNKNOWN", 500, "The registry encountered an internal error.");
}

function answer(code: string, status: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, json: { errors: [{ code, message }] } };
}
