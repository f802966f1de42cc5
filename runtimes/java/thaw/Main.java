package thaw;

import com.amazonaws.services.lambda.crac.Core;
import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;
import java.security.Security;

/**
 * Starts AWS's runtime interface client. In a process that will be copied it first registers {@link Uniqueness}, so that
 * it runs in every copy before any afterRestore hook of the function, and {@link Priming}, which runs after all its
 * beforeCheckpoint hooks (CRaC: resources are restored in the order of their registration, and prepared in the reverse).
 */
public final class Main {
    /** Kept here: the context refers to its resources weakly. */
    private static Uniqueness uniqueness;

    private static Priming priming;

    private Main() {}

    public static void main(String[] arguments) throws Throwable {
        if ("snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"))) {
            // A DRBG keeps its state for ever unless it is told to ask the system each time (NIST SP 800-90A, 9.3).
            Security.setProperty("securerandom.drbg.config", "Hash_DRBG,SHA-256,pr_and_reseed");
            uniqueness = new Uniqueness();
            Core.getGlobalContext().register(uniqueness);
            priming = new Priming();
            Core.getGlobalContext().register(priming);
        }
        AWSLambda.main(arguments);
    }
}
