package thaw;

import com.amazonaws.services.lambda.crac.Context;
import com.amazonaws.services.lambda.crac.Resource;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Gives the random generators that the JDK itself keeps new seeds in every copy of an initialised process: Math.random(),
 * ThreadLocalRandom, the seeds of new Random and SplittableRandom objects, Collections.shuffle(), and what SecureRandom
 * has read ahead from the system. Objects that the function made itself (new Random()) stay as they are, as under
 * SnapStart of AWS; SecureRandom does not need it.
 *
 * <p>The fields are private to the JDK and differ between versions. One that is not there in this version is left out;
 * Math.random() and ThreadLocalRandom must be there, or the copy is not served.
 */
final class Uniqueness implements Resource {
    /** Read at once: enough for most processes. */
    private static final int BYTES = 512;

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {}

    @Override
    public void afterRestore(Context<? extends Resource> context) throws Exception {
        reseed();
    }

    static void reseed() throws Exception {
        try (DataInputStream system = new DataInputStream(new BufferedInputStream(new FileInputStream("/dev/urandom"), BYTES))) {
            Random math = (Random) field("java.lang.Math$RandomNumberGeneratorHolder", "randomNumberGenerator").get(null);
            math.setSeed(system.readLong());
            reseedThreads(system);
            reseed("java.util.concurrent.ThreadLocalRandom", "seeder", system);
            reseed("java.util.Random", "seedUniquifier", system);
            reseed("java.util.SplittableRandom", "defaultGen", system);
            reseedGenerator("java.lang.StrictMath$RandomNumberGeneratorHolder", "randomNumberGenerator", system);
            reseedGenerator("java.util.Collections", "r", system);
            for (String kind : new String[] {"", "$Blocking", "$NonBlocking"}) forgetReadAhead("sun.security.provider.NativePRNG" + kind);
        }
    }

    private static void reseedThreads(DataInputStream system) throws Exception {
        Field seed = field("java.lang.Thread", "threadLocalRandomSeed");
        Field secondary = field("java.lang.Thread", "threadLocalRandomSecondarySeed");
        for (Thread thread : threads()) {
            seed.setLong(thread, system.readLong());
            secondary.setInt(thread, system.readInt());
        }
    }

    /** All that are alive but virtual ones, without halting them as Thread.getAllStackTraces() does. */
    private static List<Thread> threads() {
        ThreadGroup root = Thread.currentThread().getThreadGroup();
        while (root.getParent() != null) root = root.getParent();
        Thread[] found = new Thread[root.activeCount() + 16];
        int count = root.enumerate(found);
        while (count == found.length) { // more than there is room for are left out silently
            found = new Thread[2 * found.length];
            count = root.enumerate(found);
        }
        return Arrays.asList(found).subList(0, count);
    }

    private static void reseed(String type, String name, DataInputStream system) throws IOException {
        Object value = valueOf(type, name);
        if (value instanceof AtomicLong) ((AtomicLong) value).set(system.readLong());
    }

    private static void reseedGenerator(String type, String name, DataInputStream system) throws IOException {
        Object value = valueOf(type, name);
        if (value instanceof Random) ((Random) value).setSeed(system.readLong());
    }

    /** NativePRNG hands out bytes it read from the system up to 100 ms ago. */
    private static void forgetReadAhead(String type) {
        Object instance = valueOf(type, "INSTANCE");
        if (instance == null) return;
        try {
            Field buffered = instance.getClass().getDeclaredField("buffered");
            buffered.setAccessible(true);
            buffered.setInt(instance, 0);
        } catch (ReflectiveOperationException | RuntimeException another) {
            // Another version keeps nothing under that name, and after 100 ms it is not used anyway.
        }
    }

    /** A static field's value; null where this version has none of that name. */
    private static Object valueOf(String type, String name) {
        try {
            return field(type, name).get(null);
        } catch (ReflectiveOperationException | RuntimeException another) {
            return null;
        }
    }

    private static Field field(String type, String name) throws ReflectiveOperationException {
        Field field = Class.forName(type).getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }
}
