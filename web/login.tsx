import { useSignal } from "@preact/signals";
import { ask, key, locked } from "./api.ts";
import { retry } from "./live.ts";
import { canSign } from "./sign.ts";

/** The platform checks signatures: nothing is to be seen without the operator's key. */
export function Login() {
  const problem = useSignal<string | undefined>(undefined);
  const enter = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    const tried = {
      accessKeyId: String(given.get("id")).trim(),
      secretAccessKey: String(given.get("secret")).trim(),
    };
    try {
      await ask("/_thaw/statistics", { with: tried });
      key.value = tried;
      locked.value = false;
      retry();
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  return (
    <main class="door">
      <h1>Thaw</h1>
      {canSign() ? (
        <>
          <p class="soft">
            This platform checks who asks. Its operator's key is what <code>thaw env</code> prints; this page keeps it
            in its memory, signs with it, and sends it nowhere.
          </p>
          <form onSubmit={enter}>
            <label>
              Access key ID
              <input name="id" required autocomplete="username" spellcheck={false} />
            </label>
            <label>
              Secret access key
              <input name="secret" type="password" required autocomplete="current-password" />
            </label>
            {problem.value && (
              <p class="problem" role="alert">
                {problem.value}
              </p>
            )}
            <button type="submit">Open</button>
          </form>
        </>
      ) : (
        <p class="problem" role="alert">
          Browsers sign only on pages that came by a secure connection. Open this one as <code>localhost</code> (for
          example through <code>ssh -L</code>), or give the platform a certificate with <code>--tls</code>.
        </p>
      )}
    </main>
  );
}
