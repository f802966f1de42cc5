/**
 * Why an image cannot be used. `invalid`: nothing that could be an image's name; `missing`: it is not there; `denied`: its registry does
 * not let us in, or the operator does not; `unsupported`: of a kind that is not run; `damaged`: it is not what its manifest says, or says
 * what cannot be; `unreachable`: its registry does not answer.
 */
export type ImageTrouble = "invalid" | "missing" | "denied" | "unsupported" | "damaged" | "unreachable";

/** The message is for the owner of the function, and holds nothing that a registry said. */
export class ImageRefused extends Error {
  readonly trouble: ImageTrouble;
  constructor(trouble: ImageTrouble, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ImageRefused";
    this.trouble = trouble;
  }
}
