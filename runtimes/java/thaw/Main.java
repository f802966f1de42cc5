package thaw;

import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;
import java.security.Security;

/**
 * Starts AWS's runtime interface client; in a process that will be copied, with {@link Copies} prepared, and in one that has no
 * function yet, when a copy gets one ({@link Bare}).
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Throwable {
        boolean isTemplate = System.getProperties().remove("thaw.template") != null;
        String[] handler = arguments;
        if (System.getenv("_THAW_BARE") != null) handler = new String[] {Bare.awaitFunction()};
        if ("snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"))) {
            // A DRBG keeps its state for ever unless it is told to ask the system each time (NIST SP 800-90A, 9.3).
            Security.setProperty("securerandom.drbg.config", "Hash_DRBG,SHA-256,pr_and_reseed");
            Copies.prepare(isTemplate);
        }
        AWSLambda.main(handler);
    }
}
