package thaw;

import com.amazonaws.services.lambda.crac.CheckpointException;
import com.amazonaws.services.lambda.crac.Context;
import com.amazonaws.services.lambda.crac.ContextImpl;
import com.amazonaws.services.lambda.crac.Core;
import com.amazonaws.services.lambda.crac.Resource;
import java.lang.reflect.Field;
import java.lang.reflect.Method;

/**
 * The client's context of hooks, in a process that will be copied. {@link Uniqueness} is its first resource, so that it
 * runs in every copy before any afterRestore hook of the function. After all beforeCheckpoint hooks and the client's own
 * garbage collection, everything is rehearsed that a copy does until its first answer.
 */
final class Copies extends ContextImpl {
    /** Beyond the 200 calls after which the JVM compiles a method (Tier3InvocationThreshold). */
    private static final int ROUNDS = 250;
    private static final int AFTERWARDS = 3;
    private static final int PATIENCE_MS = 2000;

    /** Kept here: a context refers to its resources weakly. */
    private final Uniqueness uniqueness = new Uniqueness();
    /** null: hooks run, but nobody will copy this process */
    private final Draws draws;

    private Copies(boolean isTemplate) {
        draws = isTemplate ? new Draws() : null;
        register(uniqueness);
    }

    /** Puts it into the place of the client's own. Throws when that place is elsewhere: no copy could be made unique. */
    static void prepare(boolean isTemplate) throws ReflectiveOperationException {
        Field context = Core.class.getDeclaredField("globalContext");
        context.setAccessible(true);
        context.set(null, new Copies(isTemplate));
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
        super.beforeCheckpoint(context);
        if (draws == null) return;
        Boolean drew = draws.any(); // before anything of ours draws
        try {
            rehearse(ROUNDS);
            Compilers.await(PATIENCE_MS);
            Garbage.overwrite();
            // A collection makes every compiled method check itself once more when it is entered next: here, not in the copies.
            rehearse(AFTERWARDS);
            Compilers.await(PATIENCE_MS);
            if (drew != null) Report.drew(drew);
        } catch (Exception failure) {
            CheckpointException thrown = new CheckpointException();
            thrown.addSuppressed(failure);
            throw thrown;
        }
    }

    private void rehearse(int rounds) throws Exception {
        Priming.run(rounds);
        Commonplaces.run(rounds);
        for (int round = 0; round < rounds; round++) {
            Uniqueness.reseed();
            order();
        }
    }

    /** What the client sorts its resources with when it runs the afterRestore hooks. */
    private void order() {
        try {
            Method order = ContextImpl.class.getDeclaredMethod("getCheckpointQueueForwardOrderOfRegistration");
            order.setAccessible(true);
            order.invoke(this);
        } catch (ReflectiveOperationException another) {
            // Another version of the client does it elsewhere.
        }
    }
}
