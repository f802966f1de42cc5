import { createLambda } from "../lambda.ts";
import { print, printJson } from "../output.ts";
import { type CommonOptions, connection } from "../settings.ts";

interface DeleteOptions extends CommonOptions {
  readonly qualifier?: string;
}

/** Deletes a function with all its versions, or one version. */
export async function remove(name: string, options: DeleteOptions): Promise<void> {
  await createLambda(connection(options)).delete(name, options.qualifier);
  if (options.json) printJson({ deleted: name, ...(options.qualifier && { qualifier: options.qualifier }) });
  else print(`${name}${options.qualifier === undefined ? "" : `:${options.qualifier}`} deleted`);
}
