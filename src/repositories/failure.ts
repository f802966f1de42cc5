/** ECR's codes for what a repository refuses. */
export type FailureCode =
  | "EmptyUploadException"
  | "ImageAlreadyExistsException"
  | "ImageDigestDoesNotMatchException"
  | "ImageNotFoundException"
  | "ImageTagAlreadyExistsException"
  | "InvalidLayerException"
  | "InvalidLayerPartException"
  | "InvalidParameterException"
  | "LayerInaccessibleException"
  | "LayersNotFoundException"
  | "LimitExceededException"
  | "ReferencedImagesNotFoundException"
  | "RepositoryAlreadyExistsException"
  | "RepositoryNotEmptyException"
  | "RepositoryNotFoundException"
  | "UploadNotFoundException";

/** What cannot be done to a repository, in ECR's words. `fields` stand beside the message. */
export class RepositoryError extends Error {
  readonly code: FailureCode;
  readonly fields: Readonly<Record<string, string | number>>;

  constructor(code: FailureCode, message: string, fields: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.fields = fields;
  }
}

export const noRepository = (repository: string, account: string): RepositoryError =>
  new RepositoryError(
    "RepositoryNotFoundException",
    `The repository with name '${repository}' does not exist in the registry with id '${account}'`,
  );
